"""The pieces of a table's run as Prefect task runs: the same work, shown, and tried again where that can help."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from prefect import Task as PrefectTask
from prefect.client.schemas.objects import State, TaskRun

from flows.prefect_workarounds import Work, make_task
from flows.recording_gate import RecordingGate
from flows.run.runner import Kind, Runner
from flows.run.runtime import RETRY_DELAYS
from research.errors import ModelUnavailable, ResearchError, TransientError
from research.stored_results.store import Done, ResultStore

T = TypeVar("T")

KINDS: Final[tuple[Kind, ...]] = ("shard", "row", "batch", "plan", "grade", "synthesize", "verify", "judge")


class PrefectRunner(Runner):
    """One flow run's runner: each piece of work is a task run on this event loop, and is counted by the gate however it ends.

    Args:
        store: where results are.
        gate: holds rows back while Prefect's database is behind.
        retry_delays: seconds before a sub-query that failed in passing is tried again.
    """

    def __init__(self, store: ResultStore, gate: RecordingGate, retry_delays: Sequence[float] = RETRY_DELAYS) -> None:
        super().__init__(store)
        self._gate = gate
        self._tasks: dict[Kind, PrefectTask[[Work[Any]], Any]] = {kind: make_task(kind) for kind in KINDS}
        self._tasks["investigate"] = make_task(
            "sub-query", retries=len(retry_delays), retry_delay_seconds=list(retry_delays), retry_condition_fn=is_transient
        )

    async def do(self, kind: Kind, label: str, work: Callable[[], Awaitable[T]], key: str | None = None) -> Done[T]:
        piece = Work(label, work, key, self.store)
        try:
            await self._tasks[kind](piece)
        except ResearchError as error:
            self.notice(error)
            raise
        finally:
            self._gate.task_run_finished()
        return piece.done

    async def ready_for_row(self) -> None:
        await self._gate.open()


async def is_transient(_task: PrefectTask[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether a failed task run may be tried again: its exception's type decides, and nothing else.

    A model that did not answer was asked again for as long as its time budget lasts; to begin anew would only multiply that.
    """
    error = await state.aresult(raise_on_failure=False)
    return isinstance(error, TransientError) and not isinstance(error, ModelUnavailable)
