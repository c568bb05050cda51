"""`RowCache`: the results of a run's rows that need not be researched (again) when their turn comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from cachetools import LRUCache

from research.result.result import Result

FAILURES_REMEMBERED: Final = 10_000


class RowCache:
    """Rows that were researched before their shard was opened, equal rows under way, and how failed rows failed.

    What succeeded is not held here: it is stored under the same key, and an equal row that comes later finds it there.
    """

    def __init__(self) -> None:
        self._ahead: dict[int, Result] = {}
        self._under_way: dict[str, asyncio.Future[Result]] = {}
        self._failed: LRUCache[str, Result] = LRUCache(FAILURES_REMEMBERED)

    def add(self, row: int, result: Result) -> None:
        """A row's result, ahead of its turn."""
        self._ahead[row] = result

    def take(self, row: int) -> Result | None:
        """The result of a row that was added; it is held no longer."""
        return self._ahead.pop(row, None)

    async def equal_row(self, key: str) -> Result | None:
        """The result of an equal row: of one under way, once it ends, or of one that failed. None: the caller is to do it, and
        says so (`doing`) before it waits for anything else."""
        while (ending := self._under_way.get(key)) is not None:
            await asyncio.wait([ending])
            if not ending.cancelled():
                return ending.result()
        return self._failed.get(key)

    @contextmanager
    def doing(self, key: str) -> Iterator[Callable[[Result], None]]:
        """In this block, equal rows wait for the result that is handed to the function. If the block is left without one, because
        it was cancelled, one of them does the work."""
        ending: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._under_way[key] = ending
        try:
            yield ending.set_result
        finally:
            del self._under_way[key]
            if not ending.done():
                ending.cancel()
            elif (result := ending.result()).status != "completed":
                self._failed[key] = result
