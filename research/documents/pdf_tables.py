"""Tables of a PDF page whose cells were wrapped, or whose heads stand above several columns: told by where the cells stand, and
by the order in which they were drawn, row by row and cell by cell.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from research.documents.pdf_lines import Cell, Line

MAX_COLUMNS: Final = 40
MAX_HEAD: Final = 3
"""Lines above the first that has a cell in every column."""
WRAPPED: Final = 1.8
"""Heights of a letter from a line of a cell to its next one, at most."""
TIGHT: Final = 1.2
"""The same in the first and the last column, where rows of one cell are no rarity: labels, lists."""
FAR: Final = 4.0
"""Heights of a letter from a row to the next one, beyond which no table goes on."""
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
    is_wrapped: bool
    """A cell between others of its row goes on on a line of its own."""


def read(lines: Sequence[Line]) -> Found | None:
    """The table that begins with the first of these lines."""
    head = max(range(min(len(lines), MAX_HEAD + 1)), key=lambda at: len(lines[at]))
    width = len(lines[head])
    if not 2 <= width <= MAX_COLUMNS or not all(line and all(cell.height for cell in line) for line in lines[: head + 1]):
        return None
    columns = [_Column(cell.left, cell.right) for cell in lines[head]]
    _rows(lines[head:], columns, is_known=False)  # how wide the columns are
    rows, ends = _rows(lines[head:], columns, is_known=True)
    while rows and (len(rows[-1].cells) < 2 or _begins_sparse(rows)):
        rows.pop()
    heads = [_head(line, columns) for line in lines[:head]]
    if sum(len(row.cells) > 1 for row in rows) < 2 or not all(heads):
        return None
    is_wrapped = any(len(parts) > 1 and 0 < place < max(row.cells) for row in rows for place, parts in row.cells.items())
    return Found([*heads, *(row.texts(width) for row in rows)], head + ends[len(rows) - 1], is_wrapped)


def _begins_sparse(rows: Sequence[_Row]) -> bool:
    """Two rows of one cell follow each other somewhere: what stands from there on is no row."""
    return any(len(one.cells) < 2 and len(other.cells) < 2 for one, other in itertools.pairwise(rows))


def _rows(lines: Sequence[Line], columns: Sequence[_Column], *, is_known: bool) -> tuple[list[_Row], list[int]]:
    """The rows, and behind which line each ends."""
    rows: list[_Row] = []
    ends: list[int] = []
    for at, line in enumerate(lines):
        if not _add(line, columns, rows, is_known=is_known):
            break
        ends += [0] * (len(rows) - len(ends))
        ends[-1] = at + 1
    return rows, ends


def _add(line: Line, columns: Sequence[_Column], rows: list[_Row], *, is_known: bool) -> bool:
    """Add the cells of a line to the rows; False if one of them stands in no column or in several, or too far away.

    Args:
        is_known: whether the columns are as wide as they will be.
    """
    placed = [([place for place, column in enumerate(columns) if column.has(cell)], cell) for cell in line]
    if not placed or any(len(found) != 1 or not cell.height for found, cell in placed):
        return False
    for (place,), cell in placed:
        last = max(rows[-1].cells) if rows else -1
        if rows and last == place and _goes_on(rows[-1].cells[place][-1], cell, columns, place, is_known=is_known):
            rows[-1].cells[place].append(cell)
        elif rows and last < place:
            rows[-1].cells[place] = [cell]
        elif not rows or 0 < max(part[0].y for part in rows[-1].cells.values()) - cell.y <= FAR * cell.height + _depth(rows[-1]):
            rows.append(_Row({place: [cell]}))
        else:
            return False
        columns[place].left, columns[place].right = min(columns[place].left, cell.left), max(columns[place].right, cell.right)
    return True


def _goes_on(before: Cell, cell: Cell, columns: Sequence[_Column], place: int, *, is_known: bool) -> bool:
    """A line of a cell goes on in the next one: its first word would not have fit."""
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
