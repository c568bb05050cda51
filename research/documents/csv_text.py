"""CSV and TSV -> blocks: one table, its header first."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Final, Literal

from research.documents import plain
from research.documents.blocks import Block, Document, one_line, row

MAX_CHARACTERS: Final = 1_900_000
"""Of the table as it is written: less than a page may have, so that no row is cut. Rows beyond it are counted and left out."""
LINE_END: Final = 4
"""Characters that a row takes beside its own."""
MAX_COLUMNS: Final = 2_000
SAMPLE: Final = 200
"""Rows that decide the delimiter and the width of the table."""
AGREEMENT: Final = 0.8
"""The share of those rows that must be equally wide for a delimiter that nothing else speaks for."""

_DELIMITERS: Final = (",", ";", "\t", "|")


def read(text: str, *, tabs: bool = False) -> Document:
    """The table in a CSV text. `tabs`: it says that it is tab-separated.

    A text that no delimiter divides evenly is read as plain text. Lines above the table that are no rows of it (a title, a
    remark) are paragraphs.
    """
    text = text.replace("\x00", "")
    if text[:4].lower() == "sep=":  # Excel's own note of the delimiter.
        text = text.partition("\n")[2]
    try:
        delimiter = choose_delimiter(text, "\t" if tabs else ",")
        if delimiter is not None:
            return _table(text, delimiter)
    except csv.Error:  # A cell of over 128 kB: this is no table.
        pass
    found = plain.blocks(text)
    return Document(plain.title(found), found)


def choose_delimiter(text: str, stated: str = ",") -> str | None:
    """The delimiter that divides the first rows of a text into equally many cells, at least two. Of several the `stated` one,
    then the one that gives most cells. None: there is none."""
    ranks: dict[str, tuple[bool, int]] = {}
    for delimiter in _DELIMITERS:
        if delimiter in text:
            widths = [len(cells) for cells in islice(_rows(text, delimiter), SAMPLE)]
            width, often = Counter(widths).most_common(1)[0] if widths else (0, 0)
            if width > 1 and often >= AGREEMENT * len(widths):
                ranks[delimiter] = (delimiter == stated, width)
    if ranks:
        return max(ranks, key=lambda delimiter: ranks[delimiter])
    # Rows may be ragged where a file says what it is.
    return stated if any(len(cells) > 1 for cells in islice(_rows(text, stated), SAMPLE)) else None


def _table(text: str, delimiter: str) -> Document:
    widths = Counter(len(cells) for cells in islice(_rows(text, delimiter), SAMPLE))
    width = max(widths, key=lambda each: (widths[each], each))
    above: list[Block] = []
    lines: list[str] = []
    left, left_out = MAX_CHARACTERS, 0
    for cells in _rows(text, delimiter):
        if not lines and width > 1 and cells[0] and not any(cells[1:]) and (width > 2 or len(cells) == 1):
            above.append(Block("paragraph", cells[:1]))
        elif left > 0:
            lines.append(row(cells + [""] * (width - len(cells))))
            left -= len(lines[-1]) + LINE_END
        else:
            left_out += 1
    facts = [f"rows: {len(lines) + left_out - 1}", f"rows_left_out: {left_out}"] if left_out else []
    return Document(plain.title(above), [*above, Block("table", lines)], lines=facts)


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """Rows that hold something, their cells clean and on one line each."""
    for cells in _read(text, delimiter, quoted=_is_quoted(text, delimiter)):
        cleaned = [one_line(cell) for cell in cells[:MAX_COLUMNS]]
        if any(cleaned):
            yield cleaned


def _is_quoted(text: str, delimiter: str) -> bool:
    """Quotes mean quoting: not so inch marks, of which one at the start of a cell would take many rows for one cell."""
    ended = False

    def lines() -> Iterator[str]:
        nonlocal ended
        yield from io.StringIO(text, newline="")
        ended = True

    try:
        for _ in _read(lines(), delimiter, quoted=True, strict=True):
            continue
        return True
    except csv.Error:
        if ended:  # the reader wants more: a quote is still open
            return False
    rows = _read(text, delimiter, quoted=True)
    try:
        agreement = _agreement(rows)
        for _ in rows:
            continue
    except csv.Error:  # a cell is too long, the only fault that this reader knows
        return False
    return agreement >= _agreement(_read(text, delimiter, quoted=False))


def _agreement(rows: Iterator[list[str]]) -> int:
    """Of the first rows those that are as wide as most."""
    return max(Counter(len(cells) for cells in islice(rows, SAMPLE)).values(), default=0)


def _read(text: str | Iterator[str], delimiter: str, *, quoted: bool, strict: bool = False) -> Iterator[list[str]]:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    lines = io.StringIO(text, newline="") if isinstance(text, str) else text
    return csv.reader(lines, delimiter=delimiter, quoting=quoting, skipinitialspace=True, strict=strict)
