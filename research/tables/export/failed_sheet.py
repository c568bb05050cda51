"""The sheet of rows that are not completed: what they are, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from research.tables.export import looks
from research.tables.export.sheet_cells import MOST_ROWS, CellWriter

NAME: Final = "Failed rows"
_OF_RUN: Final = (("row", 7), ("status", 11), ("kind", 20), ("error", 90))


class FailedSheet:
    """Writes the failed rows, each with its error and its input."""

    def __init__(self, workbook: Any, cells: CellWriter, inputs: Sequence[str]) -> None:
        self._sheet = workbook.add_worksheet(NAME)
        self._cells = cells
        self._width = len(_OF_RUN) + len(inputs)
        self._line = 1
        for place, (title, width) in enumerate(_OF_RUN):
            self._sheet.set_column(place, place, width)
            cells.write(self._sheet, 0, place, title, looks.HEADER_RUN)
        for place, title in enumerate(inputs, start=len(_OF_RUN)):
            self._sheet.set_column(place, place, 20)
            cells.write(self._sheet, 0, place, title, looks.HEADER_INPUT)
        self._sheet.freeze_panes(1, 1)
        looks.set_page(self._sheet, header=True)

    def add_row(self, of_run: Sequence[Any], inputs: Sequence[Any]) -> None:
        """Write a row; beyond what a sheet takes, none (the first sheet has them all)."""
        if self._line >= MOST_ROWS:
            return
        for place, value in enumerate([*of_run, *inputs]):
            is_error = place == len(of_run) - 1
            self._cells.write(self._sheet, self._line, place, value, looks.WRAPPED if is_error else looks.TEXT)
        self._line += 1

    def close(self) -> None:
        self._sheet.autofilter(0, 0, max(self._line - 1, 1), self._width - 1)
