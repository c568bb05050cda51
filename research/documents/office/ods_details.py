"""What calamine does not say of an OpenDocument sheet: what is hidden, struck out, or noted beside cells."""

from __future__ import annotations

import zipfile
from typing import Final

from lxml import etree

from research.documents.office.sheet_details import Details
from research.documents.office.sheet_looks import elements

CONTENT: Final = "content.xml"
_TABLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_STYLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_TEXT: Final = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
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
            _note_cells(element, row, struck, found)
            row += often
        else:
            column += often
    return found


def _note_cells(line: etree._Element, row: int, struck: set[str], found: Details) -> None:
    column = 0
    for cell in line:
        if not isinstance(cell.tag, str):
            continue
        spans = cell.iter(f"{_TEXT}span")
        styles = {cell.get(f"{_TABLE}style-name"), *(span.get(f"{_TEXT}style-name") for span in spans)}
        if styles & struck and cell.find(f"{_TEXT}p") is not None:
            found.struck.add((row, column))
        if cell.find("{*}annotation") is not None:
            found.comments.append((row, column))
        column += _often(cell, "columns")


def _often(element: etree._Element, what: str) -> int:
    return min(int(element.get(f"{_TABLE}number-{what}-repeated") or 1), _MOST)
