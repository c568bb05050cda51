"""`Runner`: does the pieces of a table's run, and finds those that are done. Here, in this process and unseen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from flows.run.task_labels import subquery_label
from research.errors import ResearchError
from research.pipeline import Steps, Stop
from research.ports.work import SubQuery
from research.steps.keys import Keys
from research.stored_results.steps import StepName, wrap_steps
from research.stored_results.store import ResultStore

T = TypeVar("T")

Kind = StepName | Literal["row", "shard", "batch"]


class Runner:
    """Does pieces of work by their kind and label, and stores the results of those that have a key.

    `flows.tasks.PrefectRunner` does the same, and shows each piece as a task run.
    """

    def __init__(self, store: ResultStore) -> None:
        self.store = store

    async def do(self, kind: Kind, label: str, work: Callable[[], Awaitable[T]], key: str | None = None) -> T:
        """The result of a piece of work.

        Args:
            kind: what sort of work it is.
            label: what a person calls it.
            work: does it.
            key: its content key; None: it is not stored.
        """
        return await (work() if key is None else self.store.find_or_do(key, work))

    async def ready_for_row(self) -> None:
        """Wait until another row may start."""

    def steps(self, keys: Keys, stop: Stop) -> Steps:
        """The engine's steps for one row's task.

        Args:
            keys: the task's.
            stop: is called with an error that every row would meet, which is raised as well.
        """

        async def do(step: StepName, key: str, work: Callable[[], Awaitable[T]], subquery: SubQuery | None = None) -> T:
            try:
                return await self.do(step, subquery_label(subquery) if subquery else step, work, key)
            except ResearchError as error:
                if error.stops_run:
                    stop(error)
                raise

        return wrap_steps(do, keys)
