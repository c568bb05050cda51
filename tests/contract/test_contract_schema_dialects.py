"""JSON Schemas of other drafts, of OpenAPI and of no stated draft are read where they mean the same in draft 2020-12."""

from __future__ import annotations

import json
from typing import Any

import pytest

from research.errors import InvalidSchema
from research.output_schema import json_schema
from research.output_schema.output_spec import OutputSpec

DRAFT_3 = "http://json-schema.org/draft-03/schema#"
DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"


def field_of(part: dict[str, Any], draft: str | None = DRAFT_4, **root: Any) -> Any:
    """What a field's schema is read as."""
    stated = {} if draft is None else {"$schema": draft}
    return OutputSpec.parse({**stated, "type": "object", "properties": {"a": part}, **root}).fields[0].schema


def faults_of(spelling: object) -> dict[str, str]:
    with pytest.raises(InvalidSchema) as caught:
        OutputSpec.parse(spelling)
    return {fault.pointer: fault.message for fault in caught.value.faults}


@pytest.mark.parametrize(
    "stated",
    [
        DRAFT_3,
        DRAFT_4,
        "http://json-schema.org/draft-04/schema",
        "https://json-schema.org/draft-04/schema#",
        "http://json-schema.org/draft-04/hyper-schema#",
        "http://json-schema.org/draft-06/schema#",
        DRAFT_7,
        "http://json-schema.org/draft-07/schema#/",
        "https://json-schema.org/draft/2019-09/schema",
        json_schema.DRAFT,
        "http://json-schema.org/draft/2020-12/schema#",
        "http://json-schema.org/schema#",
        "https://spec.openapis.org/oas/3.1/dialect/base",
    ],
)
def test_every_draft_is_known_by_its_address_in_any_form(stated: str) -> None:
    part = {"type": "integer", "minimum": 1, "description": "how many"}
    assert field_of(part, stated) == field_of(part, None) == part


def test_another_dialect_is_refused_by_name() -> None:
    faults = faults_of({"$schema": "https://example.com/my-dialect", "properties": {"a": {}}})
    assert list(faults) == ["/$schema"]
    assert "https://example.com/my-dialect" in faults["/$schema"]


@pytest.mark.parametrize("draft", [DRAFT_4, None])
@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"minimum": 0, "exclusiveMinimum": True}, {"exclusiveMinimum": 0}),
        ({"maximum": 9, "exclusiveMaximum": False}, {"maximum": 9}),
        ({"items": [{"type": "string"}, {"type": "integer"}]}, {"prefixItems": [{"type": "string"}, {"type": "integer"}]}),
        ({"items": [{}], "additionalItems": False}, {"prefixItems": [{}], "items": False}),
        ({"items": {"type": "string"}, "additionalItems": False}, {"items": {"type": "string"}}),
        ({"dependencies": {"a": ["b"], "c": {"required": ["d"]}}}, None),
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "enum": ["x"], "nullable": True}, {"type": ["string", "null"], "enum": ["x", None]}),
        ({"type": "string", "nullable": False}, {"type": "string"}),
        ({"type": "INTEGER"}, {"type": "integer"}),
        ({"type": "string", "examples": {"one": {}}, "title": None}, {"type": "string"}),
        ({"type": "string", "description": ["in", "lines"]}, {"type": "string", "description": "in lines"}),
    ],
)
def test_what_an_older_draft_says_otherwise_is_read(
    older: dict[str, Any], newer: dict[str, Any] | None, draft: str | None
) -> None:
    if newer is None:
        newer = {"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"c": {"required": ["d"]}}}
    assert field_of(older, draft) == newer


def test_what_says_that_it_is_2020_12_keeps_its_words() -> None:
    """There `exclusiveMinimum: true` and a list under `items` are faults, and `nullable` is no keyword."""
    stated = {"$schema": json_schema.DRAFT}
    wrong = {"a": {"minimum": 1, "exclusiveMinimum": True}, "b": {"items": [{}]}}
    assert list(faults_of({**stated, "properties": wrong})) == ["/properties/a/exclusiveMinimum", "/properties/b/items"]
    assert field_of({"type": "string", "nullable": True}, json_schema.DRAFT) == {"type": "string", "nullable": True}


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"type": "any"}, {}),
        ({"type": ["string", {"type": "array", "items": {}}]}, {"anyOf": [{"type": "string"}, {"type": "array", "items": {}}]}),
        ({"divisibleBy": 5}, {"multipleOf": 5}),
        ({"extends": {"type": "string", "maxLength": 3}}, {"type": "string", "maxLength": 3}),
        ({"disallow": "string"}, {"not": {"anyOf": [{"type": "string"}]}}),
        ({"type": "string", "format": "ip-address"}, {"type": "string", "format": "ipv4"}),
    ],
)
def test_draft_03_is_read(older: dict[str, Any], newer: dict[str, Any]) -> None:
    assert field_of(older, DRAFT_3) == newer


def test_required_may_stand_at_the_property() -> None:
    spec = OutputSpec.parse({"properties": {"a": {"type": "string", "required": True}, "b": {"required": False}}})
    assert [(field.name, field.required) for field in spec.fields] == [("a", True), ("b", False)]


def test_up_to_draft_07_nothing_beside_a_reference_counts_but_words() -> None:
    part = {"$ref": "#/definitions/A", "maximum": 3, "description": "how many"}
    definitions = {"A": {"type": "integer"}}
    assert field_of(part, DRAFT_7, definitions=definitions) == {"type": "integer", "description": "how many"}
    assert "maximum" in json.dumps(field_of(part, "https://json-schema.org/draft/2019-09/schema", definitions=definitions))


def test_ids_and_anchors_of_older_drafts_can_be_referred_to() -> None:
    definitions = {"A": {"id": "#named", "type": "integer"}, "B": {"id": "other.json", "type": "boolean"}}
    for reference, kind in (
        ("#named", "integer"),
        ("other.json", "boolean"),
        ("http://x.example/root.json#/definitions/A", "integer"),
    ):
        schema = {"$schema": DRAFT_4, "id": "http://x.example/root.json", "definitions": definitions}
        spec = OutputSpec.parse({**schema, "properties": {"a": {"$ref": reference}, "id": {"type": "string"}}})
        assert spec.fields[0].schema["type"] == kind
        assert spec.names == ("a", "id"), "a property that is called id is no address"


def test_references_follow_what_has_moved() -> None:
    """To an item of a list under `items`; to a schema under a name that no draft knows."""
    schema = {
        "properties": {
            "pair": {"type": "array", "items": [{"type": "integer"}, {"$ref": "#/properties/pair/items/0"}]},
            "pet": {"$ref": "#/components/schemas/Pet%20one"},
        },
        "components": {
            "schemas": {
                "Pet one": {"type": "object", "properties": {"tag": {"$ref": "#/components/schemas/Tag"}}},
                "Tag": {"type": "string", "nullable": True},
            }
        },
    }
    pair, pet = OutputSpec.parse(schema).fields
    assert pair.schema["prefixItems"] == [{"type": "integer"}, {"type": "integer"}]
    assert pet.schema["properties"]["tag"] == {"type": ["string", "null"]}


def test_schemas_may_be_kept_in_groups() -> None:
    schema = {
        "properties": {"a": {"$ref": "#/definitions/misc/source"}},
        "definitions": {"misc": {"source": {"type": "integer"}}},
    }
    assert OutputSpec.parse(schema).fields[0].schema == {"type": "integer"}
    for keyword in ("default", "const"):  # what stands there is a value
        about = {"properties": {"a": {"$ref": f"#/properties/b/{keyword}"}, "b": {keyword: {"type": "integer"}}}}
        assert "does not lead to a schema" in faults_of(about)["/properties/a/$ref"]


def test_a_fault_is_named_where_it_was_written() -> None:
    schema = {
        "$schema": DRAFT_4,
        "properties": {"a": {"items": [{}, {"type": "strin"}]}, "b": {"$ref": "#/x/Y"}},
        "x": {"Y": {"enum": 3}},
    }
    assert set(faults_of(schema)) == {"/properties/a/items/1/type", "/x/Y/enum"}


def test_what_leads_out_of_the_document_or_into_itself_is_refused_with_the_reason() -> None:
    for reference in ("https://example.com/a.json", "a.json#/definitions/B", "http://json-schema.org/draft-04/schema#"):
        faults = faults_of({"$schema": DRAFT_4, "properties": {"a": {"$ref": reference}}})
        assert "nothing is fetched" in faults["/properties/a/$ref"]
    recursive = {
        "$schema": DRAFT_4,
        "properties": {"a": {"$ref": "#/definitions/A"}},
        "definitions": {"A": {"items": {"$ref": "#/definitions/A"}}},
    }
    assert "recursive" in " ".join(faults_of(recursive).values())
    assert "a whole API" in faults_of({"openapi": "3.0.0", "info": {}, "components": {"schemas": {}}})[""]


# Wrappers


NAME = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


@pytest.mark.parametrize(
    ("wrapped", "root"),
    [
        ({"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": NAME}}, "/json_schema/schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": NAME}}},
            "/response_format/json_schema/schema",
        ),
        ({"text": {"format": {"type": "json_schema", "name": "n", "schema": NAME}}}, "/text/format/schema"),
        ({"output_config": {"format": {"type": "json_schema", "schema": NAME}}}, "/output_config/format/schema"),
        ({"type": "function", "function": {"name": "n", "parameters": NAME}}, "/function/parameters"),
        ({"type": "function", "name": "n", "parameters": NAME, "strict": True}, "/parameters"),
        ({"name": "n", "input_schema": NAME}, "/input_schema"),
        ({"name": "n", "inputSchema": NAME}, "/inputSchema"),
        (
            {"generationConfig": {"responseMimeType": "application/json", "responseSchema": NAME}},
            "/generationConfig/responseSchema",
        ),
    ],
)
def test_the_schema_inside_what_a_service_wraps_it_in_is_meant(wrapped: dict[str, Any], root: str) -> None:
    assert OutputSpec.parse(wrapped) == OutputSpec.parse(NAME)
    broken = json.loads(json.dumps(wrapped).replace('"type": "string"', '"type": "strin"'))
    assert list(faults_of(broken)) == [f"{root}/properties/name/type"]


def test_what_a_wrapper_says_of_the_schema_is_its_description() -> None:
    assert OutputSpec.parse({"name": "n", "description": "One company.", "input_schema": NAME}).description == "One company."


# Numbers


@pytest.mark.parametrize(
    ("step", "good", "bad"), [(0.01, 19.99, 19.999), (0.1, 0.3, 0.35), (1e-8, 12391239123, 1e-9), (3, 9, 10)]
)
def test_a_multiple_is_counted_in_decimals(step: float, good: float, bad: float) -> None:
    spec = OutputSpec.parse({"properties": {"price": {"type": "number", "multipleOf": step}}})
    assert spec.check({"price": good}) == ()
    assert [fault.pointer for fault in spec.check({"price": bad})] == ["/price"]
