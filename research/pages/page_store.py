"""Keeps every page that was read, by the hash of its text, from the moment it was read.

One gzip file of JSON a page, `<first two hex>/<hash>.json.gz`, written to a temporary name and renamed: a reader never sees half
a page, two writers of one page write the same bytes, and nothing needs a lock.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import tempfile
import zlib
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Final, NamedTuple

from cachetools import LRUCache
from pydantic import ValidationError

from research.concurrency.single_flight import InFlight
from research.errors import PageUnreadable
from research.ports.fetcher import Fetcher, Guarded
from research.ports.page import Page, page_hash
from research.task.source_policy import SourcePolicy

PAGES_IN_MEMORY: Final = 512
CHARACTERS_IN_MEMORY: Final = 64_000_000
"""Of the pages kept in memory, their HTML included."""


Folder = Path | Callable[[], Path]
"""A folder, or what says which once the first page is stored or looked for."""


class PageStore:
    """Pages in a folder."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def put(self, page: Page) -> None:
        """Store a page. One that is stored already is left as it is, unless it lacks the HTML that this one has."""
        path = self._path(page.page_hash)
        if path.exists() and (page.html is None or ((stored := self.get(page.page_hash)) is not None and stored.html)):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(gzip.compress(page.model_dump_json().encode(), compresslevel=3, mtime=0))
        Path(name).replace(path)

    def get(self, hash_: str) -> Page | None:
        """The page with this hash; None if it is not stored, or what is stored is not it (a cut or changed file)."""
        try:
            page = Page.model_validate_json(gzip.decompress(self._path(hash_).read_bytes()))
        except (FileNotFoundError, EOFError, gzip.BadGzipFile, zlib.error, ValidationError):
            return None
        return page if page_hash(page.text) == hash_ else None

    def _path(self, hash_: str) -> Path:
        folder = self._folder if isinstance(self._folder, Path) else self._folder()
        return folder / hash_[:2] / f"{hash_}.json.gz"


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

    @property
    def identity(self) -> str:
        return self._inner.identity

    def refusal(self, url: str) -> str | None:
        return self._inner.refusal(url) if isinstance(self._inner, Guarded) else None

    async def fetch(self, url: str, *, policy: SourcePolicy | None = None, keep_html: bool = False) -> Page:
        wanted = _Wanted(url.partition("#")[0], policy, keep_html)
        page = self._recent.get(wanted)
        if page is not None:
            return page
        return await self._in_flight.once(wanted, lambda: self._fetch(wanted))

    async def _fetch(self, wanted: _Wanted) -> Page:
        page = await self._inner.fetch(wanted.url, policy=wanted.policy, keep_html=wanted.keep_html)
        storing = asyncio.create_task(asyncio.to_thread(self._store.put, page))
        try:
            await asyncio.shield(storing)
        except asyncio.CancelledError:
            await storing  # the thread cannot be stopped, and nothing may be written once this is closed
            raise
        self._recent[wanted] = page
        return page

    async def close(self) -> None:
        """End the fetches that are under way. Nothing is stored after this."""
        await self._in_flight.close()

    def recall(self, page_hash: str) -> Page:
        page = self._store.get(page_hash)
        if page is None:
            raise PageUnreadable(f"no page with the hash {page_hash} is stored; its file is missing or damaged")
        return page
