"""Tables: which of them hold data, and their rows as equally wide lists of text."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

from lxml.html import HtmlElement

from research.documents.html.inline import length, value
from research.documents.tabular.cell_kinds import column_kinds, stand_in_place

MAX_CELLS: Final = 100_000
"""Cells of one table, spans filled in: a table of ten rows may claim a million columns."""
MAX_CELL: Final = 1_500
"""Characters. A table of longer cells places text on the screen."""
MIN_COLUMNS: Final = 2
"""Of a table whose rows are measured by its head."""
MAX_HEADS: Final = 4
"""Rows of headings."""
MAX_SHARED: Final = 60
"""Characters of a value that is written in each column that its cell spans. A longer text is a remark."""

LONG_ROWS: Final = 0.2
"""The share of a table's rows that may hold a longer cell: a table of facts may end with a description."""

_AMOUNT_OF: Final = re.compile(r"(?:ca\.?|about|~)?\s?(?:\d[\d.,/–-]*\s?[½⅓⅔¼¾⅛]?|[½⅓⅔¼¾⅛])\s?[^\W\d_]{1,12}\.?", re.I)
_CELL_ROLES: Final = frozenset({"cell", "gridcell", "columnheader", "rowheader"})


def rows(table: HtmlElement) -> list[list[HtmlElement]]:
    """The cells of each row, without those of tables inside."""
    trs = (
        tr
        for child in table
        for tr in ([child] if child.tag == "tr" else child.iterchildren("tr") if child.tag in ("thead", "tbody", "tfoot") else ())
    )
    found = ([cell for cell in tr if cell.tag in ("td", "th")] for tr in trs)
    return [cells for cells in found if cells]


def role_rows(table: HtmlElement) -> list[list[HtmlElement]]:
    """The cells of each row of an element that is a table by its role."""
    found = (
        [cell for cell in line.iter() if isinstance(cell.tag, str) and cell.get("role") in _CELL_ROLES]
        for line in table.iter()
        if isinstance(line.tag, str) and line.get("role") == "row"
    )
    return [cells for cells in found if cells]


def is_head(cell: HtmlElement) -> bool:
    """It names its row or its column."""
    return cell.tag == "th" or cell.get("role") in ("columnheader", "rowheader")


def is_pairs(cells: list[list[HtmlElement]]) -> bool:
    """Every row is keys and values by turns, two pairs or more, and every key is a heading."""
    return all(
        len(line) % 2 == 0
        and all(is_head(cell) for cell in line[::2])
        and not any(is_head(cell) or span(cell, "colspan") > 1 or span(cell, "rowspan") > 1 for cell in line[1::2])
        for line in cells
    ) and any(len(line) > 2 for line in cells)


def is_scaffold(table: HtmlElement, cells: list[list[HtmlElement]]) -> bool:
    """The table only places things on the screen."""
    if max(map(len, cells), default=0) <= 1:
        return True
    if table.get("role") in ("presentation", "none") and next(table.iter("th"), None) is None:
        return True
    if any(next(cell.iter("table", "h1", "h2", "form"), None) is not None for line in cells for cell in line):
        return True
    long = sum(any(length(cell, MAX_CELL) >= MAX_CELL for cell in line) for line in cells)
    return long > LONG_ROWS * len(cells)


def is_facts(cells: list[list[HtmlElement]]) -> bool:
    """The table is keys with their values: never more than two cells of a row hold text. A table of two columns with a heading
    over each is not."""
    if (
        len(cells) > 1
        and len(cells[0]) == 2
        and all(is_head(cell) and length(cell, 1) for cell in cells[0])
        and not is_head(cells[1][-1])
    ):
        return False
    widest = max(sum(span(cell, "colspan") for cell in line) for line in cells)
    return widest <= 4 and all(sum(1 for cell in line if value(cell)) <= 2 for line in cells)


def is_quantities(cells: list[list[HtmlElement]]) -> bool:
    """The table is a list of things, each behind how much of it there is: `120 g` and `butter`. A quantity is no label."""
    if any(len(line) != 2 or is_head(line[0]) or is_head(line[1]) for line in cells):
        return False
    quantities = sum(bool(_AMOUNT_OF.fullmatch(value(line[0]))) for line in cells)
    return quantities >= 2 and quantities >= 0.6 * len(cells)


def span(cell: HtmlElement, name: str) -> int:
    """`colspan` or `rowspan`, from 1 to 1000."""
    digits = (cell.get(name) or "1").strip()
    return min(max(int(digits), 1), 1000) if digits.isascii() and digits.isdigit() and len(digits) < 6 else 1


def heads(cells: list[list[HtmlElement]]) -> int:
    """How many of the first rows name the columns: rows of heading cells only, or the first, if no cell is marked as one."""
    count = 0
    for line in cells:
        if not all(is_head(cell) or not length(cell, 1) for cell in line):
            break
        count += 1
    marked = count or any(is_head(cell) for line in cells for cell in line[1:])
    return min(count, MAX_HEADS) if marked else 1


def tables_in(cells: list[list[HtmlElement]]) -> Iterator[list[list[HtmlElement]]]:
    """The tables that stand in one: where a row below others names the columns anew, by other names, the next one begins. Read
    under the first names, its values would be those of other columns."""
    first, names, spanned = 0, [value(cell) for cell in cells[0]], 0
    for place, line in enumerate(cells):
        below_rows = place > first and not all(map(is_head, cells[place - 1]))
        if below_rows and spanned <= place < len(cells) - 1 and _names_columns(line) and not all(map(is_head, cells[place + 1])):
            texts = [value(cell) for cell in line]
            if texts != names:
                yield cells[first:place]
                first, names = place, texts
        spanned = max(spanned, *(place + span(cell, "rowspan") for cell in line))
    yield cells[first:]


def _names_columns(line: list[HtmlElement]) -> bool:
    """Whether a row is headings only, two or more with text, and none of them a figure, as in a row of totals."""
    texts = [value(cell) for cell in line]
    return all(map(is_head, line)) and sum(map(bool, texts)) > 1 and not any(c.isdigit() for text in texts for c in text)


def under_one_head(rows: list[list[str]], count: int) -> list[list[str]]:
    """Rows whose several heads are put together into one: `2024` over `Q1` is `2024 Q1`."""
    if count < 2 or len(rows) <= count:
        return rows
    return [
        [" ".join(dict.fromkeys(text for text in column if text)) for column in zip(*rows[:count], strict=True)],
        *rows[count:],
    ]


class Grid(NamedTuple):
    """A table's rows as lists of text."""

    rows: list[list[str]]
    """Equally wide, without empty columns."""
    misfits: list[list[str]]
    """Rows with a cell too few or too many: which columns their values belong to is not certain."""


def spread(cells: list[list[HtmlElement]], heads: int) -> Grid:
    """The rows of a table. A cell stands in each row that it spans; in each column too, if it is a heading or a short value: what
    spans two columns is the value of both. The first cell of a row names it, and what spans the whole row is no value.

    Args:
        heads: how many of the rows name the columns.
    """
    grid = list(_filled(cells))
    width = max(map(len, grid[:heads]), default=0)
    if (
        len(grid) > heads
        and all(len(line) == width + 1 for line in grid[heads:])
        and all(is_head(line[0]) for line in cells[heads:])
    ):
        grid[:heads] = [["", *line] for line in grid[:heads]]  # the corner, above the names of rows, is left out
    grid, misfits = _fitting(grid, heads)
    width = max((len(line) for line in grid), default=0)
    grid = [line + [""] * (width - len(line)) for line in grid]
    used = [any(line[index] for line in grid) for index in range(width)]
    return Grid([[text for text, keep in zip(line, used, strict=True) if keep] for line in grid], misfits)


def _fitting(grid: list[list[str]], heads: int) -> tuple[list[list[str]], list[list[str]]]:
    """Rows that are as wide as the head, or whose values stand in place for certain; and the others. Where most rows are of
    another width than the head, no row says what is missing."""
    width = max(map(len, grid[:heads]), default=0)
    body = grid[heads:]
    whole = [line for line in body if len(line) == width]
    if width < MIN_COLUMNS or not whole or 2 * len(whole) < len(body):
        return grid, []
    kinds = column_kinds(whole, width)
    fits = [len(line) == width or not any(line[1:]) or stand_in_place(line, kinds) for line in body]
    found = [line for line, fit in zip(body, fits, strict=True) if fit]
    return [*grid[:heads], *found], [line for line, fit in zip(body, fits, strict=True) if not fit]


def _filled(cells: list[list[HtmlElement]]) -> Iterator[list[str]]:
    from_above: dict[int, tuple[int, str]] = {}
    count = 0
    width = max((sum(span(cell, "colspan") for cell in line) for line in cells), default=0)
    for line in cells:
        texts: list[str] = []
        below: dict[int, tuple[int, str]] = {}
        waiting = deque((value(cell), span(cell, "colspan"), span(cell, "rowspan"), is_head(cell)) for cell in line)
        while waiting or len(texts) in from_above:
            if len(texts) in from_above:
                down, text = from_above.pop(len(texts))
                across, repeats = 1, True
            else:
                text, across, down, repeats = waiting.popleft()
                repeats = repeats or (len(texts) > 0 and across < width and len(text) <= MAX_SHARED)
            for place in range(across):
                written = text if place == 0 or repeats else ""
                if down > 1:
                    below[len(texts)] = (down - 1, written)
                texts.append(written)
            count += across
            if count > MAX_CELLS:
                return
        from_above = below
        yield texts
