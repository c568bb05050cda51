"""Compares a refreshed run with the run before it, cell by cell, from their tables alone."""

# ruff: noqa: S608 (the SQL is made of our own names and of quoted ones; values are bound or quoted)

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import duckdb
import pyarrow as pa

from research.identity import canonical_json
from research.tables.changes.changes_table import CellChange, ChangeKind
from research.tables.changes.row_matching import RowMatcher, rows_of
from research.tables.inputs.database import quoted
from research.tables.layout.parts import SCHEMAS
from research.tables.layout.result_columns import ResultColumns
from research.tables.layout.reviews import REVIEWS
from research.tables.run_folder.run_folder import RunFolder
from research.tables.warehouse.views import of_field, views
from research.tables.warehouse.warehouse import read_parts, result_names
from research.values.values import same

_BATCH: Final = 5_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BEST: Final = "(CASE support WHEN 'stated' THEN 0 WHEN 'inferred' THEN 1 WHEN 'none' THEN 2 ELSE 3 END, url, start)"
_ROW: Final[list[tuple[str, pa.DataType]]] = [("row_index", pa.int64()), ("row_key", pa.string())]
_GONE_ROWS: Final = pa.schema(_ROW)
_MATCHED: Final = pa.schema([*_ROW, ("earlier", pa.int64()), ("edited", pa.list_(pa.string()))])


def cell_changes(matcher: RowMatcher, now: RunFolder) -> Iterator[CellChange]:
    """What became of each cell that was looked at again, in the order of the rows; then the rows that are gone.

    A cell that was only taken over is not among them, and neither is one of a row that failed: nothing is known of it.

    Args:
        matcher: of the earlier run.
        now: the refreshed run.
    """
    earlier = matcher.folder
    matched, gone = _matched(matcher, now)
    with duckdb.connect() as db:
        _attach(db, "before", earlier)
        _attach(db, "after", now)
        db.execute("USE memory")
        db.register("matched", matched)
        db.register("gone", gone)
        for line in _lines(db, _CELLS):
            if (change := _changed(_Pair.of(line), now.columns)) is not None:
                yield change
        yield from (_added(line) for line in _lines(db, _ADDED_WITHOUT_VALUE))
        for line in _lines(db, _GONE):
            yield _gone(line)


class _Cell(NamedTuple):
    """A cell of one of the runs."""

    value: str | None
    confidence: str | None
    excerpt: str | None
    url: str | None
    page_hash: str | None
    checked_at: datetime | None
    is_completed: bool


class _Pair(NamedTuple):
    """A cell of the refreshed run beside what it was."""

    row_index: int
    earlier: int | None
    row_key: str
    edited: Sequence[str]
    field: str
    old: _Cell
    new: _Cell

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> _Pair:
        place = (line["row_index"], line["earlier"], line["row_key"], line["edited"] or [], line["field"])
        return cls(*place, _cell(line, "old"), _cell(line, "new"))


def _cell(line: Mapping[str, Any], when: str) -> _Cell:
    named = {name: line[f"{when}_{name}"] for name in ("value", "confidence", "excerpt", "url", "page_hash")}
    return _Cell(**named, checked_at=_moment(line[f"{when}_at"]), is_completed=line[f"{when}_status"] == "completed")


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)


def _changed(cell: _Pair, columns: ResultColumns) -> CellChange | None:
    old, new = cell.old, cell.new
    if not new.is_completed or (old.value is None and new.value is None):
        return None
    if cell.earlier is not None and old.is_completed and old.checked_at == new.checked_at and not cell.edited:
        return None  # taken over as it was
    kind, why = _kind(cell, columns)
    return CellChange(
        row_index=cell.row_index,
        earlier_row_index=cell.earlier,
        row_key=cell.row_key,
        field=cell.field,
        change=kind,
        why=why,
        old_value=old.value,
        new_value=new.value,
        old_confidence=old.confidence,
        new_confidence=new.confidence,
        old_excerpt=old.excerpt,
        new_excerpt=new.excerpt,
        old_url=old.url,
        new_url=new.url,
        checked_at=new.checked_at,
    )


def _kind(cell: _Pair, columns: ResultColumns) -> tuple[ChangeKind, str]:
    old, new = cell.old, cell.new
    if cell.earlier is None:
        return "new", "the row is new"
    if not old.is_completed:
        return "new", "the row had failed"
    if old.value is None:
        return "new", "it had no answer"
    edited = f"the row was edited ({', '.join(cell.edited)})" if cell.edited else ""
    if new.value is None:
        return "lost", edited or _of_page(cell, "no page supports it any more")
    if _same(old.value, new.value, cell.field, columns):
        if edited:
            return "confirmed", f"{edited}; the answer is the same"
        if old.page_hash == new.page_hash:
            return "confirmed", "its page has not changed"
        unchanged = old.url == new.url and old.excerpt == new.excerpt
        return "confirmed", "its page still says so" if unchanged else "researched again, with the same answer"
    return "changed", edited or _of_page(cell, "researched again, with another answer")


def _of_page(cell: _Pair, otherwise: str) -> str:
    old, new = cell.old, cell.new
    if old.url is not None and old.url == new.url and old.page_hash != new.page_hash:
        return "its page says something else now"
    if old.url is not None and new.url is not None and old.url != new.url:
        return "another page says something else"
    return otherwise


def _same(old: str, new: str, field: str, columns: ResultColumns) -> bool:
    if old == new:
        return True
    output = columns.output(field)
    kind = columns.schema.field(output.column)
    return same(_value(old, kind), _value(new, kind), output.schema)


def _value(text: str, column: pa.Field[Any]) -> Any:
    """A value from what the view `cells` shows of it."""
    try:
        if column.metadata or pa.types.is_nested(column.type):
            return json.loads(text)
        return float(text) if pa.types.is_floating(column.type) or pa.types.is_integer(column.type) else text
    except ValueError:
        return text


def _added(line: Mapping[str, Any]) -> CellChange:
    return CellChange(line["row_index"], None, line["row_key"], None, "new", "the row is new, and nothing was found for it")


def _gone(line: Mapping[str, Any]) -> CellChange:
    return CellChange(
        row_index=None,
        earlier_row_index=line["row_index"],
        row_key=line["row_key"],
        field=line["field"],
        change="gone",
        why="the row is not in the table any more",
        old_value=line["value"],
        old_confidence=line["confidence"],
        old_excerpt=line["excerpt"],
        old_url=line["url"],
    )


def _matched(matcher: RowMatcher, now: RunFolder) -> tuple[pa.Table, pa.Table]:
    """The rows of the refreshed run with what they are in the earlier one, and those of the earlier one that are gone."""
    named = matcher.keys or matcher.columns
    rows: list[dict[str, Any]] = []
    seen: set[bytes] = set()
    for row, values in rows_of(now):
        seen.add(matcher.key_of(matcher.cells(values)))
        earlier = matcher.find(values)
        edited = [] if earlier is None else list(matcher.edited(earlier, values))
        rows.append({"row_index": row, "earlier": earlier, "row_key": _row_key(values, named), "edited": edited})
    gone = {row for row, key in matcher.rows() if key not in seen}
    lines = [
        {"row_index": row, "row_key": _row_key(values, named)}
        for row, values in (rows_of(matcher.folder) if gone else ())
        if row in gone
    ]
    return pa.Table.from_pylist(rows, _MATCHED), pa.Table.from_pylist(lines, _GONE_ROWS)


def _row_key(values: Mapping[str, Any], names: Sequence[str]) -> str:
    return canonical_json({name: values.get(name) for name in names})


def _attach(db: duckdb.DuckDBPyConnection, name: str, folder: RunFolder) -> None:
    """A database with the view `facts`: every cell with its best excerpt, and when it was checked."""
    db.execute(f"ATTACH ':memory:' AS {name}")
    db.execute(f"USE {name}")
    # A table without rows has no parts before its run has ended.
    if results := folder.parts("results"):
        db.execute(f"CREATE VIEW results AS SELECT * FROM {read_parts(results)}")
    else:
        _empty_table(db, "results", folder.columns.schema)
    _empty_table(db, "no_basis", SCHEMAS["basis"])  # parts of earlier versions have fewer columns
    basis = folder.parts("basis")
    lines = f" UNION ALL BY NAME SELECT * FROM {read_parts(basis)}" if basis else ""
    db.execute(f"CREATE VIEW basis AS SELECT * FROM no_basis{lines}")
    _empty_table(db, "reviews", REVIEWS)  # what was found is compared, and not what people made of it
    columns, names = folder.columns, result_names(db, "results")
    called = dict(zip(columns.schema.names, names, strict=True))
    run = {part: quoted(called[column]) for part, column in columns.run.items()}
    for view in views(columns, names):
        db.execute(f"CREATE VIEW {view.name} AS {view.sql}")
        if view.name == "cells":
            break
    db.execute(
        f"""CREATE VIEW facts AS
WITH {of_field(columns)}, best AS (
    SELECT row_index, name AS field, min(checked_at) AS checked_at,
           min_by(excerpt, {_BEST}) FILTER (WHERE excerpt IS NOT NULL) AS excerpt,
           min_by(url, {_BEST}) FILTER (WHERE excerpt IS NOT NULL) AS url,
           min_by(page_hash, {_BEST}) FILTER (WHERE excerpt IS NOT NULL) AS page_hash
    FROM basis JOIN of_field ON of_field.path = basis.field GROUP BY row_index, name
)
SELECT cells.row_index, cells.field, cells.value, cells.confidence, cells.status, best.excerpt, best.url, best.page_hash,
       epoch_us(coalesce(best.checked_at, own.completed_at)) AS at
FROM cells LEFT JOIN best USING (row_index, field)
LEFT JOIN (SELECT {run["row_index"]} AS row_index, {run["completed_at"]} AS completed_at FROM results) AS own USING (row_index)"""
    )


def _empty_table(db: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema) -> None:
    db.register("no_rows", schema.empty_table())
    db.execute(f"CREATE TABLE {name} AS SELECT * FROM temp.no_rows")
    db.unregister("no_rows")


def _lines(db: duckdb.DuckDBPyConnection, query: str) -> Iterator[dict[str, Any]]:
    result = db.execute(query)
    names = [column[0] for column in result.description or ()]
    while lines := result.fetchmany(_BATCH):
        yield from (dict(zip(names, line, strict=True)) for line in lines)


_SIDE: Final = ("value", "confidence", "status", "excerpt", "url", "page_hash", "at")
_CELLS: Final = f"""
SELECT m.row_index, m.earlier, m.row_key, m.edited, n.field,
       {", ".join(f"o.{name} AS old_{name}, n.{name} AS new_{name}" for name in _SIDE)}
FROM matched AS m JOIN after.facts AS n ON n.row_index = m.row_index
LEFT JOIN before.facts AS o ON o.row_index = m.earlier AND o.field = n.field
ORDER BY m.row_index, n.field"""
_ADDED_WITHOUT_VALUE: Final = """
SELECT m.row_index, any_value(m.row_key) AS row_key
FROM matched AS m JOIN after.facts AS n ON n.row_index = m.row_index
WHERE m.earlier IS NULL GROUP BY m.row_index
HAVING count(n.value) = 0 AND any_value(n.status) = 'completed' ORDER BY 1"""
_GONE: Final = """
SELECT g.row_index, g.row_key, o.field, o.value, o.confidence, o.excerpt, o.url
FROM gone AS g LEFT JOIN before.facts AS o ON o.row_index = g.row_index AND o.value IS NOT NULL
ORDER BY g.row_index, o.field"""
