"""What calamine does not say of an OpenDocument sheet: how cells are shown and merged, lengths of time, errors, formulas without
a value, what is hidden, struck out, behind cells or noted beside them."""

from __future__ import annotations

import re
import zipfile
from datetime import timedelta
from typing import Final

from lxml import etree

from research.documents.office.sheet_cells import text_of
from research.documents.office.sheet_details import Details, Place
from research.documents.office.sheet_looks import elements

CONTENT: Final = "content.xml"
_TABLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_STYLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_TEXT: Final = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_OFFICE: Final = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_DURATION: Final = re.compile(
    r"(?P<sign>-?)P(?:(?P<days>\d{1,6})D)?T?(?:(?P<hours>\d{1,7})H)?(?:(?P<minutes>\d{1,7})M)?(?:(?P<seconds>\d{1,7}(?:[.,]\d+)?)S)?"
)
_ERROR: Final = re.compile(r"#[A-Z/0!?]+|Err:\d+")
_SHOWN: Final = re.compile(r"[-−]?(?P<before>[^\d.,()−-]*?)[-−]?(?P<number>\d(?:[\d.,'’\s]*\d)?)(?P<after>[^\d()]*)")
_MOST: Final = 20_000
"""Rows or columns that one element stands for; what repeats more often is empty."""


def read(archive: zipfile.ZipFile, sheet: str) -> Details:
    """The details of a sheet."""
    struck: set[str] = set()
    with archive.open(CONTENT) as stream:
        for found in elements(stream, "style", "table"):
            if found.tag == f"{_STYLE}style":
                line = [part.get(f"{_STYLE}text-line-through-style") for part in found.iterfind(f"{_STYLE}text-properties")]
                if any(each not in (None, "none") for each in line):
                    struck.add(found.get(f"{_STYLE}name") or "")
            elif found.get(f"{_TABLE}name") == sheet:
                return _details(found, struck)
    return Details()


def _details(table: etree._Element, struck: set[str]) -> Details:
    found = Details()
    row = column = 0
    for element in table.iter(f"{_TABLE}table-column", f"{_TABLE}table-row"):
        is_row = element.tag == f"{_TABLE}table-row"
        often = _often(element, "rows" if is_row else "columns")
        if element.get(f"{_TABLE}visibility") in ("collapse", "filter"):
            places = range(row, row + often) if is_row else range(column, column + often)
            (found.hidden_rows if is_row else found.hidden_columns).extend(places)
        if is_row:
            _note_cells(element, row, often, struck, found)
            row += often
        else:
            column += often
    return found


def _note_cells(line: etree._Element, row: int, rows: int, struck: set[str], found: Details) -> None:
    column = 0
    for cell in line:
        if not isinstance(cell.tag, str):
            continue
        often = _often(cell, "columns")
        columns = often if rows * often <= _MOST else 1
        for place in (
            (row + down, column + across) for down in range(rows if columns == often else 1) for across in range(columns)
        ):
            _note_cell(cell, place, struck, found)
        column += often


def _note_cell(cell: etree._Element, place: Place, struck: set[str], found: Details) -> None:
    text = _text(cell)
    styles = {cell.get(f"{_TABLE}style-name"), *(span.get(f"{_TEXT}style-name") for span in cell.iter(f"{_TEXT}span"))}
    if styles & struck and text:
        found.struck.add(place)
    if cell.find("{*}annotation") is not None:
        found.comments.append(place)
    if (link := next(cell.iter(f"{_TEXT}a"), None)) is not None and (address := link.get(_HREF)):
        found.links[place] = address
    down, across = (int(cell.get(f"{_TABLE}number-{what}-spanned") or 1) for what in ("rows", "columns"))
    if down > 1 or across > 1:
        found.merged.append((place, (place[0] + down - 1, place[1] + across - 1)))
    kind, value = cell.get(f"{_OFFICE}value-type") or "", cell.get(f"{_OFFICE}value") or ""
    if kind == "time" and (length := _length(cell.get(f"{_OFFICE}time-value") or "")) is not None:
        found.texts[place] = text_of(length)
    elif kind in ("float", "currency", "percentage") and (code := _code(text, float(value or 0), kind == "percentage")):
        found.formats[place] = code
    if cell.get(f"{_TABLE}formula") is not None:
        found.formulas += 1
        if _ERROR.fullmatch(text):
            found.errors.append(place)
            found.texts[place] = ""
        elif not text and not value and kind in ("", "float"):
            found.uncomputed.append(place)
        elif value == "0":
            found.zeros.append(place)


def _text(cell: etree._Element) -> str:
    """What a cell shows, of one line."""
    lines = cell.findall(f"{_TEXT}p")
    return "".join(map(str, lines[0].itertext())).strip() if len(lines) == 1 else ""


def _length(written: str) -> timedelta | None:
    """A length of time of a day or more, or below nothing, which calamine gives as it is written."""
    match = _DURATION.fullmatch(written)
    if match is None:
        return None
    days, hours, minutes, seconds = (
        float((match[part] or "0").replace(",", ".")) for part in ("days", "hours", "minutes", "seconds")
    )
    length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return (-length if match["sign"] else length) if match["sign"] or length >= timedelta(days=1) else None


def _code(text: str, value: float, is_percentage: bool) -> str | None:
    """The number format by which a cell shows its number as this text, if there is more in it than the number: a percent sign, a
    currency, a unit, leading zeros. None if it shows another number, as in thousands."""
    match = _SHOWN.fullmatch(text)
    if match is None or '"' in text:
        return None
    before, number, after = match.groups()
    places = len(number) - max(number.rfind("."), number.rfind(",")) - 1
    digits = "".join(filter(str.isdecimal, number))
    for decimals in {places % len(number), 0}:
        shown = f"{abs(value) * (100 if is_percentage else 1):.{decimals}f}"
        if shown.replace(".", "").zfill(len(digits)) == digits:
            whole = "0" * len(digits) if not decimals and digits.startswith("0") and len(digits) > 1 else "0"
            code = whole + (f".{'0' * decimals}" if decimals else "")
            before, after = (f'"{part}"' if part.strip() and part.strip() != "%" else part.strip() for part in (before, after))
            return f"{before}{code}{after}" if before or after or len(whole) > 1 else None
    return None


def _often(element: etree._Element, what: str) -> int:
    return min(int(element.get(f"{_TABLE}number-{what}-repeated") or 1), _MOST)
