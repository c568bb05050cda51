"""`Candidate`: a thing that may be what is looked for, and where it was come across."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from research.finding.names import name_key
from research.records import Record

MOST_EXCERPT: Final = 500
"""Characters of the line that names a candidate. It admits nothing: for that there is the evidence of each condition."""


class Candidate(Record):
    """One row of the table of candidates."""

    name: str
    url: str = ""
    """The page that names it."""
    title: str = ""
    """That page's title."""
    mention: str = ""
    """The line of that page that names it, copied."""

    @property
    def key(self) -> str:
        """The same for spellings of one name."""
        return name_key(self.name)


def without_repeats(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates in their order, each thing once. Two spellings of one name are one thing; the first is kept."""
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        if candidate.key:
            found.setdefault(candidate.key, candidate)
    return list(found.values())
