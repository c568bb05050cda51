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
from collections import OrderedDict
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from research.errors import PageUnreadable
from research.page import Page, page_hash
from research.ports import Fetcher

PAGES_IN_MEMORY: Final = 512


class PageStore:
    """Pages in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, page: Page) -> None:
        """Store a page. One that is stored already is left as it is."""
        path = self._path(page.page_hash)
        if path.exists():
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
        return self._folder / hash_[:2] / f"{hash_}.json.gz"


class StoringFetcher:
    """A fetcher that stores what it fetches. Equal URLs in flight are fetched once, and the last pages are kept in memory."""

    def __init__(self, inner: Fetcher, store: PageStore) -> None:
        self._inner = inner
        self._store = store
        self._in_flight: dict[str, asyncio.Task[Page]] = {}
        self._recent: OrderedDict[str, Page] = OrderedDict()

    @property
    def identity(self) -> str:
        return self._inner.identity

    async def fetch(self, url: str) -> Page:
        page = self._recent.get(url)
        if page is not None:
            self._recent.move_to_end(url)
            return page
        under_way = self._in_flight.get(url)
        if under_way is None:
            under_way = self._in_flight[url] = asyncio.create_task(self._fetch(url))
            under_way.add_done_callback(lambda _: self._in_flight.pop(url, None))
        # Shielded: one caller that gives up does not take the page from the others.
        return await asyncio.shield(under_way)

    async def _fetch(self, url: str) -> Page:
        page = await self._inner.fetch(url)
        self._store.put(page)
        self._recent[url] = page
        if len(self._recent) > PAGES_IN_MEMORY:
            self._recent.popitem(last=False)
        return page

    def recall(self, page_hash: str) -> Page:
        page = self._store.get(page_hash)
        if page is None:
            raise PageUnreadable(f"no page with the hash {page_hash} is stored; its file is missing or damaged")
        return page
