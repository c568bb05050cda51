"""Sends equal queries once: callers of one in flight share its answer, later ones get it from memory, other runs from disk.

The provider's answer is stored after the source policy was applied, and never a key. Several processes may share a folder.
A database that is damaged, locked or of another kind is left alone, with one warning: a search works without it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, MutableMapping
from contextlib import closing
from pathlib import Path
from typing import Final

from cachetools import TTLCache
from pydantic import ValidationError

from research.concurrency.single_flight import InFlight
from research.concurrency.traffic import Outcome
from research.identity import content_key
from research.money.usage_ledger import UsageLedger
from research.ports.search import Search, SearchResult
from research.task.source_policy import SourcePolicy

VERSION: Final = 2
"""Of what is stored."""
FILE: Final = "queries.sqlite"
IN_MEMORY: Final = 4_096
"""Answers kept in memory, the last ones used."""
_PATIENCE: Final = 30.0
"""Seconds to wait for others' writes. Who waits longest is not served first: on a slow disk one of many waits for long."""
_LONGEST: Final = 30 * 86_400.0
"""Seconds after which an answer is deleted, whatever the freshness: another run may want older ones than this one."""


def query_key(provider: str, query: str, limit: int, policy: SourcePolicy | None) -> str:
    """Equal for queries that get the same answer. White space and the order of domains make no difference."""
    words = None
    if policy is not None and policy != SourcePolicy():
        words = [sorted(policy.include_domains), sorted(policy.exclude_domains), policy.after_date]
    return content_key(f"search/{VERSION}", provider=provider, query=" ".join(query.split()), limit=limit, policy=words)


class QueryStore:
    """Answers by key, in one file of a folder. Every call opens the file, and may be made from any thread.

    Args:
        folder: made when the first answer is stored.
        clock: seconds since 1970.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._path = folder / FILE
        self._clock = clock
        self._swept = False

    def get(self, key: str, freshness: float) -> SearchResult | None:
        """The answer, if there is one that is at most `freshness` seconds old.

        Raises:
            sqlite3.Error, OSError: the database cannot be used.
        """
        if not self._path.exists():
            return None
        with closing(self._open()) as database:
            row = database.execute("SELECT stored_at, found FROM answers WHERE key = ?", (key,)).fetchone()
        if row is None or not 0 <= self._clock() - row[0] < freshness:
            return None
        try:
            return SearchResult.model_validate_json(row[1])
        except ValidationError:
            return None

    def put(self, key: str, found: SearchResult) -> None:
        """Store an answer in place of an older one.

        Raises:
            sqlite3.Error, OSError: the database cannot be used.
        """
        now = self._clock()
        self._folder.mkdir(parents=True, exist_ok=True)
        with closing(self._open()) as database, database:
            if not self._swept:
                database.execute("DELETE FROM answers WHERE stored_at < ?", (now - _LONGEST,))
                self._swept = True
            database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", (key, now, found.model_dump_json()))

    def _open(self) -> sqlite3.Connection:
        # No write-ahead log: turning it on fails at once, whatever the timeout, while another connection writes to a new file.
        database = sqlite3.connect(self._path, timeout=_PATIENCE)
        try:
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute(
                "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, stored_at REAL NOT NULL, found TEXT NOT NULL)"
            )
        except BaseException:
            database.close()
            raise
        return database


class CachedSearch:
    """A `Search` that caches the answers of another one. Belongs to one event loop.

    Args:
        inner: answers the queries that are not cached.
        store: answers of other runs; None: they are not shared.
        freshness: seconds for which an answer is used again.
        saw: is told how each query that was sent ended, and after how many seconds.
        clock: seconds, monotonic: the age of answers in memory.
    """

    def __init__(
        self,
        inner: Search,
        store: QueryStore | None,
        freshness: float,
        *,
        saw: Callable[[Outcome, float], None] = lambda _outcome, _seconds: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = inner.name
        self.identity = inner.identity
        self._inner = inner
        self._store = store
        self._freshness = freshness
        self._saw = saw
        self._clock = clock
        self._in_flight: InFlight[str, SearchResult] = InFlight()
        self._recent: MutableMapping[str, SearchResult] = TTLCache(IN_MEMORY, freshness, timer=clock)
        self._warning: str | None = None
        """The warning that the store is not used any more, until one search has carried it."""
        self._store_works = True
        self._has_brought = False
        """Whether any answer held anything."""

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None, ledger: UsageLedger) -> SearchResult:
        """The cached answer to an equal query, which costs nothing; else the provider's. Of equal queries in flight only the
        first is counted, in its ledger.

        Raises:
            ResearchError: whatever the provider raises. It is not cached.
        """
        key = query_key(self.identity, query, limit, policy)
        if (cached := self._recent.get(key)) is not None:
            return cached
        return await self._in_flight.once(key, lambda: self._found(key, query, limit, policy, ledger))

    async def close(self) -> None:
        """End what is under way."""
        await self._in_flight.close()

    async def _found(self, key: str, query: str, limit: int, policy: SourcePolicy | None, ledger: UsageLedger) -> SearchResult:
        if (stored := await self._stored(key)) is not None:
            self._recent[key] = stored
            return self._with_warning(stored)
        began = self._clock()
        outcome: Outcome = "failed"
        try:
            found = await self._inner.search(query, limit=limit, policy=policy, ledger=ledger)
            outcome = "answered" if found.hits else "empty"
        finally:
            self._saw(outcome, self._clock() - began)
        self._has_brought = self._has_brought or bool(found.hits)
        if found.hits or not found.warnings:  # an empty answer with a warning may be a fault: not cached
            self._recent[key] = found
            if self._has_brought:  # another run is not to inherit the empty answers of a provider that lets nobody in
                await self._put(key, found)
        return self._with_warning(found)

    async def _stored(self, key: str) -> SearchResult | None:
        if self._store is None or not self._freshness or not self._store_works:
            return None
        try:
            return await asyncio.to_thread(self._store.get, key, self._freshness)
        except (sqlite3.Error, OSError) as exc:
            self._give_up(exc)
            return None

    async def _put(self, key: str, found: SearchResult) -> None:
        if self._store is None or not self._freshness or not self._store_works:
            return
        try:
            await asyncio.to_thread(self._store.put, key, found)
        except (sqlite3.Error, OSError) as exc:
            self._give_up(exc)

    def _give_up(self, exc: Exception) -> None:
        self._store_works = False
        self._warning = f"searches are not kept for the next run: {FILE} in the cache folder cannot be used ({exc}); delete it"

    def _with_warning(self, found: SearchResult) -> SearchResult:
        if (warning := self._warning) is None:
            return found
        self._warning = None
        return found.changed(warnings=(*found.warnings, warning))
