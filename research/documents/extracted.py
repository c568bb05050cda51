"""What a page says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a page says."""

    title: str
    """One line; "" if the page has none."""
    text: str
    """In the form that `research.ports.page` describes."""
    media_type: str
    published: str | None
    """ISO 8601 date or date-time, from the page's own metadata."""
    warnings: tuple[str, ...] = ()
    """What reading it may have got wrong, for whoever owns it: a sentence each."""
    links: tuple[tuple[str, str], ...] = ()
    """Of an HTML page, where it leads: address and words."""
