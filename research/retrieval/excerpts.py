"""Excerpts: the pieces of a page that rank best for a text, copied from it."""

from __future__ import annotations

from collections.abc import Sequence

from research.evidence.passages import passages_of
from research.evidence.ranking import Bm25
from research.ports.page import Page, Passage
from research.retrieval.retrieved import PageExcerpt


def excerpts_of(page: Page, about: str, characters: int) -> tuple[PageExcerpt, ...]:
    """The passages of a page that rank best for a text (BM25), in page order, neighbours joined. Its first ones where no word of
    the text stands in the page. At most so many characters together: a single passage that is longer is cut.

    A heading is no passage here, but is ranked with what stands below it.
    """
    passages = [passage for passage in passages_of(page) if passage.kind != "heading"]
    scores = Bm25([f"{passage.heading}\n{passage.text}" for passage in passages]).scores(about)
    best = sorted(range(len(passages)), key=lambda place: (-scores[place], place))
    if any(scores):
        best = [place for place in best if scores[place] > 0]
    chosen: set[int] = set()
    left = characters
    for place in best:
        before = (place - 1 in chosen) * (passages[place].start - passages[place - 1].end)
        behind = (place + 1 in chosen) * (passages[(place + 1) % len(passages)].start - passages[place].end)
        if (added := len(passages[place].text) + before + behind) <= left:
            chosen.add(place)
            left -= added
    if not chosen and best:
        first = passages[best[0]]
        text = first.text[:characters]
        return (PageExcerpt(text=text, start=first.start, end=first.start + len(text)),)
    return tuple(_joined(page, group) for group in _neighbours(passages, sorted(chosen)))


def _neighbours(passages: Sequence[Passage], places: Sequence[int]) -> list[list[Passage]]:
    groups: list[list[Passage]] = []
    previous: int | None = None
    for place in places:
        if previous is not None and previous == place - 1:
            groups[-1].append(passages[place])
        else:
            groups.append([passages[place]])
        previous = place
    return groups


def _joined(page: Page, passages: Sequence[Passage]) -> PageExcerpt:
    """One excerpt from the first of some neighbours to the last, with what stands between them."""
    start, end = passages[0].start, passages[-1].end
    return PageExcerpt(text=page.text[start:end], start=start, end=end)
