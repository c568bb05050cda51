"""A run as an Excel workbook: results, summary, failed rows, evidence. Rows are written as they are read, so that memory does not
grow with the run."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError

from research.errors import InvalidInput
from research.tables.export import looks
from research.tables.export.columns import ExportColumn, Role
from research.tables.export.coverage import FieldCoverage
from research.tables.export.evidence_sheet import EvidenceSheet
from research.tables.export.list_sheet import FAILED, REPORTS, REVIEWS, ListColumn, ListSheet
from research.tables.export.results_sheet import ResultsSheet
from research.tables.export.rows import NO_BASIS, CellBasis, ExportedShard, reports_of, shards_of
from research.tables.export.sheet_cells import MOST_COLUMNS, MOST_LINKS, MOST_ROWS, PLAIN, CellWriter, Style
from research.tables.export.summary_sheet import SummarySheet
from research.tables.inputs.column_types import NUMBER_FORMAT
from research.tables.inputs.objective import Objective
from research.tables.layout.probabilities import Probabilities
from research.tables.layout.reviews import review_files
from research.tables.run_folder.run_folder import RunFolder

_OPTIONS: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "use_zip64": True,
}
_NAME_LENGTH: Final = 60


def write_workbook(folder: RunFolder, columns: Sequence[ExportColumn], target: Path, *, as_found: bool) -> tuple[int, list[str]]:
    """Write the workbook. Returns the number of rows, and what its reader has to know of it.

    Raises:
        InvalidInput: there are more columns than a sheet takes.
        OSError: it cannot be written.
    """
    if len(columns) > MOST_COLUMNS:
        raise InvalidInput(
            f"{len(columns):,} columns are more than a sheet of Excel takes ({MOST_COLUMNS:,}): choose some with --columns, or "
            "take --format csv or parquet."
        )
    came_to = _statuses(folder)
    with _workbook(target) as workbook:
        exported = _Export(workbook, folder, columns, came_to, reviewed=not as_found and bool(review_files(folder.path)))
        for shard in shards_of(folder, as_found=as_found):
            exported.add(shard)
        notes = exported.close()
    return sum(came_to.values()), notes


@contextmanager
def _workbook(target: Path) -> Iterator[Any]:
    """A workbook that is written when the block ends. Its scratch files lie beside it, where there is room for it, too."""
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
        workbook = xlsxwriter.Workbook(str(target), {**_OPTIONS, "tmpdir": scratch})
        try:
            yield workbook
            workbook.close()
        except FileCreateError as error:
            raise error.args[0] from None  # the system's own error, which says more
        finally:
            workbook.fileclosed = True


def _statuses(folder: RunFolder) -> Counter[str]:
    status = folder.columns.run["status"]
    return Counter(
        str(each) for shard in folder.committed_shards() for each in folder.read("results", shard, [status])[status].to_pylist()
    )


class _Export:
    """The sheets of one workbook, and the rows that go to each."""

    def __init__(
        self,
        workbook: Any,
        folder: RunFolder,
        columns: Sequence[ExportColumn],
        came_to: Mapping[str, int],
        *,
        reviewed: bool,
    ) -> None:
        self._workbook = workbook
        self._folder = folder
        self._columns = columns
        self._came_to = came_to
        self._cells = CellWriter(workbook)
        self._coverage = {output.field: FieldCoverage() for output in folder.columns.outputs}
        self._links_left_out = 0
        self._fields = {output.column: output.field for output in folder.columns.outputs}
        self._as_it_came = {
            place: Style(number_format=code) for place, column in enumerate(columns) if (code := _number_format(folder, column))
        }
        self._named_by = _naming_columns(folder)
        rows, most = sum(came_to.values()), MOST_ROWS - 1
        parts = [min(most, rows - start) for start in range(0, max(rows, 1), most)]
        self._results = [ResultsSheet(workbook, self._cells, columns, number, size) for number, size in enumerate(parts, start=1)]
        self._part = 0
        self._results[0].show_first()
        self._summary = SummarySheet(workbook, self._cells)
        failed = rows - came_to.get("completed", 0) - came_to.get("action_required", 0)
        of_input = [ListColumn(name, 20, header=looks.HEADER_INPUT) for name in folder.columns.inputs]
        self._failed = self._list("Failed rows", (*FAILED, *of_input)) if failed else None
        self._decisions = self._list("Decisions", REVIEWS) if reviewed else None
        self._reports = self._list("Reports", REPORTS) if folder.parts("reports") else None
        calibrated = Probabilities.of_settings(folder.settings) is not None
        self._evidence = EvidenceSheet(workbook, self._cells, calibrated=calibrated)

    def _list(self, name: str, columns: Sequence[ListColumn]) -> ListSheet:
        return ListSheet(self._workbook, self._cells, name, columns)

    def add(self, shard: ExportedShard) -> None:
        """Write the rows of a shard to every sheet that has something of them."""
        of_run = self._folder.columns
        values = {column: shard.values(column) for column in (*self._columns, *_needed(self._folder, self._columns))}
        by_column = {each.of: column for each, column in values.items() if each.is_of_results}
        statuses = by_column[of_run.run["status"]]
        reports = reports_of(self._folder, shard) if self._reports is not None else {}
        for place, row in enumerate(shard.rows):
            if self._results[self._part].is_full:
                self._part += 1
            basis = {output.field: shard.cells[place].get(output.field, NO_BASIS) for output in of_run.outputs}
            outputs = {output.field: by_column[output.column][place] for output in of_run.outputs}
            inputs = [by_column[name][place] for name in of_run.inputs]
            is_completed = statuses[place] == "completed"
            for field, counted in self._coverage.items():
                counted.count(filled=outputs[field] is not None, basis=basis[field], review=shard.reviews.get((row, field)))
            name = self._name(dict(zip(of_run.inputs, inputs, strict=True)))
            line = [values[column][place] for column in self._columns]
            self._add_row(row, name, line, outputs, basis, shard, is_completed)
            if self._failed is not None and not is_completed:
                kind = by_column[of_run.run["error_kind"]][place] if "error_kind" in of_run.run else None
                self._failed.add((row, statuses[place], kind, by_column[of_run.run["error"]][place], *inputs))
            if self._reports is not None and row in reports:
                self._reports.add((row, name, reports[row]))

    def _add_row(
        self,
        row: int,
        name: str,
        line: list[Any],
        outputs: Mapping[str, Any],
        basis: Mapping[str, CellBasis],
        shard: ExportedShard,
        is_completed: bool,
    ) -> None:
        sheet, of_run = self._results[self._part], self._folder.columns
        back = {output.field: at for output in of_run.outputs if (at := sheet.place_of(output.column)) is not None}
        begins = self._evidence.add_row(row, name, basis, outputs, back)
        if self._decisions is not None:
            self._add_decisions(row, name, back, shard)
        styles: list[Style] = []
        links: dict[int, str] = {}
        for place, (column, value) in enumerate(zip(self._columns, line, strict=True)):
            style, target = self._as_it_came.get(place, PLAIN), None
            if column.role is Role.OUTPUT and is_completed:
                field = self._fields[column.of]
                if isinstance(value, bool):  # LibreOffice makes a formula of Excel's logical cells: =TRUE()
                    line[place] = "TRUE" if value else "FALSE"
                target = begins.get(field) if value is not None else None
                style = looks.of_cell(
                    filled=value is not None,
                    confidence=basis[field].confidence,
                    linked=target is not None,
                    review=shard.reviews.get((row, field)),
                )
            elif column.role is Role.RUN and column.of == of_run.run["status"] and begins:
                style, target = looks.LINK, next(iter(begins.values()))
            elif column.role is Role.CONFIDENCE:
                style = looks.of_confidence(value)
            elif column.role is Role.SOURCES:
                line[place] = "\n".join(value)
            styles.append(style)
            if target is not None:
                links[place] = target
        doubtful_first = sorted(links, key=lambda place: _DOUBT.get(styles[place].fill or "", 0))
        self._links_left_out += sheet.add_row(line, styles, {place: links[place] for place in doubtful_first})

    def _add_decisions(self, row: int, name: str, back: Mapping[str, str], shard: ExportedShard) -> None:
        for field in self._coverage:
            if self._decisions is not None and (decision := shard.decisions.get((row, field))) is not None:
                when = decision["decided_at"].replace(microsecond=0)
                told = [decision[part] for part in ("decision", "found", "value", "note", "reviewer")]
                self._decisions.add((row, name, field, *told, when), back.get(field))

    def _name(self, inputs: Mapping[str, Any]) -> str:
        """What people call a row: the columns that the question names, else its first cell that reads like a name."""
        named = [str(value) for column in self._named_by if (value := inputs.get(column)) is not None]
        texts = named or [value for value in inputs.values() if isinstance(value, str) and any(c.isalpha() for c in value)][:1]
        return " · ".join(texts)[:_NAME_LENGTH]

    def close(self) -> list[str]:
        """End every sheet, and write the summary. Returns its notes."""
        notes = [f"{count:,} cells: {what}." for what, count in self._cells.notes.items()]
        if self._links_left_out:
            notes.append(
                f"{self._links_left_out:,} researched cells have no link: Excel takes {MOST_LINKS:,} of them in a sheet. First "
                "the status of each row has one, then doubtful cells. The evidence sheet has the evidence of all, row by row."
            )
        if len(self._results) > 1:
            notes.append(f"The rows are on {len(self._results)} sheets: Excel takes {MOST_ROWS:,} of them in one.")
        if self._evidence.count > 1:
            notes.append(f"The evidence is on {self._evidence.count} sheets: Excel takes {MOST_ROWS:,} lines in one.")
        if self._folder.status != "finished":
            notes.insert(0, f"The run is not finished ({self._folder.status}): rows that it had not come to are not here.")
        self._summary.write(self._folder, self._came_to, self._coverage, notes)
        for sheet in self._results:
            sheet.close()
        self._evidence.close()
        for listed in (self._failed, self._decisions, self._reports):
            if listed is not None:
                listed.close()
        return notes


_DOUBT: Final = {looks.WITHOUT_EVIDENCE: 1, looks.FILLS["low"]: 1, looks.FILLS["medium"]: 2, looks.FILLS["high"]: 3}
"""In which order cells get links where there are not enough; the status (no fill) before them."""


def _needed(folder: RunFolder, columns: Sequence[ExportColumn]) -> list[ExportColumn]:
    """Columns that other sheets need and the first one does not have."""
    of_run = folder.columns
    there = {column.of for column in columns if column.is_of_results}
    wanted = [
        *((Role.INPUT, name) for name in of_run.inputs),
        *((Role.OUTPUT, output.column) for output in of_run.outputs),
        *((Role.RUN, of_run.run[name]) for name in ("status", "error", "error_kind") if name in of_run.run),
    ]
    return [ExportColumn(name, role, name, of_run.schema.field(name).type) for role, name in wanted if name not in there]


def _number_format(folder: RunFolder, column: ExportColumn) -> str:
    """How the workbook that the table was read from showed an input column's numbers."""
    metadata = folder.columns.schema.field(column.of).metadata if column.role is Role.INPUT else None
    return (metadata or {}).get(NUMBER_FORMAT, b"").decode("utf-8", "replace")


def _naming_columns(folder: RunFolder) -> tuple[str, ...]:
    objective = folder.request.get("objective")
    template = objective.get("template") if isinstance(objective, Mapping) else None
    if not template:
        return ()
    return tuple(name for name in Objective(template=template).columns or () if name in folder.columns.inputs)[:2]
