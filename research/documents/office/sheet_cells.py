"""The cells of a workbook: which sheets are shown, merged cells filled, a value as a person would read it."""

from __future__ import annotations

from collections.abc import Mapping, MutableSequence, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any, Final

from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from research.documents.office.sheet_formats import as_shown

EXACT: Final = 2**53
"""The first whole number from which not every one has its own float: Excel's own numbers are floats."""
_LONG: Final = 1e21

Range = tuple[tuple[int, int], tuple[int, int]]


def shown_sheets(workbook: CalamineWorkbook) -> list[str]:
    """The names of the sheets that hold cells and are shown, in order."""
    return [
        sheet.name
        for sheet in workbook.sheets_metadata
        if sheet.visible == SheetVisibleEnum.Visible and sheet.typ == SheetTypeEnum.WorkSheet
    ]


def fill_merged(rows: Mapping[int, MutableSequence[Any]], ranges: Sequence[Range] | None, column: int = 0) -> None:
    """Give every cell of a merged range the range's value. A title over several columns stays one cell.

    Args:
        rows: by their place in the sheet.
        column: the place in the sheet of their first cell.
    """
    for (top, left), (bottom, right) in ranges or ():
        first = rows.get(top)
        start = left - column
        if first is None or not 0 <= start < len(first) or first[start] == "":
            continue
        value = first[start]
        if right > left and sum(cell != "" for cell in first) == 1:
            continue
        for place in range(top, min(bottom, max(rows)) + 1):
            line = rows.get(place)
            for at in range(start, min(right - column + 1, len(line)) if line is not None else 0):
                if line is not None and line[at] == "":
                    line[at] = value


def text_of(cell: Any, code: str | None = None) -> str:
    """A cell as a person would read it: whole numbers without a point, dates in ISO form, no time where it is midnight.

    Args:
        code: the number format of a number, which may add a percent sign, a currency or a unit.
    """
    match cell:
        case bool():
            return "TRUE" if cell else "FALSE"
        case int() | float():
            return (as_shown(float(cell), code) if code and isfinite(cell) and abs(cell) < _LONG else None) or _number(cell)
        case datetime():
            return cell.isoformat(" ", "seconds") if cell.time() != time() else cell.date().isoformat()
        case date() | time():
            return cell.isoformat()
        case timedelta():
            seconds, thousandths = divmod(round(abs(cell).total_seconds() * 1000), 1000)
            sign = "-" if cell < timedelta() and (seconds or thousandths) else ""
            fraction = f".{thousandths:03d}".rstrip("0") if thousandths else ""
            return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{fraction}"
        case _:
            return " ".join(str(cell).split("\x00"))


def _number(number: float) -> str:
    """Without an exponent, and with no digit that the float does not have."""
    if not isfinite(number) or abs(number) >= _LONG:
        return str(number)
    if number == int(number):
        return str(int(number)) if abs(number) <= EXACT else f"{Decimal(repr(float(number))):f}"
    return f"{number:.15g}"
