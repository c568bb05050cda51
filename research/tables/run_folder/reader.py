"""Read a run: its tables as DataFrames, a page, a cell with its evidence. What notebooks use.

Works on a run that still goes on, too: then it sees the shards committed so far.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import pandas as pd

from research.display import html
from research.display.figures import count
from research.errors import InvalidRun, PageUnreadable
from research.ports.page import Page
from research.storage.location import is_url
from research.tables.layout.made_tables import CHANGES, read_made
from research.tables.layout.parts import SCHEMAS
from research.tables.layout.probabilities import Probabilities
from research.tables.layout.result_columns import free_name
from research.tables.layout.reviewed import reviewed
from research.tables.layout.reviews import read_reviews
from research.tables.run_folder.cell_confidence import cell_confidences, cell_probabilities, confidence_of, probability_of
from research.tables.run_folder.event_file import read_services
from research.tables.run_folder.finding import find_run
from research.tables.run_folder.reading_by_url import PREFIX, read_only_copy
from research.tables.run_folder.run_document import STATE
from research.tables.run_folder.run_folder import RunFolder
from research.tables.run_folder.run_pages import RunPages
from research.tables.warehouse.warehouse import FILE

_SERVICES: Final = pa.schema(
    [
        pa.field(name, kind)
        for kind, names in (
            (pa.string(), ("kind", "name")),
            (pa.int64(), ("calls", "empty", "failed")),
            (pa.float64(), ("seconds", "slowest")),
        )
        for name in names
    ]
)


@dataclass(frozen=True, slots=True)
class CellEvidence:
    """One excerpt, and where it stands."""

    field: str
    url: str
    title: str
    excerpt: str
    support: str
    page_hash: str
    start: int
    end: int
    before: str
    """What stands before it on the page, up to 200 characters."""
    after: str
    suspected_injection: str | None = None
    """Words of the page that look like an instruction to a model; None if there are none."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One output value of one row, and what it rests on."""

    row_index: int
    field: str
    value: Any
    confidence: str | None
    reasoning: str
    evidence: tuple[CellEvidence, ...]
    p_correct: float | None = None
    """How likely it is right, by the calibration that the run began with; None: it had none."""

    def _repr_html_(self) -> str:
        """What a notebook shows: the value, why, and the words of each page in their place."""
        pieces: list[html.Markup] = []
        for each in self.evidence:
            doubt = "looks as if it tries to instruct a model" if each.suspected_injection is not None else None
            place = (html.text(each.support), html.link(each.url, each.title), html.muted(each.url), html.text(doubt or ""))
            pieces += [html.Markup(" · ".join(filter(None, place))), html.excerpt(each.before, each.excerpt, each.after)]
        title = html.Markup(f"{html.text(self.field)}: {html.text(self.value)} {html.confidence(self.confidence)}")
        likely = None if self.p_correct is None else f"right in {self.p_correct:.0%} of such cells"
        return html.card(title, (f"row {self.row_index}", likely, self.reasoning or None), *pieces)


@dataclass(frozen=True, slots=True)
class ReportSource:
    """A source that a report names by its number."""

    index: int
    url: str
    title: str


@dataclass(frozen=True, slots=True)
class Report:
    """What the research tier wrote about a row. A notebook shows it as text."""

    row_index: int
    markdown: str
    """Its numbers in brackets, `[3]`, are those of `cited`."""
    cited: tuple[ReportSource, ...]

    def __str__(self) -> str:
        return self.markdown

    def _repr_markdown_(self) -> str:
        listed = "".join(f"\n- [{source.index}] <{source.url}>" for source in self.cited)
        return self.markdown + (f"\n\n---\n{listed}" if listed else "")


class Run:
    """A run folder, open for reading. `open_run` makes it."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._pages = RunPages(folder)

    @property
    def path(self) -> Path:
        return self.folder.path

    @property
    def request(self) -> dict[str, Any]:
        """What was asked."""
        return self.folder.request

    @property
    def status(self) -> str:
        return self.folder.status

    @property
    def summary(self) -> dict[str, Any] | None:
        return self.folder.summary

    @property
    def fields(self) -> dict[str, str]:
        """The output's fields, each with the column of `results` that holds it."""
        return {output.field: output.column for output in self.folder.columns.outputs}

    @property
    def columns(self) -> dict[str, str]:
        """What the run says of a row (`status`, `confidence`, …), each with its column of `results`."""
        return dict(self.folder.columns.run)

    def _repr_html_(self) -> str:
        """What a notebook shows: what the run is, its fields, and what to call next. Reads no rows."""
        summary = self.summary or {}
        count = f"{summary['completed']:,} of {summary['rows']:,} rows completed" if summary else None
        cost = f"${summary['cost_usd']:,.2f}" if summary.get("cost_usd") is not None else None
        rows = [
            (html.strong(o.field), o.column, self.folder.columns.schema.field(o.column).type, o.description)
            for o in self.folder.columns.outputs
        ]
        fields = html.table(("field", "column", "type", "what it is"), [(a, b, str(c), d) for a, b, c, d in rows])
        calls = html.muted(".results(confidence=True) · .cell(row, field) · .basis() · .sources() · .sql('FROM coverage')")
        models = ", ".join(map(str, summary.get("models", ())))
        return html.card(self.path.resolve().name, (self.status, count, models, cost, str(self.path)), fields, calls)

    def results(self, *, confidence: bool = False) -> pd.DataFrame:
        """One row per input row, in input order. `to_excel` writes it as it is; `research.tables.export_run` with its evidence.

        Args:
            confidence: beside each output field, how sure its value is: `<field>_confidence`; of a calibrated run also
                `<field>_p_correct`.
        """
        frame = self._frame("results")
        if confidence:
            columns = self.folder.columns
            basis = self.table("basis", ["row_index", "field", "confidence", "p_correct"])
            beside: dict[str, Mapping[tuple[int, str], Any]] = {"confidence": cell_confidences(columns, basis)}
            if Probabilities.of_settings(self.folder.settings) is not None:
                beside["p_correct"] = cell_probabilities(columns, basis)
            for output in columns.outputs:
                for place, (word, cells) in enumerate(beside.items(), start=list(frame.columns).index(output.column) + 1):
                    name = free_name(f"{output.column}_{word}", {str(each).casefold() for each in frame.columns})
                    frame.insert(place, name, [cells.get((row, output.field)) for row in frame[columns.row_index]])
        return frame

    def basis(self) -> pd.DataFrame:
        """One row per field and excerpt."""
        return self._frame("basis")

    def usage(self) -> pd.DataFrame:
        """One row per input row."""
        return self._frame("usage")

    def findings(self) -> pd.DataFrame:
        """One row per sub-query."""
        return self._frame("findings")

    def sources(self) -> pd.DataFrame:
        """One row per source of a row."""
        return self._frame("sources")

    def pages(self) -> pd.DataFrame:
        """One row per page, without its text and HTML: see `page`."""
        return self._frame("pages", [name for name in SCHEMAS["pages"].names if name not in ("text", "html")])

    def reports(self) -> pd.DataFrame:
        """One row per row that has a report: those of the research tier."""
        return self._frame("reports")

    def questions(self) -> pd.DataFrame:
        """One row per sub-query of a plan, and per question, that was put to people. `answer` is null while it is waited for."""
        return self._frame("questions")

    def report(self, row: int) -> Report | None:
        """What the research tier wrote about a row; None if another tier answered it.

        Raises:
            KeyError: the run has no such row yet.
        """
        shard, _ = self._place(row)
        reports = self.folder.read("reports", shard)
        for line in reports.filter(pc.equal(reports["row_index"], pa.scalar(row))).to_pylist():
            return Report(row, line["report"], tuple(ReportSource(**source) for source in line["cited"]))
        return None

    def changes(self) -> pd.DataFrame:
        """One row per cell that a refresh looked at again (docs/refresh.md).

        Raises:
            InvalidRun: the run is no refresh, or has not ended.
        """
        if (table := read_made(self.path, CHANGES)) is None:
            raise InvalidRun(f"{self.path} has no table of changes: it is no refresh of an earlier run, or has not ended yet.")
        return _as_frame(table)

    def services(self) -> pd.DataFrame:
        """One row per host and search provider that the latest invocation asked: `kind`, `name`, `calls`, how many of them were
        `empty` or `failed`, `seconds` of all together, `slowest`. Of these, the ones on which most time was spent; no row where
        none was asked, or the run's `.state` is gone."""
        return _as_frame(pa.Table.from_pylist(read_services(self.path / STATE), _SERVICES))

    def reviews(self) -> pd.DataFrame:
        """One row per decision that people made about a cell, every one that was stored."""
        return _as_frame(read_reviews(self.path))

    def reviewed_results(self) -> pd.DataFrame:
        """`results` with people's decisions applied: what was rejected is missing, what was corrected is the right value."""
        return _as_frame(reviewed(self.folder.columns, self.table("results"), read_reviews(self.path)))

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A table as Arrow, in the run's exact types."""
        schema = self.folder.columns.schema if name == "results" else SCHEMAS[name]
        if columns is not None:
            schema = pa.schema([schema.field(column) for column in columns])
        return pa.concat_tables(
            [schema.empty_table(), *(self.folder.read(name, s, columns) for s in self.folder.committed_shards())]
        )

    def page(self, page_hash: str) -> Page:
        """A stored page.

        Raises:
            KeyError: there is no such page in this run.
        """
        try:
            return self._pages.get(page_hash)
        except (PageUnreadable, ValueError) as exc:
            raise KeyError(page_hash) from exc

    def cell(self, row: int, field: str) -> Cell:
        """One value with its evidence; that of its parts (`key_people.0.name`) included.

        Raises:
            KeyError: the output has no such field, or the run has no such row yet.
        """
        output = self.folder.columns.output(field)
        shard, place = self._place(row)
        column = self.folder.read("results", shard, [output.column]).column(0)
        basis = self.folder.read("basis", shard)
        lines = basis.filter(pc.equal(basis["row_index"], pa.scalar(row))).to_pylist()
        own = [line for line in lines if self.folder.columns.field_of(line["field"]) == field]
        whole = next((line for line in own if line["field"] == field), None)
        suspected = self._suspicious(shard)
        return Cell(
            row_index=row,
            field=field,
            value=output.json_values(column.slice(place, 1))[0],
            confidence=confidence_of(field, ((line["field"], line["confidence"]) for line in own)),
            reasoning=(whole["reasoning"] or "") if whole else "",
            evidence=tuple(self._evidence(line, suspected.get(line["url"])) for line in own if line["excerpt"] is not None),
            p_correct=probability_of(field, ((line["field"], line["p_correct"]) for line in own)),
        )

    def suspicious_sources(self) -> dict[str, str]:
        """Pages that look as if they try to instruct a model, by their URLs: the words that do."""
        found: dict[str, str] = {}
        for shard in self.folder.committed_shards():
            found = self._suspicious(shard) | found
        return found

    def _suspicious(self, shard: int) -> dict[str, str]:
        read = self.folder.read("sources", shard, ["url", "quality"])
        words = pc.struct_field(read["quality"], "suspected_injection")
        suspected = pc.is_valid(words)
        urls: list[Any] = read["url"].filter(suspected).to_pylist()
        return dict(zip(urls, words.filter(suspected).to_pylist(), strict=True))

    def sql(self, query: str) -> pd.DataFrame:
        """Ask `research.duckdb`, which is there once the run has ended. Read only.

        Raises:
            InvalidRun: the run has not ended yet.
        """
        file = self.path / FILE
        if not file.exists():
            raise InvalidRun(f"{file} is made when the run ends. Until then read results(), basis() and the others.")
        with duckdb.connect(file, read_only=True) as db:
            return db.execute(query).df()

    def _frame(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        return _as_frame(self.table(name, columns))

    def _place(self, row: int) -> tuple[int, int]:
        shard = row // self.folder.shard_size
        if shard in self.folder.committed_shards():
            index = self.folder.read("results", shard, [self.folder.columns.row_index]).column(0)
            if (place := pc.index(index, row).as_py()) >= 0:
                return shard, place
        column = [self.folder.columns.row_index]
        committed = sum(self.folder.read("results", each, column).num_rows for each in self.folder.committed_shards())
        rows = f"it has {count(committed, 'row')}, counted from 0" if committed else "it has no row yet"
        raise KeyError(f"row {row} is not in {self.path}: {rows}")

    def _evidence(self, line: dict[str, Any], suspected: str | None) -> CellEvidence:
        start, end = line["start"], line["end"]
        text = self.page(line["page_hash"]).text
        names = ("field", "url", "title", "excerpt", "support", "page_hash", "start", "end")
        return CellEvidence(
            **{name: line[name] for name in names},
            before=text[max(start - 200, 0) : start],
            after=text[end : end + 200],
            suspected_injection=suspected,
        )


def open_run(path: str | os.PathLike[str]) -> Run:
    """Open a run folder for reading: the one at a path, or the only one whose path begins so. Of one by URL, a copy is made that
    goes with the `Run`.

    Raises:
        InvalidRun: there is none, or there are several, which are named.
        InvalidLocation: the URL cannot be read.
    """
    if not isinstance(path, str) or not is_url(path):
        return Run(RunFolder.open(find_run(path)))
    copies = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        run = Run(RunFolder.open(read_only_copy(path, copies)))
    except BaseException:
        shutil.rmtree(copies, ignore_errors=True)
        raise
    weakref.finalize(run, shutil.rmtree, copies, ignore_errors=True)
    return run


def _as_frame(table: pa.Table) -> pd.DataFrame:
    from research.tables.run_folder.frames import frame_of  # pandas is slow to import, and only DataFrames need it

    return frame_of(table)
