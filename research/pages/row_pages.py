"""Searches and reads pages that an earlier run stored, and nothing else. No network, no query, no fetch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple
from urllib.parse import urldefrag

from research.errors import FetchRefused
from research.evidence.passages import passages_of
from research.evidence.ranking import Bm25
from research.identity import content_key
from research.money.usage_ledger import UsageLedger
from research.ports.page import Hit, Page, Passage
from research.ports.search import SearchResult
from research.task.source_policy import SourcePolicy

SNIPPET: Final = 300
"""Characters of the best passage that a hit shows."""
_VERSION: Final = 1


class Stored(NamedTuple):
    """A page, by the address under which it was read."""

    url: str
    page_hash: str


class _Shelf(NamedTuple):
    pages: tuple[tuple[Stored, Page], ...]
    passages: tuple[tuple[int, Passage], ...]
    """Each with the place of its page."""
    ranking: Bm25


class RowPages:
    """A few stored pages as a `Search` and a `Fetcher`: those that one row read."""

    at_hand: Final = True
    sends_queries: Final = False
    name: Final = "stored pages"

    def __init__(self, pages: Sequence[Stored], find: Callable[[str], Page]) -> None:
        """
        Args:
            pages: in the order in which they were read.
            find: a page by its hash; called in another thread, when the pages are first searched or read.
        """
        self._wanted = tuple(pages)
        self._find = find
        self._loading = asyncio.Lock()
        self._shelf: _Shelf | None = None
        self.identity = f"stored/{_VERSION}/{content_key('stored pages', pages=[list(page) for page in self._wanted])}"

    def sends(self, url: str) -> bool:
        return False

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None, ledger: UsageLedger) -> SearchResult:
        """The pages that speak of a query's words, best first (BM25 over their passages), each with its best passage as snippet;
        after them the others, so that every page can be found.

        Raises:
            PageUnreadable: a page is not stored any more.
        """
        shelf = await self._loaded()
        ranked = sorted(zip(shelf.ranking.scores(query), shelf.passages, strict=True), key=lambda scored: -scored[0])
        hits: dict[str, Hit] = {}
        for score, (place, passage) in ranked:
            stored, page = shelf.pages[place]
            if policy is None or policy.allows(stored.url, page.published):
                hit = Hit(url=stored.url, title=page.title, snippet=passage.text[:SNIPPET], score=score, published=page.published)
                hits.setdefault(stored.url, hit)
        return SearchResult(hits=tuple(hits.values())[:limit])

    async def fetch(self, url: str, *, policy: SourcePolicy | None = None, keep_html: bool = False) -> Page:
        """A stored page.

        Raises:
            FetchRefused: it is none of these pages, and nothing else may be read.
            PageUnreadable: it is not stored any more.
        """
        asked = urldefrag(url).url
        for stored, page in (await self._loaded()).pages:
            if asked in (urldefrag(stored.url).url, urldefrag(page.url).url, urldefrag(page.final_url).url):
                return page
        raise FetchRefused(f"{url}: not among the pages that this row read, and nothing else may be read")

    def recall(self, page_hash: str) -> Page:
        """A stored page by its hash, whichever row read it.

        Raises:
            PageUnreadable: there is none.
        """
        return self._find(page_hash)

    async def _loaded(self) -> _Shelf:
        async with self._loading:
            if self._shelf is None:
                self._shelf = await asyncio.to_thread(self._load)
        return self._shelf

    def _load(self) -> _Shelf:
        pages = tuple((stored, self._find(stored.page_hash)) for stored in self._wanted)
        passages = tuple((place, passage) for place, (_, page) in enumerate(pages) for passage in passages_of(page))
        texts = [f"{pages[place][1].title}\n{passage.heading}\n{passage.text}" for place, passage in passages]
        return _Shelf(pages, passages, Bm25(texts))
