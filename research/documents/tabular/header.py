"""Where a table begins in rows of cells: titles above the header, the header, and what speaks against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Final

from research.documents.tabular.cell_kinds import (
    ENOUGH,
    CellKind,
    column_kinds,
    is_plain_number,
    is_value,
    kind_of,
    reads_like_names,
)
from research.documents.tabular.joined_header import joined
from research.documents.tabular.separated import Record

MAX_TITLES: Final = 50
"""Lines above a header."""
FEW_COLUMNS: Final = 2
"""Of which a row that fills one is nothing odd."""
HEADER_LINES: Final = 3
"""Of the body's first rows, among which a further line of the header is looked for."""
FEW_ROWS: Final = 2
"""Below a further line of the header, from which it is told apart."""
ENOUGH_TO_REPEAT: Final = 10
"""Rows, from which a column of few values is told from one of many."""
_SHOWN: Final = 40


class NoTable(Exception):
    """The rows cannot be read as one table: what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Header:
    """The row that names the columns."""

    names: list[str]
    """A column without a name is called `column_N`, N its place from 1."""
    line: int
    used: int
    """Records up to the header and with it."""
    titles: list[Record]
    """Above it."""
    surplus: int = 0
    """Empty cells that every row has behind those that the header names."""
    warnings: list[str] = field(default_factory=list)


def filled(cells: Sequence[str | None]) -> int:
    return sum(bool(cell and cell.strip()) for cell in cells)


def shown(cell: str | None) -> str:
    text = " ".join((cell or "").split())
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def find_header(head: Sequence[Record], width: int, row: str = "line") -> Header:
    """The header in the first records of a text or a sheet.

    Args:
        head: with blank ones.
        width: of most records.
        row: what a record's place is called.

    Raises:
        NoTable: nothing is there, or the first row that could be a header has fewer or more cells than the rows below.
    """
    titles, place = split_titles(head, width)
    if (both := _joined(head, titles, place, width, row)) is not None:
        return both
    if place < len(head):
        record, below = head[place], head[place + 1 :]
        if other := _other_table(titles):
            raise NoTable(
                f"{_lines(other, row)} look like another table, of {len(other[0].cells)} columns, above the one whose {width} "
                f"columns {row} {record.line} names. Keep one of the two in the file"
            )
        header = _header(record, [each for each in below if filled(each.cells)], width, row)
        header.warnings.extend(_told(titles, f"{row} {record.line} names", row))
        return Header(header.names, record.line, place + 1, titles, header.surplus, header.warnings)
    raise NoTable("is empty; its first row must name the columns")


def _told(titles: Sequence[Record], named: str, row: str) -> Iterator[str]:
    """That titles were left out."""
    if titles:
        yield (
            f"{_lines(titles, row)} ({shown(next(filter(None, titles[0].cells), ''))}) "
            f"{'stands' if len(titles) == 1 else 'stand'} above the table and {'was' if len(titles) == 1 else 'were'} left "
            f"out; {named} the columns"
        )


def _joined(head: Sequence[Record], titles: list[Record], place: int, width: int, row: str) -> Header | None:
    """A header of two lines; the upper one may have been taken for the last title."""
    for upper, above in ((place - 1, titles[:-1]), (place, titles)):
        if not 0 <= upper < len(head) - 1:
            continue
        body = [record.cells for record in head[upper + 2 :] if filled(record.cells)]
        kinds = column_kinds(body, width, min(ENOUGH, max(1, len(body))))
        if (names := joined(head[upper], head[upper + 1], kinds)) is not None:
            lines = head[upper : upper + 2]
            warnings = [*_told(above, f"{_lines(lines, row)} name", row)]
            warnings.append(f"{_lines(lines, row)} name the columns together: {shown(names[-1])}")
            return Header(names, lines[-1].line, upper + 2, above, 0, warnings)
    return None


def _other_table(titles: Sequence[Record]) -> list[Record]:
    """Lines above a table that are one themselves: names, and below them rows as wide. Two columns may as well be notes."""
    for size, run in groupby(titles, key=lambda record: len(record.cells)):
        rows = list(run)
        kinds = column_kinds([record.cells for record in rows[1:]], size, FEW_ROWS)
        if reads_like_names(rows[0].cells, kinds) and (size > FEW_COLUMNS or kinds[0] != "text"):
            return rows
    return []


def split_titles(head: Sequence[Record], width: int) -> tuple[list[Record], int]:
    """What stands above the table in the first records of a text or a sheet, and the place of the first record of the table."""
    titles: list[Record] = []
    for place, record in enumerate(head):
        if not filled(record.cells):
            continue
        if len(titles) == MAX_TITLES or not _is_title(record, head[place + 1 :], width):
            return titles, place
        titles.append(record)
    return titles, len(head)


def _is_title(record: Record, below: Sequence[Record], width: int) -> bool:
    """Whether a record stands above the table: one cell where most have more, or cells of another number before a gap."""
    following = next((each for each in below if filled(each.cells)), None)
    if following is None or width == 1:
        return False
    has_gap = not filled(below[0].cells)
    size, number = len(record.cells), filled(record.cells)
    if number == 1:
        if size == 1 and (record.cells[0] or "").startswith("#"):
            return True
        if size == width and record.cells[0] is None:
            return False
        return has_gap or (width > FEW_COLUMNS and (size == 1 or filled(following.cells) > 1))
    if size == width:
        if _is_note(record, width) and _follows_notes(below, width):
            return True
        return width > FEW_COLUMNS + 1 and 2 * number <= width and _header_follows(below, width, needs_gap=False)
    return _header_follows(below, width, needs_gap=True) or (size < width and _names_follow(below, width))


def _names_follow(below: Sequence[Record], width: int) -> bool:
    """Whether the next row names every column, of which some hold no text below it."""
    rows = [record for record in below if filled(record.cells)]
    kinds = column_kinds([record.cells for record in rows[1:]], width, FEW_ROWS)
    return _could_be_header(rows[0], width) and reads_like_names(rows[0].cells, kinds)


def _header_follows(below: Sequence[Record], width: int, *, needs_gap: bool) -> bool:
    """Whether a full row of names comes after rows that are no rows of the table."""
    gap = False
    for record in below[:MAX_TITLES]:
        number = filled(record.cells)
        if len(record.cells) == width and 2 * number > width:
            return (gap or not needs_gap) and _could_be_header(record, width, years=needs_gap)
        gap = gap or number == 0
    return False


def _is_note(record: Record, width: int) -> bool:
    """Whether a row holds a label and at most one value, where most rows hold more: `Exported: 2024-01-01`."""
    return width > FEW_COLUMNS and kind_of(record.cells[0] or "1") == "text" and not any(record.cells[FEW_COLUMNS:])


def _follows_notes(below: Sequence[Record], width: int) -> bool:
    """Whether more such notes, a gap, and then a table of more rows follow, whose header differs from its values: a table whose
    last columns are seldom filled looks alike otherwise."""
    gap = next((place for place, record in enumerate(below) if not filled(record.cells)), len(below))
    table = [record for record in below[gap:] if filled(record.cells)]
    if not table or not _could_be_header(table[0], width) or not all(_is_note(record, width) for record in below[:gap]):
        return False
    kinds = column_kinds([record.cells for record in table[1:]], width, FEW_ROWS)
    return len(table) > gap + FEW_ROWS and any(kind != "text" for kind in kinds)


def _could_be_header(record: Record, width: int, *, years: bool = False) -> bool:
    """Whether a row names every column.

    Args:
        years: whether numbers behind the first name may be names, and the last cell be empty. What stands above is no row then.
    """
    cells = [cell for cell in record.cells if cell]
    if len(record.cells) != width or len(cells) < width - (years and record.cells[-1] is None):
        return False
    return all(kind_of(cell) == "text" or (years and place > 0 and is_plain_number(cell)) for place, cell in enumerate(cells))


def _header(record: Record, body: Sequence[Record], width: int, row: str) -> Header:
    cells = list(record.cells)
    warnings: list[str] = []
    surplus = 0
    nameless = len(cells) - 1 - max((place for place, cell in enumerate(cells) if cell), default=-1)
    if (
        0 < nameless < len(cells)
        and body
        and all(len(each.cells) == len(cells) and not any(each.cells[-nameless:]) for each in body)
    ):
        surplus = nameless
        del cells[-nameless:]
    elif len(cells) > 1 and cells[-1] is None and filled(cells) == len(cells) - 1 and body and len(cells) == width + 1:
        cells.pop()
    elif len(cells) == width - 1 and body and all(len(each.cells) != width or each.cells[-1] is None for each in body):
        surplus = 1
        pairs = ", ".join(f"{shown(name)}: {shown(cell)}" for name, cell in zip(cells[:3], body[0].cells, strict=False))
        warnings.append(
            f"the header names {len(cells)} columns, and every row has an empty cell more; it was left out. If that is wrong "
            f"({pairs}), a separator is missing in the header"
        )
    elif body and (len(cells) < width or not any(len(each.cells) == len(cells) for each in body)):
        common = width if len(cells) < width else Counter(len(each.cells) for each in body).most_common(1)[0][0]
        raise NoTable(
            f"{row} {record.line} has {len(cells)} cells, but most rows below have {common}. The first row must name the "
            f"columns: delete what stands above it, or add the names or separators that are missing"
        )
    if record.has_stray_quote and sum(each.is_quoted for each in body) > len(body) / 2:
        warnings.append(f"the header ({row} {record.line}) holds a quote that belongs to no other, and most cells are in quotes")
    places = [place for place, cell in enumerate(cells, 1) if not cell]
    if len(places) > 1 or (places and places != [1]):
        warnings.append(
            f"the header ({row} {record.line}) names {len(cells) - len(places)} of {len(cells)} columns; column "
            f"{places[0]} and others without a name are called column_N. If a title stands above the header, delete it"
            if len(places) > 1
            else f"column {places[0]} has no name in the header ({row} {record.line}); it is called column_{places[0]}"
        )
    names = [name or f"column_{place}" for place, name in enumerate(cells, 1)]
    return Header(names, record.line, 0, [], surplus, warnings)


def check_header(header: Header, body: Sequence[Record], kinds: Sequence[CellKind], row: str = "line") -> Iterator[str]:
    """What speaks against a header, as warnings.

    Args:
        body: the first records below it.
        kinds: of the columns.

    Raises:
        NoTable: the header is a row of values.
    """
    names = header.names
    rows = [record for record in body if filled(record.cells) and record.cells != names]
    if len(rows) < ENOUGH:
        kinds = column_kinds([record.cells for record in rows], len(names), 1)
    contrast = [place for place, kind in enumerate(kinds) if kind != "text" and kind_of(names[place]) == "text"]
    values = [place for place, name in enumerate(names) if kind_of(name) != "text"]
    alike = [
        place
        for place in values
        if kinds[place] == kind_of(names[place]) or (not rows and not is_plain_number(names[place]))
        if not is_plain_number(names[place])
    ]
    if alike:
        place = alike[0]
        below = next((record.cells[place] for record in rows if place < len(record.cells) and record.cells[place]), None)
        sample = f"{shown(names[place])} stands above {shown(below)}" if below else f"{shown(names[place])} is no name"
        if not contrast:
            raise NoTable(
                f"{row} {header.line} reads like a row of values, not like names of columns ({sample}). The first row must name "
                "the columns: add one that does"
            )
        yield f"{row} {header.line} was taken for the header, but holds values ({sample})"
    elif not contrast and values and rows and not (len(values) < len(names) and _are_steps([names[place] for place in values])):
        numbers = [place for place in values if kinds[place] == "number"]
        if numbers and len(numbers) == len([kind for kind in kinds if kind == "number"]):
            yield (
                f"{row} {header.line} was taken for the header, but may be a row of values "
                f"({shown(names[numbers[0]])} stands above numbers)"
            )
    elif not contrast and (again := _found_again(names, rows, kinds)):
        yield (
            f"{row} {header.line} was taken for the header, but may be a row: {shown(names[again[0]])} stands again in column "
            f"{again[0] + 1}, {row} {again[1]}"
        )
    if names[0].startswith("#") and rows and (rows[0].cells[0] or "").startswith("#"):
        yield f"{row}s {header.line} and {rows[0].line} begin with #. If they are remarks above the table, delete them"
    yield from _further_header_lines(rows, row)


def _are_steps(names: Sequence[str]) -> bool:
    """Whether numbers rise or fall in equal steps, as years and numbered columns do and values seldom."""
    if len(names) < 2 or not all(map(is_plain_number, names)):
        return False
    numbers = [int(name) for name in names]
    return len({after - before for before, after in pairwise(numbers)}) == 1 and numbers[0] != numbers[1]


def _found_again(names: Sequence[str], rows: Sequence[Record], kinds: Sequence[CellKind]) -> tuple[int, int] | None:
    """A name that is a value of its own column, and the line where."""
    for record in rows:
        for place, cell in enumerate(record.cells[: len(names)]):
            if kinds[place] == "text" and is_value(cell) and cell == names[place]:
                return place, record.line
    return None


def _further_header_lines(rows: Sequence[Record], row: str) -> Iterator[str]:
    """A first row that holds text in every column whose later cells are numbers or dates; or that names all that later rows
    repeat."""
    width = max((len(record.cells) for record in rows), default=0)
    first = min(HEADER_LINES, max(0, len(rows) - FEW_ROWS))
    below = [record.cells for record in rows[first:]]
    kinds = column_kinds(below, width, min(ENOUGH, len(below)))
    for record in rows[:first]:
        if reads_like_names(record.cells, kinds):
            place = next(i for i, cell in enumerate(record.cells) if kinds[i] != "text" and is_value(cell))
            yield (
                f"{row} {record.line} reads like a further line of the header ({shown(record.cells[place])} in a column of "
                f"{kinds[place]}{'es' if kinds[place] == 'address' else 's'}); it is a row of the table"
            )
            return
    if rows and _names_what_repeats(rows[0].cells, below):
        yield (
            f"{row} {rows[0].line} reads like a further line of the header ({shown(next(filter(None, rows[0].cells), None))}, "
            "and the rows below repeat other values); it is a row of the table"
        )


def _names_what_repeats(cells: Sequence[str | None], below: Sequence[Sequence[str | None]]) -> bool:
    """Whether every cell is longer than all below it, in columns of few values: as questions stand above their answers."""
    if len(below) < ENOUGH_TO_REPEAT:
        return False
    found = 0
    for place, cell in enumerate(cells):
        values = [value for each in below if place < len(each) and (value := each[place])]
        if not 1 < len(set(values)) <= len(values) / 2:
            continue  # texts, keys, one value or none
        if not cell or len(cell) <= max(map(len, values)):
            return False
        found += 1
    return found >= FEW_COLUMNS


def _lines(found: Sequence[Record], row: str) -> str:
    return f"{row} {found[0].line}" if len(found) == 1 else f"{row}s {found[0].line}-{found[-1].line}"
