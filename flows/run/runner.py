"""`Runner`: does the pieces of a table's run, and finds those that are done. Here, in this process and unseen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from research.errors import ResearchError
from research.pipeline import Steps
from research.steps.keys import Keys
from research.stored_results.steps import StepName, wrap_steps
from research.stored_results.store import Done, ResultStore

T = TypeVar("T")

Kind = StepName | Literal["row", "shard", "batch"]


class Runner:
    """Does pieces of work by their kind and label, and stores the results of those that have a key.

    `flows.tasks.PrefectRunner` does the same, and shows each piece as a task run.

    Args:
        store: where results are.
    """

    def __init__(self, store: ResultStore) -> None:
        self.store = store
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
        try:
            return await self.store.find_or_do(key, work) if key is not None else Done(await work(), found=False)
        except ResearchError as error:
            self.notice(error)
            raise

    async def ready_for_row(self) -> None:
        """Wait until another row may start."""

    def steps(self, keys: Keys) -> Steps:
        """The engine's steps for one row's task, each a piece of work.

        Args:
            keys: the task's.
        """
        return wrap_steps(self.do, keys)

    def notice(self, error: ResearchError) -> None:
        if error.stops_run and self.stopped_by is None:
            self.stopped_by = error
