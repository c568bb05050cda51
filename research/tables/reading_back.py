"""Reads results back from a run folder's tables: a committed row becomes the `Result` that it was written from.

What the tables do not hold comes back empty: the task's words and labels, the report, `answer`, `html_dump`. What they hold in
another form comes back in that form: a whole number in a column of numbers as a float, a date-time in UTC, an absent part of an
object as null.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from itertools import groupby
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from research.output_spec import OutputSpec
from research.result import Citation, Excerpt, FieldBasis, Finding, Result, Source, Tokens, Usage
from research.tables.result_columns import ResultColumns
from research.tables.run_folder import RunFolder

Row = Mapping[str, Any]

_OF_A_RESULT: Final = ("status", "error", "warnings", "processor", "model", "cost_usd", "task_id", "completed_at")
_SAMPLE_OF_SOURCES: Final = 10


def read_back(folder: RunFolder, shard: int, spec: OutputSpec, rows: Collection[int] | None = None) -> dict[int, Result]:
    """The results of a committed shard, by row index.

    Args:
        spec: of the run's output.
        rows: only these.

    Raises:
        InvalidRun: the shard is not committed, or a part of it cannot be read.
    """
    results = _only(folder.read("results", shard), folder.columns.row_index, rows)
    of_row = {name: _by_row(_only(folder.read(name, shard), "row_index", rows)) for name in _PARTS}
    outputs = _outputs(folder.columns, results, spec)
    own = folder.columns.run
    said = results.select([folder.columns.row_index, *(own[name] for name in _OF_A_RESULT)]).to_pylist()
    found: dict[int, Result] = {}
    for line, output in zip(said, outputs, strict=True):
        row = line[folder.columns.row_index]
        parts = {name: of_row[name][row] for name in _PARTS}
        found[row] = _result({name: line[own[name]] for name in _OF_A_RESULT}, output, parts, spec)
    return found


_PARTS: Final = ("basis", "usage", "findings", "sources")


def _result(said: Row, output: Any, parts: Mapping[str, list[Row]], spec: OutputSpec) -> Result:
    usage, seconds = _usage(parts["usage"])
    ended = said["completed_at"]
    sources = [_of(Source, line) for line in parts["sources"]]
    read = [source.url for source in sources if source.read]
    created = {} if ended is None else {"created_at": ended - timedelta(seconds=seconds), "modified_at": ended}
    return Result(
        **{**said, "warnings": said["warnings"] or []},
        **created,
        task="",
        fields=list(spec.names),
        output_schema=dict(spec.schema),
        output=output if said["status"] == "completed" else None,
        basis=list(_basis(parts["basis"])),
        usage=usage,
        findings=[_of(Finding, line) for line in parts["findings"]],
        sources_detailed=sources,
        sources=read[:_SAMPLE_OF_SOURCES],
        read=read,
        considered=[source.url for source in sources],
    )


def _outputs(columns: ResultColumns, results: pa.Table, spec: OutputSpec) -> Iterable[Any]:
    """What each row answers: an object of its fields, or a text."""
    values = {output.field: output.json_values(results[output.column]) for output in columns.outputs}
    for place in range(results.num_rows):
        output = {name: column[place] for name, column in values.items()}
        yield output[spec.names[0]] if spec.kind == "text" else output


def _basis(lines: Iterable[Row]) -> Iterable[FieldBasis]:
    """Lines of one field that stand together are its basis; of them, those of one page are a citation."""
    for (field, reasoning, confidence), of_field in groupby(lines, lambda e: (e["field"], e["reasoning"], e["confidence"])):
        pages = [(url, title, list(of_page)) for (url, title), of_page in groupby(of_field, lambda e: (e["url"], e["title"]))]
        citations = [
            Citation(url=url, title=title or "", excerpts=[_excerpt(line) for line in of_page if line["excerpt"] is not None])
            for url, title, of_page in pages
            if url is not None
        ]
        yield FieldBasis(field=field, citations=citations, reasoning=reasoning or "", confidence=confidence)


def _excerpt(line: Row) -> Excerpt:
    return Excerpt(
        text=line["excerpt"], page_hash=line["page_hash"], start=line["start"], end=line["end"], support=line["support"]
    )


def _usage(lines: list[Row]) -> tuple[Usage, float]:
    """What a row used, and its seconds."""
    if not lines:
        return Usage(), 0.0
    (line,) = lines
    counts = {name: line[name] for name in Usage.model_fields if name != "tokens"}
    tokens = Tokens(**{part: line[f"tokens_{part}"] for part in Tokens.model_fields})
    return Usage(**counts, tokens=tokens), line["seconds"] or 0.0


def _of(kind: Any, line: Row) -> Any:
    """A part of a result from its line, which says more than the part does (row, task, place)."""
    return kind.model_validate({name: line[name] for name in kind.model_fields if name in line})


def _only(table: pa.Table, index: str, rows: Collection[int] | None) -> pa.Table:
    return table if rows is None else table.filter(pc.is_in(table[index], pa.array(sorted(rows), pa.int64())))


def _by_row(table: pa.Table) -> defaultdict[int, list[Row]]:
    found: defaultdict[int, list[Row]] = defaultdict(list)
    for line in table.to_pylist():
        found[line["row_index"]].append(line)
    return found
