"""A schema that no answer could fit is refused before a row is paid for; wrappers and words that say one thing are read."""

from __future__ import annotations

from typing import Any

import pytest

from research.errors import InvalidSchema
from research.output_schema.output_spec import OutputSpec

FIELD = {"type": "object", "properties": {"a": {"type": "string"}}}


def with_field(part: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": part}}


@pytest.mark.parametrize(
    ("part", "at"),
    [
        ({"type": "integer", "enum": ["x", "y"]}, "enum"),
        ({"type": "integer", "enum": [1, 2], "minimum": 5}, "enum"),
        ({"type": "integer", "const": "x"}, "const"),
        ({"not": {}}, "not"),
        ({"type": "number", "minimum": 5, "exclusiveMaximum": 5}, "minimum"),
        ({"type": "number", "exclusiveMinimum": 5, "maximum": 4}, "exclusiveMinimum"),
        ({"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2}, "exclusiveMinimum"),
        ({"type": ["integer", "null"], "minimum": 1.2, "maximum": 1.8}, "minimum"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "minLength"),
    ],
)
def test_a_field_that_no_value_fits_is_refused_at_any_depth(part: dict[str, Any], at: str) -> None:
    for spelling, above in (
        (with_field(part), "/properties/a"),
        (with_field(with_field(part)), "/properties/a/properties/a"),
        (with_field({"type": "array", "items": part}), "/properties/a/items"),
    ):
        with pytest.raises(InvalidSchema) as caught:
            OutputSpec.parse(spelling)
        assert [fault.pointer for fault in caught.value.faults] == [f"{above}/{at}"]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "integer", "enum": [1, "x"]},
        {"type": ["string", "null"], "enum": [None]},
        {"type": "integer", "minimum": 1, "maximum": 1},
        {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 3},
        {"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 2},
        {"minimum": 1.2, "maximum": 1.8},
    ],
)
def test_a_field_that_some_value_fits_is_read(part: dict[str, Any]) -> None:
    assert OutputSpec.parse(with_field(part)).names == ("a",)


@pytest.mark.parametrize(
    "spelling",
    [
        {"responseJsonSchema": FIELD, "responseMimeType": "application/json"},
        {"guided_json": FIELD},
        {"output_schema": FIELD},
        {"outputSchema": FIELD},
        {"output_schema": {"type": "json", "json_schema": FIELD}},
        {"task_spec": {"output_schema": {"type": "json", "json_schema": FIELD}}},
    ],
)
def test_what_services_wrap_a_schema_in_may_stay_around_it(spelling: dict[str, Any]) -> None:
    assert OutputSpec.parse(spelling) == OutputSpec.parse(FIELD)


def test_a_fault_in_a_wrapped_spelling_is_named_from_the_root() -> None:
    with pytest.raises(InvalidSchema) as caught:
        OutputSpec.parse({"output_schema": {"type": "json", "json_schema": FIELD, "strict": True}})

    assert [fault.pointer for fault in caught.value.faults] == ["/output_schema/strict"]


@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
def test_a_format_without_its_schema_asks_for_no_field_of_that_name(kind: str) -> None:
    with pytest.raises(InvalidSchema, match="no schema stands in it"):
        OutputSpec.parse({"type": kind})


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("uint8", {"type": "integer"}),
        ("positive integer", {"type": "integer"}),
        ("double precision", {"type": "number"}),
        ("Float!", {"type": "number"}),
        ("[int]", {"type": "array", "items": {"type": "integer"}}),
        ("[String!]!", {"type": "array", "items": {"type": "string"}}),
        ("timestamp with time zone", {"type": "string", "format": "date-time"}),
    ],
)
def test_types_in_the_words_of_sql_and_graphql_are_types(word: str, kind: dict[str, Any]) -> None:
    assert OutputSpec.parse({"f": word}).fields[0].schema == kind


@pytest.mark.parametrize("word", ["conint(gt=0)", "Annotated[int, 'year']"])
def test_types_that_are_code_are_refused(word: str) -> None:
    with pytest.raises(InvalidSchema, match="is not a type"):
        OutputSpec.parse({"f": word})
