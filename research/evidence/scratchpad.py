"""A task's own index over the pages it read: pages are cut into passages, and the model is given those that matter."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from research.evidence.passages import passages_of
from research.evidence.ranking import Bm25
from research.ports.page import Page, Passage
from research.ports.work import ReadPage
from research.result.result import SourceKind
from research.sources.injection import suspected_injection
from research.sources.source_quality import kind_of

LARGE: Final = 100_000
"""Characters of a page that are ranked within a few milliseconds. Longer ones are ranked beside the event loop."""


class _Indexed(NamedTuple):
    """A page in the index."""

    page: Page
    passages: tuple[Passage, ...]
    """Without their ids."""
    first: int
    """The number of the first of them."""


class Scratchpad:
    """The passages of every page read in one investigation, with ids `p1`, `p2`, … over all of them, in reading order."""

    def __init__(self) -> None:
        self._by_page: dict[str, _Indexed] = {}
        self._pages: dict[str, ReadPage] = {}
        self._count = 0
        self._shown: dict[str, Passage] = {}
        """The passages handed over, by id. Only these are given an id: a long page has tens of thousands."""
        self.searches = 0

    def __contains__(self, page_hash: str) -> bool:
        return page_hash in self._by_page

    def __len__(self) -> int:
        """How many passages are indexed."""
        return self._count

    @property
    def shown(self) -> int:
        """How many passages were handed over."""
        return len(self._shown)

    @property
    def read(self) -> tuple[ReadPage, ...]:
        """The pages read, in order."""
        return tuple(self._pages.values())

    def add(self, page: Page, url: str) -> None:
        """Index a page that was read by `url`. A page that is there already is left as it is."""
        if page.page_hash in self._by_page:
            return
        indexed = _Indexed(page, _cut(page), self._count + 1)
        self._by_page[page.page_hash] = indexed
        self._count += len(indexed.passages)
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
        return self._shown.get(passage_id)

    @property
    def shown_ids(self) -> tuple[str, ...]:
        """The ids of the passages that were handed over."""
        return tuple(self._shown)

    def show_again(self, ids: Iterable[str], searches: int) -> None:
        """Hand over again what was handed over before, once the same pages have been added in the same order.

        Args:
            ids: `shown_ids` of then.
            searches: `searches` of then.
        """
        passages = {
            f"p{first + place}": (page, place) for page, cut, first in self._by_page.values() for place in range(len(cut))
        }
        for each in ids:
            if each in passages:
                page, place = passages[each]
                self._shown[each] = _with_number(_cut(page)[place], int(each[1:]))
        self.searches = searches

    def is_large(self, page_hash: str) -> bool:
        """Whether ranking a page's passages, or giving all of them an id, takes so long that it is no work for an event loop."""
        passages = self._by_page[page_hash].passages
        return bool(passages) and passages[-1].end > LARGE

    def hand_over(self, page_hash: str, about: str | None = None, limit: int | None = None) -> tuple[Passage, ...]:
        """The passages of a page in page order; with `about` and `limit`, only those that rank best for it (BM25)."""
        page, passages, first = self._by_page[page_hash]
        if about is None or limit is None or len(passages) <= limit:
            passages = _numbered(page, first)
        else:
            self.searches += 1
            scores = Bm25([f"{p.heading}\n{p.text}" for p in passages]).scores(about)
            best = sorted(range(len(passages)), key=lambda place: (-scores[place], place))[:limit]
            passages = tuple(_with_number(passages[place], first + place) for place in sorted(best))
        self._shown.update({passage.id: passage for passage in passages})
        return passages


def prepare(page: Page) -> None:
    """Do beforehand what takes `Scratchpad.add` its time, and is the same for all who read the page. May run in any thread."""
    _cut(page)
    _judged(page)


@lru_cache(maxsize=256)
def _numbered(page: Page, first: int) -> tuple[Passage, ...]:
    """A page's passages with ids from `first` on. Kept, since sub-queries of a row, and rows of a kind, read the same pages."""
    return tuple(_with_number(passage, number) for number, passage in enumerate(_cut(page), first))


def _with_number(passage: Passage, number: int) -> Passage:
    # Not `changed`, which checks every field again.
    return passage.model_copy(update={"id": f"p{number}"})


@lru_cache(maxsize=256)
def _judged(page: Page) -> tuple[SourceKind, str | None]:
    """What kind of source a page is, and what in it looks like an instruction to a model."""
    return kind_of(page), suspected_injection(f"{page.title}\n{page.text}")


@lru_cache(maxsize=256)
def _cut(page: Page) -> tuple[Passage, ...]:
    return tuple(passages_of(page))
