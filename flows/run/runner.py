"""`Runner`: does the pieces of a table's run, and finds those that are done. Here, in this process and unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Literal, TypeVar

from research.durable.work import current_work
from research.errors import ModelUnavailable, ResearchError, TransientError
from research.pipeline import NOTHING_DECIDED, Steps
from research.steps.keys import Keys
from research.stored_results.steps import StepName, wrap_steps
from research.stored_results.store import Done, ResultStore
from research.task.decisions import Decided

T = TypeVar("T")

Kind = StepName | Literal["row", "shard", "batch"]


class Runner:
    """Does pieces of work by their kind and label, and stores the results of those that have a key.

    `flows.tasks.PrefectRunner` does the same, and shows each piece as a task run.

    Args:
        store: where results are.
        retry_delays: seconds before each retry of an investigation that met a transient error.
    """

    def __init__(self, store: ResultStore, retry_delays: Sequence[float] = ()) -> None:
        self.store = store
        self._retry_delays = retry_delays
        self.stopped_by: ResearchError | None = None
        """The first error of a piece of work that every row would meet."""

    async def do(self, kind: Kind, label: str, work: Callable[[], Awaitable[T]], key: str | None = None) -> Done[T]:
        """The result of a piece of work, and whether it was stored before.

        Args:
            kind: what sort of work it is.
            label: what a person calls it.
            work: does it.
            key: its content key; None: it is not stored.
        """
        return await self.do_here(kind, label, work, key)

    async def do_here(self, kind: Kind, label: str, work: Callable[[], Awaitable[T]], key: str | None = None) -> Done[T]:
        """The same, in any case here and unseen."""
        again = partial(self._with_retries, work) if kind == "investigate" and self._retry_delays else work
        try:
            return await self.store.find_or_do(key, again) if key is not None else Done(await again(), found=False)
        except ResearchError as error:
            self.notice(error)
            raise

    async def _with_retries(self, work: Callable[[], Awaitable[T]]) -> T:
        for delay in self._retry_delays:
            try:
                return await work()
            except TransientError as error:
                if not may_be_retried(error):
                    raise
            await asyncio.sleep(delay)
        return await work()

    async def ready_for_row(self) -> None:
        """Wait until another row may start."""

    def steps(self, keys: Keys, *, here: bool = False, decided: Decided = NOTHING_DECIDED) -> Steps:
        """The engine's steps for one row's task, each a piece of work.

        Args:
            keys: the task's.
            here: all of them are done here and unseen: the row is shown, and has hardly more to show.
            decided: what people have decided about the task.
        """
        return wrap_steps(self.do_here if here else self._do_of_row, keys, self.store, decided)

    async def _do_of_row(self, kind: Kind, label: str, work: Callable[[], Awaitable[T]], key: str) -> Done[T]:
        """A row's step, with the row in its name: among a run's failed task runs, one called `plan` says nothing."""
        row = current_work().row
        return await self.do(kind, label if row is None else f"{label} · row {row}", work, key)

    def notice(self, error: ResearchError) -> None:
        if error.stops_run and self.stopped_by is None:
            self.stopped_by = error


def may_be_retried(error: object) -> bool:
    """Whether work that met an error may be done anew: its type decides, and nothing else.

    A model that did not answer was asked again for as long as its time budget lasts; to begin anew would only multiply that.
    """
    return isinstance(error, TransientError) and not isinstance(error, ModelUnavailable)
