"""Limits how often each provider is asked, for all rows of a process together, and for its part of what several share.

Requests go in order of arrival: no more at once than the provider's `concurrency`, none sooner than its rate allows, and none
during a pause that the provider asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType, TracebackType
from typing import Final

from pydantic import Field

from research.concurrency.outages import Outages, ServiceHealth
from research.concurrency.shares import Share
from research.concurrency.waiting_queue import PauseTooLong, Spacing, WaitingQueue
from research.errors import SearchFailed
from research.records import Record

SLACK: Final = 1.05
"""Requests are sent so much further apart than the pace says: on the way they move together, and a limit of one a second refuses
the second of two that arrive 0.99 s apart."""


class Rate(Record):
    """How often a provider may be asked."""

    per_second: float | None = Field(default=None, gt=0)
    """Requests per second, sent evenly. None: no limit."""
    concurrency: int | None = Field(default=None, ge=1)
    """Requests under way at once. None: no limit."""


RATES: Final[Mapping[str, Rate]] = MappingProxyType(
    {
        "brave": Rate(per_second=1, concurrency=4),
        "tavily": Rate(per_second=100 / 60, concurrency=8),
        "exa": Rate(per_second=10, concurrency=10),
        "searxng": Rate(per_second=2, concurrency=4),
        "ddgs": Rate(per_second=0.5, concurrency=1),
        "claude_web": Rate(concurrency=16),
    }
)
"""What each provider lets in without a paid plan. SearXNG and ddgs ask public search engines, which refuse frequent callers;
Claude's own limits are kept by its caller."""


class Turns:
    """The queue before one provider.

    Args:
        name: the provider, for messages.
        rate: how often it may be asked.
        health: whether it answers; None: nobody else asks it.
        share: of the account; None: nobody else uses it.
        clock: seconds, monotonic.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        name: str,
        rate: Rate,
        health: ServiceHealth | None = None,
        share: Share | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._name = name
        self.health = health or Outages(clock=clock, sleep=sleep).service(name)
        self._rate = rate
        self._share = share or Share()
        self._spacing = Spacing()
        self._queue = WaitingQueue(clock=clock, sleep=sleep)
        self._room = _Room(rate.concurrency, self._share)
        self._clock = clock

    @asynccontextmanager
    async def turn(self, longest_pause: float = float("inf")) -> AsyncIterator[None]:
        """Wait until one request may be sent; the block is that request.

        Raises:
            SearchFailed: the provider asked for a pause longer than `longest_pause` seconds.
        """
        async with self._room:
            if self._rate.per_second is not None:
                self._spacing.delay = SLACK * self._share.sharers / self._rate.per_second
            try:
                await self._queue.admit(self._spacing, longest_pause)
            except PauseTooLong as exc:
                raise SearchFailed(
                    f"{self._name} asked for a pause of {exc.seconds:.0f} s, and no search waits longer than "
                    f"{longest_pause:.0f} s"
                ) from exc
            yield

    def pause(self, seconds: float) -> None:
        """The provider asks for a pause of all requests."""
        self._spacing.pause(self._clock() + seconds)


class _Room:
    """Lets in no more at once than this process's part of a number, and always one: first come, first served.

    The part may change meanwhile. Where it shrinks, a place goes whenever somebody leaves.

    Args:
        most: of all who share it. None: everybody is let in.
    """

    def __init__(self, most: int | None, share: Share) -> None:
        self._most = most
        self._share = share
        self._places = 0
        self._free = asyncio.Semaphore(0)

    @property
    def _part(self) -> int:
        return 0 if self._most is None else max(1, self._most // self._share.sharers)

    def _grow(self) -> None:
        while self._places < self._part:
            self._places += 1
            self._free.release()

    async def __aenter__(self) -> None:
        if self._most is not None:
            self._grow()
            await self._free.acquire()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._most is None:
            return
        if self._places > self._part:
            self._places -= 1
        else:
            self._free.release()
            self._grow()
