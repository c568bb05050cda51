"""Limits how often each provider is asked, for all rows of a process together.

A provider's turn is taken in order of arrival: no more at once than its `concurrency`, none sooner than its pace allows, and none
at all until a moment that the provider itself named.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from research.errors import SearchFailed

SLACK: Final = 1.05
"""Requests are sent so much further apart than the pace says: on the way they move together, and a limit of one a second refuses
the second of two that arrive 0.99 s apart."""

LOOK: Final = 1.0
"""Seconds between two looks at a pause, which may grow while it is waited for."""


class Rate(BaseModel):
    """How often a provider may be asked."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

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
"""What each provider lets in without a paid plan. SearXNG and ddgs ask public search engines, which refuse who asks often;
Claude's own limits are kept by whoever calls it."""


class Turns:
    """The queue before one provider.

    Args:
        name: the provider, for messages.
        rate: how often it may be asked.
        clock: seconds, monotonic.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        name: str,
        rate: Rate,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._name = name
        self._apart = 0.0 if rate.per_second is None else SLACK / rate.per_second
        self._room = None if rate.concurrency is None else asyncio.Semaphore(rate.concurrency)
        self._first = asyncio.Lock()
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0
        self._until = 0.0

    @asynccontextmanager
    async def turn(self, longest_pause: float = float("inf")) -> AsyncIterator[None]:
        """Wait until one request may be sent; the block is that request.

        Raises:
            SearchFailed: the provider asked everybody to wait for longer than `longest_pause` seconds.
        """
        if self._room is None:
            await self._admit(longest_pause)
            yield
            return
        async with self._room:
            await self._admit(longest_pause)
            yield

    def pause(self, seconds: float) -> None:
        """The provider asks everybody to wait."""
        self._until = max(self._until, self._clock() + seconds)

    async def _admit(self, longest_pause: float) -> None:
        async with self._first:  # first come, first served, and given on when its holder is cancelled
            while True:
                now = self._clock()
                if (pause := self._until - now) > longest_pause:
                    raise SearchFailed(
                        f"{self._name} asked for a pause of {pause:.0f} s, and no search waits longer than {longest_pause:.0f} s"
                    )
                wait = max(pause, self._next - now)
                if wait <= 0:
                    self._next = now + self._apart
                    return
                await self._sleep(min(wait, LOOK))
