"""Escalation: what is not sure is researched again on a dearer tier, and the better of both answers stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, expected, runtime

from flows.enrichment import enrich
from flows.run.events import Event, RowEscalated, RowFinished
from flows.run.outcome import Enrichment
from flows.run.runtime import use_runtime
from research.errors import InvalidInput, PageUnreadable
from research.models.scripted import ScriptedModel
from research.ports.model import ResearchTools
from research.ports.work import Draft, FieldAnswer, SubQuery
from research.result.escalation import Escalation
from research.result.result import Confidence
from research.tables.audit.verify import verify
from research.tables.run_folder.reader import open_run
from research.task.task import Task

SCHEMA = {"moons": "integer", "colour": "its colour"}
SURE: dict[tuple[str, str, str], Confidence | None] = {
    ("Mars", "core", "colour"): "low",
    ("Mars", "ultra", "colour"): "high",
    ("Venus", "core", "moons"): None,
    ("Venus", "ultra", "moons"): "medium",
    ("Pluto", "core", "colour"): "low",
    ("Pluto", "ultra", "colour"): None,
}
"""How sure a planet's field is on a tier; high where nothing is said, null where None."""


def tiered(trouble: str = "") -> ScriptedModel:
    """Answers as sure as `SURE` says. A row costs 10 cents on core and 50 on ultra, where `trouble` cannot be read."""

    async def script(task: Task, subquery: SubQuery, desk: ResearchTools) -> Draft:
        name, tier = task.input["name"], task.processor
        if tier == "ultra" and name == trouble:
            raise PageUnreadable("nothing to read")
        (hit,) = await desk.search(name)
        passages = await desk.read(hit.url)
        answers = []
        for field in subquery.fields:
            sure = SURE.get((name, tier, field), "high")
            value = None if sure is None else expected(name)[field]
            answers.append(
                FieldAnswer(field=field, value=value, passages=(passages[-1].id,), confidence=sure, reasoning="It says.")
            )
        return Draft(answers=tuple(answers))

    return ScriptedModel(script, keyless=False, cost_usd=lambda task: 0.10 if task.processor == "core" else 0.50)


NAMES = ("Mars", "Earth", "Venus", "Pluto", "Mars")


async def enriched(folder: Path, model: ScriptedModel, heard: list[Event] | None = None, **options: Any) -> Enrichment:
    table = folder / "planets.csv"
    pd.DataFrame([{"name": name} for name in NAMES]).to_csv(table, index=False)
    with use_runtime(runtime(model, heard)):
        return await enrich(
            str(table), output_schema=SCHEMA, objective=OBJECTIVE, out=str(folder / "run"), shard_size=2, concurrency=1, **options
        )


@pytest.mark.usefixtures("prefect_server")
async def test_doubtful_fields_are_researched_again_and_the_better_answer_stays(tmp_path: Path) -> None:
    """Mars gets a surer colour, Venus its moons; Pluto's colour stays as core had it, since ultra found nothing. Earth was sure.
    The same call again pays nothing."""
    heard: list[Event] = []
    done = await enriched(tmp_path, tiered(), heard, escalate="low:ultra")
    assert (done.completed, done.escalated, done.not_escalated) == (5, 4, 0)
    results = open_run(done.run).results()
    assert list(results["processor"]) == ["core+ultra", "core", "core+ultra", "core+ultra", "core+ultra"]
    assert list(results["confidence"]) == ["high", "high", "medium", "low", "high"]
    assert list(results["moons"]) == [len(name) for name in NAMES]
    assert list(results["colour"]) == ["blue"] * 5
    assert list(results["cost_usd"]) == [pytest.approx(cost) for cost in (0.6, 0.1, 0.6, 0.6, 0.6)]
    assert [done.cost_usd, done.spent_usd] == [pytest.approx(4 * 0.1 + 3 * 0.5)] * 2, "both costs, and equal rows once"
    [warning] = results["warnings"][3]
    assert warning == (
        "researched again on ultra: colour; core cost $0.10, ultra $0.50; from ultra: none; still from core: colour"
    )
    basis = {(line["row_index"], line["field"]): line for line in open_run(done.run).table("basis").to_pylist()}
    assert basis[0, "colour"]["reasoning"] == "ultra: It says."
    assert basis[0, "moons"]["reasoning"] == "It says."
    assert verify(done.run).ok
    told = [event for event in heard if isinstance(event, RowEscalated)]
    assert {event.row: event.fields for event in told} == {0: ("colour",), 2: ("moons",), 3: ("colour",), 4: ("colour",)}
    assert sum(isinstance(event, RowFinished) for event in heard) == 5

    model = tiered()
    again = await enriched(tmp_path, model, escalate="low:ultra")
    assert (again.escalated, model.calls.total(), again.spent_usd) == (0, 0, done.spent_usd)
    assert open_run(done.run).results().equals(results)


@pytest.mark.usefixtures("prefect_server")
async def test_an_escalation_that_is_stopped_or_fails_leaves_the_row_and_goes_on_later(tmp_path: Path) -> None:
    """The table costs 40 cents; under 80, ultra is paid once, for whichever row comes first. Later another planet fails on ultra,
    and later still nothing does."""
    first = await enriched(tmp_path, tiered(), max_cost=0.80, escalate="low:ultra")
    assert (first.completed, first.failed) == (5, 0)
    assert first.stopped
    assert first.spent_usd == pytest.approx(0.9)
    before = open_run(first.run).results()
    assert set(before["status"]) == {"completed"}

    trouble = next(row for row in (2, 3) if before["processor"][row] == "core")
    second = await enriched(tmp_path, tiered(NAMES[trouble]), escalate="low:ultra")
    assert (second.stopped, second.not_escalated) == (None, 1)
    rows = open_run(first.run).results()
    assert rows["processor"][trouble] == "core"
    assert rows.loc[trouble].equals(before.loc[trouble]), "it stays as it was"

    last = await enriched(tmp_path, tiered(), escalate="low:ultra")
    assert (last.escalated, last.not_escalated) == (1, 0)
    assert [last.spent_usd, last.cost_usd] == [pytest.approx(0.4 + 3 * 0.5)] * 2, "nothing was paid twice"


@pytest.mark.parametrize("text", ["low", "low:", "high:ultra", "none:ultra", "low:cheap", "low:core", "low:base"])
def test_an_escalation_that_makes_no_sense_is_refused_before_anything_is_spent(text: str) -> None:
    with pytest.raises(InvalidInput, match="escalate: "):
        Escalation.parse(text, "core")


def test_an_escalation_is_a_confidence_and_a_tier() -> None:
    assert Escalation.parse("medium:research", "core") == ("medium", "research")
