"""Two answers to one task become one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from research.money.usage import Usage
from research.output_schema.output_spec import OutputSpec
from research.result.escalation import below_confidence, combine_escalated, part_of
from research.result.result import CONFIDENCE_ORDER, Citation, Confidence, Excerpt, FieldBasis, Finding, Result, Source

LIST = {"type": "array", "items": {"type": "string"}}
SPEC = OutputSpec.parse({"properties": {"name": {"type": "string"}, "moons": {"type": "integer"}, "people": LIST}})
DAY = datetime(2026, 1, 1, tzinfo=UTC)


def basis(field: str, confidence: Confidence | None, says: str) -> FieldBasis:
    excerpt = Excerpt(text=says, page_hash=says, start=0, end=1, support="stated")
    citations = [Citation(url=f"https://{says}.example", title="", excerpts=[excerpt])] if confidence else []
    return FieldBasis(field=field, citations=citations, reasoning=says, confidence=confidence)


def result(processor: str, **parts: Any) -> Result:
    return Result(
        **{
            "task_id": processor,
            "status": "completed",
            "task": "Facts about Mars",
            "processor": processor,
            "model": "claude",
            "fields": list(parts.get("output", {})),
            "cost_usd": 0.1,
            "usage": Usage(tool_calls=2),
            "created_at": DAY,
            "completed_at": DAY + timedelta(seconds=10),
            **parts,
        }
    )


def first(**parts: Any) -> Result:
    output = {"name": "Mars", "moons": 3, "people": ["Asaph", "Hall"]}
    sure = [basis("name", "high", "a"), basis("moons", "low", "a"), basis("people.0", "high", "a"), basis("people.1", "low", "a")]
    return result("core", **{"output": output, "basis": sure, **parts})


def again(output: dict[str, Any], *sure: FieldBasis, **parts: Any) -> Result:
    later = DAY + timedelta(days=3)
    times = {"created_at": later, "completed_at": later + timedelta(seconds=40)}
    return result("ultra", **{"output": output, "basis": list(sure), "cost_usd": 0.5, **times, **parts})


def test_a_field_is_doubtful_if_any_part_of_it_is() -> None:
    assert below_confidence(first(), "low") == ("moons", "people")
    assert below_confidence(first(), "medium") == ("moons", "people")
    assert below_confidence(first(), "high") == ("name", "moons", "people")


def test_a_field_that_nothing_supports_is_lower_than_low() -> None:
    assert below_confidence(result("core", output={"name": None}, basis=[basis("name", None, "-")]), "low") == ("name",)


def test_the_better_supported_answer_of_each_field_stays_with_its_basis() -> None:
    second = again({"moons": 2, "people": ["Asaph"]}, basis("moons", "high", "b"), basis("people.0", "low", "b"))
    both = combine_escalated(first(), second, SPEC)
    assert both.output == {"name": "Mars", "moons": 2, "people": ["Asaph"]}
    assert [(b.field, b.confidence, b.reasoning) for b in both.basis] == [
        ("name", "high", "a"),
        ("moons", "high", "ultra: b"),
        ("people.0", "low", "ultra: b"),
    ]
    assert (both.processor, both.task_id, both.cost_usd, both.usage.tool_calls) == ("core+ultra", "core", 0.6, 4)
    assert both.completed_at is not None
    assert both.completed_at - both.created_at == timedelta(seconds=50), "the seconds of both, not the days between"
    assert "core cost $0.10, ultra $0.50; from ultra: moons, people; still from core: none" in both.warnings[0]
    assert both.answer == "name: Mars; moons: 2; people: Asaph"


def test_an_empty_answer_never_takes_the_place_of_a_value() -> None:
    both = combine_escalated(first(), again({"moons": None}, basis("moons", None, "-")), SPEC)
    assert both.output == first().output
    assert both.basis == first().basis
    assert "from ultra: none; still from core: moons" in both.warnings[0]
    assert both.cost_usd == 0.6


def test_an_unknown_cost_stays_unknown() -> None:
    both = combine_escalated(first(cost_usd=None), again({"moons": 2}, basis("moons", "high", "b")), SPEC)
    assert both.cost_usd is None
    assert "core cost an unknown sum" in both.warnings[0]


def source(index: int, url: str, read: bool = True) -> Source:
    return Source(index=index, url=url, title=url, domain=url, fetched=DAY if read else None, read=read)


def test_sources_keep_their_numbers_and_what_the_second_wrote_is_renumbered() -> None:
    one = first(sources_detailed=[source(1, "a"), source(2, "b", read=False)], report="As it stands in [1].")
    findings = [Finding(subquery="moons?", answer="Two [1], says the other [2].")]
    two = again(
        {"moons": 2},
        basis("moons", "high", "b"),
        sources_detailed=[source(1, "c"), source(2, "b")],
        findings=findings,
        report="[2]",
    )
    both = combine_escalated(one, two, SPEC)
    assert [(s.index, s.url, s.read) for s in both.sources_detailed] == [(1, "a", True), (2, "b", True), (3, "c", True)]
    assert both.findings[0].answer == "Two [3], says the other [2]."
    assert both.report == "As it stands in [1]."
    assert both.read == ["a", "b", "c"]
    assert combine_escalated(first(), two, SPEC).report == "[2]"


def test_answers_that_do_not_fit_together_leave_the_first() -> None:
    """The schema says that a planet without moons has no people."""
    spec = OutputSpec.parse(
        {
            "type": "object",
            "properties": {"moons": {"type": "integer"}, "people": {"type": "integer"}},
            "if": {"properties": {"moons": {"const": 0}}, "required": ["moons"]},
            "then": {"properties": {"people": {"const": 0}}},
        }
    )
    one = result("core", output={"moons": 1, "people": 5}, basis=[basis("moons", "low", "a"), basis("people", "high", "a")])
    two = again({"moons": 0}, basis("moons", "high", "b"))
    both = combine_escalated(one, two, spec)
    assert both.output == one.output
    assert "do not fit" in both.warnings[0]


def test_part_of_a_schema_has_those_fields_only_and_all_they_refer_to() -> None:
    schema = {
        "$defs": {"year": {"type": "integer", "minimum": 1900}},
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/year", "description": "first"}, "b": {"type": "string"}, "c": {"type": "boolean"}},
        "required": ["a", "b"],
        "description": "Two years.",
    }
    whole = OutputSpec.parse(schema)
    part = part_of(whole, ("a", "c"))
    assert part.names == ("a", "c")
    assert [field.required for field in part.fields] == [True, False]
    assert part.check({"a": 1899, "c": None})
    assert not part.check({"a": 1999, "c": True})
    assert part_of(whole, ("a", "b", "c")) == whole
    text = OutputSpec.parse({"type": "text"})
    assert part_of(text, ("answer",)) == text


sure = st.sampled_from([None, *CONFIDENCE_ORDER])


@given(st.lists(st.tuples(sure, sure), min_size=1, max_size=6))
def test_no_field_is_less_sure_than_before_and_none_is_lost(pairs: list[tuple[Confidence | None, Confidence | None]]) -> None:
    names = [f"f{place}" for place in range(len(pairs))]
    spec = OutputSpec.parse(dict.fromkeys(names, "integer"))

    def answered(processor: str, which: int) -> Result:
        output = {name: None if pair[which] is None else which for name, pair in zip(names, pairs, strict=True)}
        return result(
            processor, output=output, basis=[basis(name, pair[which], processor) for name, pair in zip(names, pairs, strict=True)]
        )

    both = combine_escalated(answered("core", 0), answered("ultra", 1), spec)
    assert list(both.output or {}) == [b.field for b in both.basis] == names
    for name, pair, kept in zip(names, pairs, both.basis, strict=True):
        best = max(pair, key=lambda c: -1 if c is None else CONFIDENCE_ORDER.index(c))
        assert kept.confidence == best
        assert isinstance(both.output, dict)
        assert (both.output[name] is None) == (best is None)
