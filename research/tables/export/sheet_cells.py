"""What a cell of a workbook can hold, and how a value is written into one so that nothing of it is run, rounded or lost unsaid.

XlsxWriter writes what it is told to write; what Excel makes of it is settled here.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Final

from research.tables.export.csv_file import as_text

MOST_ROWS: Final = 1_048_576
MOST_COLUMNS: Final = 16_384
MOST_LINKS: Final = 65_530
"""Of a sheet."""
LONGEST_TEXT: Final = 32_767
"""UTF-16 units, as Excel counts them."""
MOST_DIGITS: Final = 15
"""Of a number: Excel keeps no more."""
FIRST_DAY: Final = date(1900, 3, 1)
"""Excel believes in 29 February 1900, so days before this one are others in LibreOffice."""

CUT: Final = "… [cut: Excel holds 32,767 characters in a cell; the JSON lines export has all]"
_YES_OR_NO: Final = '"TRUE";"TRUE";"FALSE"'
"""Without it LibreOffice shows 1 and 0; Excel needs no format for it."""
_EPOCH: Final = datetime(1899, 12, 30)  # Excel knows no zones
_DAY: Final = timedelta(days=1)
_FORMULA: Final = re.compile(r"[=+\-@]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LINK: Final = re.compile(r"https?://[!#-;=?-\[\]_a-z~%]{1,2000}", re.IGNORECASE)
"""An address that can be a link: printable ASCII without quotes and brackets, no longer than Excel takes."""

TOO_LONG: Final = (
    "text of more than 32,767 characters, which is all that a cell holds: shortened (the JSON lines export has all of it)"
)
NOT_A_DATE: Final = (
    "dates before March 1900 or after 9999, in a zone other than UTC, or finer than a millisecond: written as text"
)
NOT_A_NUMBER: Final = "numbers of more than 15 digits, or not finite: written as text, so that no digit is lost"


@dataclass(frozen=True, slots=True)
class Style:
    """How a cell looks. Equal styles share one format of the workbook."""

    fill: str | None = None
    bold: bool = False
    wrap: bool = False
    color: str | None = None
    size: int | None = None
    align: str | None = None
    underline: bool = False
    border: str | None = None
    top: bool = False
    """Whether it stands at the top of a high row, and is otherwise plain. What has any other style does anyhow."""
    number_format: str | None = None
    """Excel's, of numbers that have no other (dates)."""
    is_text: bool = False
    """Whether Excel must not read the text anew when a person edits it."""


PLAIN: Final = Style()


class CellWriter:
    """Writes values into cells of one workbook, and counts what Excel could not hold as it is."""

    def __init__(self, workbook: Any) -> None:
        self._workbook = workbook
        self._formats: dict[Style, Any] = {}
        self._bold = workbook.add_format({})
        self.notes: Counter[str] = Counter()
        """What was changed, and in how many cells."""

    def write(self, sheet: Any, row: int, column: int, value: Any, style: Style = PLAIN) -> None:
        """Write a value. An empty one is an empty cell, which still has its style."""
        number, number_format = self._number(value)
        if number is not None:
            sheet.write_number(row, column, number, self.format(_with(style, number_format)))
        elif isinstance(value, bool):
            sheet.write_boolean(row, column, value, self.format(_with(style, _YES_OR_NO)))
        elif value is None or value == "":
            if style is not PLAIN:
                sheet.write_blank(row, column, None, self.format(style))
        else:
            self._write_text(sheet, row, column, self._fitting(as_text(value)), style)

    def format(self, style: Style) -> Any:
        """The format of a style; None for the plain one."""
        if style == PLAIN:
            return None
        if style not in self._formats:
            self._formats[style] = self._workbook.add_format(_properties(style))
        return self._formats[style]

    def _write_text(self, sheet: Any, row: int, column: int, text: str, style: Style) -> None:
        if _FORMULA.match(text):
            style = _as_text_only(style)
        made = self.format(style)
        if text.startswith("<r>") and text.endswith("</r>"):
            # XlsxWriter (3.3.1) takes such a text for the XML of a rich string, and writes it as it is.
            sheet.write_rich_string(row, column, text[0], self._bold, text[1:], *([made] if made is not None else []))
        else:
            sheet.write_string(row, column, text, made)

    def _number(self, value: Any) -> tuple[float | None, str | None]:
        """A value as Excel's number, and the format by which it is shown; None if it is no number there."""
        if isinstance(value, bool):
            return None, None
        number: float | None = None
        match value:
            case int() | float() | Decimal():
                if (number := _exact(value)) is None:
                    self.notes[NOT_A_NUMBER] += 1
                return number, None
            case datetime():
                number, shown = _moment(value)
            case date():
                number, shown = (_days(datetime(value.year, value.month, value.day)), "yyyy-mm-dd")
                number = number if value >= FIRST_DAY else None
            case time():
                since = timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
                number, shown = (since / _DAY, _clock("hh:mm:ss", value.microsecond)) if value.tzinfo is None else (None, "")
            case _:
                return None, None
        if number is None:
            self.notes[NOT_A_DATE] += 1
        return (None if number is None else _Exact(number)), shown

    def _fitting(self, text: str) -> str:
        text = _SURROGATE.sub("\ufffd", text)
        if len(text) <= LONGEST_TEXT // 2 or _units(text) <= LONGEST_TEXT:
            return text
        self.notes[TOO_LONG] += 1
        units = text.encode("utf-16-le")[: 2 * (LONGEST_TEXT - len(CUT))]
        return units.decode("utf-16-le", "ignore") + CUT


def linkable(url: str) -> bool:
    """Whether an address may be a link of a workbook."""
    return _LINK.fullmatch(url) is not None


class _Exact(float):
    """A number that XlsxWriter (3.3.1) writes with all its digits: it asks for 16, and a double may need 17."""

    def __format__(self, specification: str) -> str:
        return repr(float(self))


def _exact(value: int | float | Decimal) -> float | None:
    """A number as a double, if Excel keeps all its digits."""
    if isinstance(value, float):
        return _Exact(value) if math.isfinite(value) else None
    if isinstance(value, int):
        return _Exact(value) if abs(value) < 10**MOST_DIGITS else None
    if not value.is_finite() or len(value.normalize().as_tuple().digits) > MOST_DIGITS or abs(value) >= 10**MOST_DIGITS:
        return None
    return _Exact(value)


def _moment(value: datetime) -> tuple[float | None, str]:
    offset = value.utcoffset()
    fine = value.microsecond % 1000 or getattr(value, "nanosecond", 0)
    if value != value or fine or (offset is not None and (offset or value.tzname() not in ("UTC", "Z"))):
        return None, ""
    naive = value.replace(tzinfo=None)
    shown = _clock("yyyy-mm-dd hh:mm:ss", value.microsecond) + ("" if offset is None else '"Z"')
    return (_days(naive) if naive.date() >= FIRST_DAY else None), shown


def _clock(shown: str, microsecond: int) -> str:
    return f"{shown}.000" if microsecond else shown


def _days(moment: datetime) -> float:
    return (moment - _EPOCH) / _DAY


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@cache
def _with(style: Style, number_format: str | None) -> Style:
    """The style with a number's format; one that it has of its own stays."""
    return style if number_format is None or style.number_format is not None else replace(style, number_format=number_format)


@cache
def _as_text_only(style: Style) -> Style:
    return replace(style, is_text=True)


def _properties(style: Style) -> dict[str, Any]:
    made: dict[str, Any] = {"valign": "top"}
    if style.fill:
        made["bg_color"] = style.fill
    if style.bold:
        made["bold"] = True
    if style.wrap:
        made["text_wrap"] = True
    if style.color:
        made["font_color"] = style.color
    if style.size:
        made["font_size"] = style.size
    if style.align:
        made["align"] = style.align
    if style.underline:
        made["underline"] = 1
    if style.border:
        made |= {"border": 1, "border_color": style.border}
    if style.number_format:
        made["num_format"] = style.number_format
    if style.is_text:
        made["quote_prefix"] = True
    return made
