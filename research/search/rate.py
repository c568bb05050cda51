"""Limits how often each provider is asked, for all rows of a process together.

Requests go in order of arrival: no more at once than the provider's `concurrency`, none sooner than its rate allows, and none
during a pause that the provider asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from types import MappingProxyType
from typing import Final

from pydantic import Field

from research.concurrency.outages import Outages, ServiceHealth
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

    def share(self, sharers: int) -> Rate:
        """The part of one of so many processes that ask the same provider. Each may have one request under way."""
        return Rate(
            per_second=None if self.per_second is None else self.per_second / sharers,
            concurrency=None if self.concurrency is None else max(1, self.concurrency // sharers),
        )


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
        clock: seconds, monotonic.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        name: str,
        rate: Rate,
        health: ServiceHealth | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._name = name
        self.health = health or Outages(clock=clock, sleep=sleep).service(name)
        self._spacing = Spacing(0.0 if rate.per_second is None else SLACK / rate.per_second)
        self._queue = WaitingQueue(clock=clock, sleep=sleep)
        self._room = None if rate.concurrency is None else asyncio.Semaphore(rate.concurrency)
        self._clock = clock

    @asynccontextmanager
    async def turn(self, longest_pause: float = float("inf")) -> AsyncIterator[None]:
        """Wait until one request may be sent; the block is that request.

        Raises:
            SearchFailed: the provider asked for a pause longer than `longest_pause` seconds.
        """
        async with self._room or nullcontext():
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
