"""Why a text that was read as one column may hold several: what no reader of separated text divides, as a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from research.documents.tabular.cell_kinds import ENOUGH, column_kinds, reads_like_names
from research.documents.tabular.separated import Dialect, MalformedRecord, records

_LINES: Final = 200
_FEW: Final = 3
"""Lines, with the header: fewer are even by chance."""
_RULER: Final = re.compile(r"[-=+| ]+")
_GUTTER: Final = 2
"""Spaces between columns of fixed width."""
_IN_NAMES: Final = frozenset(" \t\"'’._-()")
"""What stands in a name or a value as often as in any other, and divides nothing."""
_BETWEEN_TWO: Final = frozenset(":=§¦→，、；،؛")
"""Signs of which one alone in every line, the first one included, divides it."""
_SAVE: Final = "save the file with commas or tabs"


def doubt(lines: Sequence[str], delimiters: Sequence[str]) -> str | None:
    """What divides every line of a text of one column; None if nothing does.

    Args:
        delimiters: by which separated text is divided.
    """
    texts = [line.rstrip() for line in lines[:_LINES] if line.strip()]
    if len(texts) < _FEW:
        return None
    return next(filter(None, (_quoted(texts, delimiters), _aligned(texts), _signs(texts), _spaces(texts))), None)


def names_values(lines: Sequence[str], delimiter: str | None) -> bool:
    """Whether a delimiter (None: any white space) divides lines into names and, below them, values that are no names."""
    rows = [line.split(delimiter) for line in map(str.strip, lines) if line]
    widths = {len(row) for row in rows}
    if len(rows) < _FEW or len(widths) > 1 or widths == {1}:
        return False
    return reads_like_names(rows[0], column_kinds(rows[1:], len(rows[0]), min(ENOUGH, len(rows) - 1)))


def _quoted(texts: Sequence[str], delimiters: Sequence[str]) -> str | None:
    """Whole lines in quotes."""
    if not all(len(text) > 1 and text[0] == text[-1] == '"' for text in texts):
        return None
    inside = [text[1:-1].replace('""', '"') for text in texts]
    for delimiter in delimiters:
        try:
            widths = {len(record.cells) for record in records(inside, Dialect(delimiter))}
        except MalformedRecord:
            continue
        if len(widths) == 1 and widths != {1}:
            return (
                f"was read as one column, because every line stands in quotes as a whole; {delimiter!r} divides what is inside. "
                "Take the outer quotes away"
            )
    return None


def _aligned(texts: Sequence[str]) -> str | None:
    """Columns of fixed width, with spaces between them."""
    rows = [text for text in texts if not _RULER.fullmatch(text)]
    if len(rows) < _FEW or any("\t" in text for text in rows) or 2 * sum("  " in text.strip() for text in rows) < len(rows):
        return None
    blank = set.intersection(*({place for place in range(len(rows[0])) if text[place : place + 1] in ("", " ")} for text in rows))
    first = rows[0]
    gutters = sum(
        first[:end].strip() != "" and first[end:].strip() != ""
        for start, end in _runs(sorted(blank))
        if end - start >= _GUTTER and any(text[end:].strip() for text in rows[1:])
    )
    if not gutters:
        return None
    return f"was read as one column, but spaces divide its lines into {gutters + 1} columns of fixed width. If so, {_SAVE}"


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Beginnings and ends of places that follow each other."""
    start = 0
    for at in range(1, len(places) + 1):
        if at == len(places) or places[at] != places[at - 1] + 1:
            yield places[start], places[at - 1] + 1
            start = at


def _signs(texts: Sequence[str]) -> str | None:
    """A sign that every line has equally often."""
    for sign in dict.fromkeys(texts[0]):
        often = texts[0].count(sign)
        if sign.isalnum() or sign in _IN_NAMES or (often == 1 and sign not in _BETWEEN_TWO):
            continue
        if all(text.count(sign) == often for text in texts):
            return f"was read as one column, but {sign!r} divides every line into {often + 1} cells. If they are columns, {_SAVE}"
    return None


def _spaces(texts: Sequence[str]) -> str | None:
    if not names_values(texts, None):
        return None
    return f"was read as one column, but spaces divide every line into names and values below them. If they do, {_SAVE}"
