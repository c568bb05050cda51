"""Output columns are typed from the schema, and a value comes back from Parquet as it went in."""

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.output_schema.output_spec import OutputSpec
from research.tables.layout.columns import arrow_schema, arrow_value, json_value

SCHEMAS = Path(__file__).parents[2] / "schemas"
DATE = {"type": "string", "format": "date"}
MOMENT = {"type": "string", "format": "date-time"}
UTC_MICROSECONDS = pa.timestamp("us", tz="UTC")
JSON_TEXT = "json text"


def column(schema: Any) -> Any:
    return arrow_schema(OutputSpec.parse({"type": "object", "properties": {"x": schema}})).field("x")


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, pa.string()),
        ({"type": "integer"}, pa.int64()),
        ({"type": "number"}, pa.float64()),
        ({"type": "boolean"}, pa.bool_()),
        (DATE, pa.date32()),
        (MOMENT, UTC_MICROSECONDS),
        ({"type": "string", "format": "uri"}, pa.string()),
        ({"type": ["integer", "null"]}, pa.int64()),
        ({"type": ["integer", "number"]}, pa.float64()),
        ({"anyOf": [DATE, {"type": "null"}]}, pa.date32()),
        ({"oneOf": [{"type": "null"}, {"type": "integer", "title": "n"}, {"type": "integer"}]}, pa.int64()),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, pa.float64()),
        ({"anyOf": [DATE, {"type": "string"}]}, pa.string()),
        ({"enum": ["a", "b", None]}, pa.string()),
        ({"enum": [1, 2]}, pa.int64()),
        ({"enum": [1, 2.5]}, pa.float64()),
        ({"const": True}, pa.bool_()),
        ({"type": "string", "enum": ["a"]}, pa.string()),
        ({"type": "null"}, pa.string()),
        ({"type": "array", "items": DATE}, pa.list_(pa.field("item", pa.date32()))),
        ({"type": "object", "properties": {"a": {"type": "integer"}}}, pa.struct([("a", pa.int64())])),
        ({"type": ["object", "null"], "properties": {"a": {"type": "integer"}}}, pa.struct([("a", pa.int64())])),
        ({"allOf": [{"type": "integer"}], "description": "x"}, pa.int64()),
        ({}, JSON_TEXT),
        (True, JSON_TEXT),
        ({"type": "object"}, JSON_TEXT),
        ({"type": "array"}, JSON_TEXT),
        ({"type": ["string", "integer"]}, JSON_TEXT),
        ({"enum": ["a", 1]}, JSON_TEXT),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, JSON_TEXT),
        ({"type": "object", "additionalProperties": {"type": "string"}}, JSON_TEXT),
        ({"type": "object", "properties": {"a": {}}, "additionalProperties": True}, JSON_TEXT),
        ({"type": "object", "properties": {"a": {}, "A": {}}}, JSON_TEXT),
        ({"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "string"}}, JSON_TEXT),
        ({"properties": {"a": {"type": "integer"}}}, JSON_TEXT),
    ],
)
def test_a_column_has_the_type_of_its_schema(schema: Any, expected: Any) -> None:
    found = column(schema)
    assert found.nullable
    if expected is JSON_TEXT:
        assert (found.type, found.metadata) == (pa.string(), {b"content": b"json"})
    else:
        assert (found.type, found.metadata) == (expected, None)


def test_only_the_part_that_arrow_cannot_type_is_json_text() -> None:
    found = column({"type": "array", "items": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {}}}})
    assert found.type == pa.list_(pa.struct([("a", pa.int64()), ("b", pa.string())]))


def test_text_and_auto_have_one_text_column() -> None:
    assert (
        arrow_schema(OutputSpec.parse(None))
        == arrow_schema(OutputSpec.parse({"type": "text"}))
        == pa.schema([("answer", pa.string())])
    )


def test_columns_stand_in_the_order_of_the_fields() -> None:
    assert arrow_schema(OutputSpec.parse({"b": "string", "a": "string"})).names == ["b", "a"]


def through_parquet(spec: OutputSpec, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = [{field.name: arrow_value(field, answer.get(field.name)) for field in spec.fields} for answer in answers]
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(spec)), file)
    return [{field.name: json_value(field, row[field.name]) for field in spec.fields} for row in pq.read_table(file).to_pylist()]


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
INTEGER = st.integers(-(2**63), 2**63 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | INTEGER | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
VALUES: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "text": ({"type": "string"}, TEXT),
    "whole": ({"type": "integer"}, INTEGER),
    "number": ({"type": "number"}, st.floats(allow_nan=False, allow_infinity=False)),
    "flag": ({"type": "boolean"}, st.booleans()),
    "day": (DATE, st.dates().map(lambda day: day.isoformat())),
    "moment": (MOMENT, st.datetimes().map(lambda moment: moment.isoformat() + "Z")),
    "choice": ({"enum": ["a", "b"]}, st.sampled_from(["a", "b"])),
    "maybe": ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, st.none() | INTEGER),
    "anything": ({}, JSON),
    "either": ({"type": ["string", "integer"]}, TEXT | INTEGER),
    "days": ({"type": "array", "items": DATE}, st.lists(st.dates().map(lambda day: day.isoformat()), max_size=3)),
    "people": (
        {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}, "more": {}}}},
        st.lists(st.fixed_dictionaries({"name": st.none() | TEXT, "more": JSON}), max_size=3),
    ),
}
SPEC = OutputSpec.parse({"type": "object", "properties": {name: schema for name, (schema, _) in VALUES.items()}})
ANSWERS = st.fixed_dictionaries({name: st.none() | values for name, (_, values) in VALUES.items()})


@settings(max_examples=60, deadline=None)
@given(st.lists(ANSWERS, max_size=3))
def test_an_answer_comes_back_from_parquet_as_it_went_in(answers: list[dict[str, Any]]) -> None:
    """And whatever `check` lets pass fits its column."""
    assert all(SPEC.check(answer) == () for answer in answers)
    assert through_parquet(SPEC, answers) == answers


@pytest.mark.parametrize(
    ("schema", "value", "stored"),
    [
        ({"type": "integer"}, 3.0, 3),
        ({"type": "number"}, 3, 3.0),
        (MOMENT, "2026-01-31T09:15:00+02:00", "2026-01-31T07:15:00Z"),
        (MOMENT, "2026-01-31t09:15:00.1234567z", "2026-01-31T09:15:00.123456Z"),
        (MOMENT, "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}, {"a": 1}, {"a": 1, "b": None}),
    ],
)
def test_what_a_column_makes_of_a_value_is_defined(schema: Any, value: Any, stored: Any) -> None:
    spec = OutputSpec.parse({"properties": {"x": schema}})
    assert spec.check({"x": value}) == ()
    assert through_parquet(spec, [{"x": value}]) == [{"x": stored}]


# Ready schemas


@pytest.mark.parametrize("name", ["company", "person", "product", "paper", "event"])
def test_a_ready_schema_describes_every_field_and_has_typed_columns(name: str) -> None:
    spec = OutputSpec.parse(SCHEMAS / f"{name}.json")
    assert spec.description
    assert all(len(field.description) > 10 for field in spec.fields)
    assert not any(field.metadata for field in arrow_schema(spec))
    assert "description" in json.dumps([field.schema.get("items") for field in spec.fields if field.schema["type"] == "array"])
    assert spec.check(dict.fromkeys(spec.names)) == ()


def test_every_ready_schema_is_tested() -> None:
    assert {file.stem for file in SCHEMAS.glob("*.json")} == {"company", "person", "product", "paper", "event"}
