"""Searches and reads nothing: for tasks that name all of their sources themselves."""

from __future__ import annotations

from research.errors import FetchRefused, PageUnreadable
from research.money.usage_ledger import UsageLedger
from research.ports.page import Page
from research.ports.search import SearchResult
from research.task.source_policy import SourcePolicy


class Nowhere:
    """A `Search` that finds nothing and sends no request, and a `Fetcher` that reads nothing."""

    name = "nowhere"
    identity = "nowhere/1"

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None, ledger: UsageLedger) -> SearchResult:
        return SearchResult()

    async def fetch(self, url: str, *, policy: SourcePolicy | None = None, keep_html: bool = False) -> Page:
        raise FetchRefused(f"{url}: nothing may be read here but what the task itself names. Name a search provider to read more")

    def recall(self, page_hash: str) -> Page:
        raise PageUnreadable(f"no page with the hash {page_hash} is kept here")
