"""An objective in plain English is read without a model: what is looked for, and conditions with their bounds."""

from __future__ import annotations

from typing import Any

import pytest

from research.errors import InvalidTask
from research.finding.wording import read_condition, read_objective, unstated

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
    (
        "companies with more than 100 employees in Leipzig or Berlin",
        "companies",
        [{"name": "employees", "kind": "number", "above": 100.0}, {"name": "location", "one_of": ("Leipzig", "Berlin")}],
    ),
    ("companies with between 1000 and 2000 employees", "companies", [{"name": "employees", "least": 1000.0, "most": 2000.0}]),
    ("towers between 300 and 500 m tall", "towers", [{"name": "height_m", "least": 300.0, "most": 500.0}]),
    ("missions between 1970 and 1975", "missions", [{"name": "date", "after": "1970-01-01", "before": "1975-12-31"}]),
    (
        "companies headquartered in Ghent, Belgium, founded before 1960",
        "companies",
        [{"name": "founded", "before": "1959-12-31"}, {"name": "headquarters", "one_of": ("Ghent, Belgium",)}],
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


def test_what_the_objective_asks_and_no_stated_condition_does_is_named() -> None:
    objective = "probes launched before 1970 that were operated by ESA"
    stated = read_objective(objective, ["crewed", "launched before 1970"])
    assert unstated(objective, stated) == ("operated by ESA",)
    assert unstated("probes launched before 1980", stated) == ("launched before 1980",)
    assert unstated("probes", stated) == ()


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        *(
            (stated, {"name": "employees", "kind": "number", bound: number})
            for bound, number, wordings in (
                (
                    "above",
                    100,
                    ("employees more than 100", "more than 100 employees", "employees: more than 100", "employees > 100"),
                ),
                ("least", 1000, ("employees at least 1,000", "has at least 1,000 employees", "employees >= 1000")),
                ("below", 50, ("employees under 50", "under 50 employees", "employing fewer than 50 people")),
                ("most", 1500, ("up to 1500 employees", "employees up to 1500", "employees is no more than 1500")),
            )
            for stated in wordings
        ),
        ("employees between 1000 and 2000", {"name": "employees", "least": 1000, "most": 2000}),
        ("between 5 and 10 million inhabitants", {"name": "inhabitants", "least": 5e6, "most": 1e7}),
        ("revenue of more than EUR 10 million", {"value": "revenue in EUR", "above": 1e7}),
        ("an area of at least 20 km²", {"name": "area", "value": "area in km²", "least": 20}),
        ("founded since 1960", {"name": "founded", "kind": "date", "after": "1960-01-01"}),
        ("founded: before 1960", {"name": "founded", "kind": "date", "before": "1959-12-31"}),
        ("founding year after 1950", {"name": "founding_year", "kind": "date", "after": "1951-01-01"}),
        ("headquartered in Leipzig", {"name": "headquarters", "kind": "text", "one_of": ("Leipzig",)}),
        ("headquarters in Leipzig", {"name": "headquarters", "one_of": ("Leipzig",)}),
        ("located in Porto, Ghent or Hull", {"name": "location", "one_of": ("Porto", "Ghent", "Hull")}),
        ("manufactured in Germany", {"name": "place_manufactured", "one_of": ("Germany",)}),
        ("makes ceramic tiles", {"kind": "yes"}),
    ],
)
def test_a_condition_is_read_in_either_order_of_noun_and_comparison(stated: str, expected: dict[str, Any]) -> None:
    condition = read_condition(stated)
    assert {name: getattr(condition, name) for name in expected} == expected


@pytest.mark.parametrize("objective", ["", "  ", "missions", "all the probes"])
def test_an_objective_without_a_condition_is_refused(objective: str) -> None:
    with pytest.raises(InvalidTask, match="objective"):
        read_objective(objective)


def test_an_empty_condition_is_refused_by_its_place() -> None:
    with pytest.raises(InvalidTask, match="/conditions/1"):
        read_objective("missions", ["crewed", " "])
