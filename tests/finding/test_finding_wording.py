"""An objective in plain English is read without a model: what is looked for, and conditions with their bounds."""

from __future__ import annotations

from typing import Any

import pytest

from research.errors import InvalidTask
from research.finding.wording import read_objective

READ: list[tuple[str, str, list[dict[str, Any]]]] = [
    (
        "space probes that were launched before 1980 and reached an outer planet",
        "space probes",
        [
            {"name": "launched", "kind": "date", "before": "1979-12-31"},
            {"name": "reached_an_outer_planet", "description": "reached an outer planet"},
        ],
    ),
    (
        "Which probes reached an outer planet and lifted off before 1980?",
        "probes",
        [{"name": "lifted_off", "kind": "date", "before": "1979-12-31"}, {"name": "reached_an_outer_planet"}],
    ),
    ("Find all missions with a launch date after 5 May 2001", "missions", [{"name": "launch_date", "after": "2001-05-06"}]),
    ("companies founded in the 1970s", "companies", [{"name": "founded", "after": "1970-01-01", "before": "1979-12-31"}]),
    (
        "probes launched between 1970 and March 1975",
        "probes",
        [{"name": "launched", "after": "1970-01-01", "before": "1975-03-31"}],
    ),
    (
        "probes weighing more than 3 tonnes at launch",
        "probes",
        [{"name": "mass_at_launch_tonnes", "kind": "number", "above": 3.0}],
    ),
    ("towers taller than 300 m", "towers", [{"name": "height_m", "value": "height in m", "above": 300.0}]),
    ("probes with a launch mass of at most 3,000 kg", "probes", [{"name": "launch_mass_kg", "most": 3000.0}]),
    ("missions operated by ESA", "missions", [{"name": "operated_by", "kind": "text", "one_of": ("ESA",)}]),
    ("missions with the operator ESA", "missions", [{"name": "operator", "one_of": ("ESA",)}]),
    ("probes whose target was the Moon or Mars", "probes", [{"name": "target", "one_of": ("Moon", "Mars")}]),
    *(
        (objective, kind, [{"name": "launch_vehicle", "kind": "text", "value": "launch vehicle", "one_of": ("Saturn V",)}])
        for objective, kind in (
            ("Which space flights had Saturn V as their launch vehicle?", "space flights"),
            ("flights launched on a Saturn V", "flights"),
            ("flights with a Saturn V as launch vehicle", "flights"),
        )
    ),
    ("flights launched on 5 May 1969", "flights", [{"name": "launched", "after": "1969-05-05", "before": "1969-05-05"}]),
    (
        "probes that were bound for the outer planets",
        "probes",
        [{"name": "bound_for", "one_of": ("outer planets", "Jupiter", "Saturn", "Uranus", "Neptune")}],
    ),
    (
        "crewed flights launched by NASA in 1969",
        "crewed flights",
        [
            {"name": "launched", "after": "1969-01-01", "before": "1969-12-31"},
            {"name": "crewed", "kind": "yes"},
            {"name": "launched_by", "one_of": ("NASA",)},
        ],
    ),
    ("probes and space flights launched since 2000", "probes and space flights", [{"name": "launched", "after": "2000-01-01"}]),
]


@pytest.mark.parametrize(("objective", "kind", "conditions"), READ, ids=[objective for objective, *_ in READ])
def test_an_objective_is_read(objective: str, kind: str, conditions: list[dict[str, Any]]) -> None:
    plan = read_objective(objective)
    assert plan.kind == kind
    assert len(plan.conditions) == len(conditions)
    for condition, expected in zip(plan.conditions, conditions, strict=True):
        assert {name: getattr(condition, name) for name in expected} == expected


def test_a_clause_that_is_not_understood_stays_a_condition() -> None:
    """Right, or silent: to leave it out would admit what was not asked for."""
    plan = read_objective("spacecraft launched in the 1970s with target outer planets")
    assert [condition.description for condition in plan.conditions] == ["launched in the 1970s", "target outer planets"]


def test_stated_conditions_replace_those_of_the_objective() -> None:
    plan = read_objective("missions launched before 1970", ["target: Moon | Mars", "launched after 1990", "crewed"])
    assert [condition.name for condition in plan.conditions] == ["target", "launched", "crewed"]
    assert plan.kind == "missions"
    assert plan.conditions[0].one_of == ("Moon", "Mars")


@pytest.mark.parametrize("objective", ["", "  ", "missions", "all the probes"])
def test_an_objective_without_a_condition_is_refused(objective: str) -> None:
    with pytest.raises(InvalidTask, match="objective"):
        read_objective(objective)


def test_an_empty_condition_is_refused_by_its_place() -> None:
    with pytest.raises(InvalidTask, match="/conditions/1"):
        read_objective("missions", ["crewed", " "])
