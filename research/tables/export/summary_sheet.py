"""The sheet that says what was asked, what it cost, how much was found and how sure it is, and how to read the workbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from research.display.figures import count
from research.tables.export import looks
from research.tables.export.coverage import FieldCoverage
from research.tables.export.sheet_cells import CellWriter, Style
from research.tables.layout.columns import JSON_TEXT
from research.tables.layout.probabilities import Probabilities
from research.tables.layout.result_columns import OutputColumn
from research.tables.run_folder.run_document import read_document
from research.tables.run_folder.run_folder import RunFolder

NAME: Final = "Summary"
_WIDTHS: Final = (26, 10, 11, 10, 10, 10, 12, 11, 14, 70)
_WIDE: Final = len(_WIDTHS) - 1
_CHARACTERS: Final = 140
"""In a line of a cell that goes over all columns but the first."""
_LINE: Final = 15
"""Points."""
_HEADERS: Final = ("field", "found", "of rows", "high", "medium", "low", "unsupported", "reviewed", "type", "what it is")
_CONFIDENCES: Final = {
    "high": "high confidence",
    "medium": "medium confidence",
    "low": "low confidence: look at it before you use it",
}


class SummarySheet:
    """Writes the summary. The sheet has its place in the workbook from the beginning, and its content at the end."""

    def __init__(self, workbook: Any, cells: CellWriter) -> None:
        self._sheet = workbook.add_worksheet(NAME)
        self._cells = cells
        self._line = 0
        self._sheet.hide_gridlines(2)
        looks.set_page(self._sheet, header=False)
        for place, width in enumerate(_WIDTHS):
            self._sheet.set_column(place, place, width)

    def write(
        self,
        folder: RunFolder,
        came_to: Mapping[str, int],
        coverage: Mapping[str, FieldCoverage],
        notes: Sequence[str],
    ) -> None:
        """Fill the sheet from a run folder.

        Args:
            came_to: how many rows have which status.
            coverage: by output field.
            notes: what a reader has to know of this workbook.
        """
        rows, completed = sum(came_to.values()), came_to.get("completed", 0)
        self._put(0, folder.path.resolve().name, looks.TITLE, height=24)
        failed = f", {rows - completed:,} not" if rows > completed else ""
        if waiting := came_to.get("action_required", 0):
            failed += f" ({waiting:,} of them wait for people)"
        self._put(0, f"{count(rows, 'row')} researched: {completed:,} completed{failed}", looks.SUBTITLE)
        self._section("What was asked")
        for label, value, style in _facts(folder):
            self._fact(label, value, style)
        self._section("What was found")
        self._fields(folder.columns.outputs, coverage, folder.columns.schema)
        self._section("How to read the results")
        for fill, meaning in _legend(folder, any(counted.reviewed for counted in coverage.values())):
            self._cells.write(self._sheet, self._line, 0, None, Style(fill=fill, border=looks.EDGE))
            self._put(1, meaning, looks.TEXT)
        self._put(
            0, "A click on a researched cell leads to its evidence: the pages, and the words on them that say so.", looks.TEXT
        )
        self._put(0, "The status of a row leads to the evidence of the whole row. A row number on the evidence sheet leads back.")
        if notes:
            self._section("Notes")
            for note in notes:
                self._put(0, note)

    def _section(self, title: str) -> None:
        self._line += 1
        self._put(0, title, looks.SECTION, height=20)

    def _put(self, column: int, value: Any, style: Style = looks.TEXT, height: int | None = None) -> None:
        if height is not None:
            self._sheet.set_row(self._line, height)
        self._cells.write(self._sheet, self._line, column, value, style)
        self._line += 1

    def _fact(self, label: str, value: Any, style: Style) -> None:
        is_text = isinstance(value, str)
        if is_text:
            lines = sum(1 + len(line) // _CHARACTERS for line in value.splitlines()) or 1
            self._sheet.set_row(self._line, _LINE * min(lines, 12))
            self._sheet.merge_range(self._line, 1, self._line, _WIDE, "", self._cells.format(looks.WRAPPED))
        self._cells.write(self._sheet, self._line, 0, label, looks.LABEL)
        self._cells.write(self._sheet, self._line, 1, value, looks.WRAPPED if is_text else style)
        self._line += 1

    def _fields(self, outputs: Sequence[OutputColumn], coverage: Mapping[str, FieldCoverage], schema: pa.Schema) -> None:
        for place, title in enumerate(_HEADERS):
            self._cells.write(self._sheet, self._line, place, title, looks.HEADER_OUTPUT)
        self._line += 1
        first = self._line
        for output in outputs:
            counted = coverage.get(output.field, FieldCoverage())
            sure = counted.by_confidence
            line: list[tuple[Any, Style]] = [
                (output.field, looks.TEXT),
                (counted.filled, looks.COUNT),
                (counted.share, looks.SHARE),
                *((sure[confidence], looks.COUNT) for confidence in ("high", "medium", "low", None)),
                (sum(counted.reviewed.values()), looks.COUNT),
                (_kind(schema.field(output.column)), looks.LABEL),
                (output.description, looks.WRAPPED),
            ]
            lines = 1 + len(output.description) // (_WIDTHS[-1] + 10)
            if lines > 1:
                self._sheet.set_row(self._line, _LINE * lines)
            for place, (value, style) in enumerate(line):
                self._cells.write(self._sheet, self._line, place, value, style)
            self._line += 1
        if outputs:
            bar = {"type": "data_bar", "bar_color": "#9CD3B4", "min_type": "num", "min_value": 0}
            self._sheet.conditional_format(first, 2, self._line - 1, 2, {**bar, "max_type": "num", "max_value": 1})


def _legend(folder: RunFolder, reviewed: bool) -> list[tuple[str, str]]:
    """What each fill means. Of a calibrated run, how often cells of a confidence are right."""
    probabilities = Probabilities.of_settings(folder.settings)
    shares = probabilities.overall if probabilities is not None else {}
    legend = [
        (
            looks.FILLS[name],
            f"{meaning} (right in {shares[name]:.0%} of such cells, by the calibration)" if name in shares else meaning,
        )
        for name, meaning in _CONFIDENCES.items()
    ]
    legend += [
        (looks.WITHOUT_EVIDENCE, "a value that no page supports"),
        (looks.EMPTY, "nothing was found; the evidence sheet says why"),
    ]
    if reviewed:
        legend += [
            (looks.BY_A_PERSON, "accepted or corrected by a person; the sheet Decisions says by whom"),
            (looks.REJECTED, "rejected by a person"),
        ]
    return legend


def _facts(folder: RunFolder) -> list[tuple[str, Any, Style]]:
    """What is known of a run: a label, a value, and how it is shown."""
    request, summary, document = folder.request, folder.summary or {}, read_document(folder.path)
    task, objective = request.get("task") or {}, request.get("objective") or {}
    question = objective.get("template") if isinstance(objective, Mapping) else objective
    if not question and isinstance(objective, Mapping) and objective.get("column"):
        question = f"the column {objective['column']}"
    cost = summary.get("cost_usd")
    table = ((folder.invocation or {}).get("options") or {}).get("table")
    facts: list[tuple[str, Any, Style]] = [
        ("Table", table, looks.TEXT),
        ("Question", question or "made from each row and the output's fields", looks.TEXT),
        ("Processor", task.get("processor") or request.get("processor"), looks.TEXT),
        ("Model", ", ".join(map(str, summary.get("models") or [])) or None, looks.TEXT),
        ("Cost in US dollars", "not known" if summary and cost is None else cost, looks.MONEY),
        ("Begun", _moment(document["created_at"]), looks.TEXT),
        ("Ended", _moment(document["finished_at"]), looks.TEXT),
        ("State", folder.status + (f": {document['reason']}" if document["reason"] else ""), looks.TEXT),
        ("Run folder", str(folder.path), looks.TEXT),
    ]
    return [(label, value, style) for label, value, style in facts if value is not None]


def _moment(text: str | None) -> str | None:
    """A moment of `run.json` as people write it."""
    return None if text is None else f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"


def _kind(field: pa.Field[Any]) -> str:
    """A column's type in a word that people know."""
    if (field.metadata or {}).items() >= JSON_TEXT.items():
        return "any"
    kinds = (
        (pa.types.is_boolean, "yes or no"),
        (pa.types.is_integer, "whole number"),
        (pa.types.is_floating, "number"),
        (pa.types.is_date, "date"),
        (pa.types.is_timestamp, "date, time"),
        (pa.types.is_list, "list"),
        (pa.types.is_struct, "object"),
    )
    return next((word for is_kind, word in kinds if is_kind(field.type)), "text")
