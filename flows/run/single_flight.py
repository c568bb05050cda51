"""Lets equal work be done once: whoever comes second waits for the first and shares how it ended."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

FAILURES_KEPT: Final = 10_000


class SingleFlight(Generic[T]):
    """Work in flight by its key, and how failed work failed.

    What succeeded is not held here: it is kept on disk under the same key, and whoever comes later finds it there.
    """

    def __init__(self) -> None:
        self._in_flight: dict[str, asyncio.Future[T]] = {}
        self._failed: OrderedDict[str, T] = OrderedDict()

    async def once(self, key: str, work: Callable[[], Awaitable[T]], failed: Callable[[T], bool]) -> tuple[T, bool]:
        """Do the work, or wait for equal work. Returns how it ended, and whether it was somebody else's.

        Work that raises (it was cancelled) is nobody's: one of those who waited does it.
        """
        while (known := self._in_flight.get(key)) is not None:
            await asyncio.wait([known])
            if not known.cancelled():
                return known.result(), True
        if key in self._failed:
            return self._failed[key], True

        ending: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._in_flight[key] = ending
        try:
            outcome = await work()
        except BaseException:
            ending.cancel()
            raise
        else:
            ending.set_result(outcome)
        finally:
            del self._in_flight[key]
        if failed(outcome):
            self._failed[key] = outcome
            if len(self._failed) > FAILURES_KEPT:
                self._failed.popitem(last=False)
        return outcome, False
