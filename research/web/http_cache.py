"""The HTTP cache that all rows, runs and processes share: RFC 9111, by hishel, in one SQLite file.

What is fresh is read without a request, what is stale with a conditional one. A cache that cannot be used never costs a page:
one warning, and pages are fetched without it.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from sqlite3 import Error as SqliteError
from typing import TYPE_CHECKING, Final, cast

import httpx
from filelock import FileLock
from hishel import AsyncBaseStorage, AsyncSqliteStorage, CacheOptions, Entry, Headers, Request, Response
from hishel.httpx import AsyncCacheTransport

from research.web.cache_file import CacheFile

if TYPE_CHECKING:
    import anysqlite

FILE: Final = "http-2.sqlite"
"""In the cache folder. The number is that of the library's layout."""
ARRIVED: Final = "x-research-arrived"
"""Header of a stored answer: when its bytes came, in ISO 8601. Written by us, whatever a server sends by this name."""
PERMANENT: Final = (200, 203, 301, 308, 404, 410)
"""Statuses whose answers may be used again although nothing is said of how long; some of those that RFC 9110 names so."""
GONE_SECONDS: Final = 3600
"""Seconds for which a page that is not there is taken to be still not there. The robots.txt that is not there: as any page."""
CLOCK_SLACK: Final = 60.0
"""Seconds by which a server's clock may be ahead."""
LOCK_SECONDS: Final = 20.0
"""Seconds to wait for another process that opens the file."""
BUSY_SECONDS: Final = 5.0
"""Seconds for which a cache is left alone that other processes keep busy."""
SILENT_SECONDS: Final = 60.0
"""Seconds between two warnings, and for which a cache that failed for another reason is left alone."""

_log = logging.getLogger("research.web.cache")
_STORAGE_LOG: Final = "hishel._core._storages._async_sqlite"


class Stamped(httpx.AsyncBaseTransport):
    """Writes on each answer what the cache above it needs to know, and the server did not say."""

    def __init__(
        self, inner: httpx.AsyncBaseTransport, freshness_seconds: int, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._inner = inner
        self._freshness = freshness_seconds
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        missing = response.status_code in (404, 410) and request.url.path != "/robots.txt"
        stamp(response, min(self._freshness, GONE_SECONDS) if missing else self._freshness, self._clock())
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def stamp(response: httpx.Response, freshness_seconds: int, now: float) -> None:
    """Complete the headers of an answer that came at `now`, in seconds since 1970."""
    headers = response.headers
    if response.status_code == 304:
        # The bytes came earlier: the stored answer keeps its own stamp.
        headers.pop(ARRIVED, None)
    else:
        headers[ARRIVED] = datetime.fromtimestamp(now, UTC).isoformat()
    directives = _directives(headers)
    if response.status_code not in (*PERMANENT, 302, 303, 307, 304) or (
        300 <= response.status_code < 304 and "set-cookie" in headers
    ):
        # Errors are to be asked for again; and a redirect that sets a cookie, answered from the cache, would set none.
        headers["cache-control"] = "no-store"
        return
    # The library counts an age from `Date` alone. A server without a clock, or with a wrong one, would have a page that stays
    # fresh for ever; and what another cache held for an hour is an hour old.
    headers["date"] = formatdate(_born(headers, now), usegmt=True)
    says_how_long = "max-age" in directives or "expires" in headers or directives & {"no-store", "no-cache"}
    asks_again = "no-cache" in headers.get("pragma", "").lower() and "cache-control" not in headers
    revalidated = response.status_code == 304 and "cache-control" not in headers  # what is stored says how long
    if says_how_long or asks_again or revalidated or response.status_code not in (*PERMANENT, 304):
        if asks_again:
            headers["cache-control"] = "no-cache"
        return
    # RFC 9111 section 4.2.2 leaves it to a cache how long an answer without explicit freshness may be used. The library's own
    # measure is a tenth of its age by Last-Modified, and nothing at all without that; research wants one table's rows and
    # tomorrow morning's run to see one web.
    said = headers.get("cache-control", "")
    headers["cache-control"] = f"{said}, max-age={freshness_seconds}".removeprefix(", ")


def _directives(headers: httpx.Headers) -> set[str]:
    """The names in `Cache-Control`."""
    return {part.partition("=")[0].strip().lower() for part in headers.get("cache-control", "").split(",")} - {""}


def _born(headers: httpx.Headers, now: float) -> float:
    """When an answer left its origin, as far as can be believed."""
    try:
        said = parsedate_to_datetime(headers.get("date", ""))
        date = (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        date = now
    if date > now + CLOCK_SLACK:
        date = now
    age = headers.get("age", "")
    return min(date, now - int(age)) if age.isascii() and age.isdigit() and len(age) < 10 else date


class HttpCache:
    """The cache's file, and what stands between it and who fetches. Use `open` and `close`."""

    def __init__(self, folder: Path, *, max_bytes: int, max_body_bytes: int) -> None:
        """Args:
        folder: where the file is kept; made if it is not there. Several processes may share it.
        max_bytes: of the file; what was not used for longest goes first.
        max_body_bytes: of one answer.
        """
        self._path = folder / FILE
        # The library wants a connection of its own kind; ours has the methods that it uses.
        file = cast("anysqlite.Connection", CacheFile(self._path))
        self._storage = _Forgiving(
            AsyncSqliteStorage(connection=file, max_size=max_bytes, max_stream_size=max_body_bytes), self._path
        )

    def over(self, transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """A transport that asks the cache first. Closing it does not close the cache."""
        return AsyncCacheTransport(transport, self._storage, CacheOptions(shared=False, supported_methods=["GET"]))

    async def open(self) -> None:
        """Open the file now, so that a file that cannot be used is told at the start. Never fails."""
        logging.getLogger(_STORAGE_LOG).addFilter(self._storage.told)
        # SQLite fails at once, and does not wait, where two processes make the tables of one new file.
        lock = FileLock(self._path.with_suffix(".lock"), timeout=LOCK_SECONDS, thread_local=False)
        try:
            await asyncio.to_thread(self._path.parent.mkdir, parents=True, exist_ok=True)
            await asyncio.to_thread(lock.acquire)
        except OSError as exc:  # a lock that is not had in time is one, too
            _log.debug("the HTTP cache is opened without its lock: %s", exc)
        try:
            await self._storage.get_entries("")
        finally:
            lock.release()

    async def close(self) -> None:
        await self._storage.really_close()
        logging.getLogger(_STORAGE_LOG).removeFilter(self._storage.told)


class _Forgiving(AsyncBaseStorage):
    """A storage whose failures are told once and cost nothing but time."""

    def __init__(self, inner: AsyncSqliteStorage, path: Path) -> None:
        super().__init__()
        self._inner = inner
        self._path = path
        self._broken_until = float("-inf")
        self._silent_until = float("-inf")
        self._closed = False

    def told(self, record: logging.LogRecord) -> bool:
        """A filter for the library's log: it writes a traceback for each statement that fails, which for a full disk is every
        page. One line a minute says the same."""
        if record.levelno < logging.ERROR:
            return True
        error = record.exc_info[1] if record.exc_info else None
        # An entry of an older layout is dropped alone; everything else is the file's fault.
        self._failed(error if error is not None else RuntimeError(record.getMessage()))
        return False

    def _failed(self, error: BaseException) -> None:
        if self._closed:
            return  # what is still under way when everything is closed has no use for a cache
        now = time.monotonic()
        busy = isinstance(error, SqliteError) and "locked" in str(error)
        self._broken_until = max(self._broken_until, now + (BUSY_SECONDS if busy else SILENT_SECONDS))
        if now >= self._silent_until:
            self._silent_until = now + SILENT_SECONDS
            _log.warning(
                "the HTTP cache %s cannot be used (%s); pages are fetched without it. If this goes on, delete the file.",
                self._path,
                error,
            )

    @property
    def _broken(self) -> bool:
        return time.monotonic() < self._broken_until

    async def get_entries(self, key: str) -> list[Entry]:
        if self._broken:
            return []
        try:
            return [whole for entry in await self._inner.get_entries(key) if (whole := await _whole(entry)) is not None]
        except (SqliteError, OSError, RuntimeError) as exc:
            self._failed(exc)
            return []

    async def create_entry(
        self, request: Request, response: Response, key: str, *, ttl: float | None = None, tti: float | None = None
    ) -> Entry:
        if not self._broken:
            try:
                return await self._inner.create_entry(request, response, key, ttl=ttl, tti=tti)
            except (SqliteError, OSError, RuntimeError) as exc:
                self._failed(exc)
        return Entry(id=uuid.uuid4(), request=request, response=response)

    async def update_headers(self, id: uuid.UUID, headers: Headers) -> None:
        try:
            await self._inner.update_headers(id, headers)
        except (SqliteError, OSError, RuntimeError) as exc:
            self._failed(exc)

    async def remove_entry(self, id: uuid.UUID) -> None:
        try:
            await self._inner.remove_entry(id)
        except (SqliteError, OSError, RuntimeError) as exc:
            self._failed(exc)

    async def close(self) -> None:
        """Nothing: transports that share the storage are closed one by one."""

    async def really_close(self) -> None:
        self._closed = True
        try:
            await self._inner.close()
        except (SqliteError, OSError, RuntimeError) as exc:
            self._failed(exc)


async def _whole(entry: Entry) -> Entry | None:
    """An entry with all of its body in memory: one whose body another process removes meanwhile is a miss, not half a page."""
    stream = entry.response.stream
    if stream is None:
        return entry
    assert isinstance(stream, AsyncIterator)  # noqa: S101 - an async storage has no other
    try:
        pieces = [piece async for piece in stream]
    except RuntimeError:
        return None
    return replace(entry, response=replace(entry.response, stream=_again(pieces)))


async def _again(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
