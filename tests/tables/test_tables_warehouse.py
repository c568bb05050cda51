"""`research.duckdb`: it opens anywhere, holds what the parts hold, and answers what people ask first."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from run_samples import INPUT, batch, completed, create, failed, finished, page

from research.output_schema.output_spec import OutputSpec
from research.result.result import FieldBasis

PEOPLE_ASK = [
    "cells",
    "coverage",
    "decisions",
    "evidence",
    "failed_rows",
    "low_confidence",
    "open_questions",
    "reviewed_results",
    "spend",
    "suspicious_sources",
    "unsupported",
]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Four rows, the last failed; the folder was moved after the run and its parts deleted."""
    folder = tmp_path_factory.mktemp("warehouse")
    run = finished(folder / "made", failing=[3])
    moved = folder / "moved.duckdb"
    shutil.move(run.path / "research.duckdb", moved)
    shutil.rmtree(run.path)
    with duckdb.connect(moved, read_only=True) as connection:
        yield connection


def rows(db: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return db.execute(query).fetchall()


def test_it_holds_every_table_and_view_with_a_comment(db: duckdb.DuckDBPyConnection) -> None:
    tables = rows(db, "SELECT table_name, comment FROM duckdb_tables() ORDER BY 1")
    views = rows(db, "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal ORDER BY 1")
    assert [name for name, _ in tables] == [
        "basis",
        "findings",
        "pages",
        "questions",
        "reports",
        "results",
        "reviews",
        "sources",
        "usage",
    ]
    assert [name for name, _ in views] == PEOPLE_ASK
    assert all(comment for _, comment in tables + views)
    comments = dict(rows(db, "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'results'"))
    assert comments["operator"] == "output field operator: who flies it"
    assert comments["status"] == "input column status"


def test_rows_stand_in_input_order_and_in_their_types(db: duckdb.DuckDBPyConnection) -> None:
    assert rows(db, "SELECT row_index, mission, mass FROM results") == [
        (0, "Mission 0", 100),
        (1, "Mission 1", 101),
        (2, "Mission 2", 102),
        (3, "Mission 3", None),
    ]
    types = {row[0]: row[1] for row in rows(db, "DESCRIBE results")}
    assert (types["launched"], types["crew"].replace('"', "")) == ("DATE", "STRUCT(name VARCHAR)[]")


def test_low_confidence_names_the_cells_worth_a_second_look(db: duckdb.DuckDBPyConnection) -> None:
    found = rows(db, "SELECT row_index, field, value, confidence FROM low_confidence")
    assert found == [(n, "mass", str(100 + n), "low") for n in range(3)]


def test_failed_rows_show_the_input_and_what_went_wrong(db: duckdb.DuckDBPyConnection) -> None:
    found = rows(db, "SELECT row_index, mission, status, status_research, error FROM failed_rows")
    assert found == [(3, "Mission 3", "flying", "failed", "the search did not answer")]


def test_spend_sums_by_processor_and_model_and_says_what_is_unknown(db: duckdb.DuckDBPyConnection) -> None:
    assert rows(
        db, "SELECT processor, model, rows, tasks, completed, failed, cost_usd, tasks_of_unknown_cost, tokens_input FROM spend"
    ) == [("core", "extractive", 4, 4, 3, 1, 0.75, 1, 30)]


def test_evidence_shows_the_value_its_excerpt_and_what_stands_around_it(db: duckdb.DuckDBPyConnection) -> None:
    query = (
        "SELECT value, excerpt, page_title, page_url, before || excerpt || after FROM evidence WHERE row_index = 1 AND field = "
    )
    (operator,) = rows(db, query + "'operator'")
    assert operator == ("Agency 1", "Agency 1", "Mission 1", page(1).url, page(1).text)
    (crew,) = rows(db, query + "'crew.0.name'")
    assert crew[:2] == ("Ada 1", "Ada 1")


def test_coverage_counts_by_field(db: duckdb.DuckDBPyConnection) -> None:
    found = {row[0]: row[1:] for row in rows(db, "SELECT field, rows, filled, empty, high, medium, low FROM coverage")}
    assert found == {
        "operator": (4, 3, 1, 3, 0, 0),
        "mass": (4, 3, 1, 0, 0, 3),
        "launched": (4, 0, 4, 0, 0, 0),
        "crew": (4, 3, 1, 0, 3, 0),
    }


def test_unsupported_finds_values_that_no_excerpt_supports(tmp_path: Path, db: duckdb.DuckDBPyConnection) -> None:
    assert rows(db, "FROM unsupported") == []
    run = create(tmp_path)
    bare = completed(
        0, output={"operator": "Agency 0", "mass": None, "launched": None, "crew": None}, basis=[FieldBasis(field="operator")]
    )
    run.write_shard(0, batch([0]), 0, [bare])
    run.finish()
    with duckdb.connect(tmp_path / "research.duckdb", read_only=True) as other:
        assert rows(other, "SELECT row_index, field, value FROM unsupported") == [(0, "operator", "Agency 0")]


def test_hard_names_of_folders_columns_and_fields_do_no_harm(tmp_path: Path) -> None:
    folder = tmp_path / "year=2020" / 'it\'s [1]* "x"'
    spec = OutputSpec.parse(
        {
            "type": "object",
            "properties": {"a'b\"c": {"type": "string"}, "Mission": {"type": "string"}, "a": {}, "a.b": {"type": "string"}},
            "additionalProperties": False,
        }
    )
    inputs = pa.schema([(name, pa.string()) for name in ("mission", "file", "tokens_input", "row_index", 'x"y')])
    run = create(folder, spec=spec, inputs=inputs)
    quoted = FieldBasis(field="a.b", citations=completed(0).basis[0].citations, confidence="high")
    result = completed(0, output={"a'b\"c": "v", "Mission": None, "a": {"k": [1]}, "a.b": "w"}, basis=[quoted])
    run.write_shard(0, pa.table([["m"], ["f"], ["t"], ["r"], ["q"]], schema=inputs), 0, [result], [page(0)])
    run.finish(rows=1)
    with duckdb.connect(folder / "research.duckdb", read_only=True) as db:
        cells = rows(db, "SELECT field, value, confidence FROM cells ORDER BY field")
        assert cells == [("Mission", None, None), ("a", '{"k":[1]}', None), ("a'b\"c", "v", None), ("a.b", "w", "high")]
        assert rows(db, "SELECT row_index_research, row_index, mission, file FROM results") == [(0, "r", "m", "f")]
        for view in PEOPLE_ASK:
            rows(db, f"FROM {view}")


def test_the_sql_of_the_manual_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "run-folder.md").read_text(encoding="utf-8")
    run = finished(tmp_path / "runs" / "missions-3f9a1c20", failing=[3])
    monkeypatch.chdir(tmp_path)
    with duckdb.connect(run.path / "research.duckdb", read_only=True) as connection:
        statements = [s for block in re.findall(r"```sql\n(.*?)```", manual, re.DOTALL) for s in duckdb.extract_statements(block)]
        assert len(statements) > 8
        for statement in statements:
            connection.execute(statement).fetchall()


def test_columns_that_differ_in_case_alone_are_both_there(tmp_path: Path) -> None:
    inputs = pa.schema([("a", pa.string()), ("A", pa.string())])
    run = create(tmp_path, inputs=inputs)
    run.write_shard(0, pa.table([["1"], ["2"]], schema=inputs), 0, [failed(0)])
    run.finish(rows=1)
    with duckdb.connect(tmp_path / "research.duckdb", read_only=True) as db:
        assert rows(db, "SELECT a, A_1, error FROM results") == [("1", "2", "the search did not answer")]
        assert rows(db, "SELECT comment FROM duckdb_columns() WHERE table_name = 'results' AND column_name = 'A_1'")[0] == (
            "input column A",
        )


def test_an_older_duckdb_can_open_the_file(db: duckdb.DuckDBPyConnection) -> None:
    ((tags,),) = rows(db, "SELECT tags FROM duckdb_databases() WHERE NOT internal")
    assert tags["storage_version"].startswith("v1.2")


def test_the_inputs_own_status_is_not_the_runs(db: duckdb.DuckDBPyConnection) -> None:
    assert INPUT.names == ["mission", "status"]
    assert rows(db, "SELECT DISTINCT status FROM results") == [("flying",)]
    assert rows(db, "SELECT status_research FROM results WHERE row_index = 3") == [("failed",)]
