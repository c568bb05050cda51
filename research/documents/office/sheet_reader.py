"""The sheets of a workbook as a page shows them: the text of each cell, with its unit and the address behind it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from python_calamine import CalamineWorkbook

from research.documents.html.raised import struck
from research.documents.office import sheet_details
from research.documents.office.sheet_cells import fill_merged, shown_sheets, text_of
from research.documents.office.sheet_details import Details, name_of

MAX_CHARACTERS: Final = 1_900_000
"""Of all sheets together. Rows beyond it are counted and left out."""
MAX_CELLS: Final = 5_000_000
"""Cells that are looked at, empty ones included."""
_NAMED: Final = 5
"""Cells that a fact names."""


class Sheet(NamedTuple):
    """A sheet that is shown."""

    name: str
    rows: list[list[str]]
    left_out: int
    """Rows that were left out."""
    uncomputed: str = ""
    """Cells whose formula has no stored value."""


def read(data: bytes) -> list[Sheet]:
    """The sheets of a workbook that are shown.

    Raises:
        CalamineError: it is none that can be read.
    """
    found: list[Sheet] = []
    left, cells = MAX_CHARACTERS, MAX_CELLS
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
    for name in shown_sheets(workbook):
        details = sheet_details.read(data, name)
        rows: dict[int, list[str]] = {}
        left_out = 0
        sheet = workbook.get_sheet_by_name(name)
        _, first = sheet.start or (0, 0)  # rows come from the first one of the sheet, columns from the first that is used
        for place, row in enumerate(sheet.iter_rows()):
            cells -= len(row)
            if cells <= 0 or left <= 0:
                left_out += 1
                continue
            texts = list(_texts(row, place, first, details))
            if any(texts):
                rows[place] = texts
                left -= sum(map(len, texts)) + 3 * len(texts) + 4
        fill_merged(rows, sheet.merged_cell_ranges or details.merged, first)
        found.append(Sheet(name, list(rows.values()), left_out, _named(details)))
    return found


def _texts(row: list[Any], place: int, first: int, details: Details) -> Iterator[str]:
    for column, cell in enumerate(row, first):
        text = details.texts.get((place, column))
        text = text_of(cell, details.formats.get((place, column))) if text is None else text
        text = details.marked.get((place, column)) or (struck(text) if (place, column) in details.struck else text)
        address = details.links.get((place, column), "").removeprefix("mailto:")
        yield f"{text} ({address})" if address and text and address not in text else text or address


def _named(details: Details) -> str:
    if not details.uncomputed:
        return ""
    names = ", ".join(name_of(place) for place in details.uncomputed[:_NAMED])
    more = len(details.uncomputed) - _NAMED
    return f"{names} and {more:,} more" if more > 0 else names
