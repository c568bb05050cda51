"""Tasks as Prefect's background tasks: one handed over for each accepted task, in time for the workers.

A background task has no parameters: it says that work waits, and its worker claims the record whose turn it is. So nothing is
done twice when one arrives twice, nothing is stored in Prefect that machines would have to share, and owners get their turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import httpx
from prefect import Task as PrefectTask
from prefect import task as prefect_task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.context import AsyncClientContext, TaskRunContext
from prefect.exceptions import PrefectException, PrefectHTTPStatusError
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Completed, Crashed, Failed, Scheduled
from prefect.task_worker import StopTaskWorker, TaskWorker
from prefect.utilities.engine import emit_task_run_state_change_event

from flows.serve.records.task_records import TaskRecord
from flows.serve.work.capacity import Capacity
from flows.serve.work.claims import Claim
from flows.serve.work.worker import Worker
from research.display.printable import printable_logger
from research.faults import first_line, first_of_group

HAND_OVER_SECONDS: Final = 30.0
"""How long Prefect may take to accept background tasks before the records are looked at anew."""
LOOK_SECONDS: Final = 0.5
"""How often the records are looked at while work waits."""
AGAIN_SECONDS: Final = 2.0
"""After how long a worker subscribes again whose connection to Prefect has ended."""
AT_ONCE: Final = 2
"""Background tasks that are handed over side by side."""
REFUSED_SECONDS: Final = 0.05
"""After how long a background task is handed over again that Prefect's server refused. With SQLite (3.8.8), it refuses about one
in ten, whose transaction another one has overtaken; Prefect's client would wait two seconds and more, and others with it."""

_log: Final = printable_logger(__name__)


def background_task(worker: Worker | None = None) -> PrefectTask[[], Coroutine[Any, Any, State[None]]]:
    """The background task. Who hands it over needs no worker; who runs it does.

    Its key in Prefect is made of its name and code, which are the same in both.
    """

    @prefect_task(name="research a task")
    async def research_accepted_task() -> State[None]:
        if worker is None:
            raise RuntimeError("this process hands tasks over; `research worker` runs them")
        context = TaskRunContext.get()
        id = None if context is None else str(context.task_run.id)
        if id is not None:
            await worker.capacity.begun(id)
        record = await worker.work_one(id, _show)
        if record is None:
            return Completed(message="nothing was left to claim")
        if record.status == "failed":
            return Failed(message=f"{record.id}: {record.error.message if record.error else 'failed'}")
        return Completed(message=f"{record.id}: {record.status}")

    return research_accepted_task


async def _show(claim: Claim, record: TaskRecord) -> None:
    """Give the task run the name of its task, and end that of a worker that was lost. Prefect may be away: it only shows."""
    context = TaskRunContext.get()
    try:
        async with get_client() as client:
            if context is not None:
                context.task_run.name = record.id
                await client.set_task_run_name(context.task_run.id, record.id)
            if claim.replaces is not None:
                crashed: State[None] = Crashed(message="its worker was lost; another one has the task")
                await client.set_task_run_state(UUID(claim.replaces), crashed, force=True)
    except (httpx.HTTPError, PrefectException, OSError) as error:
        _log.debug("Prefect does not show task %s: %s", record.id, error)


class PrefectDispatcher:
    """Hands background tasks to Prefect, as many as the workers can soon begin.

    Args:
        capacity: the workers and the background tasks of the records.
    """

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._task = background_task()
        self._waiting = asyncio.Event()
        self._side_by_side = asyncio.Semaphore(AT_ONCE)
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._loop = asyncio.create_task(self._work())

    def work_waits(self, count: int) -> None:
        self._waiting.set()

    async def stop(self) -> None:
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def top_up(self, client: PrefectClient) -> int:
        """Hand over what is wanted. Returns how many tasks still wait."""
        demand = await self._capacity.demand()
        if demand.are_lost:
            _log.warning("%d background tasks have not arrived, and are handed over again", demand.on_their_way)
            await self._capacity.lost()
            demand = await self._capacity.demand()
        if wanted := demand.wanted:
            numbers = await self._capacity.announce(wanted)
            async with asyncio.timeout(HAND_OVER_SECONDS):
                await asyncio.gather(*(self._hand_over(client, number) for number in numbers))
        return demand.waiting

    async def _hand_over(self, client: PrefectClient, number: int) -> None:
        """As `.delay()` does, which would make a client, with its certificates, for each."""
        async with self._side_by_side:
            while True:
                try:
                    run = await self._task.create_run(client, parameters={}, deferred=True)
                    break
                except PrefectHTTPStatusError as error:
                    if error.response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                        raise
                await asyncio.sleep(REFUSED_SECONDS)
            emit_task_run_state_change_event(run, initial_state=None, validated_state=run.state or Scheduled())
            await self._capacity.handed(number, str(run.id))

    async def _work(self) -> None:
        with temporary_settings(updates={PREFECT_CLIENT_MAX_RETRIES: 0}):
            async with get_client() as client:
                while True:
                    self._waiting.clear()
                    waiting = 1
                    try:
                        waiting = await self.top_up(client)
                    except Exception as error:  # noqa: BLE001 - Prefect or the database is away: the records keep what waits
                        _log.warning(
                            "background tasks could not be handed to Prefect; trying again (%s)",
                            first_line(first_of_group(error)),
                        )
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_SECONDS if waiting else None):
                            await self._waiting.wait()


class _Subscriber(TaskWorker):
    """Ends in order at SIGTERM. Prefect's own handler (3.8.8) raises wherever this process happens to be: in a task under way,
    which would then have failed, or in the event loop, which would end with a traceback. All its tasks share a client: Prefect's
    engine would make one, with its certificates, for each."""

    on_sigterm: Callable[[], object]

    def __init__(self, task: PrefectTask[[], Coroutine[Any, Any, State[None]]], limit: int) -> None:
        super().__init__(task, limit=limit)
        # It has its tasks store what they return, a file for each. What became of a task is in the records.
        self.tasks = [each.with_options(persist_result=False, cache_policy=NO_CACHE) for each in self.tasks]

    def handle_sigterm(self, signum: int, frame: object) -> None:
        self.on_sigterm()

    async def work(self) -> None:
        """Work until the connection to Prefect has ended."""
        async with AsyncClientContext():
            await self.astart()


async def serve_tasks(worker: Worker, slots: int) -> None:
    """Work on background tasks until this is cancelled. Prefect may go away and come again.

    Args:
        slots: tasks at once.
    """
    await worker.start(slots)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    try:
        while not ended.is_set():
            subscriber = _Subscriber(background_task(worker), limit=slots)
            subscription = asyncio.create_task(subscriber.work())

            def end(subscription: asyncio.Task[None] = subscription) -> None:
                ended.set()
                subscription.cancel()

            subscriber.on_sigterm = partial(loop.call_soon_threadsafe, end)
            try:
                await subscription
                return
            except (asyncio.CancelledError, StopTaskWorker):
                return
            except Exception as error:  # noqa: BLE001 - whatever ends a connection, the next one may hold
                _log.warning("the connection to Prefect has ended; subscribing again (%s)", first_line(first_of_group(error)))
            await asyncio.sleep(AGAIN_SECONDS)
    finally:
        await worker.stop()
