"""What people call a piece of work: its place, and a few words."""

from __future__ import annotations

from typing import Final

from research.display.printable import printable
from research.faults import shortened
from research.ports.work import SubQuery

WORDS_LENGTH: Final = 60


def label(place: str, words: str) -> str:
    """`place · words`, on one line, the words cut to their length."""
    words = shortened(printable(" ".join(words.split()), one_line=True), WORDS_LENGTH)
    return f"{place} · {words}" if words else place


def subquery_label(subquery: SubQuery) -> str:
    """`sub-query 2 · launch date`, or `sub-query 2 (registrar) · launch date` where agents divide a task."""
    return label(
        f"sub-query {subquery.index}{f' ({subquery.agent})' if subquery.agent else ''}", subquery.label or subquery.question
    )
