"""The rows below a header: as wide as it, or refused with their line; and what is odd about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from research.documents.tabular.cell_kinds import CellKind, column_kinds, is_value, kind_of, reads_like_names, stand_in_place
from research.documents.tabular.header import (
    FEW_COLUMNS,
    HEADER_LINES,
    Header,
    NoTable,
    check_header,
    filled,
    shown,
)
from research.documents.tabular.odd_rows import OddRows, is_total, spaced
from research.documents.tabular.separated import Record

SAMPLE: Final = 300
"""Rows by which the kinds of columns are told."""
SELDOM_FILLED: Final = 0.5
"""The share of rows that fill a column, up to which a cell that is missing there may be an empty one."""
_NAMED: Final = 3
"""Lines that a warning names."""


class Body:
    """The rows of a table, checked while they are read. `warnings` is complete when the last row has been taken."""

    def __init__(self, header: Header, records: Iterable[Record], *, row: str = "line", delimiter: str = ",") -> None:
        self.warnings = list(header.warnings)
        self._header, self._row, self._delimiter = header, row, delimiter
        self._width = len(header.names)
        self._records = iter(records)
        first = list(islice(self._records, SAMPLE))
        regular = [record.cells[: self._width] for record in first if len(record.cells) == self._width + header.surplus]
        self._kinds: list[CellKind] = column_kinds(regular[1:] if len(regular) > SAMPLE // 2 else regular, self._width)
        self._filled = [sum(bool(cells[place]) for cells in regular) / max(1, len(regular)) for place in range(self._width)]
        """The share of rows that fill each column."""
        self._strong = [place for place, kind in enumerate(self._kinds) if kind != "text"]
        self._first = first
        self._odd: dict[str, list[int]] = {}
        self._sparse: list[int] = []
        """Lines of the last rows, as long as only their first cells hold anything."""
        self._sparse_text = ""
        self._was_sparse = False
        """Whether such rows stand among others, too."""
        self._full = self._rows_seen = self._quoted = 0
        self._is_gap = False
        """Whether nothing stands in the row before."""
        self._last: tuple[list[str | None], int] | None = None
        """The last row of more than one cell, and its line."""
        self._odd_rows = OddRows(header.names, self._kinds, self._filled, delimiter)
        self.warnings += spaced(header.names, regular)

    def rows(self) -> Iterator[list[str | None]]:
        """Every row, with exactly as many cells as the header has names.

        Raises:
            NoTable: a row has more cells or fewer, or the header is a row of values.
        """
        self.warnings += check_header(self._header, self._first, self._kinds, self._row)
        below: list[Record] = []
        """Notes below the table."""
        gap = False
        """Whether a blank line or an empty row stands before the record."""
        records = self._all()
        for record in records:
            if not record.cells and self._width > 1:
                gap = True
                continue
            if below and filled(record.cells) and not self._is_note(record):
                raise self._misfit(below[0], [record])
            if below:
                below.append(record)
                continue
            cells = self._fitted(record)
            if cells is not None:
                if gap and self._full and filled(cells) > 1:
                    self._odd_rows.note_gap(record.line)
                self._look_at(cells, record)
                yield cells
                gap = False
            elif (gap or self._is_gap) and self._is_note(record):
                below.append(record)
            else:
                raise self._misfit(record, list(islice(records, FEW_COLUMNS)))
        if below:
            self.warnings.append(
                f"{self._places([each.line for each in below])} ({shown(below[0].cells[0])}) below the table: left out"
            )
        self._tell()

    def _is_note(self, record: Record) -> bool:
        """Whether a record may be a line of text below the table: one cell, or a sentence whose commas a space follows."""
        return len(record.cells) < self._width and all(cell is not None and cell[:1] == " " for cell in record.cells[1:])

    def _all(self) -> Iterator[Record]:
        yield from self._first
        self._first = []
        yield from self._records

    def _fitted(self, record: Record) -> list[str | None] | None:
        """The cells of a record if they are as many as the header's; or if they can be made so without a doubt."""
        cells, width = record.cells, self._width
        if not cells:
            return [None] * width
        if surplus := self._header.surplus:
            return cells[:width] if len(cells) == width + surplus and not any(cells[width:]) else None
        if len(cells) == width:
            return cells
        if any(cells[width:]) or not self._is_in_place(cells):
            return None
        self._note("short" if len(cells) < width else "long", record.line)
        return [*cells[:width], *[None] * (width - len(cells))]

    def _is_in_place(self, cells: Sequence[str | None]) -> bool:
        """Whether the last value of a record stands where only it can stand: then only empty cells are missing behind it, or too
        many are there."""
        return stand_in_place(cells, self._kinds) and all(share <= SELDOM_FILLED for share in self._filled[len(cells) :])

    def _misfit(self, record: Record, following: Sequence[Record]) -> NoTable:
        size, width = len(record.cells), self._width
        what = "a separator is missing"
        if size < width and self._is_note(record):
            what += ", or a note begins there that is no row"
        elif size > width:
            what = "a separator is too many, or a value that holds one is not in quotes"
        values = ", ".join(shown(cell) for cell in record.cells[:4])
        advice = f"Probably {what}: correct that line"
        if size > 1 and len(following) == FEW_COLUMNS and all(len(each.cells) == size for each in following):
            advice = f"So have the {self._row}s below it: another table begins there. Keep one of the two in the file"
        expected = f"the header names {width} columns"
        if self._header.surplus:
            expected += f" and other {self._row}s have {width + self._header.surplus} cells, with nothing at the end"
        return NoTable(
            f"{self._row} {record.line} has {size} cell{'s' if size != 1 else ''}, but {expected} ({values}"
            f"{', …' if size > 4 else ''}). {advice}"
        )

    def _look_at(self, cells: list[str | None], record: Record) -> None:
        number = filled(cells)
        self._rows_seen += 1
        self._quoted += record.is_quoted
        if record.has_stray_quote:
            self._note("stray quote", record.line)
        below_gap, self._is_gap = self._is_gap, number == 0
        if number == 0:
            self._note("empty", record.line)
            return
        if number == 1 and cells[0] and (self._width > FEW_COLUMNS or (self._width > 1 and below_gap)):
            self._sparse.append(record.line)
            self._sparse_text = self._sparse_text or cells[0]
            self._odd_rows.note_label(record.line)
            return
        self._full += 1
        if self._sparse:
            self._was_sparse = True
            self._sparse.clear()
        for what in self._odd_rows.look_at(cells, record.line):
            self._note(what, record.line)
        if "header" in self._odd and self._odd["header"][-1] == record.line:
            return
        self._last = (cells, record.line)
        if self._strong:
            cell = cells[self._strong[0]]
            if cell is not None and is_value(cell) and kind_of(cell) != self._kinds[self._strong[0]]:
                self._look_closer(cells, record)
        for place in self._strong:
            if cells[place] is None and self._kinds[place] in ("address", "date") and self._stands_beside(cells, place):
                self._note("shifted", record.line)
        for cell in cells:
            if cell is not None and ("\n" in cell or "\r" in cell):
                inner = cell.replace("\r", "\n").split("\n")[1:-1]
                if self._width > 1 and any(part.count(self._delimiter) >= self._width - 1 for part in inner):
                    self._note("swallowed", record.line)

    def _stands_beside(self, cells: Sequence[str | None], place: int) -> bool:
        """Whether a value of a column's kind stands in a column of text beside it."""
        beside = [at for at in (place - 1, place + 1) if 0 <= at < self._width and self._kinds[at] == "text"]
        return any(kind_of(cells[at] or "") == self._kinds[place] for at in beside)

    def _look_closer(self, cells: list[str | None], record: Record) -> None:
        wrong = [
            place
            for place in self._strong
            if (cell := cells[place]) is not None and is_value(cell) and kind_of(cell) != self._kinds[place]
        ]
        if len(self._strong) > 1 and self._rows_seen > HEADER_LINES and reads_like_names(cells, self._kinds):
            self._note("names", record.line)
        elif len(wrong) > 1 and self._is_shifted(cells):
            self._note("shifted", record.line)

    def _is_shifted(self, cells: list[str | None]) -> bool:
        """Whether the values of columns of a kind stand one place to the left or to the right of them."""
        for step in (-1, 1):
            beside = [
                cell
                for place in self._strong
                if 0 <= place + step < self._width and (cell := cells[place + step]) is not None and is_value(cell)
                if kind_of(cell) == self._kinds[place] != self._kinds[place + step]
            ]
            if len(beside) > 1:
                return True
        return False

    def _note(self, what: str, line: int) -> None:
        self._odd.setdefault(what, []).append(line)

    def _tell(self) -> None:
        if self._sparse and not self._was_sparse and self._full > len(self._sparse):
            self.warnings.append(
                f"{self._places(self._sparse)} at the end of the table: only the first cell holds anything "
                f"({shown(self._sparse_text)}). If that is a note below the table, delete it"
            )
        if self._last is not None and self._full > 1:
            cells, line = self._last
            if line not in self._odd.get("total", ()) and (is_total(next(filter(None, cells), "")) or self._odd_rows.is_total):
                self._note("total", line)
        if not self._rows_seen:
            self.warnings.append(f"{self._row} {self._header.line} names the columns, and no row follows")
        if self._quoted <= self._rows_seen / 2:
            self._odd.pop("stray quote", None)  # where quotes are the exception, one in a cell is text: `12" disk`
        self.warnings += self._odd_rows.told(self._header.names, self._row)
        for what, lines in self._odd.items():
            self.warnings.append(f"{self._places(lines)}: {_TOLD[what]}")

    def _places(self, lines: Sequence[int]) -> str:
        named = ", ".join(map(str, lines[:_NAMED]))
        more = f" and {len(lines) - _NAMED:,} more" if len(lines) > _NAMED else ""
        return f"{self._row}{'s' if len(lines) > 1 else ''} {named}{more}"


_TOLD: Final = {
    "ruler": "no cell holds a letter or a digit: a drawn line, or rows that were left out? A row of the table all the same",
    "split": "its last two cells may be one number, whose thousands a comma divides. If so, put such numbers in quotes",
    "lost": "what a spreadsheet shows in place of a value (####, #N/A), and no value. Save the file again from its source",
    "rounded": "a number such as 4.00638E+12, of which a spreadsheet kept a few digits. Save the file again from its source",
    "backslash": "a cell ends with a backslash, with which some programs mark a separator inside a value: it may be two cells",
    "total": "reads like a total of the rows above it, and is a row of the table. Delete it, or leave it out with --query",
    "empty": "no cell holds anything; a row of the table all the same",
    "short": "fewer cells than the header names; the last ones were taken as empty, because all others stand where they belong",
    "long": "more cells than the header names; the last ones are empty and were left out: all others stand where they belong",
    "header": "repeats the header, and is a row of the table. Does a second table begin there? Delete it, or use --query",
    "names": "reads like a header, and is a row of the table. Does a second table begin there?",
    "shifted": "its values seem to stand one column beside where they belong",
    "formula": 'a cell such as ="00123" is a formula, by which a program told Excel that it is text; it was read as it stands',
    "stray quote": "a quote belongs to no other, and most cells are in quotes: is one missing before its cell or too many in it?",
    "swallowed": "a quoted cell holds whole lines with separators. Is a quote missing or too many?",
}
