"""The sheet of results: the input's columns as they came; what was found, shaded by confidence and linked to its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from xlsxwriter.utility import xl_col_to_name

from research.tables.export import looks
from research.tables.export.columns import ExportColumn, Role
from research.tables.export.csv_file import as_text
from research.tables.export.sheet_cells import MOST_LINKS, MOST_ROWS, CellWriter, Style

NAME: Final = "Results"
TIP: Final = "Click for the evidence"
_HEADERS: Final = {Role.INPUT: looks.HEADER_INPUT, Role.OUTPUT: looks.HEADER_OUTPUT, Role.RUN: looks.HEADER_RUN}
_WIDTHS: Final = (9, 46)
"""The least and the most that a column is wide, in characters."""
_SAMPLE: Final = 200
"""Rows whose cells say how wide their columns are."""


class ResultsSheet:
    """Writes the rows of one sheet. A workbook has a second one where its rows are more than a sheet takes."""

    def __init__(self, workbook: Any, cells: CellWriter, columns: Sequence[ExportColumn], number: int, rows: int) -> None:
        """
        Args:
            number: of this sheet, from 1.
            rows: how many it will have.
        """
        self.name = NAME if number == 1 else f"{NAME} {number}"
        self._sheet = workbook.add_worksheet(self.name)
        self._cells = cells
        self._columns = columns
        self._widths = [len(column.name) + 4 for column in columns]
        self._line = 1
        self._rows = rows
        self._links = 0
        self._status = next((place for place, each in enumerate(columns) if each.role is Role.RUN), None)
        self._letters = {each.of: xl_col_to_name(place) for place, each in enumerate(columns) if each.role is Role.OUTPUT}
        for place, column in enumerate(columns):
            cells.write(self._sheet, 0, place, column.name, _HEADERS.get(column.role, looks.HEADER_BESIDE))
        self._sheet.freeze_panes(1, 1)
        looks.set_page(self._sheet, header=True)

    def show_first(self) -> None:
        """Make it the sheet that is seen when the workbook is opened."""
        self._sheet.activate()

    @property
    def is_full(self) -> bool:
        return self._line >= MOST_ROWS

    def place_of(self, column: str) -> str | None:
        """Where an output column's cell of the next row will stand: `'Results'!D7`."""
        letter = self._letters.get(column)
        return None if letter is None else f"'{self.name}'!{letter}{self._line + 1}"

    def add_row(self, values: Sequence[Any], styles: Sequence[Style], links: Mapping[int, str]) -> int:
        """Write the next row. Returns how many links of it found no room.

        Args:
            values: by place of the column.
            styles: likewise.
            links: by place of the column, where a click leads. The first ones have precedence.
        """
        left_out = 0
        kept_free = max(self._rows - self._line, 0)  # each row below gets one link before this one gets its second
        for number, (place, target) in enumerate(links.items()):
            if self._links + (kept_free if number else 0) >= MOST_LINKS:
                left_out += 1
                continue
            self._links += 1
            self._sheet.write_url(self._line, place, f"internal:{target}", self._cells.format(styles[place]), "", TIP)
        for place, (value, style) in enumerate(zip(values, styles, strict=True)):
            self._cells.write(self._sheet, self._line, place, value, style)
        if self._line <= _SAMPLE:
            for place, value in enumerate(values):
                lines = as_text(value).splitlines() or [""]
                self._widths[place] = max(self._widths[place], len(lines[0]) + 2)
        self._line += 1
        return left_out

    def close(self) -> None:
        """Set the widths of the columns and what the filter covers."""
        narrowest, widest = _WIDTHS
        for place, (column, width) in enumerate(zip(self._columns, self._widths, strict=True)):
            self._sheet.set_column(place, place, min(max(width, narrowest), widest))
            if column.role is Role.INPUT:
                letter = xl_col_to_name(place)
                self._sheet.ignore_errors({"number_stored_as_text": f"{letter}1:{letter}{max(self._line, 2)}"})
        self._sheet.autofilter(0, 0, max(self._line - 1, 1), len(self._columns) - 1)
