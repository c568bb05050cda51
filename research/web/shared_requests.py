"""Equal requests in flight are one request, and what could not be read is not asked for again at once."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Final, NamedTuple

from cachetools import TLRUCache

from research.concurrency.single_flight import InFlight
from research.errors import FetchFailed, FetchRefused, PageUnreadable, ResearchError
from research.web.requesting import Answer

MAX_REMEMBERED: Final = 10_000
"""Addresses that could not be read."""
FAILED_SECONDS: Final = 20.0
"""Seconds for which a page that did not arrive is not asked for again: other rows may want it at the same time, and each would
wait as long as the first."""


class _Failure(NamedTuple):
    kind: type[ResearchError]
    message: str
    seconds: float
    """For which it is remembered."""


class SharedRequests:
    """Requests by address. Belongs to one event loop; bounded in memory."""

    def __init__(self, remember_seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing has failed yet.

        Args:
            remember_seconds: for which a page that could not be read is not asked for again.
            clock: seconds, only ever rising.
        """
        self._seconds = remember_seconds
        self._in_flight: InFlight[str, Answer] = InFlight()
        self._failures: MutableMapping[str, _Failure] = TLRUCache(
            MAX_REMEMBERED, ttu=lambda _url, failure, now: now + failure.seconds, timer=clock
        )

    async def ask(self, url: str, send: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer of an address: of the request that is in flight, or of one that this sends.

        Raises:
            ResearchError: as `send` raises, or has raised a moment ago.
        """
        if (failure := self._failures.get(url)) is not None:
            raise failure.kind(failure.message)
        return await self._in_flight.once(url, lambda: self._send(url, send))

    async def _send(self, url: str, send: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            return await send()
        except (PageUnreadable, FetchRefused, FetchFailed) as exc:
            if isinstance(exc, FetchFailed):
                self._failures[url] = _Failure(FetchFailed, str(exc), min(FAILED_SECONDS, self._seconds))
            else:
                self._failures[url] = _Failure(type(exc), str(exc), self._seconds)
            raise

    async def close(self) -> None:
        """End what is still in flight."""
        await self._in_flight.close()
