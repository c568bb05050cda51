"""Finds excerpts again on a page that was read once more: the same words in the same place of the page, at whatever offset."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from research.evidence.passages import MAX_COLUMNS, passages_of
from research.ports.page import Page, Passage
from research.result.result import Excerpt


class _Setting(NamedTuple):
    """What stands around an excerpt, and decides what it is about."""

    heading: str
    first_row: str
    """Of a table."""


class PageAgain:
    """A page as it was when excerpts were copied from it, and as it is now."""

    def __init__(self, before: Page, now: Page) -> None:
        self.before = before
        self.now = now

    @property
    def is_unchanged(self) -> bool:
        """Whether the page is what it was: its text, or the bytes that another version may read otherwise."""
        before, now = self.before, self.now
        return now.page_hash == before.page_hash or (now.raw_hash is not None and now.raw_hash == before.raw_hash)

    def find(self, excerpt: Excerpt) -> Excerpt | None:
        """The excerpt on the page as it is now; None if the page does not say it any more, or not in the same place.

        The words must stand under the same headings (in a table: under the same first row), whole, and as often as before:
        `Status: active` of another section, or a second one in this section, is not the same statement. What is not certain is
        not found.
        """
        if self.is_unchanged:
            return excerpt
        before, now = list(self._before.places(excerpt.text)), list(self._now.places(excerpt.text))
        setting = next((setting for start, setting in before if start == excerpt.start), None)
        if setting is None:  # cut otherwise by the version that copied it
            return None
        starts_before = [start for start, other in before if other == setting]
        starts_now = [start for start, other in now if other == setting]
        if len(starts_before) != len(starts_now):
            return None
        start = starts_now[starts_before.index(excerpt.start)]
        return excerpt.changed(page_hash=self.now.page_hash, start=start, end=start + len(excerpt.text))

    @cached_property
    def _before(self) -> _Places:
        return _Places(self.before)

    @cached_property
    def _now(self) -> _Places:
        return _Places(self.now)


class _Places:
    """Where words stand on a page."""

    def __init__(self, page: Page) -> None:
        self._text = page.text
        self._passages = passages_of(page)
        self._starts = [passage.start for passage in self._passages]

    def places(self, words: str) -> Iterator[tuple[int, _Setting]]:
        """Where words stand whole inside a passage, each with its setting."""
        at = self._text.find(words)
        while at >= 0:
            place = bisect_right(self._starts, at) - 1
            if place >= 0 and self._stand_whole(words, at, self._passages[place]):
                yield at, _setting(self._passages[place])
            at = self._text.find(words, at + 1)

    def _stand_whole(self, words: str, at: int, passage: Passage) -> bool:
        """Whether words are no part of longer ones: of a line where the passage is made of lines, else of a word."""
        end = at + len(words)
        if end > passage.end:
            return False
        before, after = self._text[at - 1 : at] if at else "\n", self._text[end : end + 1] or "\n"
        if passage.kind == "paragraph":
            return not before.strip() and not after.strip()
        return before == after == "\n" or (before == "\n" and end == passage.end) or (at == passage.start and after == "\n")


def _setting(passage: Passage) -> _Setting:
    first_row = passage.columns or passage.text.partition("\n")[0] if passage.kind == "table" else ""
    return _Setting(passage.heading, first_row[:MAX_COLUMNS])
