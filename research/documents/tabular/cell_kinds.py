"""What kind of thing a cell holds, by its form: enough to tell names from values, and a shifted row from the others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

CellKind = Literal["number", "date", "time", "address", "text"]

ENOUGH: Final = 3
"""Values of one kind, from which a column is of that kind."""
NEARLY_ALL: Final = 0.9

_NUMBER: Final = re.compile(
    r"[-+(]?\s?(?:[A-Z]{0,3}[$€£¥₹]|[A-Z]{3} )?\s?[-+]?\d[\d.,' \u00a0\u202f]*(?:[eE][-+]?\d+)?\s?[%€$£]?\)?"
)
_DATE: Final = re.compile(
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4})"
    r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp][Mm])?(?:Z| ?[+-]\d{2}:?\d{2})?)?"
)
_TIME: Final = re.compile(r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?")
_ADDRESS: Final = re.compile(r"(?:https?://|www\.)\S+|[^\s@]+@[^\s@]+\.[A-Za-z]{2,}")
_NO_VALUE: Final = frozenset({"", "-", "--", "–", "?", ".", "..", "n/a", "na", "nan", "null", "none", "nil", "unknown", "x"})


def kind_of(cell: str) -> CellKind:
    cell = cell.strip()
    if _DATE.fullmatch(cell):
        return "date"
    if _TIME.fullmatch(cell):
        return "time"
    if _NUMBER.fullmatch(cell):
        return "number"
    return "address" if _ADDRESS.fullmatch(cell) else "text"


def is_value(cell: str | None) -> bool:
    """Whether a cell holds anything, and not a sign that it holds nothing."""
    return cell is not None and cell.strip().casefold() not in _NO_VALUE


def is_plain_number(cell: str) -> bool:
    """A whole number of few digits, which may as well be a name: a year, a question's number."""
    return len(cell) <= len("2024") and cell.isdecimal()


def column_kinds(rows: Sequence[Sequence[str | None]], width: int, enough: int = ENOUGH) -> list[CellKind]:
    """The kind of each column: what nearly all of its values are, if they are enough; else text."""
    found: list[CellKind] = []
    for place in range(width):
        cells = [cell for row in rows if place < len(row) and (cell := row[place]) is not None and is_value(cell)]
        counts = Counter(map(kind_of, cells))
        kind, often = counts.most_common(1)[0] if counts else ("text", 0)
        found.append(kind if often >= enough and often >= NEARLY_ALL * len(cells) else "text")
    return found


def reads_like_names(cells: Sequence[str | None], kinds: Sequence[CellKind]) -> bool:
    """Whether every value that should be a number, a date, a time or an address is text."""
    found = False
    for cell, kind in zip(cells, kinds, strict=False):
        if kind != "text" and cell is not None and is_value(cell):
            if kind_of(cell) != "text":
                return False
            found = True
    return found


def stand_in_place(cells: Sequence[str | None], kinds: Sequence[CellKind]) -> bool:
    """Whether the last value of a row stands where only it can stand, and no other where it cannot: then nothing but empty cells
    are missing behind it."""
    last = max((place for place, cell in enumerate(cells) if cell), default=-1)
    if last < 0 or last >= len(kinds) or kinds[last] == "text":
        return False
    if kinds[last] in kinds[last + 1 : last + 2] or kinds[last] in kinds[max(0, last - 1) : last]:
        return False
    return all(not cell or kind == "text" or kind_of(cell) == kind for cell, kind in zip(cells, kinds, strict=False))
