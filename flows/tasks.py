"""The pieces of a table's run as Prefect task runs: the same work, shown, and tried again where that can help."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from prefect import Task as PrefectTask
from prefect.client.schemas.objects import State, TaskRun

from flows.prefect_workarounds import Work, forget_ended_task_runs, make_task, run_task
from flows.recording_gate import RecordingGate
from flows.run.runner import Kind, Runner, may_be_retried
from flows.run.runtime import RETRY_DELAYS
from flows.run.task_runs import TaskRuns, shown_kinds
from research.display.printable import printable_logger
from research.errors import ResearchError
from research.stored_results.store import Done, ResultStore

T = TypeVar("T")

LOGGERS: Final = ("prefect.flow_runs", "prefect.task_runs")
"""What Prefect logs of a run, and of the errors in it."""


def make_logs_printable() -> None:
    """From now on, what Prefect logs in this process of a run can be shown, whatever pages and cells have put into it."""
    for name in LOGGERS:
        printable_logger(name)


class PrefectRunner(Runner):
    """One flow run's runner: pieces of work are task runs on this event loop, and are counted by the gate however they end.

    Args:
        store: where results are.
        gate: holds rows back while Prefect's database is behind.
        task_runs: which pieces of work are task runs. The others are done in the one that they belong to.
        retry_delays: seconds before a sub-query that failed in passing is tried again.
    """

    def __init__(
        self, store: ResultStore, gate: RecordingGate, task_runs: TaskRuns, retry_delays: Sequence[float] = RETRY_DELAYS
    ) -> None:
        super().__init__(store, retry_delays)
        self._gate = gate
        kinds = shown_kinds(task_runs)
        self._tasks: dict[Kind, PrefectTask[[Work[Any]], Any]] = {kind: make_task(kind) for kind in kinds}
        if "investigate" in kinds:
            self._tasks["investigate"] = make_task(
                "sub-query", retries=len(retry_delays), retry_delay_seconds=list(retry_delays), retry_condition_fn=is_transient
            )

    async def do(self, kind: Kind, label: str, work: Callable[[], Awaitable[T]], key: str | None = None) -> Done[T]:
        if kind not in self._tasks:
            return await self.do_here(kind, label, work, key)
        piece = Work(label, work, key, self.store)
        try:
            await run_task(self._tasks[kind], piece)
        except ResearchError as error:
            self.notice(error)
            raise
        finally:
            self._gate.task_run_finished()
            forget_ended_task_runs()
        if piece.cancelled is not None:
            raise piece.cancelled
        if piece.waits is not None:
            raise piece.waits
        return piece.done

    async def ready_for_row(self) -> None:
        await self._gate.open()


async def is_transient(_task: PrefectTask[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether a failed task run may be tried again."""
    return may_be_retried(await state.aresult(raise_on_failure=False))
