"""What begins like a type in shorthand is understood or refused; it is never a text field in silence."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.errors import InvalidSchema
from research.output_schema.output_spec import OutputSpec
from research.output_schema.type_words import ALIASES, SHORTHAND, or_null

INTEGER = {"type": "integer"}


def read(text: str) -> Any:
    return OutputSpec.parse({"field": text}).fields[0].schema


@pytest.mark.parametrize("kind", [*SHORTHAND, *ALIASES])
@pytest.mark.parametrize(
    "written",
    [
        "{} or null",
        "{}|null",
        "{} | None",
        "Optional[{}]",
        "Union[{}, None]",
        "Union[None, {}]",
        "{}?",
        "nullable {}",
        "{} (optional)",
        "{}, nullable",
    ],
)
def test_a_type_that_may_be_null(kind: str, written: str) -> None:
    assert read(written.format(kind)) == or_null(read(kind))


@pytest.mark.parametrize("kind", [*SHORTHAND, *ALIASES])
@pytest.mark.parametrize(
    "written", ["list[{}]", "List[{}]", "{}[]", "Array<{}>", "Sequence[{}]", "list of {}", "array of {}s", "set of {}s"]
)
def test_a_list_of_a_type(kind: str, written: str) -> None:
    assert read(written.format(kind)) == {"type": "array", "items": read(kind)}


@pytest.mark.parametrize("kind", [*SHORTHAND, *ALIASES])
@pytest.mark.parametrize("written", ["{}: in USD", "{} (in USD)", "{} - in USD", "{} – in USD"])
def test_a_type_with_words(kind: str, written: str) -> None:
    assert read(written.format(kind)) == {**read(kind), "description": "in USD"}


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("string array", {"type": "array", "items": {"type": "string"}}),
        ("list(int)", {"type": "array", "items": {"type": "integer"}}),
        ("array of arrays of int", {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}),
        ("list of objects: name and role", {"type": "array", "items": {"type": "object"}, "description": "name and role"}),
        ("map of string to int", {"type": "object", "additionalProperties": {"type": "integer"}}),
        ("float (USD)", {"type": "number", "description": "USD"}),
        ("int or null (in millions): of staff", {"type": ["integer", "null"], "description": "in millions of staff"}),
        ("number | string", {"anyOf": [{"type": "number"}, {"type": "string"}]}),
        ("Optional[List[int]]", {"type": ["array", "null"], "items": INTEGER}),
        ("timestamp", {"type": "string", "format": "date-time"}),
        ("numeric(10,2)", {"type": "number", "description": "10,2"}),
        ("timestamp of the launch", {"type": "string", "description": "timestamp of the launch"}),
        ("dict[str, int]", {"type": "object", "additionalProperties": INTEGER}),
        ('Literal["a", "b"]', {"type": "string", "enum": ["a", "b"]}),
        ("'a' | 'b'", {"type": "string", "enum": ["a", "b"]}),
        ("enum(a, b)", {"type": "string", "enum": ["a", "b"]}),
        ("integer number of people", {"type": "integer", "description": "number of people"}),
        ("bool, true if listed", {"type": "boolean", "description": "true if listed"}),
        ("any", {}),
        ("integer >= 0", {"type": "integer", "minimum": 0}),
        ("number < 0.5", {"type": "number", "exclusiveMaximum": 0.5}),
        ("?int", {"type": ["integer", "null"]}),
        ("required int", INTEGER),
        ("np.float64", {"type": "number"}),
        ("xs:integer", INTEGER),
        ("big int", INTEGER),
        ("datetime.date", {"type": "string", "format": "date"}),
        ("pd.Timestamp: of the launch", {"type": "string", "format": "date-time", "description": "of the launch"}),
        ("date YYYY-MM-DD", {"type": "string", "format": "date", "description": "YYYY-MM-DD"}),
        ("small | medium | large", {"type": "string", "enum": ["small", "medium", "large"]}),
        ("visa.com | paypal.com", {"type": "string", "enum": ["visa.com", "paypal.com"]}),
        ('Literal["usa.gov", "b"]', {"type": "string", "enum": ["usa.gov", "b"]}),
        ("real | virtual", {"type": "string", "enum": ["real", "virtual"]}),
        ("np.bool_", {"type": "boolean"}),
        ("integer >= 0: people", {**INTEGER, "minimum": 0, "description": "people"}),
        ("integer > 0 | null", {"type": ["integer", "null"], "exclusiveMinimum": 0}),
        ("integer? >= 0", {"type": ["integer", "null"], "minimum": 0}),
        ("small|large|null", {"type": ["string", "null"], "enum": ["small", "large", None]}),
        ("Yes | No", {"type": "boolean"}),
    ],
)
def test_what_is_understood(text: str, schema: dict[str, Any]) -> None:
    assert read(text) == schema


@pytest.mark.parametrize(
    "text",
    [
        "Optional[Foo]",
        "{name: string, year: int}",
        "object{name: string}",
        "int | foo",
        "int or foo",
        "Tuple[int, int]",
        "list[foo]",
        "array of things",
        "list of objects with name and role",
        "array of {name, role}",
        "list of (name, role)",
        "Person[]",
        "[people]",
        "enum",
        "null",
        "int = 0",
        "integer >= 0 and <= 10",
        "integer != 0",
        "number <= 1,000",
        "number >= 1e6",
        "pl.Utf8",
        "pd.NA",
    ],
)
def test_what_is_half_a_type_is_refused(text: str) -> None:
    with pytest.raises(InvalidSchema, match=r"is not a type|alone is not a type|goes on as none"):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        "number of employees",
        "date, place and cause of death",
        "list of people who founded it",
        "list of (former) heads",
        "long list",
        "price list",
        "map of the region",
        "text of the motto",
        "optional extras of the car",
        "colour or null",
        "what it's for | who it's by",
        "the CEO (full name)",
        "Is it public?",
        "long description",
        "real name of the author",
    ],
)
def test_prose_stays_a_description(text: str) -> None:
    assert read(text) == {"type": "string", "description": text}


@given(st.text(alphabet="intfloasr[]<>|(),?:- \"'", min_size=1, max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(InvalidSchema):
        assert isinstance(read(text), dict)
