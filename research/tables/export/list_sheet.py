"""A sheet with a line for each of some rows or cells: failed rows, reports, people's decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from research.tables.export import looks
from research.tables.export.sheet_cells import MOST_LINKS, MOST_ROWS, CellWriter, Style


class ListColumn(NamedTuple):
    """A column of such a sheet."""

    title: str
    width: int
    wrapped: bool = False
    header: Style = looks.HEADER_RUN


FAILED: Final = (
    ListColumn("row", 7),
    ListColumn("status", 11),
    ListColumn("kind", 20),
    ListColumn("error", 90, wrapped=True),
)
REPORTS: Final = (ListColumn("row", 7), ListColumn("name", 28), ListColumn("report", 140, wrapped=True))
REVIEWS: Final = (
    ListColumn("row", 7),
    ListColumn("name", 28),
    ListColumn("field", 20),
    ListColumn("decision", 11),
    ListColumn("found", 36),
    ListColumn("right value", 36),
    ListColumn("note", 50, wrapped=True),
    ListColumn("by", 18),
    ListColumn("when", 20),
)


class ListSheet:
    """Writes the lines of one sheet; beyond what a sheet takes, none."""

    def __init__(self, workbook: Any, cells: CellWriter, name: str, columns: Sequence[ListColumn]) -> None:
        self._sheet = workbook.add_worksheet(name)
        self._cells = cells
        self._columns = columns
        self._line = 1
        for place, column in enumerate(columns):
            self._sheet.set_column(place, place, column.width)
            cells.write(self._sheet, 0, place, column.title, column.header)
        self._sheet.freeze_panes(1, 1)
        looks.set_page(self._sheet, header=True)

    def add(self, values: Sequence[Any], leads_to: str | None = None) -> None:
        """Write a line.

        Args:
            leads_to: where a click on its first cell leads: `'Results'!D7`.
        """
        if self._line >= MOST_ROWS:
            return
        linked = leads_to is not None and self._line <= MOST_LINKS
        if linked:
            self._sheet.write_url(self._line, 0, f"internal:{leads_to}", self._cells.format(looks.LINK), "")
        for place, (value, column) in enumerate(zip(values, self._columns, strict=True)):
            style = looks.WRAPPED if column.wrapped else looks.LINK if linked and place == 0 else looks.TEXT
            self._cells.write(self._sheet, self._line, place, value, style)
        self._line += 1

    def close(self) -> None:
        """Say what the filter covers."""
        self._sheet.autofilter(0, 0, max(self._line - 1, 1), len(self._columns) - 1)
