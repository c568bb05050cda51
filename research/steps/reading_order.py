"""Pages are numbered in the order in which they were asked for, however long each takes: so are their passages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ReadingOrder:
    """The order of the pages of one investigation."""

    def __init__(self) -> None:
        self._last = asyncio.Event()
        """Set once every page that was asked for so far is there, or has failed."""
        self._last.set()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """The block gets a page. It ends when all that were asked for before are there. Add the page at once then."""
        before, self._last = self._last, asyncio.Event()
        added = self._last
        try:
            yield
        finally:
            await before.wait()
            added.set()
