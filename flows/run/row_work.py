"""`RowWork`: what there is to do for a row. All of its task, or, where an earlier run has some of it, the rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flows.run.request import Request
from flows.run.runner import Runner
from research.errors import ActionRequired
from research.pipeline import NOTHING_DECIDED, is_one_investigation, research
from research.ports.world import World
from research.result.result import Result
from research.steps.keys import Keys
from research.task.decisions import Decided
from research.task.task import Task


class RowWaiting(ActionRequired):
    """Ends a row's task run as one that waits for people, and carries the row's result out of it."""

    def __init__(self, result: Result) -> None:
        self.result = result
        super().__init__("; ".join(waits_for(result)))


def waits_for(result: Result) -> list[str]:
    """What a row waits for, in a line each."""
    if result.action is None:
        return []
    if result.action.kind == "plan":
        number = len(result.action.plan)
        return ["1 sub-query waits to be approved" if number == 1 else f"{number} sub-queries wait to be approved"]
    return [question.text for question in result.action.questions]


class RowFailed(Exception):
    """Ends a row's task run as failed, and carries the row's result out of it."""

    def __init__(self, result: Result) -> None:
        self.result = result
        super().__init__(result.error)


def completed(result: Result) -> Result:
    """The same result.

    Raises:
        RowWaiting: it waits for people.
        RowFailed: it is not a completed one.
    """
    if result.status == "action_required":
        raise RowWaiting(result)
    if result.status != "completed":
        raise RowFailed(result)
    return result


def unchanged(result: Result) -> Result:
    return result


@dataclass(frozen=True, slots=True)
class RowWork:
    """One row's work."""

    task: Task
    """What is researched."""
    world: World
    keys: Keys
    """Of its steps."""
    key: str
    """Under which the row's result is stored."""
    complete: Callable[[Result], Result] = unchanged
    """Makes the row's result of what was researched."""
    known: Result | None = None
    """The row's result, where nothing is left to research."""
    decided: Decided = NOTHING_DECIDED
    """What people have decided about the task."""

    @classmethod
    def of(cls, task: Task, world: World, identity: str | None = None) -> RowWork:
        """A whole task.

        Args:
            identity: `world.identity`, where it is known: it takes a while to put together.
        """
        keys = Keys.of(task, world.identity if identity is None else identity)
        return cls(task=task, world=world, keys=keys, key=keys.row())

    async def do(self, runner: Runner) -> Result:
        """The row's completed result.

        Raises:
            RowWaiting: it waits for people.
            RowFailed: it failed.
        """
        if self.known is not None:
            return self.known
        steps = runner.steps(self.keys, here=is_one_investigation(self.task, self.world), decided=self.decided)
        return self.complete(completed(await research(self.task, self.world, steps)))


FindWork = Callable[[int, Mapping[str, Any]], Awaitable[RowWork]]
"""The work of a row, by its place in the input, from 0, and its cells as JSON. Raises InvalidInput, which names the row, if it
cannot be asked."""


def whole_rows(request: Request, world: World) -> FindWork:
    """Every row is researched whole."""
    identity = world.identity

    async def work_of(row: int, values: Mapping[str, Any]) -> RowWork:
        task = request.task(row, values)
        own = await request.world_of(task, row, world)
        return RowWork.of(task, own, identity if own is world else None)

    return work_of
