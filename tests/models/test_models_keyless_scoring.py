"""The keyless model's confidence is a probability, learned; what speaks against a value is shown."""

from __future__ import annotations

from typing import Any

import pytest

from research.models.keyless.candidates import Candidate
from research.models.keyless.choosing import Backing, Group, standing
from research.models.keyless.model import KeylessModel
from research.models.keyless.questions import question_of
from research.models.keyless.scoring import Scorer, confidence, features, scorer
from research.output_schema.output_spec import OutputSpec
from research.pipeline import research
from research.ports.world import World
from research.result.result import Result
from research.task.task import Task
from research.testing import Pages

TEXT = {"type": "string"}


async def ask(texts: dict[str, str], entity: str, fields: dict[str, Any]) -> Result:
    pages = Pages({f"corpus://shelf/{name}": text for name, text in texts.items()})
    schema = {"type": "object", "properties": fields}
    task = Task(task=f"Facts about {entity}", input={"name": entity}, output_schema=OutputSpec.parse(schema))
    return await research(task, World(model=KeylessModel(), search=pages, fetcher=pages))


@pytest.mark.parametrize(("probability", "level"), [(0.971, "high"), (0.969, "medium"), (0.79, "low"), (0.49, None)])
def test_confidence_is_the_probability_in_steps(probability: float, level: str | None) -> None:
    assert confidence(probability) == level
    assert confidence(probability, most="medium") == ("medium" if level == "high" else level)
    assert confidence(probability, most="low") == (level and "low")


def test_each_thing_that_is_true_of_a_candidate_adds_its_own_weight() -> None:
    question = question_of(OutputSpec.parse({"owner": "string"}).fields[0])
    candidate = Candidate("Ines Kovar", (0,), "", "facts", 1.0, 1.0, None, ("order:first",))
    names = features(question, candidate)
    assert {"facts", "facts fit same", "gate named", "facts order:first"} <= set(names)
    weights = Scorer({"candidate": {"bias": -1.0, "facts": 0.5, "facts fit same": 2.0, "list": 9.0}, "answer": {}})
    assert weights.log_odds(question, candidate) == 1.5


def test_an_answer_is_the_likelier_the_likelier_its_candidate_and_the_weaker_what_says_otherwise() -> None:
    question = question_of(OutputSpec.parse({"owner": "string"}).fields[0])

    def probability(*log_odds: float) -> float:
        groups = []
        for value, odds in zip(("Ines Kovar", "Paul Anders"), log_odds, strict=False):
            candidate = Candidate(value, (0,), "", "facts", 1.0, 1.0)
            groups.append(Group(value, [Backing(candidate, "page", "", ("s1p1",), log_odds=odds)]))
        return scorer().probability(standing(question, groups, 0))

    assert probability(2.0) > probability(0.5) > probability(-1.0)
    assert probability(2.0) > probability(2.0, 1.5)


async def test_what_another_page_says_otherwise_is_evidence_against_the_value() -> None:
    texts = {"a": "# Aldern Bridge\n\nOpened: 14 May 1931", "b": "# Aldern Bridge\n\nOpened: 15 May 1931"}
    result = await ask(texts, "Aldern Bridge", {"opened": {"type": "string", "format": "date"}})
    shown = {e.support: (e.text, c.url) for c in result.basis[0].citations for e in c.excerpts}
    assert set(shown) == {"stated", "against"}
    assert shown["against"][1] != shown["stated"][1]
    assert [source.quality.disagrees for source in result.sources_detailed if source.quality] == [1, 1]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Merrow Inn"),
        ("telephone", "(505) 246-9900"),
        ("chef", "Ines Kovar"),
    ],
)
async def test_a_page_says_some_things_without_a_key(field: str, value: str) -> None:
    """Its own name, and a telephone number whatever its label."""
    page = (
        "# Merrow Inn | Sarn Valley Guide\n\nWork: (505) 246-9900\n\nChef: Ines Kovar\n\n"
        "## Page data\n\ntitle: Merrow Inn | Sarn Valley Guide"
    )
    result = await ask({"inn": page}, "Merrow Inn", {field: TEXT})
    assert result.output == {field: value}


async def test_a_question_that_nothing_answers_is_left_open() -> None:
    page = {"corpus://shelf/a": "# Aldern Bridge\n\nAldern Bridge crosses the Sarn estuary. The deck was renewed in 1988."}
    pages = Pages(page)
    asked = Task(task="Which Norwegian king crowned Ottokar of Syldavia?", output_schema=OutputSpec.parse({"answer": "string"}))
    result = await research(asked, World(model=KeylessModel(), search=pages, fetcher=pages))
    assert result.output == {"answer": None}
