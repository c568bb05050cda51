"""What a reader of a sheet's cells alone would miss, as warnings: what is hidden, struck out, not calculated, or behind cells."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple

from research.documents.office import sheet_details
from research.documents.office.sheet_details import Place, column_letters
from research.documents.office.sheet_formats import as_shown

_NAMED: Final = 5
_LEADING_ZEROS: Final = re.compile(r"0{2,}(?![.:0])(?:;|$)")
"""A number format that fills up with zeros: `00000`."""
_DIGITS: Final = re.compile(r"[-\d.,\s]+")


class Sheet(NamedTuple):
    """The cells of a sheet, empty rows and columns around them left out."""

    name: str
    rows: list[list[Any]]
    row: int
    column: int
    """Where the first cell stands, from 0."""

    def at(self, place: Place) -> Any:
        """A cell by its place in the whole sheet."""
        row, column = place[0] - self.row, place[1] - self.column
        return self.rows[row][column] if 0 <= row < len(self.rows) and 0 <= column < len(self.rows[row]) else ""

    @property
    def is_cover(self) -> bool:
        """Whether no row holds two cells, or there is only one row: a title page rather than a table."""
        return len(self.rows) < 2 or all(sum(cell != "" for cell in row) < 2 for row in self.rows)


def odd_cells(details: sheet_details.Details, sheet: Sheet) -> Iterator[str]:
    """What is odd about the cells of a sheet."""
    if details.uncomputed:
        yield (
            f"{_places(details.uncomputed)}: formulas whose values are not stored; the cells are empty. Open the workbook in "
            "Excel or LibreOffice and save it"
        )
    if details.zeros and len(details.zeros) == details.formulas:
        yield (
            f"{_places(details.zeros)}: the value of every formula is 0, as programs write that do not calculate. If that is "
            "wrong, open the workbook in Excel or LibreOffice and save it"
        )
    if details.errors:
        yield f"{_places(details.errors)}: an error is shown there (such as #N/A); the cells are empty"
    if details.no_dates:
        yield f"{_places(details.no_dates)}: numbers that are formatted as dates, and are none. Correct or reformat them"
    yield from _hidden(details, sheet)
    if details.struck:
        yield f"{_places(details.struck)}: struck out in the workbook, and read all the same. What no longer holds, delete"
    if details.strikes_by_rule:
        yield "a conditional format strikes cells out; they are read all the same. What no longer holds, delete"
    if details.raised:
        yield f"{_places(details.raised)}: a part is raised or lowered, which the table does not show (10²⁴ is 1024 there)"
    if details.comments:
        yield f"{_places(details.comments)}: comments, which are not in the table"
    yield from _formats(details, sheet)
    hidden = [place for place, address in details.links.items() if address not in str(sheet.at(place))]
    if hidden:
        yield f"{_places(hidden)}: links whose addresses are not in the table, only what they are shown as"


def _hidden(details: sheet_details.Details, sheet: Sheet) -> Iterator[str]:
    height, width = len(sheet.rows), len(sheet.rows[0])
    if rows := [number + 1 for number in details.hidden_rows if sheet.row <= number < sheet.row + height]:
        yield f"{listed('row', rows)} not shown in the workbook (hidden, or filtered out), and read all the same"
    columns = [column for column in details.hidden_columns if sheet.column <= column < sheet.column + width]
    if letters := [column_letters(column) for column in columns if any(row[column - sheet.column] != "" for row in sheet.rows)]:
        yield f"{listed('column', letters)} hidden in the workbook, and read all the same"
    if details.unseen:
        yield f"{_places(details.unseen)}: the number format shows nothing of the number; read all the same"


def _formats(details: sheet_details.Details, sheet: Sheet) -> Iterator[str]:
    if zeros := sorted({place[1] for place, code in details.formats.items() if _LEADING_ZEROS.match(code)}):
        letters = [column_letters(column) for column in zeros]
        yield (
            f"{listed('column', letters)} shown with leading zeros, which the numbers in the table do not have. Where they "
            "count (postal codes), format the cells as text and type them again"
        )
    units: defaultdict[int, dict[str, Place]] = defaultdict(dict)
    for place in sorted(details.formats):
        number = sheet.at(place)
        if isinstance(number, int | float) and (text := as_shown(float(number), details.formats[place])):
            units[place[1]].setdefault(_DIGITS.sub("", text), place)
    for column, found in units.items():
        found.pop("", None)
        if list(found) == ["%"] and (plain := _without_percent(details, sheet, column)) is not None:
            found["none"] = plain
        if len(found) > 1:
            named = ", ".join(f"{unit} ({sheet_details.name_of(place)})" for unit, place in list(found.items())[:_NAMED])
            yield f"column {column_letters(column)} shows numbers with different units: {named}. The table has the numbers alone"


def _without_percent(details: sheet_details.Details, sheet: Sheet, column: int) -> Place | None:
    """The first number of a column that is not shown as a percentage."""
    for row in range(sheet.row, sheet.row + len(sheet.rows)):
        number = sheet.at((row, column))
        if isinstance(number, float) and number and "%" not in details.formats.get((row, column), ""):
            return row, column
    return None


def listed(noun: str, names: Sequence[int | str]) -> str:
    """`row 3 is`, `rows 3, 4 and 7 more are`."""
    named = ", ".join(map(str, names[:_NAMED]))
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"{noun} {named} is" if len(names) == 1 else f"{noun}s {named}{more} are"


def _places(places: Collection[Place]) -> str:
    named = ", ".join(sheet_details.name_of(place) for place in sorted(places)[:_NAMED])
    more = len(places) - _NAMED
    return f"{named} and {more:,} more cells" if more > 0 else f"{'cells' if len(places) > 1 else 'cell'} {named}"
