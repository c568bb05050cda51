"""Lesson 3: an output schema. It says which fields come back, and of what type."""

from __future__ import annotations

from pathlib import Path

import pytest

import research


async def test_a_field_is_a_name_and_a_type(pages: Path, cache: Path) -> None:
    """The shorthand is enough for most tables: `"49 m"` becomes a number, `"18 May 1882"` an ISO date."""
    result = await research.run(
        "Facts about the Eddystone Lighthouse", schema={"height_m": "number", "first_lit": "date"}, corpus=pages, cache_dir=cache
    )
    assert result.output == {"height_m": 49, "first_lit": "1882-05-18"}


def test_the_shorthand_is_short_for_json_schema() -> None:
    """Any JSON Schema of an object is taken as it is; every field may also be null."""
    short = research.OutputSpec.parse({"height_m": "number"})
    full = research.OutputSpec.parse({"type": "object", "properties": {"height_m": {"type": "number"}}})
    assert [field.name for field in short.fields] == [field.name for field in full.fields] == ["height_m"]
    assert short.check({"height_m": 49}) == short.check({"height_m": None}) == ()


def test_every_fault_of_an_answer_is_named_by_its_place() -> None:
    """A place is a JSON Pointer."""
    schema = research.OutputSpec.parse({"height_m": "number", "first_lit": "date"})
    faults = schema.check({"height_m": "tall", "first_lit": "in spring"})
    assert [fault.pointer for fault in faults] == ["/height_m", "/first_lit"]


def test_a_schema_with_a_fault_is_refused() -> None:
    """The same as `research schema check FILE`."""
    with pytest.raises(research.InvalidInput, match="properties"):
        research.OutputSpec.parse({"type": "object", "properties": {"height_m": 7}})
