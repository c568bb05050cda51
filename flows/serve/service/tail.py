"""Wakes whoever waits for news of a task or a group, whichever process makes them: one reader of the events for all that wait."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from flows.serve.database.event_store import EventStore
from research.display.printable import printable_logger

POLL_SECONDS: Final = 0.1
"""How late news of another process may be. Nothing is read while nobody waits."""
Topic = int | tuple[str, str]
"""The number of a task, or the owner and id of a group."""

_log: Final = printable_logger(__name__)


class Tail:
    """Follows the events while somebody waits for one."""

    def __init__(self, events: EventStore) -> None:
        self._events = events
        self._bells: defaultdict[Topic, set[asyncio.Event]] = defaultdict(set)
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._seen = 0
        self._nudge = asyncio.Event()

    @asynccontextmanager
    async def bell(self, topic: Topic) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever there is news of a topic. Look at the records once it is there: else news are missed."""
        bell = asyncio.Event()
        self._bells[topic].add(bell)
        try:
            async with self._starting:
                if self._reader is None:
                    self._seen = await self._events.latest()
                    self._reader = asyncio.create_task(self._follow())
            yield bell
        finally:
            self._bells[topic].discard(bell)
            if not self._bells[topic]:
                del self._bells[topic]

    def nudge(self) -> None:
        """Look at once: this process has written an event."""
        self._nudge.set()

    async def close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _follow(self) -> None:
        while self._bells:
            try:
                await self._ring()
            except Exception:  # noqa: BLE001 - who waits must not wait for ever because the database was away for a moment
                _log.warning("the events could not be read; trying again", exc_info=True)
                await asyncio.sleep(1)
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._nudge.wait()
            except TimeoutError:
                pass
            self._nudge.clear()
        self._reader = None

    async def _ring(self) -> None:
        while rows := await self._events.since(self._seen):
            self._seen = rows[-1][0]
            topics: set[Topic] = {number for _, number, _, _ in rows}
            topics |= {(owner, group) for _, _, owner, group in rows if group is not None}
            for topic in topics & self._bells.keys():
                for bell in self._bells[topic]:
                    bell.set()
