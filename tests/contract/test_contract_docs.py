"""The pages about the contract name everything there is."""

from pathlib import Path

import pytest

from research.money.usage import Tokens, Usage
from research.output_schema.type_words import ALIASES as TYPE_ALIASES
from research.output_schema.type_words import SHORTHAND
from research.result.result import SCHEMA_VERSION, Citation, Excerpt, FieldBasis, Finding, Result, Source
from research.task.dialects import ALIASES, BUILT
from research.task.source_policy import SourcePolicy

DOCS = Path(__file__).parents[2] / "docs"
CONTRACT = (DOCS / "contract.md").read_text(encoding="utf-8")
SCHEMAS = (DOCS / "output-schemas.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", [Result, FieldBasis, Citation, Excerpt, Finding, Source, Usage, Tokens, SourcePolicy])
def test_every_field_of_the_contract_is_on_its_page(model: type) -> None:
    names = {*model.model_fields, *model.model_computed_fields}  # type: ignore[attr-defined]
    assert {name for name in names if f"`{name}`" not in CONTRACT} == set()


def test_every_spelling_of_a_request_is_on_the_page() -> None:
    camel = {"structured_output": "structuredOutput"}
    names = [camel.get(name, name) for name in (*BUILT, *ALIASES)]
    assert [name for name in names if f"`{name}`" not in CONTRACT] == []


def test_the_page_names_the_version() -> None:
    assert f"**{SCHEMA_VERSION}**" in CONTRACT
    assert f"| `schema_version` | `{SCHEMA_VERSION}` |" in CONTRACT


def test_every_shorthand_type_is_on_the_page() -> None:
    assert [name for name in (*SHORTHAND, *TYPE_ALIASES) if f"`{name}`" not in SCHEMAS] == []


def test_the_limits_on_the_page_are_the_limits() -> None:
    from research.output_schema import json_schema, output_spec, patterns, validation

    limits = (json_schema.MAX_BYTES, validation.MAX_DEPTH, json_schema.MAX_SUBSCHEMAS, output_spec.MAX_FIELDS)
    assert "{:,} bytes, {} levels of nesting, {:,} schemas with every `$ref` followed, {} fields".format(*limits) in SCHEMAS
    assert f"at most {output_spec.MAX_NAME} characters" in SCHEMAS
    assert patterns.SECONDS == 0.5
