"""Equal requests in flight are one request, and what was not to be had is not asked for again at once."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from research.concurrency.single_flight import InFlight
from research.errors import FetchFailed, FetchRefused, PageUnreadable, ResearchError
from research.web.requesting import Answer

MAX_REMEMBERED: Final = 10_000
"""Addresses that could not be had."""
FAILED_SECONDS: Final = 20.0
"""Seconds for which a page that did not arrive is not asked for again: others may want it at the same time, and each would wait
as long as the first."""


class SharedRequests:
    """Requests by address. Belongs to one event loop; bounded in memory."""

    def __init__(self, remember_seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Args:
        remember_seconds: for which a page that is not to be had is not asked for again.
        clock: seconds, only ever rising.
        """
        self._seconds = remember_seconds
        self._clock = clock
        self._in_flight: InFlight[str, Answer] = InFlight()
        self._failed: OrderedDict[str, tuple[float, type[ResearchError], str]] = OrderedDict()

    async def ask(self, url: str, send: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer of an address: of the request that is in flight, or of one that this sends.

        Raises:
            ResearchError: as `send` raises, or has raised a moment ago.
        """
        failed = self._failed.get(url)
        if failed is not None:
            if failed[0] > self._clock():
                raise failed[1](failed[2])
            del self._failed[url]
        return await self._in_flight.once(url, lambda: self._send(url, send))

    async def _send(self, url: str, send: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            return await send()
        except (PageUnreadable, FetchRefused, FetchFailed) as exc:
            kind, seconds = (
                (FetchFailed, min(FAILED_SECONDS, self._seconds)) if isinstance(exc, FetchFailed) else (type(exc), self._seconds)
            )
            if seconds > 0:
                self._failed[url] = (self._clock() + seconds, kind, str(exc))
                self._failed.move_to_end(url)
                if len(self._failed) > MAX_REMEMBERED:
                    self._failed.popitem(last=False)
            raise

    async def close(self) -> None:
        """End what is still in flight."""
        await self._in_flight.close()
