"""Dates are compared as far as pages say them: a year or a month alone will do where all of its days are on one side."""

from __future__ import annotations

import pytest

from research.finding.admission import Judgement
from research.models.keyless.model import KeylessModel
from research.ports.world import World
from research.testing import Pages
from tests.benchmarks.find_quality import find

FIRMS = {
    "Arbor Works": "It was founded in 1954 and makes furniture.",
    "Quill Press": "Founded: 1921",
    "Lumen Tiles": "Founded: 1987",
    "Osier Looms": "Founded: March 1960",
    "Tarn Foundry": "Founded: 1960-07-03",
    "Birch Mills": "Birch Mills was founded on 3 July 1950 by two sisters.",
    "Kelp Chandlers": "Kelp Chandlers was founded in 1960 in Hull.",
    "Moss Printers": "Moss Printers has 1954 presses, and sold No. 1921 of them.",
}
PAGES = {f"test://{place}": f"# {name}\n\n{name} is a company.\n\n{text}\n" for place, (name, text) in enumerate(FIRMS.items())}


async def judged(objective: str) -> dict[str, Judgement]:
    pages = Pages(PAGES)
    return await find(objective, World(model=KeylessModel(), search=pages, fetcher=pages))


@pytest.mark.parametrize(
    ("objective", "admitted", "is_open"),
    [
        ("companies founded before 1960", {"Arbor Works", "Quill Press", "Birch Mills"}, set()),
        ("companies founded before June 1960", {"Arbor Works", "Quill Press", "Birch Mills", "Osier Looms"}, {"Kelp Chandlers"}),
        ("companies founded since 2 March 1960", {"Lumen Tiles", "Tarn Foundry"}, {"Osier Looms", "Kelp Chandlers"}),
        ("companies founded in the 1950s", {"Arbor Works", "Birch Mills"}, set()),
        ("companies founded between 1 July 1950 and 31 July 1950", {"Birch Mills"}, set()),
    ],
)
async def test_a_date_is_compared_as_far_as_it_is_known(objective: str, admitted: set[str], is_open: set[str]) -> None:
    found = await judged(objective)
    assert {name for name, judgement in found.items() if judgement.is_admitted} == admitted
    assert {name for name, judgement in found.items() if "left open by" in judgement.reason} == is_open
    for name in admitted:
        (match,) = found[name].matches
        assert match.evidence[0].excerpt in FIRMS[name]
