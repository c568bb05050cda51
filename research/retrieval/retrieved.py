"""What a retrieval is asked for, and what it brings."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from research.records import Record

CHARACTERS: Final = 3_000
"""Of a page's excerpts together, where nobody names another number."""
MOST_PAGES: Final = 100


class Shape(Record):
    """How much of each page is wanted."""

    excerpts: bool = True
    characters: int = Field(default=CHARACTERS, ge=1)
    """At most, of one page's excerpts together."""
    characters_total: int | None = Field(default=None, ge=1)
    """At most, of all excerpts together."""
    full_text: int | None = Field(default=None, ge=1)
    """At most so many characters of the page from its beginning; None: no full text."""
    seconds: float | None = Field(default=None, gt=0)
    """For reading one page; None: as long as the fetcher takes."""


class Retrieval(Record):
    """What is asked for: pages by their addresses, or those that a search finds. The objective and the source policy are the
    task's."""

    urls: tuple[str, ...] = ()
    """Pages to read. Empty: they are searched for."""
    queries: tuple[str, ...] = ()
    """What to search for, each by itself; none: the objective. They also say what of a page matters."""
    limit: int = Field(default=10, ge=1, le=MOST_PAGES)
    """Pages that a search brings."""
    shape: Shape = Shape()


class PageExcerpt(Record):
    """A piece copied from a page: `page.text[start:end] == text`, in Unicode code points."""

    text: str
    start: int
    end: int


class RetrievedPage(Record):
    """A page, and what of it was asked for."""

    url: str
    title: str
    published: str | None
    page_hash: str
    excerpts: tuple[PageExcerpt, ...]
    """In page order."""
    full_text: str | None = None


class UnreadPage(Record):
    """A page that could not be read, and why."""

    url: str
    kind: str
    """The name of the error: `FetchRefused`, `FetchFailed`, …"""
    message: str


class Retrieved(Record):
    """What a retrieval brought."""

    pages: tuple[RetrievedPage, ...] = ()
    """Best first; of a list of addresses, in its order."""
    unread: tuple[UnreadPage, ...] = ()
    warnings: tuple[str, ...] = ()
