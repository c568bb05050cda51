"""The documents that a task itself names: its start page and its files. They are read, searched and cited like any source."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from research.errors import FetchFailed, FetchRefused, PageUnreadable
from research.evidence.passages import passages_of
from research.evidence.ranking import Bm25
from research.ports.fetcher import Fetcher
from research.ports.page import Hit, Page
from research.ports.world import World
from research.task.task import Task
from research.task.urls import is_web

BEGINNING = 300
"""Characters of a document that show what it is."""


class AttachedDocuments:
    """What one task names. Its files are read when they are first looked at; no fetch is counted for that."""

    def __init__(self, task: Task, world: World) -> None:
        self._task = task
        self._urls = tuple(dict.fromkeys(file.url for file in task.files))
        self._pages: tuple[Page, ...] | None = None
        self._reading = asyncio.Lock()
        self.fetcher: Fetcher = world.attached or world.fetcher
        self.warnings: list[str] = []
        """Documents that could not be read."""

    def __contains__(self, url: str) -> bool:
        return url == self._task.start_url or url in self._urls

    async def hits(self) -> tuple[Hit, ...]:
        """Each document, with its beginning as the snippet."""
        return tuple(_hit(page, page.text[:BEGINNING], 0.0) for page in await self._documents())

    async def search(self, query: str, limit: int) -> tuple[Hit, ...]:
        """The documents that speak of a query's words, best first, each with its best passage as the snippet (BM25)."""
        pages = await self._documents()
        return (await asyncio.to_thread(_ranked, pages, query))[:limit] if pages else ()

    async def _documents(self) -> tuple[Page, ...]:
        async with self._reading:
            if self._pages is None:
                pages = [await self._page(url) for url in self._urls]
                self._pages = tuple(page for page in pages if page is not None)
        return self._pages

    async def _page(self, url: str) -> Page | None:
        try:
            policy = self._task.source_policy if is_web(url) else None
            return await self.fetcher.fetch(url, policy=policy, keep_html=self._task.include_html_dump)
        except (FetchRefused, FetchFailed, PageUnreadable) as error:
            self.warnings.append(f"a given document could not be read: {error}")
            return None


def _ranked(pages: Sequence[Page], query: str) -> tuple[Hit, ...]:
    passages = [(page, passage) for page in pages for passage in passages_of(page)]
    scores = Bm25([f"{passage.heading}\n{passage.text}" for _, passage in passages]).scores(query) if passages else []
    best: dict[str, Hit] = {}
    for place in sorted(range(len(passages)), key=lambda place: -scores[place]):
        page, passage = passages[place]
        if scores[place] > 0:
            best.setdefault(page.url, _hit(page, passage.text[:BEGINNING], scores[place]))
    return tuple(best.values())


def _hit(page: Page, snippet: str, score: float) -> Hit:
    return Hit(url=page.url, title=page.title, snippet=snippet, score=score, published=page.published)
