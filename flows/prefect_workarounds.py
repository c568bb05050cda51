"""What goes around Prefect rather than through it, each with the version it was seen in. Everything else uses its public API."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import httpx
from prefect import Task as PrefectTask
from prefect import task as prefect_task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import PrefectException
from prefect.results import ResultRecord, ResultRecordMetadata  # type: ignore[attr-defined]  # not re-exported by name
from prefect.states import Cancelled, Completed
from prefect.task_engine import run_task_async
from prefect.transactions import get_transaction

from research.display.printable import printable
from research.errors import ActionRequired
from research.stored_results.store import Done, ResultStore

T = TypeVar("T")

FINAL_STATES: Final = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
WAITS: Final = "ActionRequired"
"""The name of the state of a task run that has left off until people have decided."""
_NOTHING: Final = ResultRecord[None](result=None, metadata=ResultRecordMetadata(storage_key="nothing"))
"""What our tasks return, as a state's data. Of a task that returns no state, or one without such a record, Prefect 3.8.8 makes a
record each time, with a path that it resolves on disk, also where no result is stored: a fifth of a task run's cost here."""


class Work(Generic[T]):
    """A piece of work as the one parameter of a task, which also carries the result out of it.

    Prefect 3.8.8 walks through each parameter and each result of a task, looking for futures, and notes the parts of results by
    their `id()` for the length of the flow: ids of interned and freed objects come again, so dependencies are drawn that do not
    exist, and time and memory are spent on each part. This object is a leaf to it, and the tasks return nothing.
    """

    __slots__ = ("cancelled", "do", "done", "key", "label", "store", "waits")

    done: Done[T]

    def __init__(self, label: str, do: Callable[[], Awaitable[T]], key: str | None, store: ResultStore) -> None:
        self.label = label
        self.do = do
        self.key = key
        """None: it is not stored."""
        self.store = store
        self.cancelled: asyncio.CancelledError | None = None
        """What has ended it; None: it came to its end."""
        self.waits: ActionRequired | None = None
        """What it waits for; None: for nothing."""

    def __str__(self) -> str:
        return self.label


async def _find_or_do(work: Work[Any]) -> State[None]:
    try:
        if work.key is None:
            work.done = Done(await work.do(), found=False)
        else:
            work.done = await work.store.find_or_do(work.key, work.do)
    except asyncio.CancelledError as cancelled:
        work.cancelled = cancelled  # raised to the engine, it would show the task run as crashed
        return Cancelled(message="The run was stopped.")
    except ActionRequired as waits:
        work.waits = waits  # no failure: its task run has ended, and its row goes on in another one
        return Completed(name=WAITS, message=printable(str(waits)), data=_NOTHING)
    return Completed(name="Cached" if work.done.found else "Completed", data=_NOTHING)


def make_task(name: str, **options: Any) -> PrefectTask[[Work[Any]], Any]:
    """A task that does a piece of work, and shows it under its label. It ends as `Cached` if the result was stored before.

    Prefect's own result storage takes no part: what it stores names the class to restore it with, and what is nested is written
    when the outermost task ends (3.8.8). See `research.stored_results`.
    """
    return prefect_task(name=name, task_run_name="{work}", cache_policy=NO_CACHE, persist_result=False, **options)(_find_or_do)


async def run_task(task: PrefectTask[[Work[Any]], Any], work: Work[Any]) -> None:
    """Do a piece of work as a task run.

    Called as a function, a task of Prefect 3.8.8 reports each run three times: Pending, and at once Running, and how it ended. A
    report costs the client 1 ms and the server 3. Handed over to the engine, as Prefect's task runners hand over theirs, a run is
    reported from Running on.
    """
    parameters = {"work": work}
    await run_task_async(task, task_run=await task.create_local_run(parameters=parameters), parameters=parameters)


def recorded_task_runs(flow_run: UUID) -> Callable[[], Awaitable[int]]:
    """Counts the task runs of a flow run that stand in a final state in Prefect's database. 0 if it does not answer.

    The client of Prefect 3.8.8 reads task runs, and has no method that counts them; the server has.
    """
    body = {
        "flow_runs": {"id": {"any_": [str(flow_run)]}},
        "task_runs": {"state": {"type": {"any_": list(FINAL_STATES)}}},
    }

    async def count() -> int:
        try:
            async with get_client() as client:
                response = await client.request("POST", "/task_runs/count", json=body)
                return int(response.raise_for_status().json())
        except (httpx.HTTPError, PrefectException):
            return 0

    return count


def forget_ended_task_runs() -> None:
    """Take the task runs that have ended out of the transaction of the one around them. Prefect 3.8.8 keeps each there while that
    one lasts, with its engine, its states and all that its parameters hold (13 kB a row), to show it as rolled back when that
    one fails or is cancelled. Ours stay as they ended."""
    if (around := get_transaction()) is not None:
        around.children.clear()


@contextmanager
def parameters_unlogged() -> Iterator[None]:
    """In this block Prefect logs nothing of flows: of wrong parameters it logs all (3.8.8), a webhook's secret address too."""
    logger = logging.getLogger("prefect.flows")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


@contextmanager
def quiet_task_runs(level: int = logging.CRITICAL) -> Iterator[None]:
    """In this block, task runs log at `level` and above only. A line for each finished task run costs as much as a task run is
    worth (1 ms, Prefect 3.8.8), and says what the UI shows anyway; of each failed one there is a traceback, besides."""
    logger = logging.getLogger("prefect.task_runs")
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)
