"""Keeps every page that was read, by the hash of its text, from the moment it was read until its shard is committed.

Pages are lines of append-only files, one a shard and a writing process (`research/durable/segments.py`): half a page and a
changed one read as absent, and nothing needs a lock. Each shard's file holds every page that its rows have read, so that it can
be removed with that shard, whatever the others have read.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable, MutableMapping
from typing import Final, NamedTuple

from cachetools import LRUCache
from pydantic import ValidationError

from research.concurrency.single_flight import InFlight
from research.durable.segments import Entry, Folder, Segments
from research.durable.surroundings import writing
from research.durable.work import current_work
from research.errors import PageUnreadable
from research.ports.fetcher import Fetcher, Guarded, Sends
from research.ports.page import Page, page_hash
from research.task.source_policy import SourcePolicy

__all__ = ["Folder", "PageStore", "StoringFetcher"]

PAGES_IN_MEMORY: Final = 512
CHARACTERS_IN_MEMORY: Final = 64_000_000
"""Of the pages kept in memory, their HTML included."""

_WITH_HTML: Final = "-html"


class PageStore:
    """Pages in a folder."""

    def __init__(self, folder: Folder) -> None:
        self._segments = Segments(folder)

    def has(self, page: Page) -> bool:
        """Whether the current shard's file holds a page, with its HTML if this one has it. Does not touch the disk."""
        shard = current_work().shard
        plain = page.html is None and self._segments.has(page.page_hash, shard)
        return plain or self._segments.has(page.page_hash + _WITH_HTML, shard)

    def put(self, page: Page) -> None:
        """Store a page for the current shard, unless it has it.

        Raises:
            SurroundingsFault: it cannot be written.
        """
        self._segments.open()
        if not self.has(page):
            key = page.page_hash + ("" if page.html is None else _WITH_HTML)
            with writing(self._segments.folder):
                self._segments.append(key, Page.__name__, page.model_dump_json().encode())

    def get(self, hash_: str) -> Page | None:
        """The page with this hash; None if it is not stored, or what is stored is not it (a cut or changed file)."""
        self._segments.open()
        if (page := self._line(hash_)) is None:
            self._segments.refresh()  # another process may have stored it since
            page = self._line(hash_)
        return page or self._single_file(hash_)

    def sweep(self, shard: int, keep: Callable[[str], bool] | None = None) -> None:
        """Remove the pages of a committed shard.

        Args:
            keep: whether a page, by its hash, is needed still; None: none is.

        Raises:
            OSError: the folder cannot be written.
        """

        def is_needed(entry: Entry) -> bool:
            return keep is not None and keep(entry.key.removesuffix(_WITH_HTML))

        self._segments.sweep(shard, is_needed if keep is not None else None)

    def _line(self, hash_: str) -> Page | None:
        for key in (hash_ + _WITH_HTML, hash_):
            if (stored := self._segments.read(key)) is not None and (page := _page(stored[1], hash_)) is not None:
                return page
        return None

    def _single_file(self, hash_: str) -> Page | None:
        """A page of an earlier version, which wrote a file for each."""
        try:
            return _page(gzip.decompress((self._segments.folder / hash_[:2] / f"{hash_}.json.gz").read_bytes()), hash_)
        except (FileNotFoundError, EOFError, gzip.BadGzipFile, zlib.error):
            return None


def _page(text: bytes, hash_: str) -> Page | None:
    try:
        page = Page.model_validate_json(text)
    except ValidationError:
        return None
    return page if page_hash(page.text) == hash_ else None


class _Wanted(NamedTuple):
    """What makes two fetches the same."""

    url: str
    policy: SourcePolicy | None
    keep_html: bool


def _size(page: Page) -> int:
    """Characters that a page counts for, so that neither limit is exceeded and every page can be kept."""
    least = CHARACTERS_IN_MEMORY // PAGES_IN_MEMORY
    return min(max(least, len(page.text) + len(page.html or "")), CHARACTERS_IN_MEMORY)


class StoringFetcher:
    """A fetcher that stores what it fetches. Equal URLs in flight are fetched once, and the last pages are kept in memory."""

    def __init__(self, inner: Fetcher, store: PageStore) -> None:
        self._inner = inner
        self._store = store
        self._in_flight: InFlight[_Wanted, Page] = InFlight()
        self._recent: MutableMapping[_Wanted, Page] = LRUCache(CHARACTERS_IN_MEMORY, _size)
        self._writing: set[asyncio.Task[None]] = set()

    @property
    def identity(self) -> str:
        return self._inner.identity

    def refusal(self, url: str) -> str | None:
        return self._inner.refusal(url) if isinstance(self._inner, Guarded) else None

    def sends(self, url: str) -> bool:
        return not isinstance(self._inner, Sends) or self._inner.sends(url)

    async def fetch(self, url: str, *, policy: SourcePolicy | None = None, keep_html: bool = False) -> Page:
        wanted = _Wanted(url.partition("#")[0], policy, keep_html)
        page = self._recent.get(wanted)
        if page is None:
            page = await self._in_flight.once(wanted, lambda: self._fetch(wanted))
        await self.keep(page)  # another shard's row may have fetched it
        return page

    async def _fetch(self, wanted: _Wanted) -> Page:
        page = await self._inner.fetch(wanted.url, policy=wanted.policy, keep_html=wanted.keep_html)
        await self._put(page)
        self._recent[wanted] = page
        return page

    async def keep(self, page: Page) -> None:
        """Store a page that was fetched before, by somebody else."""
        if not self._store.has(page):
            await self._put(page)

    async def _put(self, page: Page) -> None:
        """Store a page. A thread cannot be stopped, and nothing may be written once this is closed: so that it is waited for."""
        storing = asyncio.create_task(asyncio.to_thread(self._store.put, page))
        self._writing.add(storing)
        storing.add_done_callback(self._writing.discard)
        try:
            await asyncio.shield(storing)
        except asyncio.CancelledError:
            await asyncio.wait([storing])
            raise

    async def close(self) -> None:
        """End the fetches that are under way. Nothing is stored after this."""
        await self._in_flight.close()
        await asyncio.gather(*self._writing, return_exceptions=True)

    def sweep(self, shard: int, keep: Callable[[str], bool] | None = None) -> None:
        """See `PageStore.sweep`."""
        self._store.sweep(shard, keep)

    def recall(self, page_hash: str) -> Page:
        page = self._store.get(page_hash)
        if page is None:
            raise PageUnreadable(f"no page with the hash {page_hash} is stored; its file is missing or damaged")
        return page
