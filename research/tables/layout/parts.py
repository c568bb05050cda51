"""Results become tables: the eight tables of a run folder, and the rows that one shard's results make in them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from research.money.usage import Tokens, Usage
from research.ports.page import Page
from research.result.result import FieldWarning, Result
from research.tables.layout.columns import arrow_value
from research.tables.layout.probabilities import Probabilities, lowest
from research.tables.layout.result_columns import RUN_COLUMNS, OutputColumn, ResultColumns

Row = dict[str, Any]
_Built = TypeVar("_Built")

_INTEGER: Final = pa.int64()
_TIME: Final = pa.timestamp("us", tz="UTC")
_Column = tuple[str, pa.DataType]


def _texts(*names: str) -> list[_Column]:
    return [(name, pa.string()) for name in names]


_PLACE: Final[list[_Column]] = [*_texts("page_hash"), ("start", _INTEGER), ("end", _INTEGER), *_texts("support")]
_EXCERPT: Final = pa.struct([*_texts("text"), *_PLACE])
_CITATION: Final = pa.struct([*_texts("url", "title"), ("excerpts", pa.list_(_EXCERPT))])
_QUALITY: Final = pa.struct(
    [
        *_texts("domain", "kind"),
        ("age_days", _INTEGER),
        ("agrees", _INTEGER),
        ("disagrees", _INTEGER),
        *_texts("suspected_injection"),
    ]
)
_ROW: Final[list[_Column]] = [("row_index", _INTEGER), *_texts("task_id")]


def _usage_columns() -> Iterator[_Column]:
    for name in Usage.model_fields:
        if name == "tokens":
            yield from ((f"tokens_{part}", _INTEGER) for part in Tokens.model_fields)
        else:
            yield name, pa.string() if name == "scratchpad_mode" else _INTEGER


SCHEMAS: Final[Mapping[str, pa.Schema]] = MappingProxyType(
    {
        "basis": pa.schema(
            [
                *_ROW,
                *_texts("field", "url", "title", "excerpt"),
                *_PLACE,
                *_texts("reasoning", "confidence"),
                ("p_correct", pa.float64()),
                ("checked_at", _TIME),
            ]
        ),
        "usage": pa.schema([*_ROW, *_usage_columns(), ("cost_usd", pa.float64()), ("seconds", pa.float64())]),
        "findings": pa.schema(
            [
                *_ROW,
                ("subquery_index", _INTEGER),
                *_texts("subquery", "answer", "confidence", "evidence"),
                ("citations", pa.list_(_CITATION)),
            ]
        ),
        "sources": pa.schema(
            [
                *_ROW,
                ("index", _INTEGER),
                *_texts("url", "title", "domain"),
                ("fetched", _TIME),
                ("quality", _QUALITY),
                *_texts("first_seen_subquery"),
                ("read", pa.bool_()),
                *_texts("page_hash"),
            ]
        ),
        "reports": pa.schema(
            [
                *_ROW,
                *_texts("report"),
                ("cited", pa.list_(pa.struct([("index", _INTEGER), *_texts("url", "title")]))),
            ]
        ),
        "questions": pa.schema(
            [
                *_ROW,
                *_texts("question_id", "kind", "text"),
                ("choices", pa.list_(pa.string())),
                ("fields", pa.list_(pa.string())),
                *_texts("answer"),
            ]
        ),
        "pages": pa.schema(
            [
                *_texts("page_hash", "url", "final_url", "title", "media_type"),
                ("fetched_at", _TIME),
                *_texts("published", "text", "extraction_version", "raw_hash", "html"),
            ]
        ),
    }
)
"""The schema of every table but `results`, whose columns depend on the input and the output: see `ResultColumns`."""

TABLES: Final = ("results", *SCHEMAS)

OPTIONAL: Final = frozenset({"reports", "questions"})
"""Tables of which a shard has a part only if it has lines in it. Folders of earlier versions have none."""
REQUIRED: Final = tuple(table for table in TABLES if table not in OPTIONAL)
"""Tables of which every committed shard has a part."""

_CITED: Final = re.compile(r"\[(\d+)\]")
"""What a report says of a source: its number (`research/result/citation_numbers.py`)."""


def tables_of(
    columns: ResultColumns,
    rows: Sequence[int],
    inputs: pa.Table,
    results: Sequence[Result],
    probabilities: Probabilities | None = None,
) -> dict[str, pa.Table]:
    """What the results of some rows put into every table but `pages`.

    Args:
        rows: the rows' places in the input.
        inputs: the rows as they came, in the same order.
        results: one a row, in the same order.
        probabilities: what `p_correct` is; None: it is not known.
    """
    pairs = list(zip(rows, results, strict=True))
    likely = [{} if probabilities is None else probabilities.of_result(result) for result in results]
    return {
        "results": _results(columns, rows, inputs, results, [lowest(each.values()) for each in likely]),
        "basis": _table(
            "basis", [r for (row, result), known in zip(pairs, likely, strict=True) for r in _basis(row, result, known)]
        ),
        "usage": _table("usage", [_usage(row, result) for row, result in pairs]),
        "findings": _table("findings", [r for row, result in pairs for r in _findings(row, result)]),
        "sources": _table("sources", [r for row, result in pairs for r in _sources(row, result)]),
        "reports": _table("reports", [_report(row, result) for row, result in pairs if result.report]),
        "questions": _table("questions", [r for row, result in pairs for r in _questions(row, result)]),
    }


def pages_table(pages: Sequence[Page]) -> pa.Table:
    return _table("pages", [page.model_dump() for page in pages])


def pages_cited(results: Sequence[Result]) -> list[str]:
    """The hashes of the pages that some results read or cite, each once, in order of appearance."""
    seen: dict[str, None] = {}
    for result in results:
        citations = [c for basis in result.basis for c in basis.citations] + [c for f in result.findings for c in f.citations]
        seen.update((excerpt.page_hash, None) for citation in citations for excerpt in citation.excerpts)
        seen.update((source.page_hash, None) for source in result.sources_detailed if source.page_hash)
    return list(seen)


def with_rows(old: pa.Table, new: pa.Table, rows: Sequence[int], index: str) -> pa.Table:
    """A part's table with other lines for some rows, in order of their row index.

    Args:
        new: all lines of these rows.
        index: the column of the row index.
    """
    kept = old.filter(pc.invert(pc.is_in(old[index], pa.array(rows, pa.int64()))))
    return _by_row(pa.concat_tables([kept, new]), index)


def _by_row(table: pa.Table, index: str) -> pa.Table:
    """Rows in order of their row index; rows of one index keep their order (a sort in Arrow is not stable)."""
    place = pa.array(range(table.num_rows), pa.int64())
    keys = pa.Table.from_arrays([table[index], pa.chunked_array([place])], names=["row", "place"])
    return table.take(keys.sort_by([("row", "ascending"), ("place", "ascending")])["place"])


def _basis(row: int, result: Result, likely: Mapping[str, float | None]) -> Iterator[Row]:
    for basis in result.basis:
        of_field = {
            "row_index": row,
            "task_id": result.task_id,
            **basis.model_dump(exclude={"citations"}),
            "p_correct": likely.get(basis.field),
        }
        for citation in basis.citations:
            of_page = {**of_field, "url": citation.url, "title": citation.title}
            for excerpt in citation.excerpts:
                yield {**of_page, "excerpt": excerpt.text, **excerpt.model_dump(exclude={"text"})}
            if not citation.excerpts:
                yield of_page
        if not basis.citations:
            yield of_field


def _usage(row: int, result: Result) -> Row:
    usage = result.usage.model_dump()
    tokens = {f"tokens_{part}": count for part, count in usage.pop("tokens").items()}
    seconds = ((result.completed_at or result.modified_at) - result.created_at).total_seconds()
    return {
        "row_index": row,
        "task_id": result.task_id,
        **usage,
        **tokens,
        "cost_usd": result.cost_usd,
        "seconds": max(seconds, 0.0),
    }


def _findings(row: int, result: Result) -> Iterator[Row]:
    for index, finding in enumerate(result.findings, start=1):
        yield {"row_index": row, "task_id": result.task_id, "subquery_index": index, **finding.model_dump()}


def _sources(row: int, result: Result) -> Iterator[Row]:
    for source in result.sources_detailed:
        yield {"row_index": row, "task_id": result.task_id, **source.model_dump()}


def _report(row: int, result: Result) -> Row:
    named = {int(number) for number in _CITED.findall(result.report or "")}
    cited = [{"index": s.index, "url": s.url, "title": s.title} for s in result.sources_detailed if s.index in named]
    return {"row_index": row, "task_id": result.task_id, "report": result.report, "cited": cited}


def _questions(row: int, result: Result) -> Iterator[Row]:
    for asked in result.asked:
        line = {"row_index": row, "task_id": result.task_id, **asked.model_dump()}
        yield {"question_id": line.pop("id"), **line}


def _results(
    columns: ResultColumns,
    rows: Sequence[int],
    inputs: pa.Table,
    results: Sequence[Result],
    likely: Sequence[float | None],
) -> pa.Table:
    misfits = [_beyond_the_fields(columns, result) for result in results]
    arrays: list[pa.Array[Any] | pa.ChunkedArray[Any]] = [pa.array(rows, pa.int64()), *inputs.columns]
    for output in columns.outputs:
        type_ = columns.schema.field(output.column).type
        arrays.append(_output_array(output, type_, [_value(output.field, result) for result in results], misfits))
    run_values = [
        {
            **result.model_dump(include={*RUN_COLUMNS.names}),
            "confidence": result.confidence,
            "warnings": [*result.warnings, *(each.text for each in extra)],
            "field_warnings": [each.model_dump() for each in (*result.field_warnings, *extra)],
            "p_correct": p_correct,
        }
        for result, extra, p_correct in zip(results, misfits, likely, strict=True)
    ]
    arrays.extend(_from_rows(run_values, columns.run_types).columns)
    return pa.Table.from_arrays(arrays, schema=columns.schema)


def _value(field: str, result: Result) -> Any:
    if isinstance(result.output, Mapping):
        return result.output.get(field)
    return result.output


def _output_array(
    output: OutputColumn, type_: pa.DataType, values: list[Any], misfits: list[list[FieldWarning]]
) -> pa.Array[Any]:
    """One output column. A value that its column cannot hold (an integer beyond 64 bits) is left empty, with a warning that
    holds it: the row's other values are not lost for it."""
    field = output.as_field

    def build(values: list[Any]) -> pa.Array[Any]:
        return pa.array([arrow_value(field, value) for value in values], type_)

    try:
        return _encodable(build, values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        arrays = []
        for value, warnings in zip(values, misfits, strict=True):
            try:
                arrays.append(_encodable(build, [value]))
            except (pa.ArrowException, TypeError, ValueError, OverflowError):
                text = json.dumps(value, ensure_ascii=False, default=str)
                message = f"{output.field}: {text} does not fit the column's type {type_}; the cell is empty"
                warnings.append(FieldWarning(field=output.field, text=message))
                arrays.append(pa.array([None], type_))
        return pa.concat_arrays(arrays)


def _beyond_the_fields(columns: ResultColumns, result: Result) -> list[FieldWarning]:
    if not isinstance(result.output, Mapping):
        return []
    fields = {output.field for output in columns.outputs}
    return [
        FieldWarning(
            field=name, text=f"{name}: {json.dumps(value, ensure_ascii=False, default=str)} is in the answer and has no column"
        )
        for name, value in result.output.items()
        if name not in fields
    ]


def _table(name: str, rows: list[Row]) -> pa.Table:
    return _from_rows(rows, SCHEMAS[name])


def _from_rows(rows: list[Row], schema: pa.Schema) -> pa.Table:
    return _encodable(lambda clean: pa.Table.from_pylist(clean, schema), rows)


def _encodable(build: Callable[[list[Any]], _Built], values: list[Any]) -> _Built:
    """Build from values; where a string holds a lone surrogate, which no UTF-8 can hold, U+FFFD stands for it (offsets stay)."""
    try:
        return build(values)
    except UnicodeEncodeError:
        return build([_without_surrogates(value) for value in values])


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in value)
    if isinstance(value, Mapping):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_surrogates(item) for item in value]
    return value
