"""Tables of a PDF page whose cells were wrapped, or whose heads stand above several columns: told by where the cells stand, and
by the order in which they were drawn, row by row and cell by cell.
"""

from __future__ import annotations

import itertools
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from research.documents.pdf_lines import Cell, Line

MAX_COLUMNS: Final = 40
MAX_HEAD: Final = 3
"""Lines above the first that has a cell in every column."""
GLANCE: Final = 100
"""Lines in which a table shows whether it is one."""
WRAPPED: Final = 1.8
"""Heights of a letter from a line of a cell to its next one, at most."""
TIGHT: Final = 1.2
"""The same in the first and the last column, where rows of one cell are no rarity: labels, lists."""
FAR: Final = 4.0
"""Heights of a letter from a row to the next one, beyond which no table goes on."""
APART: Final = 1.15
"""Distances between lines of a cell, from which on rows stand further apart than these."""
LABEL: Final = 1.25
"""Distances between rows, beyond which what stands alone is no label in a table, but a heading below it."""
CENTRED: Final = 0.1
"""Of the width of several columns: how far from their middle a head that stands above them may be."""


_LEADERS: Final = re.compile(r"\s*(?:[._…]\s?){4,}$")
"""Dots that lead to the next cell."""


@dataclass(slots=True)
class _Column:
    left: float
    right: float

    def has(self, cell: Cell) -> bool:
        return cell.left < self.right and self.left < cell.right


@dataclass(slots=True)
class _Row:
    cells: dict[int, list[Cell]] = field(default_factory=dict)

    def texts(self, width: int) -> list[str]:
        joined = (" ".join(part.text for part in self.cells.get(place, ())) for place in range(width))
        return [_LEADERS.sub("", text) for text in joined]


class Found(NamedTuple):
    """A table."""

    rows: list[list[str]]
    lines: int
    """How many lines it takes."""
    heads: int
    """How many rows name the columns."""
    is_wrapped: bool
    """A cell between others of its row goes on on a line of its own."""


def read(lines: Sequence[Line]) -> Found | None:
    """The table that begins with the first of these lines. Most are short, or none: all lines are read only for a long one."""
    found = _read(lines[:GLANCE])
    return _read(lines) if found is not None and 0.9 * GLANCE < found.lines < len(lines) else found


def _read(lines: Sequence[Line]) -> Found | None:
    head = max(range(min(len(lines), MAX_HEAD + 1)), key=lambda at: len(lines[at]))
    width = len(lines[head])
    if not 2 <= width <= MAX_COLUMNS or not all(line and all(cell.height for cell in line) for line in lines[: head + 1]):
        return None
    columns = [_Column(cell.left, cell.right) for cell in lines[head]]
    _rows(lines[head:], columns, is_known=False)  # how wide the columns are
    rows, ends = _rows(lines[head:], columns, is_known=True)
    if _wraps_labels_of_rows(rows):
        rows, ends = _rows(lines[head:], columns, is_known=True, first=1)
    del rows[_end(rows) :]
    while rows and len(rows[-1].cells) < 2:
        rows.pop()
    heads = [_head(line, columns) for line in lines[:head]]
    if sum(len(row.cells) > 1 for row in rows) < 2 or not all(heads):
        return None
    is_wrapped = any(len(parts) > 1 and 0 < place < max(row.cells) for row in rows for place, parts in row.cells.items())
    texts = [row.texts(width) for row in rows]
    is_head = not head or not texts[0][0] or not any(text[:1].isdigit() for text in texts[0][1:])
    return Found([*heads, *texts], head + ends[len(rows) - 1], head + is_head, is_wrapped)


def _wraps_labels_of_rows(rows: Sequence[_Row]) -> bool:
    """What was taken for lines of one label stands as far apart as rows do: it is several rows, some without a value."""
    inside = [one.y - other.y for row in rows for one, other in itertools.pairwise(row.cells.get(0, ()))]
    return bool(inside) and min(_gaps(rows), default=0.0) <= APART * max(inside)


def _gaps(rows: Sequence[_Row]) -> list[float]:
    """From the last line of each row to the first one of the next."""
    return [
        min(part.y for parts in above.cells.values() for part in parts)
        - max(part.y for parts in below.cells.values() for part in parts)
        for above, below in itertools.pairwise(rows)
    ]


def _end(rows: Sequence[_Row]) -> int:
    """The first row that is none, because it stands alone: as a sentence, below more space than rows have between them, or below
    another such."""
    gaps = _gaps(rows)
    usual = statistics.median(gaps) if gaps else 0.0
    for at in range(1, len(rows)):
        if len(rows[at].cells) > 1:
            continue
        [parts] = rows[at].cells.values()
        if len(rows[at - 1].cells) < 2:
            return at - 1
        if gaps[at - 1] > LABEL * usual or parts[-1].text.endswith("."):
            return at
    return len(rows)


def _rows(lines: Sequence[Line], columns: Sequence[_Column], *, is_known: bool, first: int = 0) -> tuple[list[_Row], list[int]]:
    """The rows, and behind which line each ends."""
    rows: list[_Row] = []
    ends: list[int] = []
    for at, line in enumerate(lines):
        if not _add(line, columns, rows, is_known=is_known, first=first):
            del rows[len(ends) :]
            break
        ends += [0] * (len(rows) - len(ends))
        ends[-1] = at + 1
    return rows, ends


def _add(line: Line, columns: Sequence[_Column], rows: list[_Row], *, is_known: bool, first: int) -> bool:
    """Add the cells of a line to the rows; False if one of them stands in no column or in several, or too far away, or below two
    rows of one cell.

    Args:
        is_known: whether the columns are as wide as they will be.
        first: the first column in which a cell may have several lines.
    """
    placed = [([place for place, column in enumerate(columns) if column.has(cell)], cell) for cell in line]
    if not placed or any(len(found) != 1 or not cell.height for found, cell in placed):
        return False
    for (place,), cell in placed:
        last = max(rows[-1].cells) if rows else -1
        if rows and first <= place == last and _goes_on(rows[-1].cells[place][-1], cell, columns, place, is_known=is_known):
            rows[-1].cells[place].append(cell)
        elif rows and last < place:
            rows[-1].cells[place] = [cell]
        elif len(rows) > 1 and all(len(row.cells) < 2 for row in rows[-2:]):
            return False
        elif not rows or 0 < max(part[0].y for part in rows[-1].cells.values()) - cell.y <= FAR * cell.height + _depth(rows[-1]):
            rows.append(_Row({place: [cell]}))
        else:
            return False
        columns[place].left, columns[place].right = min(columns[place].left, cell.left), max(columns[place].right, cell.right)
    return True


def _goes_on(before: Cell, cell: Cell, columns: Sequence[_Column], place: int, *, is_known: bool) -> bool:
    """A line of a cell goes on in the next one: its first word would not have fit."""
    if place == 0 and cell.text[0].isdigit():
        return False
    letter = (cell.right - cell.left) / len(cell.text)
    needed = 0.9 * letter * (1 + len(cell.text.split(None, 1)[0]))
    most = WRAPPED if 0 < place < len(columns) - 1 else TIGHT
    return 0 < before.y - cell.y <= most * cell.height and (not is_known or before.right + needed > columns[place].right)


def _depth(row: _Row) -> float:
    """How far down a row reaches."""
    heights = [part.y for parts in row.cells.values() for part in parts]
    return max(heights) - min(heights)


def _head(line: Line, columns: Sequence[_Column]) -> list[str]:
    """What a line of heads says of each column; one in the middle of several columns says it of all. [] if that is not clear."""
    own: dict[int, list[int]] = {at: [] for at in range(len(line))}
    for place, column in enumerate(columns):
        if place or column.has(line[0]):  # the rows' own names often have no head, or one that stands lower
            own[min(own, key=lambda at: abs(_middle(line[at]) - _middle(column)))].append(place)
    if len({len(group) for group in own.values()}) > 1 or not all(own.values()):
        return []
    texts = [""] * len(columns)
    for at, cell in enumerate(line):
        group = _Column(columns[own[at][0]].left, columns[own[at][-1]].right)
        is_centred = abs(_middle(cell) - _middle(group)) <= CENTRED * (group.right - group.left)
        if not is_centred and not (len(own[at]) == 1 and group.has(cell)):
            return []
        for place in own[at]:
            texts[place] = cell.text
    return texts


def _middle(part: Cell | _Column) -> float:
    return (part.left + part.right) / 2
