"""What of an earlier result is kept, and how the rest is put beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from research.money.usage import Usage
from research.output_schema.output_spec import OutputSpec
from research.result.result import Citation, Confidence, Excerpt, FieldBasis, FieldWarning, Finding, Result, Source
from research.result.reuse import still_good, unanswered, unchanged, wholly_kept, with_kept

DAY = datetime(2026, 1, 1, tzinfo=UTC)
NAME, MOONS = {"type": "string", "description": "its name"}, {"type": "integer"}


def spec(description: str = "", required: tuple[str, ...] = (), root: dict[str, Any] | None = None, **fields: Any) -> OutputSpec:
    schema = {"properties": fields, "required": list(required), **(root or {})}
    return OutputSpec.parse({"type": "json", "json_schema": schema, "description": description})


def basis(field: str, confidence: Confidence | None, page: str) -> FieldBasis:
    excerpt = Excerpt(text=page, page_hash=page, start=0, end=1, support="stated")
    citations = [Citation(url=f"https://{page}.example", title="", excerpts=[excerpt])] if confidence else []
    return FieldBasis(field=field, citations=citations, reasoning=page, confidence=confidence)


def source(index: int, page: str) -> Source:
    return Source(index=index, url=f"https://{page}.example", title="", domain=page, fetched=DAY, read=True, page_hash=page)


def result(output: Any, *bases: FieldBasis, page: str = "a", **parts: Any) -> Result:
    said: dict[str, Any] = {
        "task_id": page,
        "status": "completed",
        "task": "Facts",
        "processor": "core",
        "model": f"model {page}",
        "cost_usd": 0.1,
        "usage": Usage(tool_calls=2),
        "findings": [Finding(subquery="?", answer=f"see [1] of {page}")],
        "sources_detailed": [source(1, page)],
        "created_at": DAY,
        "completed_at": DAY + timedelta(seconds=10),
    }
    return Result(**{**said, "output": output, "basis": list(bases), **parts})


OLD = result({"name": "Mars", "moons": 2}, basis("name", "high", "a"), basis("moons", "low", "a"))


def test_a_field_is_the_same_if_it_is_asked_in_the_same_words() -> None:
    old = spec(name=NAME, moons=MOONS)
    assert unchanged(old, spec(moons=MOONS, mass=MOONS, name=NAME)) == ("moons", "name"), "in the new order"
    assert unchanged(old, spec(name={**NAME, "description": "all its names"}, moons=MOONS)) == ("moons",)
    assert unchanged(old, spec(name=NAME, moons={"type": "number"})) == ("name",)
    assert unchanged(old, spec(required=("name",), name=NAME, moons=MOONS)) == ("name", "moons")
    assert unchanged(old, spec("In Latin.", name=NAME, moons=MOONS)) == ()
    assert unchanged(old, spec(root={"minProperties": 1}, name=NAME, moons=MOONS)) == ()


def test_a_text_is_kept_only_for_the_same_question() -> None:
    text = OutputSpec.parse({"type": "text", "description": "Who?"})
    assert unchanged(text, text) == ("answer",)
    assert unchanged(text, OutputSpec.parse({"type": "text", "description": "When?"})) == ()
    assert unchanged(text, OutputSpec.parse(None)) == ()
    kept = wholly_kept(result("Hall", basis("answer", "high", "a")), text, "Who?", "new", "runs/old")
    assert (kept.output, kept.answer) == ("Hall", "Hall")


def test_an_empty_cell_is_kept_if_nothing_was_found_and_not_if_its_column_could_not_hold_the_value() -> None:
    found = result({"name": None, "moons": None}, basis("name", None, "a"), basis("moons", "high", "a"))
    assert still_good(found, ("name", "moons")) == ("name",)


def test_the_rest_stands_beside_what_is_kept_and_only_it_costs() -> None:
    """Sources of the new research are numbered after those that came along."""
    new = spec(mass=MOONS, name=NAME)
    of_fields = [FieldWarning(field=name, text=f"sources disagree on {name}") for name in ("moons", "name")]
    old = OLD.changed(warnings=[*(warning.text for warning in of_fields), "other"], field_warnings=of_fields)
    later = DAY + timedelta(days=1)
    found = result({"mass": 7}, basis("mass", "medium", "b"), page="b", cost_usd=0.5, created_at=later, completed_at=later)
    both = with_kept(found, old, new, ("name",), "old")
    assert both.output == {"mass": 7, "name": "Mars"}
    assert [entry.field for entry in both.basis] == ["mass", "name"]
    assert (both.cost_usd, both.usage, both.completed_at, both.model) == (0.5, found.usage, later, "model a+model b")
    assert [(s.index, s.page_hash) for s in both.sources_detailed] == [(1, "a"), (2, "b")]
    assert [finding.answer for finding in both.findings] == ["see [1] of a", "see [2] of b"]
    assert both.field_warnings == of_fields[1:]
    assert both.warnings == ["sources disagree on name", "other", "kept from old: name (core, model a)"]
    assert both.fields == ["mass", "name"]


def test_what_is_wholly_kept_costs_nothing_and_is_as_old_as_it_was() -> None:
    kept = wholly_kept(OLD, spec(moons=MOONS), "Facts", "new", "old")
    assert kept.output == {"moons": 2}
    assert [entry.field for entry in kept.basis] == ["moons"]
    assert (kept.cost_usd, kept.usage, kept.task_id, kept.completed_at) == (0.0, Usage(), "new", OLD.completed_at)
    assert kept.created_at == kept.completed_at


@pytest.mark.parametrize("keep", [("name",), ()])
def test_what_cannot_be_answered_is_null_and_says_why(keep: tuple[str, ...]) -> None:
    null = unanswered(OLD, spec(name=NAME, mass=MOONS), keep, "Facts", "new", "old", "Nothing was read.")
    assert null.output == {"name": "Mars" if keep else None, "mass": None}
    assert [(entry.field, entry.confidence) for entry in null.basis] == [("name", "high" if keep else None), ("mass", None)]
    assert null.basis[1].reasoning == "Nothing was read."
    assert null.cost_usd == 0.0


def test_new_fields_that_break_a_rule_beside_the_kept_ones_are_null_with_a_warning() -> None:
    rule = {"if": {"properties": {"name": {"const": "Mars"}}}, "then": {"properties": {"mass": {"maximum": 5}}}}
    new = spec(root=rule, name=NAME, mass=MOONS)
    both = with_kept(result({"mass": 7}, basis("mass", "high", "b"), page="b"), OLD, new, ("name",), "old")
    assert both.output == {"name": "Mars", "mass": None}
    assert [(entry.field, entry.confidence) for entry in both.basis] == [("name", "high"), ("mass", None)]
    assert "mass: what was found does not fit the schema beside what is kept" in both.warnings[0]
