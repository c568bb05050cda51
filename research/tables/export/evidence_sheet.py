"""The sheet of evidence: a line for each excerpt, in the order of the rows; further sheets where one is full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from research.result.result import FieldBasis
from research.tables.export import looks
from research.tables.export.csv_file import as_text
from research.tables.export.rows import CellBasis
from research.tables.export.sheet_cells import MOST_LINKS, MOST_ROWS, CellWriter, Style, linkable

NAME: Final = "Evidence"
_COLUMNS: Final = (
    ("row", 7),
    ("name", 24),
    ("field", 20),
    ("value", 28),
    ("confidence", 12),
    ("support", 10),
    ("excerpt", 80),
    ("page", 32),
    ("address", 44),
    ("reasoning", 70),
)
_P_CORRECT: Final = ("p_correct", 10)
_SHOWN: Final = 300
"""Characters of a value: the first sheet has all of it."""
_LINKS_A_LINE: Final = 2
_IN_A_LINE: Final = {"excerpt": 92, "reasoning": 82}
"""Characters, of these columns' widths."""
_LINE: Final = 15
"""Points."""
_FITTED: Final = 50_000
"""Lines of a sheet whose height is set to their text: each takes memory until the workbook is written."""


class EvidenceSheet:
    """Writes lines of evidence, and knows where each cell's begin."""

    def __init__(self, workbook: Any, cells: CellWriter, *, calibrated: bool) -> None:
        """
        Args:
            calibrated: whether it has a column of probabilities.
        """
        self._workbook = workbook
        self._calibrated = calibrated
        self._columns = (*_COLUMNS[:5], *([_P_CORRECT] if calibrated else []), *_COLUMNS[5:])
        self._cells = cells
        self._sheets: list[Any] = []
        self._line = MOST_ROWS
        self._links = 0
        self._band = True
        self.lines = 0
        self.begin()

    @property
    def count(self) -> int:
        """How many sheets there are."""
        return len(self._sheets)

    def begin(self) -> None:
        """Begin a sheet."""
        name = NAME if not self._sheets else f"{NAME} {len(self._sheets) + 1}"
        sheet = self._workbook.add_worksheet(name)
        self._sheets.append(sheet)
        for place, (title, width) in enumerate(self._columns):
            sheet.set_column(place, place, width)
            self._cells.write(sheet, 0, place, title, looks.HEADER_RUN)
        sheet.freeze_panes(1, 3)
        looks.set_page(sheet, header=True)
        self._line, self._links = 1, 0

    def add_row(
        self, row: int, name: str, basis: Mapping[str, CellBasis], values: Mapping[str, Any], back: Mapping[str, str]
    ) -> dict[str, str]:
        """Write what the cells of one row rest on.

        Args:
            name: what people call the row.
            basis: by field, in the order of the fields.
            values: by field.
            back: by field, the cell that it is evidence for: `'Results'!D7`.

        Returns: by field, where its evidence begins: `'Evidence'!A12`.
        """
        begins: dict[str, str] = {}
        self._band = not self._band
        for field, cell in basis.items():
            for part in cell.parts:
                value = values.get(field) if part.field == field else _part_of(values.get(field), field, part.field)
                shown = as_text(value)
                shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
                for number, line in enumerate(_lines(part)):
                    if self._line >= MOST_ROWS:
                        self._end()
                        self.begin()
                    begins.setdefault(field, f"'{self._sheets[-1].get_name()}'!A{self._line + 1}")
                    of_cell = (row, name, part.field, shown, part.confidence, cell.likely.get(part.field))
                    self._add(of_cell, line, part.reasoning, back.get(field), number == 0)
        return begins

    def _add(
        self, of_cell: tuple[Any, ...], line: tuple[str | None, ...], reasoning: str, back: str | None, is_first: bool
    ) -> None:
        sheet, place, band = self._sheets[-1], self._line, self._band
        row, name, field, value, confidence, likely = of_cell
        support, excerpt, title, url = line
        plain, wrapped, link = (looks.banded(style, band) for style in (looks.TEXT, looks.WRAPPED, looks.LINK))
        lines = 1 + max(len(excerpt or "") // _IN_A_LINE["excerpt"], len(reasoning) // _IN_A_LINE["reasoning"] if is_first else 0)
        if lines > 1 and place <= _FITTED:
            sheet.set_row(place, _LINE * min(lines, 20))
        may_link = self._links + _LINKS_A_LINE <= MOST_LINKS
        leads_back, leads_out = may_link and back is not None, may_link and url is not None and linkable(url)
        if leads_back:
            sheet.write_url(place, 0, f"internal:{back}", self._cells.format(link), "")
        if leads_out:
            sheet.write_url(place, 8 + self._calibrated, url, self._cells.format(link), "")
        self._links += leads_back + leads_out
        values: tuple[tuple[Any, Style], ...] = (
            (row, link if leads_back else plain),
            (name, plain),
            (field, plain),
            (value, plain),
            (confidence, looks.of_confidence(confidence) if confidence else plain),
            *([(likely, looks.banded(looks.PROBABILITY, band))] if self._calibrated else []),
            (support, plain),
            (excerpt, wrapped),
            (title, plain),
            (url, link if leads_out else plain),
            (reasoning if is_first else None, wrapped),
        )
        for column, (shown, style) in enumerate(values):
            self._cells.write(sheet, place, column, shown, style)
        self._line += 1
        self.lines += 1

    def _end(self) -> None:
        self._sheets[-1].autofilter(0, 0, max(self._line - 1, 1), len(self._columns) - 1)

    def close(self) -> None:
        """Say where the filters of the last sheet end."""
        self._end()


def _lines(part: FieldBasis) -> list[tuple[str | None, ...]]:
    """What each line of a field's basis says beside the field: support, excerpt, page, address."""
    lines: list[tuple[str | None, ...]] = [
        (excerpt.support, excerpt.text, citation.title, citation.url)
        for citation in part.citations
        for excerpt in citation.excerpts
    ]
    lines += [(None, None, citation.title, citation.url) for citation in part.citations if not citation.excerpts]
    return lines or [(None, None, None, None)]


def _part_of(value: Any, field: str, path: str) -> Any:
    """The part of a field's value that a basis path names: `key_people.0.name`."""
    for step in path.removeprefix(f"{field}.").split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
