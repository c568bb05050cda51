"""Reads results back from a run folder's tables: a committed row becomes the `Result` that it was written from.

What the tables do not hold comes back empty: the task's words and labels, `answer`, `html_dump`. What they hold in
another form comes back in that form: a whole number in a column of numbers as a float, a date-time in UTC, an absent part of an
object as null.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, MutableMapping
from datetime import timedelta
from itertools import groupby
from typing import Any, Final

import pyarrow as pa
from cachetools import LRUCache

from research.errors import DamagedRun
from research.money.usage import Tokens, Usage
from research.output_schema.output_spec import OutputSpec
from research.result.result import SAMPLE_OF_SOURCES, Citation, Excerpt, FieldBasis, Finding, Result, Source
from research.tables.inputs.json_values import json_rows
from research.tables.run_folder.run_folder import RunFolder
from research.task.decisions import Asked

Row = dict[str, Any]

SHARDS_OPEN: Final = 4
"""Shards whose tables a `RowReader` holds in memory."""
_PARTS: Final = ("basis", "usage", "findings", "sources", "reports", "questions")


class CommittedRows:
    """The rows of a committed shard, each readable as a result. Holds the shard's tables as Arrow has them, without
    pages."""

    def __init__(self, folder: RunFolder, shard: int, spec: OutputSpec) -> None:
        """
        Args:
            spec: of the run's output.

        Raises:
            DamagedRun: the shard is not committed, or a part of it cannot be read.
        """
        self._columns = folder.columns
        self._spec = spec
        self._results = folder.read("results", shard)
        self._parts = {name: folder.read(name, shard) for name in _PARTS}
        self._starts = {name: _column(part, "row_index") for name, part in self._parts.items()}
        self.rows: list[int] = _column(self._results, folder.columns.row_index)
        """Their places in the input, in order."""
        self._statuses: list[str] = _column(self._results, folder.columns.run["status"])

    def __contains__(self, row: int) -> bool:
        place = self._place(row)
        return place < len(self.rows) and self.rows[place] == row

    def is_completed(self, row: int) -> bool:
        return self._statuses[self._place(row)] == "completed"

    def values(self, row: int) -> dict[str, Any]:
        """The row's input as JSON values."""
        line = self._results.slice(self._place(row), 1).select(list(self._columns.inputs)).combine_chunks()
        (values,) = json_rows(line.to_batches()[0])
        return values

    def result(self, row: int) -> Result:
        line = self._results.slice(self._place(row), 1)
        own = {name: column for name, column in self._columns.run.items() if name in Result.model_fields}
        (cells,) = line.select(list(own.values())).to_pylist()
        run_values = {name: cells[column] for name, column in own.items()} | {"tiers": self._columns.tiers(line)[0]}
        usage, seconds = _usage(self._of(row, "usage"))
        ended = run_values["completed_at"]
        sources = [_built(Source, part) for part in self._of(row, "sources")]
        read = [source.url for source in sources if source.read]
        return Result(
            **{name: value for name, value in run_values.items() if value is not None},
            **({} if ended is None else {"created_at": ended - timedelta(seconds=seconds), "modified_at": ended}),
            task="",
            fields=list(self._spec.names),
            output_schema=dict(self._spec.schema),
            output=self._output(line) if run_values["status"] == "completed" else None,
            basis=list(_basis(self._of(row, "basis"))),
            usage=usage,
            findings=[_built(Finding, part) for part in self._of(row, "findings")],
            sources_detailed=sources,
            report=next((part["report"] for part in self._of(row, "reports")), None),
            asked=tuple(_asked(part) for part in self._of(row, "questions")),
            sources=read[:SAMPLE_OF_SOURCES],
            read=read,
            considered=[source.url for source in sources],
        )

    def _place(self, row: int) -> int:
        return bisect_left(self.rows, row)

    def _of(self, row: int, name: str) -> list[Row]:
        """The lines of a row in one of the other tables, whose lines stand in the order of their rows."""
        starts = self._starts[name]
        start = bisect_left(starts, row)
        return self._parts[name].slice(start, bisect_right(starts, row) - start).to_pylist()

    def _output(self, line: pa.Table) -> Any:
        values = {output.field: output.json_values(line[output.column])[0] for output in self._columns.outputs}
        return values[self._spec.names[0]] if self._spec.kind == "text" else values


class RowReader:
    """Reads the result of any completed row of a run folder. May be shared by threads."""

    def __init__(self, folder: RunFolder, spec: OutputSpec) -> None:
        self._folder = folder
        self._spec = spec
        self._turn = threading.Lock()
        self._open: MutableMapping[tuple[int, int], CommittedRows] = LRUCache(SHARDS_OPEN)

    def __call__(self, row: int) -> Result | None:
        """A row's result; None if the row is not committed, not completed, or cannot be read."""
        shard = row // self._folder.shard_size
        try:
            with self._turn:
                written = self._folder.part("results", shard).stat().st_mtime_ns  # another one, once it is written again
                if (rows := self._open.get((shard, written))) is None:
                    rows = self._open[shard, written] = CommittedRows(self._folder, shard, self._spec)
            return rows.result(row) if row in rows and rows.is_completed(row) else None
        except (FileNotFoundError, DamagedRun):
            return None


def _column(table: pa.Table, name: str) -> list[Any]:
    return table[name].to_pylist()


def _basis(lines: Iterable[Row]) -> Iterable[FieldBasis]:
    """Lines of one field that stand together are its basis; of them, those of one page are a citation."""
    own = ("field", "reasoning", "confidence", "checked_at")
    for (field, reasoning, confidence, checked_at), of_field in groupby(lines, lambda line: tuple(line[name] for name in own)):
        pages = [(url, title, list(of_page)) for (url, title), of_page in groupby(of_field, lambda e: (e["url"], e["title"]))]
        citations = [
            Citation(url=url, title=title or "", excerpts=[_excerpt(line) for line in of_page if line["excerpt"] is not None])
            for url, title, of_page in pages
            if url is not None
        ]
        yield FieldBasis(
            field=field, citations=citations, reasoning=reasoning or "", confidence=confidence, checked_at=checked_at
        )


def _excerpt(line: Row) -> Excerpt:
    return Excerpt(
        text=line["excerpt"], page_hash=line["page_hash"], start=line["start"], end=line["end"], support=line["support"]
    )


def basis_by_row(lines: pa.Table) -> dict[int, list[FieldBasis]]:
    """The basis of every row of a shard, from its lines of the table `basis`, which stand in the order of their rows."""
    by_row = groupby(lines.to_pylist(), lambda line: line["row_index"])
    return {int(row): list(_basis(of_row)) for row, of_row in by_row}


def _usage(lines: list[Row]) -> tuple[Usage, float]:
    """What a row used, and its seconds."""
    if not lines:
        return Usage(), 0.0
    (line,) = lines
    counts = {name: line[name] for name in Usage.model_fields if name != "tokens"}
    tokens = Tokens(**{part: line[f"tokens_{part}"] for part in Tokens.model_fields})
    return Usage(**counts, tokens=tokens), line["seconds"] or 0.0


def _asked(line: Row) -> Asked:
    return Asked.model_validate({**{name: line[name] for name in Asked.model_fields if name in line}, "id": line["question_id"]})


def _built(kind: Any, line: Row) -> Any:
    """A part of a result from its line, which says more than the part does (row, task, place)."""
    return kind.model_validate({name: line[name] for name in kind.model_fields if name in line})
