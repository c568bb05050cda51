"""A small web in memory, as a search and a fetcher: no server, no files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from research.errors import FetchRefused, PageUnreadable
from research.evidence.ranking import Bm25
from research.money.usage import Usage
from research.money.usage_ledger import UsageLedger
from research.ports.page import Hit, Page, page_hash
from research.ports.search import SearchResult
from research.task.task import SourcePolicy

FETCHED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def make_page(url: str, text: str, **fields: Any) -> Page:
    """A page with this text (its form: `research.ports.page`). Its title is its first heading, unless `fields` says otherwise."""
    heading = next((line.removeprefix("# ") for line in text.splitlines() if line.startswith("# ")), url)
    page = {
        "url": url,
        "final_url": url,
        "title": heading,
        "media_type": "text/html",
        "fetched_at": FETCHED_AT,
        "published": None,
        "extraction_version": "1",
        **fields,
    }
    return Page(text=text, page_hash=page_hash(text), **page)


class Pages:
    """`Search` and `Fetcher` over a dict.

        pages = Pages({"https://probe.example/": "# Voyager 1\\n\\nOperator: NASA"})
        world = World(model=model, search=pages, fetcher=pages)

    A search finds every page that the policy allows, those with the query's words first (BM25). A URL that is not in the dict
    cannot be read.
    """

    def __init__(
        self,
        pages: Mapping[str, str | Page | Exception],
        *,
        identity: str = "pages/1",
        cost_usd: float | None = 0.0,
        search_error: Exception | None = None,
    ) -> None:
        """
        Args:
            pages: by URL: the text of a page; or a whole `Page`, with a date, say; or an error, which is raised when it is read.
            identity: of the search and the fetcher.
            cost_usd: the price of one search in US dollars; None is an unknown one.
            search_error: what every search raises.
        """
        self.pages = dict(pages)
        self.name = self.identity = identity
        self.cost_usd = cost_usd
        self.search_error = search_error
        self.queries: list[str] = []
        """Every search, in order."""
        self.fetched: list[str] = []
        """Every URL that was asked for, in order."""

    sends_queries = False

    def sends(self, url: str) -> bool:
        """Nothing leaves the process, so a model may try any address."""
        return False

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None, ledger: UsageLedger) -> SearchResult:
        self.queries.append(query)
        if self.search_error is not None:
            raise _again(self.search_error)
        ledger.add(Usage(search_queries=1), self.cost_usd)
        return SearchResult(hits=tuple(self._hits(query, policy)[:limit]))

    async def fetch(self, url: str, *, policy: SourcePolicy | None = None, keep_html: bool = False) -> Page:
        self.fetched.append(url)
        if policy is not None and not policy.allows(url):
            raise FetchRefused(f"{url}: outside the source policy")
        page = self.page(url)
        return Page.model_validate({**page.model_dump(), "html": f"<pre>{escape(page.text)}</pre>"}) if keep_html else page

    def recall(self, page_hash: str) -> Page:
        for url in self.pages:
            page = self._readable(url)
            if page is not None and page.page_hash == page_hash:
                return page
        raise PageUnreadable(f"no page with the hash {page_hash} is here")

    def page(self, url: str) -> Page:
        """What is read at a URL. A subclass may make pages as they are asked for."""
        content = self.pages.get(url, PageUnreadable(f"{url}: 404"))
        if isinstance(content, Exception):
            raise _again(content)
        return content if isinstance(content, Page) else make_page(url, content)

    def _readable(self, url: str) -> Page | None:
        return None if isinstance(self.pages[url], Exception) else self.page(url)

    def _hits(self, query: str, policy: SourcePolicy | None) -> list[Hit]:
        texts = [page.text if (page := self._readable(url)) else "" for url in self.pages]
        hits = [self._hit(url, score) for url, score in zip(self.pages, Bm25(texts).scores(query), strict=True)]
        allowed = [hit for hit in hits if policy is None or policy.allows(hit.url, hit.published)]
        return sorted(allowed, key=lambda hit: -hit.score)

    def _hit(self, url: str, score: float) -> Hit:
        page = self._readable(url)
        if page is None:
            return Hit(url=url, title=url, snippet="", score=score)
        return Hit(url=url, title=page.title, snippet=page.text[:100], score=score, published=page.published)


def _again(error: Exception) -> Exception:
    """The same error once more: what is noted on one that was raised is not on the next."""
    return type(error)(*error.args)
