"""The HTTP cache that all rows, runs and processes share: RFC 9111 by hishel, over one SQLite file of our own.

Fresh answers are read without a request, stale ones with a conditional request. A failure of the cache never costs a page: it
causes one warning, and pages are fetched without it for a while.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
from filelock import FileLock
from hishel import AsyncBaseStorage, CacheOptions, Entry, Headers, Request, Response
from hishel.httpx import AsyncCacheTransport

from research.display.printable import printable_logger

FILE: Final = "http-3.sqlite"
"""In the cache folder. The number is that of the layout below."""
LOCK_SECONDS: Final = 20.0
"""Seconds to wait for another process that opens the file."""
BUSY_SECONDS: Final = 5.0
"""Seconds that a statement waits for other processes; and for which a cache that is still busy then is left alone."""
SILENT_SECONDS: Final = 60.0
"""Seconds between two warnings, and for which a cache that failed for another reason is left alone."""
TOUCH_SECONDS: Final = 60.0
"""Seconds in which at most one use of an entry is written down: a read should not be a write."""
EVICTED_AT_ONCE: Final = 10
"""Entries that are removed at once when the file is full."""

_LAYOUT: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA journal_size_limit = 67108864;
PRAGMA foreign_keys = ON;
CREATE TABLE IF NOT EXISTS entries (
    id BLOB PRIMARY KEY, cache_key TEXT NOT NULL, method TEXT NOT NULL, url TEXT NOT NULL, request_headers TEXT NOT NULL,
    status INTEGER NOT NULL, headers TEXT NOT NULL, used_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS bodies (id BLOB PRIMARY KEY REFERENCES entries ON DELETE CASCADE, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS entries_by_key ON entries (cache_key);
CREATE INDEX IF NOT EXISTS entries_by_use ON entries (used_at);
"""
_SIZE: Final = (
    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()"
)
_SELECT: Final = (
    "SELECT id, method, url, request_headers, status, headers, body, used_at FROM entries JOIN bodies USING (id)"
    " WHERE cache_key = ?"
)
_EVICT: Final = "DELETE FROM entries WHERE id IN (SELECT id FROM entries ORDER BY used_at LIMIT ?)"

_log = printable_logger("research.web.cache")

T = TypeVar("T")


class HttpCache(AsyncBaseStorage):
    """Answers in an SQLite file, for hishel. An entry is written in one transaction when all of its body has been read, and is
    read in one statement, so that no process ever sees a part of one. Use `open` and `close`."""

    def __init__(self, folder: Path, *, max_bytes: int, max_body_bytes: int) -> None:
        """Takes no file yet.

        Args:
            folder: where the file is kept; made if it is missing. Several processes may share it.
            max_bytes: of the file; the least recently used entries are removed first.
            max_body_bytes: of one answer; longer ones are not stored.
        """
        super().__init__()
        self._path = folder / FILE
        self._max_bytes = max_bytes
        self._max_body = min(max_body_bytes, max_bytes)
        # One statement after the other, and none on the event loop.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="http-cache")
        self._database: sqlite3.Connection | None = None
        self._broken_until = float("-inf")
        self._silent_until = float("-inf")
        self._closed = False

    def over(self, transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """A transport that asks the cache before another transport."""
        return AsyncCacheTransport(transport, self, CacheOptions(shared=False, supported_methods=["GET"]))

    async def open(self) -> None:
        """Open the file now, so that one that cannot be used is reported at the start. Never fails."""
        await self._run(lambda database: None, None)

    async def close(self) -> None:
        """Close the file. Later calls find nothing and store nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        except sqlite3.Error as exc:
            _log.debug("the HTTP cache was not closed cleanly: %s", exc)
        self._thread.shutdown(wait=False)

    async def create_entry(
        self, request: Request, response: Response, key: str, *, ttl: float | None = None, tti: float | None = None
    ) -> Entry:
        """An entry whose stream stores the answer at its end. Lifetimes are those of RFC 9111; `ttl` and `tti` are not used."""
        entry = Entry(id=uuid.uuid4(), request=request, response=response)
        return replace(entry, response=replace(response, stream=self._stored_at_end(entry, key)))

    async def get_entries(self, key: str) -> list[Entry]:
        none: list[tuple[Any, ...]] = []
        rows = await self._run(lambda database: database.execute(_SELECT, (key,)).fetchall(), none)
        now = time.time()
        if used := [(now, row[0]) for row in rows if now - row[-1] >= TOUCH_SECONDS]:
            await self._run(lambda database: database.executemany("UPDATE entries SET used_at = ? WHERE id = ?", used), None)
        return [_entry(*row) for row in rows]

    async def update_headers(self, id: uuid.UUID, headers: Headers) -> None:
        update = "UPDATE entries SET headers = ? WHERE id = ?"
        await self._run(lambda database: database.execute(update, (_json(headers), id.bytes)), None)

    async def remove_entry(self, id: uuid.UUID) -> None:
        await self._run(lambda database: database.execute("DELETE FROM entries WHERE id = ?", (id.bytes,)), None)

    async def _stored_at_end(self, entry: Entry, key: str) -> AsyncIterator[bytes]:
        """The pieces of an answer's body. When the last one has been read, the entry is stored."""
        stream = entry.response.stream
        assert isinstance(stream, AsyncIterable)  # noqa: S101 - an async client has no other
        body: bytearray | None = bytearray()
        async for piece in stream:
            if body is not None:
                body += piece
                if len(body) > self._max_body:
                    body = None
            yield piece
        if body is not None:
            whole = bytes(body)
            await self._run(lambda database: self._insert(database, entry, key, whole), None)

    def _insert(self, database: sqlite3.Connection, entry: Entry, key: str, body: bytes) -> None:
        request, response = entry.request, entry.response
        row = (entry.id.bytes, key, request.method, request.url, _json(request.headers), response.status_code)
        with database:
            database.execute("BEGIN IMMEDIATE")
            while database.execute(_SIZE).fetchone()[0] + len(body) > self._max_bytes:
                if not database.execute(_EVICT, (EVICTED_AT_ONCE,)).rowcount:
                    return
            database.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, _json(response.headers), time.time()))
            database.execute("INSERT INTO bodies VALUES (?, ?)", (entry.id.bytes, body))

    async def _run(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """What some work with the file results in; `otherwise` if it fails, which is reported, or if the file is left alone."""
        if self._closed or time.monotonic() < self._broken_until:
            return otherwise
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(self._opened()))
        except (sqlite3.Error, OSError) as exc:
            self._failed(exc)
            return otherwise

    def _opened(self) -> sqlite3.Connection:
        """The file. Only in its thread."""
        if self._database is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # SQLite fails at once, and does not wait, where two processes make the tables of one new file.
            lock = FileLock(self._path.with_suffix(".lock"), timeout=LOCK_SECONDS)
            try:
                lock.acquire()
            except OSError as exc:  # as is a timeout
                _log.debug("the HTTP cache is opened without its lock: %s", exc)
            try:
                database = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
                try:
                    database.executescript(_LAYOUT)
                except sqlite3.Error:
                    database.close()
                    raise
                self._database = database
            finally:
                lock.release()
        return self._database

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _failed(self, error: Exception) -> None:
        if self._closed:
            return  # a request that is still under way when everything is closed needs no cache
        now = time.monotonic()
        busy = isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
        self._broken_until = max(self._broken_until, now + (BUSY_SECONDS if busy else SILENT_SECONDS))
        if now >= self._silent_until:
            self._silent_until = now + SILENT_SECONDS
            _log.warning(
                "the HTTP cache %s cannot be used (%s); pages are fetched without it. If this goes on, delete the file.",
                self._path,
                error,
            )


def _entry(id: bytes, method: str, url: str, requested: str, status: int, headers: str, body: bytes, _used_at: float) -> Entry:
    request = Request(method, url, Headers(json.loads(requested)))
    return Entry(uuid.UUID(bytes=id), request, Response(status, Headers(json.loads(headers)), _pieces(body)))


def _json(headers: Headers) -> str:
    return json.dumps({name: headers.get_list(name) for name in headers})


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    yield body
