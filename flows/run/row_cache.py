"""`RowCache`: the results of a run's rows that need not be researched (again) when their turn comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
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
        self._in_flight: dict[str, asyncio.Future[Result]] = {}
        self._failed: LRUCache[str, Result] = LRUCache(FAILURES_REMEMBERED)

    def add(self, row: int, result: Result) -> None:
        """A row's result, ahead of its turn."""
        self._ahead[row] = result

    def take(self, row: int) -> Result | None:
        """The result of a row that was added; it is held no longer."""
        return self._ahead.pop(row, None)

    async def once(self, key: str, work: Callable[[], Awaitable[Result]]) -> tuple[Result, bool]:
        """Do the work, or wait for equal work.

        Returns:
            The result, and whether it is an equal row's.

        If the caller that does the work is cancelled, one of those who wait does it instead.
        """
        while (equal := self._in_flight.get(key)) is not None:
            await asyncio.wait([equal])
            if not equal.cancelled():
                return equal.result(), True
        if (failed := self._failed.get(key)) is not None:
            return failed, True

        ending: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._in_flight[key] = ending
        try:
            result = await work()
        except BaseException:
            ending.cancel()
            raise
        else:
            ending.set_result(result)
        finally:
            del self._in_flight[key]
        if result.status != "completed":
            self._failed[key] = result
        return result, False
