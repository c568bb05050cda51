"""What there is to do for a row: all of its task, or, where an earlier run has some of it, the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from flows.run.request import Request
from research.ports.world import World
from research.result.result import Result
from research.steps.keys import Keys
from research.task.task import Task


def as_it_is(result: Result) -> Result:
    return result


@dataclass(frozen=True, slots=True)
class Job:
    """One row's work."""

    task: Task
    """What is researched."""
    world: World
    keys: Keys
    """Of its steps."""
    key: str
    """Under which the row's result is kept."""
    complete: Callable[[Result], Result] = as_it_is
    """Makes the row's result of what was researched."""
    known: Result | None = None
    """The row's result, where nothing is left to research."""

    @classmethod
    def of(cls, task: Task, world: World, identity: str) -> Job:
        """A whole task.

        Args:
            identity: `world.identity`, which takes a while to put together.
        """
        keys = Keys.of(task, identity)
        return cls(task=task, world=world, keys=keys, key=keys.row())


class Jobs(Protocol):
    async def job(self, row: int, values: Mapping[str, Any]) -> Job:
        """The work of one row.

        Args:
            row: its place in the input, from 0.
            values: its cells as JSON.

        Raises:
            InvalidInput: it cannot be asked; names the row.
        """
        ...


class WholeTasks:
    """Every row is researched whole."""

    def __init__(self, request: Request, world: World) -> None:
        self._request = request
        self._world = world
        self._identity = world.identity

    async def job(self, row: int, values: Mapping[str, Any]) -> Job:
        return Job.of(self._request.task(row, values), self._world, self._identity)
