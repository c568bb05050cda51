"""Where a task may read: a page of the corpus from the corpus and any other from the web, or nowhere at all."""

from __future__ import annotations

from typing import Protocol

from research.errors import FetchRefused, PageUnreadable
from research.money.usage_ledger import UsageLedger
from research.ports.fetcher import Fetcher, Guarded
from research.ports.page import Page
from research.ports.search import SearchResult
from research.task.source_policy import SourcePolicy


class Holding(Fetcher, Protocol):
    """A fetcher that knows its pages by their addresses."""

    def holds(self, url: str) -> bool:
        """Whether it has a page of this address."""
        ...


class CorpusThenWeb:
    """A `Fetcher` of two: a page that the corpus holds is not asked of the web."""

    def __init__(self, corpus: Holding, web: Fetcher) -> None:
        self._corpus = corpus
        self._web = web
        self.identity = f"{corpus.identity}+{web.identity}"

    def refusal(self, url: str) -> str | None:
        return self._web.refusal(url) if isinstance(self._web, Guarded) and not self._corpus.holds(url) else None

    def sends(self, url: str) -> bool:
        return not self._corpus.holds(url)

    async def fetch(self, url: str, *, policy: SourcePolicy | None = None, keep_html: bool = False) -> Page:
        reader: Fetcher = self._corpus if self._corpus.holds(url) else self._web
        return await reader.fetch(url, policy=policy, keep_html=keep_html)

    def recall(self, page_hash: str) -> Page:
        try:
            return self._corpus.recall(page_hash)
        except PageUnreadable:
            return self._web.recall(page_hash)


class Nowhere:
    """A `Search` that finds nothing and sends no request, and a `Fetcher` that reads nothing: for tasks that name all of their
    sources themselves."""

    name = "nowhere"
    identity = "nowhere/1"
    sends_queries = False

    def sends(self, url: str) -> bool:
        return False

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None, ledger: UsageLedger) -> SearchResult:
        return SearchResult()

    async def fetch(self, url: str, *, policy: SourcePolicy | None = None, keep_html: bool = False) -> Page:
        raise FetchRefused(f"{url}: nothing may be read here but what the task itself names. Name a search provider to read more")

    def recall(self, page_hash: str) -> Page:
        raise PageUnreadable(f"no page with the hash {page_hash} is kept here")
