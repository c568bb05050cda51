"""Every spelling of an output schema becomes one JSON Schema, and every fault is named before anything is spent."""

import copy
import json
import pickle
from datetime import date
from enum import Enum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from research.errors import InvalidSchema
from research.output_schema import json_schema, output_spec
from research.output_schema.formats import checker
from research.output_schema.output_spec import OutputSpec

NAME = {"type": "object", "properties": {"name": {"type": "string", "description": "Its name"}}, "required": ["name"]}


def faults_of(spelling: object) -> dict[str, str]:
    with pytest.raises(InvalidSchema) as caught:
        OutputSpec.parse(spelling)
    return {fault.pointer: fault.message for fault in caught.value.faults}


class Kind(Enum):
    SMALL = "small"
    LARGE = "large"


class Person(BaseModel):
    name: str
    born: date | None = None


class Company(BaseModel):
    """A company."""

    name: str = Field(description="Its name")
    kind: Kind
    people: list[Person] = []


class Node(BaseModel):
    child: "Node | None" = None


# The six spellings


@pytest.mark.parametrize(
    "spelling",
    [
        NAME,
        {"$schema": json_schema.DRAFT, **NAME},
        {"type": "json", "json_schema": NAME},
        {"type": "json", "json_schema": {"name": "output", "schema": NAME}},
        {"name": "string: Its name"},
        {"$ref": "#/$defs/Thing", "$defs": {"Thing": NAME}},
        {"properties": NAME["properties"], "required": ["name"]},
    ],
)
def test_spellings_of_one_schema_are_equal(spelling: dict[str, object]) -> None:
    """However a schema is spelt, it is the same spec, with the same hash."""
    assert OutputSpec.parse(spelling) == OutputSpec.parse(NAME)
    assert hash(OutputSpec.parse(spelling)) == hash(OutputSpec.parse(NAME))


def test_a_file_may_hold_any_spelling(tmp_path: Path) -> None:
    """A path, as text or as a Path, stands for what its file holds; a byte-order mark does no harm."""
    file = tmp_path / "name.json"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps({"type": "json", "json_schema": NAME}).encode())
    assert OutputSpec.parse(file) == OutputSpec.parse(str(file)) == OutputSpec.parse(NAME)


def test_a_pydantic_model_is_a_schema() -> None:
    """A model's `$defs` are followed into its fields, and its docstring is the description."""
    spec = OutputSpec.parse(Company)
    assert [field.name for field in spec.fields] == ["name", "kind", "people"]
    assert [field.required for field in spec.fields] == [True, True, False]
    assert spec.description == "A company."
    assert spec.fields[0].description == "Its name"
    assert spec.fields[1].schema["enum"] == ["small", "large"]
    assert spec.fields[2].schema["items"]["properties"]["born"]["anyOf"][0] == {"type": "string", "format": "date"}
    assert "$ref" not in json.dumps(spec.schema)
    assert OutputSpec.parse({"type": "json", "json_schema": Company}) == spec


@pytest.mark.parametrize("spelling", [None, {"type": "auto"}])
def test_no_schema_is_auto(spelling: object) -> None:
    """auto has one field, `answer`, and its output is an object."""
    spec = OutputSpec.parse(spelling)
    assert spec.kind == "auto"
    assert spec.names == ("answer",)
    assert spec.check({"answer": "yes"}) == ()
    assert spec.check("yes") != ()


def test_text_is_a_string() -> None:
    """text has one field, `answer`, and its output is the text itself, or null for no answer."""
    spec = OutputSpec.parse({"type": "text", "description": "A short essay"})
    assert (spec.kind, spec.names, spec.description) == ("text", ("answer",), "A short essay")
    assert spec.check("yes") == ()
    assert spec.check(None) == ()
    assert [str(fault) for fault in spec.check({"answer": "yes"})] == ["(root): must be text"]


def test_a_spec_is_its_own_spelling() -> None:
    assert OutputSpec.parse(OutputSpec.parse(NAME)) is OutputSpec.parse(NAME)


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("string", {"type": "string"}),
        (" Integer ", {"type": "integer"}),
        ("float", {"type": "number"}),
        ("bool", {"type": "boolean"}),
        ("date", {"type": "string", "format": "date"}),
        ("datetime", {"type": "string", "format": "date-time"}),
        ("url", {"type": "string", "format": "uri"}),
        ("array", {"type": "array", "items": {"type": "string"}}),
        ("list of strings", {"type": "array", "items": {"type": "string"}}),
        ("List of integer", {"type": "array", "items": {"type": "integer"}}),
        ("list of people who founded it", {"type": "string", "description": "list of people who founded it"}),
        ("list[list[integer]]", {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}),
        ("object", {"type": "object"}),
        ("enum: small | large", {"type": "string", "enum": ["small", "large"]}),
        ("integer: people who work there", {"type": "integer", "description": "people who work there"}),
        (
            "list[date]: all launches",
            {"type": "array", "items": {"type": "string", "format": "date"}, "description": "all launches"},
        ),
        ("what it sells: in short", {"type": "string", "description": "what it sells: in short"}),
        ("Hauptsitz", {"type": "string", "description": "Hauptsitz"}),
    ],
)
def test_shorthand(text: str, schema: dict[str, object]) -> None:
    """A type, a type with a description, or the description of a text."""
    assert OutputSpec.parse({"field": text}).fields[0].schema == schema


@pytest.mark.parametrize(
    ("spelling", "names"),
    [
        ({"type": "what kind of company"}, ["type"]),
        ({"type": "string", "name": "string"}, ["type", "name"]),
        ({"title": "string", "description": "what it is about"}, ["title", "description"]),
        ({"properties": {"type": {"type": "string"}}}, ["type"]),
        ({"type": "object", "properties": {"json_schema": {"type": "string"}}}, ["json_schema"]),
        ({"type": "json", "json_schema": {"name": "string", "schema": "string"}}, ["name", "schema"]),
    ],
)
def test_shorthand_and_schema_are_told_apart(spelling: dict[str, object], names: list[str]) -> None:
    assert list(OutputSpec.parse(spelling).names) == names


@pytest.mark.parametrize(
    ("spelling", "at"),
    [
        ({"type": "string", "title": "string"}, "/type"),  # reads as a JSON Schema of a string
        ({"type": "object", "description": "a company"}, ""),  # reads as a JSON Schema without properties
        ({"type": "text", "name": "string"}, "/name"),  # reads as {type: text}
        ({"name": {"type": "string"}}, "/name"),
        ({"name": ""}, "/name"),
        ({"count": "interger"}, "/count"),
        ({"count": "integr: how many moons"}, "/count"),
        ({"crew": "list[persons]"}, "/crew"),
        ({"crew": "List[list[foo]]: who flew"}, "/crew"),
        ({"size": "enum: small"}, "/size"),
        ({"type": "json"}, "/json_schema"),
        ({"type": "json", "json_schema": NAME, "strict": True}, "/strict"),
        ({}, ""),
        (3, ""),
        ({1: "string"}, ""),
    ],
)
def test_what_could_be_misread_is_refused(spelling: object, at: str) -> None:
    assert list(faults_of(spelling)) == [at]


# Faults


def test_a_fault_is_told_once_and_in_the_words_of_json() -> None:
    """The metaschema of 2020-12 is made of several documents, and each of them finds the same."""
    with pytest.raises(InvalidSchema) as refused:
        OutputSpec.parse({"type": "object", "properties": {"a": None}})
    assert [str(fault) for fault in refused.value.faults] == ["/properties/a: null is not a schema: write an object"]


def test_all_faults_are_named_at_once() -> None:
    """Metaschema, references and patterns are all checked before one error is raised; each fault has its JSON Pointer."""
    faults = faults_of(
        {
            "type": "json",
            "json_schema": {
                "type": "object",
                "properties": {
                    "a/b": {"type": "strin"},
                    "b": {"type": "string", "pattern": "(["},
                    "c": {"$ref": "#/$defs/Missing"},
                    "d": {"$ref": "https://example.com/schema.json"},
                    "e": {"type": "array", "items": {"minimum": "three"}},
                },
            },
        }
    )
    assert list(faults) == [
        "/json_schema/properties/a~1b/type",
        "/json_schema/properties/b/pattern",
        "/json_schema/properties/c/$ref",
        "/json_schema/properties/d/$ref",
        "/json_schema/properties/e/items/minimum",
    ]
    assert 'did you mean "string"' in faults["/json_schema/properties/a~1b/type"]
    assert "leads nowhere" in faults["/json_schema/properties/c/$ref"]
    assert "nothing is fetched" in faults["/json_schema/properties/d/$ref"]


def test_a_pointer_in_a_const_is_not_a_reference() -> None:
    """Only where a schema stands is `$ref` a reference."""
    schema = {"properties": {"a": {"const": {"$ref": "https://example.com"}}}}
    assert OutputSpec.parse(schema).fields[0].schema == schema["properties"]["a"]


def test_recursion_names_its_circle() -> None:
    faults = faults_of(Node)
    assert list(faults) == ["/$defs/Node/properties/child/anyOf/0/$ref"]
    assert "#/$defs/Node → #/$defs/Node" in faults["/$defs/Node/properties/child/anyOf/0/$ref"]
    mutual = {
        "$defs": {
            "A": {"type": "object", "properties": {"b": {"$ref": "#/$defs/B"}}},
            "B": {"type": "array", "items": {"$ref": "#/$defs/A"}},
        },
        "properties": {"a": {"$ref": "#/$defs/A"}, "root": {"$ref": "#"}},
    }
    faults = faults_of(mutual)
    assert "#/$defs/A → #/$defs/B → #/$defs/A" in faults["/$defs/B/items/$ref"]
    assert "# → #" in faults["/properties/root/$ref"]


@pytest.mark.parametrize(
    ("more", "field", "at"),
    [
        ({"minProperties": 2}, {}, "/minProperties"),
        ({"propertyNames": {"pattern": "^z"}}, {}, "/properties/name"),
        ({}, {"enum": []}, "/properties/name/enum"),
        ({}, {"minLength": 5, "maxLength": 3}, "/properties/name/minLength"),
        ({}, {"type": "integer", "minimum": 5, "maximum": 3}, "/properties/name/minimum"),
    ],
)
def test_what_no_answer_could_fit_is_refused_before_it_is_paid_for(
    more: dict[str, object], field: dict[str, object], at: str
) -> None:
    assert at in faults_of({"type": "object", "properties": {"name": {"type": "string", **field}}, **more})


@pytest.mark.parametrize("levels", [6, 30])
def test_a_bomb_of_references_is_refused_without_being_built(levels: int) -> None:
    """Definitions of ten references each, one in another, would be 10^6 or 10^30 schemas; counting stops at the limit."""
    names = "abcdefghij"
    bomb = {f"d{i}": {"type": "object", "properties": {c: {"$ref": f"#/$defs/d{i + 1}"} for c in names}} for i in range(levels)}
    faults = faults_of({"$defs": {**bomb, f"d{levels}": {}}, "properties": {"a": {"$ref": "#/$defs/d0"}}})
    assert "too large" in faults[""]


def test_what_is_too_deep_or_too_large_is_refused() -> None:
    deep: dict[str, object] = {}
    for _ in range(5000):
        deep = {"properties": {"a": deep}}
    assert any("nested deeper" in message for message in faults_of(deep).values())
    itself: dict[str, object] = {}
    itself["properties"] = itself
    assert any("nested deeper" in message for message in faults_of(itself).values())
    many = {f"f{i}": {} for i in range(output_spec.MAX_FIELDS + 1)}
    assert "/properties" in faults_of({"properties": many})
    with pytest.raises(InvalidSchema, match="too large"):
        OutputSpec.parse({"name": "x" * json_schema.MAX_BYTES})


def test_names_that_cannot_be_columns_are_refused() -> None:
    faults = faults_of({"properties": {"": {}, " a": {}, "b\n": {}, "Name": {}, "name": {}, "no": False, "x" * 256: {}}})
    assert len(faults) == 6
    assert 'differs from "Name"' in faults["/properties/name"]


def test_fields_must_be_named_in_the_root() -> None:
    """Names that are known only from an answer, or only in a branch, cannot be columns."""
    root = {"type": "object", "properties": {"a": {}}}
    assert "/patternProperties" in faults_of({"type": "object", "patternProperties": {"^x": {}}})
    assert "/oneOf/1/properties/b" in faults_of({**root, "oneOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]})
    assert "/type" in faults_of({"type": ["object", "array"], "properties": {"a": {}}})
    assert "/anyOf" in faults_of({"anyOf": [root, {"type": "object", "properties": {"b": {}}}]})


def test_inheritance_is_folded_into_one_object() -> None:
    """`allOf` of objects is how schemas inherit: all their properties are fields."""
    base = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    spec = OutputSpec.parse({"allOf": [{"$ref": "#/$defs/Base"}, NAME], "$defs": {"Base": base}})
    assert spec.names == ("id", "name")
    assert spec.check({"id": "1", "name": "x"}) == ()


@pytest.mark.parametrize("content", ['{"a": 1, "a": 2}', "[1]", '{"a": NaN}', "{", '"other.json"', "\xff", "[" * 100_000])
def test_a_bad_file_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "bad.json"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(InvalidSchema, match=r"bad\.json"):
        OutputSpec.parse(file)


def test_a_text_that_begins_an_object_is_the_schema_itself() -> None:
    text = '{"operator": "who operated it", "launched": "date"}'
    assert OutputSpec.parse(f"\n {text}").fields == OutputSpec.parse(json.loads(text)).fields


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '{"a":', "{", '{"a":' + "[" * 100_000, '{"a": NaN}', "{}x"])
def test_a_text_that_is_no_object_is_not_taken_for_a_file(text: str) -> None:
    with pytest.raises(InvalidSchema, match=r"^The output schema is not JSON"):
        OutputSpec.parse(text)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InvalidSchema, match=r"nowhere\.json.*No such file"):
        OutputSpec.parse("nowhere.json")
    with pytest.raises(InvalidSchema, match="cannot be read"):
        OutputSpec.parse("a\0b")


# Answers

ANSWER = OutputSpec.parse(
    {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 2},
            "founded": {"type": "string", "format": "date"},
            "size": {"type": "integer", "maximum": 10},
            "people": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
                    "required": ["name"],
                },
            },
            "address": {"anyOf": [{"type": "object", "properties": {"city": {"type": "string"}}}, {"type": "null"}]},
        },
        "required": ["name", "size"],
    }
)


def messages(answer: object) -> dict[str, str]:
    return {fault.pointer: fault.message for fault in ANSWER.check(answer)}


def test_a_field_may_abstain_at_any_depth() -> None:
    """null is good wherever a property stands, and a required property may be left out."""
    assert messages({"name": None, "founded": None, "size": None, "people": None, "address": None}) == {}
    assert messages({"people": [{"name": None, "age": None}, {}]}) == {}
    assert messages({}) == {}


def test_null_is_not_good_where_no_property_stands() -> None:
    """An item of a list is not a field: there is nothing to abstain from."""
    assert list(messages({"people": [None]})) == ["/people/0"]


def test_every_fault_of_an_answer_has_its_pointer() -> None:
    faults = messages(
        {"name": "x", "founded": "5 May", "size": 11, "people": [{"age": "old"}], "address": {"city": 3}, "nmae": "y"}
    )
    assert set(faults) == {"/name", "/founded", "/size", "/people/0/age", "/address/city", "/nmae"}
    assert 'did you mean "name"' in faults["/nmae"]


def test_an_unknown_name_is_a_fault_at_any_depth() -> None:
    """Where the schema says nothing of other names, an object is closed; where it allows them, they are allowed."""
    assert list(messages({"people": [{"name": "x", "nick": "y"}]})) == ["/people/0/nick"]
    free = OutputSpec.parse({"properties": {"a": {"type": "object", "properties": {"b": {}}, "additionalProperties": True}}})
    assert free.check({"a": {"c": 1}}) == ()


def test_the_root_is_closed_even_where_it_says_otherwise() -> None:
    for more in ({"additionalProperties": True}, {"patternProperties": {"^b": {}}}):
        spec = OutputSpec.parse({"properties": {"a": {}}, **more})
        assert [fault.pointer for fault in spec.check({"b": 1})] == ["/b"]


@pytest.mark.parametrize("root", [{**NAME, "type": ["object", "null"]}, {"anyOf": [NAME, {"type": "null"}]}])
def test_a_root_that_may_be_null_is_its_object(root: dict[str, object]) -> None:
    assert OutputSpec.parse(root) == OutputSpec.parse(NAME)


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"^\d+$", "12", "১২"),  # ECMA's digits are ASCII
        (r"^\d+$", "12", "12\n"),  # and its $ is the very end
        (r"^\p{Letter}+$", "Zoë", "Z1"),
        (r"^(?<a>x)\k<a>$", "xx", "xy"),
        (r"^[\w-]+$", "a-b", "é"),
        (r"^[[&&\]]+$", "[&]", "a"),
        (r"^.$", "a", "\u2028"),
        (r"^\uD83D\uDC32$", "🐲", "x"),
    ],
)
def test_patterns_mean_what_json_schema_means(pattern: str, good: str, bad: str) -> None:
    spec = OutputSpec.parse({"properties": {"x": {"type": "string", "pattern": pattern}}})
    assert spec.check({"x": good}) == ()
    assert [fault.pointer for fault in spec.check({"x": bad})] == ["/x"]


@pytest.mark.parametrize("pattern", ["(", "(?P<a>x)", "(?i)a", r"\a", "a{2,1}", r"\u{110000}"])
def test_what_is_no_pattern_is_refused_before_it_is_used(pattern: str) -> None:
    assert list(faults_of({"properties": {"x": {"pattern": pattern}}})) == ["/properties/x/pattern"]
    assert "/properties/x/patternProperties" in faults_of({"properties": {"x": {"patternProperties": {pattern: {}}}}})


def test_a_pattern_that_never_ends_is_stopped() -> None:
    spec = OutputSpec.parse({"properties": {"x": {"pattern": "^(a|a)*$"}}})
    assert ["takes too long" in fault.message for fault in spec.check({"x": "a" * 60 + "b"})] == [True]
    named = OutputSpec.parse({"properties": {"x": {"patternProperties": {"^(a|a)*$": {}}, "additionalProperties": False}}})
    assert [fault.pointer for fault in named.check({"x": {"a" * 60 + "b": 1}})] == ["/x/" + "a" * 60 + "b"]


@pytest.mark.parametrize(
    ("format_", "good", "bad"),
    [
        ("email", "ada@example.com", "ada@"),
        ("uuid", "2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2eb8aa08-aa98-11ea-b4aa-73b441d1638"),
        ("duration", "P1DT12H", "P1H"),
        ("time", "08:30:06Z", "08:30:06"),
        ("uri", "https://example.com/", "example.com"),
        ("date", "2024-02-29", "2023-02-29"),
        ("iri", "https://münchen.example/größe?q=ß", "münchen"),
        ("iri-reference", "/größe", "a b"),
    ],
)
def test_formats_are_checked(format_: str, good: str, bad: str) -> None:
    spec = OutputSpec.parse({"properties": {"x": {"type": "string", "format": format_}}})
    assert spec.check({"x": good}) == ()
    assert [fault.pointer for fault in spec.check({"x": bad})] == ["/x"]


def test_every_format_of_the_draft_is_checked() -> None:
    """`jsonschema` silently checks less when an optional library is missing."""
    uris = {"uri", "uri-reference", "uri-template", "iri", "iri-reference", "json-pointer", "relative-json-pointer"}
    hosts = {"email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6"}
    assert set(checker().checkers) >= uris | hosts | {"date", "date-time", "duration", "regex", "time", "uuid"}


def test_leniency_does_not_turn_into_strictness() -> None:
    """Under `not` and `if` a null still fails what it fails; `oneOf` branches that leniency makes overlap are no fault."""
    either = OutputSpec.parse(
        {"properties": {"x": {"oneOf": [{"type": "object", "required": ["a"]}, {"type": "object", "required": ["b"]}]}}}
    )
    assert either.check({"x": {"a": 1}}) == ()
    negated = OutputSpec.parse({"properties": {"x": {"not": {"required": ["a"]}}}})
    assert negated.check({"x": {}}) == ()
    assert negated.check({"x": {"a": 1}}) != ()
    branches = {"if": {"required": ["a"]}, "then": {"properties": {"b": {}}}, "else": {"properties": {"c": {}}}}
    unevaluated = OutputSpec.parse({"properties": {"x": {**branches, "unevaluatedProperties": False}}})
    assert unevaluated.check({"x": {"c": 1}}) == ()
    assert unevaluated.check({"x": {"d": 1}}) != ()
    conditional = OutputSpec.parse(
        {
            "properties": {
                "x": {"if": {"properties": {"kind": {"const": "n"}}, "required": ["kind"]}, "then": {"minProperties": 2}}
            }
        }
    )
    assert conditional.check({"x": {"kind": None}}) == ()
    assert conditional.check({"x": {"kind": "n"}}) != ()


@pytest.mark.parametrize("value", [float("nan"), {1: 2}, (1, 2), date(2020, 1, 1), 2**63, "\ud800", {"\ud800": 1}])
def test_what_is_not_json_or_fits_no_column_is_a_fault(value: object) -> None:
    """Also in a field of any type."""
    assert [fault.pointer for fault in OutputSpec.parse({"properties": {"a": {}}}).check({"a": value})] == ["/a"]


def test_integers_and_moments_fit_their_columns() -> None:
    spec = OutputSpec.parse({"n": "integer", "t": "date-time"})
    assert spec.check({"n": 2**63 - 1, "t": "2016-12-31T23:59:60Z"}) == ()
    assert [fault.pointer for fault in spec.check({"n": 1e300, "t": "0001-01-01T00:00:00+10:00"})] == ["/n", "/t"]


# As a value


def test_a_spec_comes_back_equal_however_it_travels() -> None:
    spec = OutputSpec.parse(Company)
    assert pickle.loads(pickle.dumps(spec)) == spec  # noqa: S301
    assert copy.deepcopy(spec) == spec
    assert OutputSpec.parse(json.loads(json.dumps(spec.spelling))) == spec


def test_a_spelling_is_judged_once() -> None:
    """Ten thousand rows of one table share one judgement."""
    spelling = {"one_field_of_this_test": "string"}
    first = OutputSpec.parse(spelling)
    before = output_spec._parsed.cache_info().misses
    assert all(OutputSpec.parse(dict(spelling)) is first for _ in range(100))
    assert output_spec._parsed.cache_info().misses == before


def test_the_caller_keeps_its_schema() -> None:
    """Parsing changes nothing that it was given, and later changes there change no spec."""
    mine = copy.deepcopy(NAME)
    spec = OutputSpec.parse(mine)
    assert mine == NAME
    mine["properties"]["other"] = {}  # type: ignore[index]
    assert spec.names == ("name",)


LEAF = st.sampled_from(
    [{"type": "string"}, {"type": "integer"}, {"enum": ["a", 1]}, {"type": "string", "format": "date"}, {}, True]
)
SCHEMA = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        inner.map(lambda part: {"type": "array", "items": part}),
        st.dictionaries(st.sampled_from("abc"), inner, min_size=1).map(lambda parts: {"type": "object", "properties": parts}),
        inner.map(lambda part: {"anyOf": [part, {"type": "null"}], "description": "x"}),
        inner.map(lambda part: {"allOf": [part], "title": "y"}),
        st.just({"$ref": "#/$defs/Shared"}),
        st.just({"$ref": "#/$defs/Shared", "description": "beside"}),
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["one", "two", "three"]), SCHEMA, min_size=1), LEAF)
def test_the_canonical_spelling_parses_back_equal(properties: dict[str, object], shared: object) -> None:
    spec = OutputSpec.parse({"type": "object", "properties": properties, "$defs": {"Shared": shared}})
    again = OutputSpec.parse(json.loads(json.dumps(spec.spelling)))
    assert again == spec
    assert again.names == spec.names == tuple(properties)
    assert "$ref" not in json.dumps(spec.schema)
    assert spec.check(dict.fromkeys(properties)) == ()
