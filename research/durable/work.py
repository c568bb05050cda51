"""Which row of which shard the work of a task (asyncio's) is for. What is stored meanwhile is swept with that shard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, NamedTuple


class WorkOf(NamedTuple):
    """A row of a run, and the shard that it is in."""

    shard: int | None
    row: int | None


NO_ROW: Final = WorkOf(None, None)
"""Work of no table: one task by itself."""

_CURRENT: Final[ContextVar[WorkOf]] = ContextVar("work", default=NO_ROW)


def current_work() -> WorkOf:
    return _CURRENT.get()


@contextmanager
def working_for(shard: int, row: int) -> Iterator[None]:
    """What is done in this block, and in the tasks that are created in it, is for a row."""
    token = _CURRENT.set(WorkOf(shard, row))
    try:
        yield
    finally:
        _CURRENT.reset(token)
