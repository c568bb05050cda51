"""A task's own index over the pages it read: pages are cut into passages, and the model is given those that matter."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from research.evidence.passages import passages_of
from research.evidence.ranking import Bm25
from research.ports.page import Page, Passage
from research.ports.work import ReadPage
from research.result.result import SourceKind
from research.sources.injection import suspected_injection
from research.sources.source_quality import kind_of

LARGE: Final = 100_000
"""Characters of a page that are ranked within a few milliseconds. Longer ones are ranked beside the event loop."""


class Scratchpad:
    """The passages of every page read in one investigation, with ids `p1`, `p2`, … over all of them, in reading order."""

    def __init__(self) -> None:
        self._by_page: dict[str, tuple[Passage, ...]] = {}
        self._pages: dict[str, ReadPage] = {}
        self._by_id: dict[str, Passage] = {}
        self.shown: set[str] = set()
        """Ids of the passages handed over."""
        self.searches = 0

    def __contains__(self, page_hash: str) -> bool:
        return page_hash in self._by_page

    def __len__(self) -> int:
        """How many passages are indexed."""
        return len(self._by_id)

    @property
    def read(self) -> tuple[ReadPage, ...]:
        """The pages read, in order."""
        return tuple(self._pages.values())

    def add(self, page: Page, url: str) -> None:
        """Index a page that was read by `url`. A page that is there already is left as it is."""
        if page.page_hash in self._by_page:
            return
        numbered = _numbered(page, len(self._by_id) + 1)
        self._by_page[page.page_hash] = numbered
        self._by_id.update({passage.id: passage for passage in numbered})
        kind, suspicion = _judged(page)
        self._pages[page.page_hash] = ReadPage(
            page_hash=page.page_hash,
            url=url,
            title=page.title,
            fetched_at=page.fetched_at,
            published=page.published,
            kind=kind,
            suspected_injection=suspicion,
        )

    def passage(self, passage_id: str) -> Passage | None:
        """A passage that was handed over; None for any other id, even of a passage that is indexed: what a model was not shown it
        cannot cite."""
        return self._by_id.get(passage_id) if passage_id in self.shown else None

    def is_large(self, page_hash: str) -> bool:
        """Whether ranking a page's passages takes so long that it is no work for an event loop."""
        passages = self._by_page[page_hash]
        return bool(passages) and passages[-1].end > LARGE

    def hand_over(self, page_hash: str, about: str | None = None, limit: int | None = None) -> tuple[Passage, ...]:
        """The passages of a page in page order; with `about` and `limit`, only those that rank best for it (BM25)."""
        passages = self._by_page[page_hash]
        if about is not None and limit is not None and len(passages) > limit:
            self.searches += 1
            scores = Bm25([f"{p.heading}\n{p.text}" for p in passages]).scores(about)
            best = sorted(range(len(passages)), key=lambda place: (-scores[place], place))[:limit]
            passages = tuple(passages[place] for place in sorted(best))
        self.shown.update(p.id for p in passages)
        return passages


def prepare(page: Page) -> None:
    """Do beforehand what takes `Scratchpad.add` its time, and is the same for all who read the page. May run in any thread."""
    _cut(page)
    _judged(page)


@lru_cache(maxsize=256)
def _numbered(page: Page, first: int) -> tuple[Passage, ...]:
    """A page's passages with ids from `first` on. Kept, since sub-queries of a row, and rows of a kind, read the same pages."""
    # Not `changed`, which checks every field again: a long page has tens of thousands of passages.
    return tuple(p.model_copy(update={"id": f"p{first + place}"}) for place, p in enumerate(_cut(page)))


@lru_cache(maxsize=256)
def _judged(page: Page) -> tuple[SourceKind, str | None]:
    """What kind of source a page is, and what in it looks like an instruction to a model."""
    return kind_of(page), suspected_injection(f"{page.title}\n{page.text}")


@lru_cache(maxsize=256)
def _cut(page: Page) -> tuple[Passage, ...]:
    return tuple(passages_of(page))
