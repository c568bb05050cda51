"""`research.duckdb`: a run's tables in one file that opens anywhere, with the views people would write themselves."""

# ruff: noqa: S608 (the SQL is made of our own names and of quoted ones; values are bound or quoted)

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from research.errors import SurroundingsFault
from research.tables.inputs.database import literal, quoted
from research.tables.layout.durable import flush, temporary
from research.tables.layout.made_tables import CHANGES
from research.tables.layout.parts import SCHEMAS
from research.tables.layout.result_columns import ResultColumns
from research.tables.layout.reviews import REVIEWS
from research.tables.warehouse.views import views

FILE: Final = "research.duckdb"
SCRATCH: Final = Path(".state", "duckdb")
"""Where, in the run folder, DuckDB puts what does not fit into memory."""
_STORAGE: Final = "v1.2.0"
"""The oldest DuckDB that can open the file. Older ones cannot compress text well."""
_MEMORY: Final = "512MB"
_ROW_GROUP: Final = 16_384
"""Rows that DuckDB holds until it compresses them. Its own 122,880 are a gigabyte of pages."""
_PARTS_AT_ONCE: Final = 16
"""Parts that are inserted together: the memory that this takes does not grow with the run."""

_COMMENTS: Final[Mapping[str, str]] = {
    "results": "One row per input row, in input order: the input's columns, the output's columns, then the run's.",
    "basis": "Why a field has its value: a row per field and excerpt. pages.text[start:end] is the excerpt (in code points).",
    "usage": "What each row used. NULL is unknown, never zero. Equal rows share one task, and one task_id.",
    "findings": "What each sub-query of a row brought.",
    "sources": "The pages that a row's research considered; read says which of them it read.",
    "reports": "What the research tier wrote about a row, as Markdown; cited are the sources that its numbers name.",
    "questions": "What was put to people: the sub-queries of plans, and questions. answer is NULL while it is waited for.",
    "pages": "The pages that were read, once each: page_hash is the SHA-256 of text.",
}
_MADE_COMMENTS: Final[Mapping[str, str]] = {
    CHANGES: "What became of each cell that was looked at again since the run before this one, and of rows that came and went.",
}
_REVIEWS_COMMENT: Final = "What people decided about cells: a row a decision, every one that was ever stored."


def build(
    folder: Path,
    columns: ResultColumns,
    parts: Mapping[str, Sequence[Path]],
    reviews: pa.Table,
    made_tables: Mapping[str, Path] | None = None,
) -> dict[str, Any]:
    """Make `research.duckdb` in a run folder from its committed parts and its reviews, in one step; an earlier one is replaced.

    Rows stand in input order. Nothing in the file points outside it.

    Args:
        made_tables: the files of tables that only some runs have (`research.tables.layout.made_tables`).

    Returns: the run's summary (see `_summary`).
    """
    target = folder / FILE
    made = temporary(target)
    try:
        with duckdb.connect(config={"memory_limit": _MEMORY}) as db:
            db.execute(f"SET temp_directory = {literal(str(folder / SCRATCH))}")
            db.execute(f"ATTACH {literal(str(made))} AS run (STORAGE_VERSION {literal(_STORAGE)}, ROW_GROUP_SIZE {_ROW_GROUP})")
            db.execute("USE run")
            db.execute("BEGIN")  # each statement would be a transaction of its own, written to the disk and flushed
            for name, comment in _COMMENTS.items():
                _fill(db, name, parts[name], columns)
                db.execute(f"COMMENT ON TABLE {name} IS {literal(comment)}")
            for name, path in (made_tables or {}).items():
                db.execute(f"CREATE TABLE {name} AS SELECT * FROM {read_parts([path])}")
                db.execute(f"COMMENT ON TABLE {name} IS {literal(_MADE_COMMENTS[name])}")
            _fill_reviews(db, reviews)
            names = result_names(db, "results")
            _comment_columns(db, columns, names)
            for view in views(columns, names):
                db.execute(f"CREATE VIEW {view.name} AS {view.sql}")
                db.execute(f"COMMENT ON VIEW {view.name} IS {literal(view.comment)}")
            summary = _summary(db)
            db.execute("COMMIT")
            db.execute("USE memory")
            db.execute("DETACH run")
        flush(made)
        made.replace(target)
        flush(folder)
    except duckdb.IOException as error:
        raise _unwritable(target, error) from error
    finally:
        made.unlink(missing_ok=True)
        made.with_name(made.name + ".wal").unlink(missing_ok=True)
    return summary


def replace_reviews(folder: Path, reviews: pa.Table) -> None:
    """Put other reviews into the `research.duckdb` that is there, in one step: all else stays as it is."""
    target = folder / FILE
    made = temporary(target)
    try:
        shutil.copyfile(target, made)
        with duckdb.connect(made, config={"memory_limit": _MEMORY}) as db:
            db.register("new_reviews", reviews)
            db.execute("DELETE FROM reviews")
            db.execute("INSERT INTO reviews SELECT * FROM new_reviews")
            db.execute("CHECKPOINT")
        flush(made)
        made.replace(target)
        flush(folder)
    except (duckdb.IOException, OSError) as error:
        raise _unwritable(target, error) from error
    finally:
        made.unlink(missing_ok=True)
        made.with_name(made.name + ".wal").unlink(missing_ok=True)


def _unwritable(target: Path, error: Exception) -> SurroundingsFault:
    words = " ".join(str(error).split())
    return SurroundingsFault(f"{target} cannot be written: {words}. Make room there", place=str(target))


def _fill_reviews(db: duckdb.DuckDBPyConnection, reviews: pa.Table) -> None:
    db.register("new_reviews", reviews)
    db.execute("CREATE TABLE reviews AS SELECT * FROM new_reviews")
    db.unregister("new_reviews")
    db.execute(f"COMMENT ON TABLE reviews IS {literal(_REVIEWS_COMMENT)}")


def definition(columns: ResultColumns) -> str:
    """What `build` makes of a run's parts, beside their rows: another text, another file."""
    made = [
        _STORAGE,
        _ROW_GROUP,
        *_COMMENTS.items(),
        *REVIEWS,
        _REVIEWS_COMMENT,
        *views(columns, columns.schema.names),
        *_column_comments(columns).items(),
    ]
    return "\n".join(map(repr, made))


def read_parts(paths: Sequence[Path], *options: str) -> str:
    """The SQL that reads parts in the order given, whatever the folders above them are called. A column that only newer parts
    have is null in the older ones."""
    files = ", ".join(literal(re.sub(r"[*?\[]", r"[\g<0>]", str(path))) for path in paths)
    return f"read_parquet({', '.join([f'[{files}]', 'hive_partitioning = false', 'union_by_name = true', *options])})"


def result_names(db: duckdb.DuckDBPyConnection, source: str) -> list[str]:
    """What DuckDB calls the columns of results, in order. Those that differ in case alone it renames (`NAME` → `NAME_1`)."""
    return [str(row[0]) for row in db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]


def _fill(db: duckdb.DuckDBPyConnection, name: str, paths: Sequence[Path], columns: ResultColumns) -> None:
    kinds: dict[pa.Schema, Path] = {}
    for path in paths:
        kinds.setdefault(pq.read_schema(path), path)
    sources = [read_parts(list(kinds.values()))] if kinds else []
    if name != "results" or not kinds:
        # The columns that parts of earlier versions lack: views read all. (`results` has those that its run began with.)
        db.register("no_rows", (columns.schema if name == "results" else SCHEMAS[name]).empty_table())
        sources.append("no_rows")
    rows = " UNION ALL BY NAME ".join(f"(SELECT * FROM {source} LIMIT 0)" for source in sources)
    db.execute(f"CREATE TABLE {name} AS {rows}")
    db.unregister("no_rows")
    for first in range(0, len(paths), _PARTS_AT_ONCE):
        db.execute(f"INSERT INTO {name} BY NAME SELECT * FROM {read_parts(paths[first : first + _PARTS_AT_ONCE])}")


def _comment_columns(db: duckdb.DuckDBPyConnection, columns: ResultColumns, names: Sequence[str]) -> None:
    called = dict(zip(columns.schema.names, names, strict=True))
    for name, comment in _column_comments(columns).items():
        db.execute(f"COMMENT ON COLUMN results.{quoted(called[name])} IS {literal(comment)}")


def _column_comments(columns: ResultColumns) -> dict[str, str]:
    """What a person reads about each column of `results`."""
    comments = {name: f"input column {name}" for name in columns.inputs}
    comments |= {o.column: f"output field {o.field}" + (f": {o.description}" if o.description else "") for o in columns.outputs}
    return comments | {column: f"of the run: {name}" for name, column in columns.run.items()}


def _summary(db: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Rows by outcome; tasks (equal rows share one), cost in US dollars (None if any task's is unknown), models, seconds of work
    (summed over tasks, which run side by side), and the size of each table."""
    row = db.execute(
        'SELECT coalesce(sum("rows"), 0)::BIGINT, coalesce(sum(completed), 0)::BIGINT, coalesce(sum(failed), 0)::BIGINT, '
        "coalesce(sum(waiting), 0)::BIGINT, "
        "coalesce(sum(tasks), 0)::BIGINT, "
        "CASE WHEN coalesce(sum(tasks_of_unknown_cost), 0) = 0 THEN coalesce(sum(cost_usd), 0) END, "
        "coalesce(list(DISTINCT model ORDER BY model), []), coalesce(sum(seconds), 0) FROM spend"
    ).fetchone()
    assert row is not None, "an aggregate has one row"  # noqa: S101
    summary = dict(zip(("rows", "completed", "failed", "waiting", "tasks", "cost_usd", "models", "seconds"), row, strict=True))
    counts = {name: db.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0] for name in _COMMENTS}
    return {**summary, "tables": counts}
