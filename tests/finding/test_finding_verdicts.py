"""Whether a value meets a condition is decided by code: from what the value means, and silent where it does not tell."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from research.finding.admission import judge
from research.finding.verdicts import verdict
from research.ports.conditions import Condition, FindPlan, field_name

BEFORE_1980 = Condition(name="launched", description="launched before 1980", kind="date", before="1979-12-31")
HEAVY = Condition(name="mass_kg", description="over 500 kg", kind="number", above=500)
BY_ESA = Condition(name="operator", description="operated by ESA", kind="text", one_of=("ESA",))
CREWED = Condition(name="crewed", description="crewed")

VERDICTS: list[tuple[Condition, Any, str]] = [
    (BEFORE_1980, "1977-09-05", "met"),
    (BEFORE_1980, "1979", "met"),
    (BEFORE_1980, "1980", "not met"),
    (BEFORE_1980, "soon", "unknown"),
    (BEFORE_1980.changed(before="1979-06-30"), "1979", "unknown"),
    (BEFORE_1980.changed(before="1979-06-30"), "1979-05", "met"),
    (HEAVY, 500, "not met"),
    (HEAVY, 500.5, "met"),
    (HEAVY, True, "unknown"),
    (BY_ESA, "NASA / ESA", "met"),
    (BY_ESA, "European Space Agency", "met"),
    (BY_ESA, "JAXA", "not met"),
    (BY_ESA.changed(one_of=("Saturn V",)), "V-2, then Saturn", "not met"),
    (BY_ESA.changed(one_of=("European Space Agency",)), "ESA", "met"),
    (BY_ESA, "412", "unknown"),
    (BY_ESA, True, "unknown"),
    (BY_ESA.changed(one_of=("7",)), "7", "met"),
    (BY_ESA.changed(one_of=("Ghent, Belgium",)), "Ghent", "unknown"),
    (CREWED, "yes", "unknown"),
    (CREWED, True, "met"),
    (CREWED, False, "not met"),
    *((condition, None, "unknown") for condition in (BEFORE_1980, HEAVY, BY_ESA, CREWED)),
]


@pytest.mark.parametrize(("condition", "value", "expected"), VERDICTS)
def test_a_value_meets_a_condition_or_not(condition: Condition, value: Any, expected: str) -> None:
    assert verdict(condition, value) == expected


def row(
    field: str, confidence: str | None = "high", support: str | None = "stated", excerpt: str | None = "Launched: 1977"
) -> dict[str, Any]:
    place = {"url": "test://a", "title": "A", "page_hash": "0", "start": 0, "end": 14, "reasoning": ""}
    return {"field": field, "confidence": confidence, "support": support, "excerpt": excerpt, **place}


@pytest.mark.parametrize(
    ("value", "basis", "reason"),
    [
        ("1977", [row("launched")], ""),
        ("1977", [row("launched", "low")], "only of low confidence"),
        ("1977", [row("launched", support="against")], "no passage supports it"),
        ("1977", [], "no passage supports it"),
        (None, [row("launched", None, None, None)], "nothing was found"),
        ("1981", [row("launched")], "no (1981)"),
    ],
)
def test_a_candidate_is_admitted_only_with_an_excerpt(value: Any, basis: list[dict[str, Any]], reason: str) -> None:
    judgement = judge(FindPlan(conditions=(BEFORE_1980,)), {"launched": value}, basis, "medium")
    assert judgement.is_admitted == (reason == "")
    assert reason in judgement.reason


def test_a_value_of_another_kind_is_neither_a_verdict_nor_its_evidence() -> None:
    """A number where a place is wanted says nothing of the place."""
    judgement = judge(FindPlan(conditions=(BY_ESA,)), {"operator": "412"}, [row("operator", excerpt="412 people")], "medium")
    (match,) = judgement.matches
    assert (match.verdict, match.value, match.evidence) == ("unknown", None, ())
    assert (match.reasoning, judgement.reason) == ("What was found, 412, is no name.", "operated by ESA: nothing was found")


def test_what_candidates_lack_can_be_counted() -> None:
    plan = FindPlan(conditions=(BEFORE_1980,))
    lacks = [judge(plan, {"launched": year}, [row("launched")], "medium").lacks for year in ("1981", "1990", "1977")]
    assert lacks == [("launched before 1980: no",), ("launched before 1980: no",), ()]


def test_one_condition_that_is_not_met_keeps_a_candidate_out_and_each_lack_is_told() -> None:
    plan = FindPlan(conditions=(BEFORE_1980, CREWED))
    judgement = judge(plan, {"launched": "1977", "crewed": None}, [row("launched")], "medium")
    assert not judgement.is_admitted
    assert judgement.reason == "crewed: nothing was found"
    assert judge(plan, {}, [], "medium", "fetch_failed: gone").reason == "it could not be researched: fetch_failed: gone"


def test_a_condition_without_a_bound_is_refused() -> None:
    with pytest.raises(ValidationError, match="after or before"):
        Condition(name="launched", description="launched", kind="date")
    with pytest.raises(ValidationError, match="a name of its own"):
        FindPlan(conditions=(CREWED, CREWED))


def test_a_field_s_name_is_made_of_words_and_no_other_has_it() -> None:
    assert field_name("reached an outer planet!") == "reached_an_outer_planet"
    assert field_name("1st stage") == "is_1st_stage"
    assert field_name("name") == "name_2"
    assert field_name("crewed", ["Crewed"]) == "crewed_2"


@pytest.mark.parametrize(
    ("line", "is_evidence"),
    [
        ("| SMART-1 | ESA | 2003 | Ariane 5 |", False),
        ("| 2003 | Ariane 5 | ESA | SMART-1 |", True),
        ("| SMART-1 | ESA | 2003 |", False),
        ("| ESA | 2003 |", True),
        ("SMART-1, an Ariane 5, ESA", True),
    ],
)
def test_a_line_of_a_table_is_about_the_first_candidate_that_it_names(line: str, is_evidence: bool) -> None:
    basis = [row("operator", excerpt=line)]
    plan = FindPlan(conditions=(BY_ESA,))
    judgement = judge(plan, {"operator": "ESA"}, basis, "medium", name="Ariane 5", names={"smart1", "ariane5"})
    assert judgement.is_admitted == is_evidence
