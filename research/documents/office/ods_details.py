"""What calamine does not say of an OpenDocument sheet: how cells are shown and merged, lengths of time, errors, formulas without
a value, what is hidden, struck out, behind cells or noted beside them."""

from __future__ import annotations

import itertools
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
_ERROR: Final = re.compile(r"#(?:NULL!|DIV/0!|VALUE!|REF!|NAME\?|NUM!|N/A|SPILL!|CALC!)|Err:\d{3}")
_ADDRESS: Final = re.compile(r"[a-z][a-z\d+.-]*:", re.I)
_SHOWN: Final = re.compile(r"[-−]?(?P<before>[^\d.,()−-]*?)[-−]?(?P<number>\d(?:[\d.,'’\s]*\d)?)(?P<after>[^\d()]*)")
_MOST: Final = 20_000
"""Rows or columns that one element stands for; what repeats more often is empty."""
_MOST_PLACES: Final = 500_000
"""Of cells that repeat and of which there is something to say."""
_MOST_DIGITS: Final = 15
"""That a number has for sure."""


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
    left = _MOST_PLACES
    for element in table.iter(f"{_TABLE}table-column", f"{_TABLE}table-row"):
        is_row = element.tag == f"{_TABLE}table-row"
        often = _often(element, "rows" if is_row else "columns")
        if element.get(f"{_TABLE}visibility") in ("collapse", "filter"):
            places = range(row, row + often) if is_row else range(column, column + often)
            (found.hidden_rows if is_row else found.hidden_columns).extend(places)
        if is_row:
            left -= _note_cells(element, row, often, struck, found, left)
            row += often
        else:
            column += often
    return found


def _note_cells(line: etree._Element, row: int, rows: int, struck: set[str], found: Details, most: int) -> int:
    """Note the cells of a row that stands for several; returns at how many further places, of so many at most."""
    column = places = 0
    for cell in line:
        if not isinstance(cell.tag, str):
            continue
        often = _often(cell, "columns")
        own = Details()
        _note_cell(cell, (row, column), struck, own)
        if own != Details():
            is_copied = rows * often <= min(_MOST, most - places)
            for down, across in itertools.product(range(rows), range(often)) if is_copied else [(0, 0)]:
                _note_cell(cell, (row + down, column + across), struck, found)
            places += rows * often - 1 if is_copied else 0
        column += often
    return places


def _note_cell(cell: etree._Element, place: Place, struck: set[str], found: Details) -> None:
    text = _text(cell)
    styles = {cell.get(f"{_TABLE}style-name"), *(span.get(f"{_TEXT}style-name") for span in cell.iter(f"{_TEXT}span"))}
    if styles & struck and text:
        found.struck.add(place)
    if cell.find("{*}annotation") is not None:
        found.comments.append(place)
    addresses = {link.get(_HREF) or "" for link in cell.iterfind(f"{_TEXT}p//{_TEXT}a")}
    if len(addresses) == 1 and _ADDRESS.match(address := addresses.pop()):
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
    if len(digits) > _MOST_DIGITS:
        return None
    for decimals in {places % len(number), 0}:
        shown = f"{abs(value) * (100 if is_percentage else 1):.{decimals}f}"
        if shown.replace(".", "").zfill(len(digits)) == digits:
            whole = "0" * len(digits) if not decimals and digits.startswith("0") and len(digits) > 1 else "0"
            code = whole + (f".{'0' * decimals}" if decimals else "")
            bare = ("", "%") if is_percentage else ("",)
            before, after = (part.strip() if part.strip() in bare else f'"{part}"' for part in (before, after))
            return f"{before}{code}{after}" if before or after or len(whole) > 1 else None
    return None


def _often(element: etree._Element, what: str) -> int:
    return min(int(element.get(f"{_TABLE}number-{what}-repeated") or 1), _MOST)
