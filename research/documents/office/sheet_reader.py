"""The cells of a workbook as a person would read them, by calamine."""

from __future__ import annotations

import io
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from python_calamine import CalamineWorkbook, SheetVisibleEnum

MAX_CHARACTERS: Final = 1_900_000
"""Of all sheets together. Rows beyond it are counted and left out."""
MAX_CELLS: Final = 5_000_000
"""Cells that are looked at, empty ones included."""


class Sheet(NamedTuple):
    """A sheet that is shown."""

    name: str
    rows: list[list[str]]
    left_out: int
    """Rows that were left out."""


def read(data: bytes) -> list[Sheet]:
    """The sheets of a workbook that are shown.

    Raises:
        CalamineError: it is none that can be read.
    """
    found: list[Sheet] = []
    left, cells = MAX_CHARACTERS, MAX_CELLS
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
    for sheet in workbook.sheets_metadata:
        if sheet.visible != SheetVisibleEnum.Visible:
            continue
        rows: list[list[str]] = []
        left_out = 0
        for row in workbook.get_sheet_by_name(sheet.name).iter_rows():
            cells -= len(row)
            if cells <= 0 or left <= 0:
                left_out += 1
                continue
            texts = [_shown(cell) for cell in row]
            if any(texts):
                rows.append(texts)
                left -= sum(map(len, texts)) + 3 * len(texts) + 4
        found.append(Sheet(sheet.name, rows, left_out))
    return found


def _shown(cell: Any) -> str:
    """A cell as a person would read it: whole numbers without a point, dates in ISO form, no time where it is midnight."""
    match cell:
        case bool():
            return "TRUE" if cell else "FALSE"
        case float():
            return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else f"{cell:.15g}"
        case datetime():
            return cell.isoformat(" ", "seconds") if cell.time() != time() else cell.date().isoformat()
        case date() | time():
            return cell.isoformat()
        case timedelta():
            return str(cell)
        case _:
            return " ".join(str(cell).split("\x00"))
