"""Results become rows: which columns there are, what they are called, and that no value is lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_samples import INPUT, SPEC, batch, citation, completed, create, everything, failed, page

from research.errors import InvalidTable
from research.money.usage import Tokens, Usage
from research.output_schema.output_spec import OutputSpec
from research.result.result import Citation, FieldBasis, Result
from research.tables import RunFolder
from research.tables.layout.parts import SCHEMAS, pages_cited, tables_of
from research.tables.layout.result_columns import ResultColumns

COLUMNS = ResultColumns.plan(INPUT, SPEC)


def tables(*results: Result, columns: ResultColumns = COLUMNS) -> dict[str, pa.Table]:
    rows = range(len(results))
    return tables_of(columns, rows, pa.Table.from_batches([batch(rows)]), results)


def spec(*names: str) -> OutputSpec:
    return OutputSpec.parse(
        {"type": "object", "properties": {n: {"type": "string"} for n in names}, "additionalProperties": False}
    )


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (
            "basis",
            "row_index task_id field url title excerpt page_hash start end support reasoning confidence p_correct checked_at",
        ),
        ("findings", "row_index task_id subquery_index subquery answer confidence evidence citations"),
        ("sources", "row_index task_id index url title domain fetched quality first_seen_subquery read page_hash"),
        ("pages", "page_hash url final_url title media_type fetched_at published text extraction_version raw_hash html"),
    ],
)
def test_the_tables_have_the_columns_that_the_contract_names(table: str, columns: str) -> None:
    assert SCHEMAS[table].names == columns.split()


def test_usage_has_every_field_of_usage_with_tokens_side_by_side() -> None:
    fields = [name for name in Usage.model_fields if name != "tokens"]
    tokens = [f"tokens_{name}" for name in Tokens.model_fields]
    assert set(SCHEMAS["usage"].names) == {"row_index", "task_id", *fields, *tokens, "cost_usd", "seconds"}
    row = tables(completed(0, usage=Usage(tool_calls=2, tokens=Tokens(input=None, output=3))))["usage"].to_pylist()[0]
    assert (row["tool_calls"], row["tokens_input"], row["tokens_output"], row["seconds"]) == (2, None, 3, 1.5)


def test_results_has_the_inputs_columns_then_the_outputs_then_the_runs() -> None:
    assert COLUMNS.schema.names == [
        *("row_index", "mission", "status"),
        *("operator", "mass", "launched", "crew"),
        *("status_research", "error", "warnings", "confidence", "processor", "model", "cost_usd", "task_id", "completed_at"),
        *("error_kind", "tiers", "field_warnings", "p_correct", "agents"),
    ]
    assert COLUMNS.schema.field("launched").type == pa.date32()


@pytest.mark.parametrize(
    ("inputs", "fields", "expected"),
    [
        ([], ["Error"], {"Error": "Error", "error": "error_research"}),
        (["NAME"], ["name"], {"name": "name_research"}),
        (["name"], ["NAME"], {"NAME": "NAME_research"}),
        (["name", "Name_Research"], ["name"], {"name": "name_research2"}),
        (["name", "name_research", "name_research2"], ["name"], {"name": "name_research3"}),
        (["x"], ["x_research", "x"], {"x_research": "x_research", "x": "x_research2"}),
        (["row_index"], ["status"], {"row_index": "row_index_research", "status": "status"}),
    ],
)
def test_a_name_that_is_taken_gets_the_suffix(inputs: list[str], fields: list[str], expected: dict[str, str]) -> None:
    columns = ResultColumns.plan(pa.schema([(name, pa.string()) for name in inputs]), spec(*fields))
    named = {**columns.run, **{o.field: o.column for o in columns.outputs}}
    assert {name: named[name] for name in expected} == expected
    assert len({name.casefold() for name in columns.schema.names}) == len(columns.schema.names)
    assert list(columns.inputs) == inputs


@given(
    st.lists(st.sampled_from(["a", "A", "b", "status", "row_index", "a_research", "A_RESEARCH", "ß"]), unique=True),
    st.lists(
        st.sampled_from(["a", "b", "Status", "a_research", "ROW_INDEX", "error_research", "ss"]),
        unique_by=str.casefold,
        min_size=1,
    ),
)
def test_inputs_keep_their_names_and_no_other_column_shares_one(inputs: list[str], fields: list[str]) -> None:
    columns = ResultColumns.plan(pa.schema([(name, pa.int8()) for name in inputs]), spec(*fields))
    assert columns.schema.names[1 : 1 + len(inputs)] == inputs
    ours = [columns.schema.names[0], *columns.schema.names[1 + len(inputs) :]]
    folded = [name.casefold() for name in ours]
    assert len(set(folded)) == len(folded)
    assert not {name.casefold() for name in inputs} & set(folded)
    assert ResultColumns.from_json(columns.to_json()) == columns


def test_input_columns_that_cannot_be_kept_are_refused_by_name() -> None:
    with pytest.raises(InvalidTable, match="a: 2 columns have this name"):
        ResultColumns.plan(pa.schema([("a", pa.string()), ("a", pa.string())]), SPEC)
    with pytest.raises(InvalidTable, match="gap: Parquet cannot hold month_day_nano_interval"):
        ResultColumns.plan(pa.schema([("gap", pa.month_day_nano_interval())]), SPEC)


def test_basis_has_a_row_per_excerpt_and_one_of_nulls_for_a_field_without() -> None:
    two = Citation(url="u", title="t", excerpts=[*citation(0, "Agency 0").excerpts, *citation(0, "Mass").excerpts])
    bare = Citation(url="v", title="", excerpts=[])
    result = completed(
        0, basis=[FieldBasis(field="operator", citations=[two, bare], confidence="high"), FieldBasis(field="mass")]
    )
    rows = tables(result)["basis"].select(["field", "url", "excerpt", "start", "confidence"]).to_pylist()
    start = page(0).text.index("Agency 0")
    assert [tuple(row.values()) for row in rows] == [
        ("operator", "u", "Agency 0", start, "high"),
        ("operator", "u", "Mass", page(0).text.index("Mass"), "high"),
        ("operator", "v", None, None, "high"),
        ("mass", None, None, None, None),
    ]


def test_a_failed_row_is_there_with_its_error() -> None:
    made = tables(completed(0), failed(1))
    row = made["results"].to_pylist()[1]
    assert (row["mission"], row["operator"], row["status_research"]) == ("Mission 1", None, "failed")
    assert (row["error"], row["cost_usd"], row["confidence"]) == ("the search did not answer", None, None)
    assert made["usage"]["row_index"].to_pylist() == [0, 1]


def test_the_citations_of_a_finding_are_typed() -> None:
    finding = tables(completed(0))["findings"].to_pylist()[0]
    assert finding["subquery_index"] == 1
    excerpt = finding["citations"][0]["excerpts"][0]
    assert page(0).text[excerpt["start"] : excerpt["end"]] == excerpt["text"] == "Agency 0"


def test_an_output_that_is_a_text_has_one_column() -> None:
    columns = ResultColumns.plan(INPUT, OutputSpec.parse({"type": "text"}))
    made = tables(completed(0, output="It flies.", basis=[]), columns=columns)["results"]
    assert made["answer"].to_pylist() == ["It flies."]


def test_a_value_that_its_column_cannot_hold_costs_that_cell_only_and_is_told() -> None:
    big = completed(0, output={"operator": "A", "mass": 10**30, "launched": None, "crew": None}, warnings=["w"])
    made = tables(big, completed(1))["results"].to_pylist()
    assert [row["mass"] for row in made] == [None, 101]
    assert made[0]["operator"] == "A"
    assert made[0]["warnings"][0] == "w"
    assert str(10**30) in made[0]["warnings"][1]


def test_a_part_of_the_answer_that_has_no_column_is_told() -> None:
    made = tables(completed(0, output={"operator": "A", "color": "red"}))["results"].to_pylist()[0]
    assert made["warnings"] == ['color: "red" is in the answer and has no column']


def test_a_text_that_no_utf8_can_hold_does_not_sink_its_row() -> None:
    made = tables(completed(0, output={"operator": "a\ud800b"}, error="x\udfff"))["results"].to_pylist()[0]
    assert (made["operator"], made["error"]) == ("a\ufffdb", "x\ufffd")


def test_the_pages_of_a_shard_are_those_it_read_or_cites_once() -> None:
    assert pages_cited([completed(0), completed(1), completed(2, 0)]) == [page(0).page_hash, page(1).page_hash]


ARROW: list[pa.Array[Any]] = [
    pa.array(["a", "b", None], pa.dictionary(pa.int8(), pa.string())),
    pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), pa.array([10, 20])),
    pa.array(["007", "", None], pa.large_string()),
    pa.array(["a", "é😀", None], pa.string_view()),
    pa.array([1, 2, None], pa.duration("s")),
    pa.array([1.5, float("inf"), None], pa.float16()),
    pa.array([Decimal("1.50"), Decimal("-0.01"), None], pa.decimal128(25, 2)),
    pa.array([1, 2, None], pa.decimal256(50, 2)),
    pa.nulls(3),
    pa.array([1, 2, None], pa.timestamp("s", "Europe/Paris")),
    pa.array([1, 2, None], pa.timestamp("ns")),
    pa.array([86_400_000, 0, None], pa.date64()),
    pa.array([1, 2, None], pa.time32("s")),
    pa.array([[1], [], None], pa.large_list(pa.field("thing", pa.int8()))),
    pa.array([[1, 2], [3, 4], None], pa.list_(pa.int8(), 2)),
    pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int32())),
    pa.array([{"x": 1, "y": "z"}, None, {"x": None, "y": None}]),
    pa.array([2**63, 0, None], pa.uint64()),
    pa.array([True, False, None]),
]


@pytest.mark.parametrize("column", ARROW, ids=[str(array.type) for array in ARROW])
def test_an_input_column_comes_back_in_its_own_type(column: pa.Array[Any], tmp_path: Path) -> None:
    table = pa.table([column], schema=pa.schema([pa.field("x", column.type, metadata={"unit": "kg"})]))
    run = create(tmp_path, inputs=table.schema)
    run.write_shard(0, table, 0, [completed(0), failed(1), completed(2)], [page(0), page(2)])
    read = everything(RunFolder.open(tmp_path), "results").select(["x"])
    assert read.schema.equals(table.schema, check_metadata=True)
    assert read.to_pylist() == table.to_pylist()
    run.finish(rows=3)


INPUT_TABLES = st.lists(
    st.tuples(
        st.sampled_from(["mission", "status", "row_index", "operator", "Operator_research", "file", "place", "end", "ü b"]),
        st.sampled_from([pa.int64(), pa.string(), pa.float64(), pa.bool_()]),
    ),
    unique_by=lambda column: column[0],
    min_size=1,
    max_size=5,
)
VALUES: dict[pa.DataType, Sequence[Any]] = {
    pa.int64(): [0, -(2**63), 2**63 - 1, None],
    pa.string(): ["007", "1.50", "", " a\n\tb ", "😀", None],
    pa.float64(): [0.1, -0.0, float("inf"), None],
    pa.bool_(): [True, False, None],
}


@settings(max_examples=15)
@given(INPUT_TABLES, st.lists(st.booleans(), max_size=7), st.integers(1, 3), st.data())
def test_one_row_in_one_row_out(
    tmp_path_factory: pytest.TempPathFactory,
    columns: list[tuple[str, pa.DataType]],
    fails: list[bool],
    size: int,
    data: st.DataObject,
) -> None:
    """Any table, any rows failing: the same count, order, columns and values."""
    schema = pa.schema(columns)
    arrays = [[data.draw(st.sampled_from(VALUES[kind])) for _ in fails] for _, kind in columns]
    rows = [dict(zip(schema.names, values, strict=True)) for values in zip(*arrays, strict=True)]
    run = create(tmp_path_factory.mktemp("run"), inputs=schema)
    for shard, start in enumerate(range(0, len(fails), size)):
        part = fails[start : start + size]
        table = pa.Table.from_pylist(rows[start : start + size], schema)
        run.write_shard(
            shard, table, start, [failed(start + i) if f else completed(start + i, 0) for i, f in enumerate(part)], [page(0)]
        )
    if not fails:
        run.finish(rows=0)
    read = everything(run, "results")
    assert read.select(list(schema.names)).equals(pa.Table.from_pylist(rows, schema))
    assert read[run.columns.row_index].to_pylist() == list(range(len(fails)))
    assert read[run.columns.run["status"]].to_pylist() == ["failed" if f else "completed" for f in fails]
    assert read[run.columns.output("mass").column].to_pylist() == [None if f else 100 for f in fails]
