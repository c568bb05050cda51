"""Rows that wait for people: the others go on, and the answer goes on from where the row stood, whatever happened meanwhile."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, expected, planets, reader, runtime
from flows_waiting_killed import asker

from flows.enrichment import enrich
from flows.run.cleaning import clean
from flows.run.decision_files import labels, read_answers, read_plans, write_plans, write_questions
from flows.run.decisions import Decisions, RowDecisions
from flows.run.events import Event, PilotFinished, RowFinished
from flows.run.outcome import Enrichment
from flows.run.runtime import use_runtime
from research.errors import InvalidInput, NotWaiting
from research.models.scripted import ScriptedModel
from research.tables import RunFolder, open_run
from research.tables.audit.verify import verify
from research.tables.run_folder.open_questions import waiting_rows
from research.tables.run_folder.overview import overview
from research.task.decisions import Answers, PlanDecision


def table(folder: Path, count: int = 6) -> str:
    file = folder / "planets.csv"
    if not file.exists():
        pd.DataFrame(planets(count)).to_csv(file, index=False)
    return str(file)


async def enriched(
    folder: Path, model: ScriptedModel, decisions: RowDecisions | None = None, heard: list[Event] | None = None, **options: Any
) -> Enrichment:
    here = replace(runtime(model, [] if heard is None else heard), decisions=decisions or {})
    asked = {"output_schema": SCHEMA, "objective": OBJECTIVE, "out": str(folder / "run"), "shard_size": 3, **options}
    with use_runtime(here):
        return await enrich(table(folder), **asked)


def counted(log: Path) -> Counter[str]:
    return Counter(log.read_text().splitlines())


@pytest.mark.usefixtures("prefect_server")
async def test_a_row_that_asks_waits_and_goes_on_from_where_it_stood_after_a_kill_of_everything(tmp_path: Path) -> None:
    """Six planets in two shards, of which planets 1 and 4 ask. The process is killed before the run has ended."""
    log, script = tmp_path / "log", Path(__file__).with_name("flows_waiting_killed.py")
    killed = await asyncio.create_subprocess_exec(sys.executable, str(script), table(tmp_path), str(tmp_path / "run"), str(log))
    assert await killed.wait() == -9
    assert counted(log) == {f"search Planet {n}": 1 for n in range(6)} | {"ask Planet 1": 1, "ask Planet 4": 1}

    done = await enriched(tmp_path, asker(log), allow_questions=True)
    assert (done.completed, done.failed, done.waiting, done.stopped) == (4, 0, 2, None)
    assert counted(log).total() == 8, "nothing was done again"
    folder = RunFolder.open(tmp_path / "run")
    assert [(each.row, each.action.questions[0].text) for each in waiting_rows(folder)] == [
        (1, "Which Planet 1?"),
        (4, "Which Planet 4?"),
    ]
    statuses = list(open_run(folder.path).results()["status"])
    assert [row for row, status in enumerate(statuses) if status == "action_required"] == [1, 4]
    assert (overview(folder.path).completed, overview(folder.path).failed, overview(folder.path).waiting) == (4, 0, 2)
    assert verify(folder.path).ok
    clean(folder)

    half = await enriched(tmp_path, asker(log), {4: Answers(answers={"s1q1": "the outer"})}, allow_questions=True)
    assert (half.completed, half.waiting) == (5, 1)
    assert counted(log)["answered the outer Planet 4"] == 1
    done = await enriched(tmp_path, asker(log), {1: Answers(answers={"s1q1": "the inner"})}, allow_questions=True)
    assert (done.completed, done.waiting) == (6, 0)
    assert counted(log).total() == 10, "each answered row went on once, and nothing was searched again"
    opened = open_run(folder.path)
    questions = opened.questions()
    assert list(zip(questions["row_index"], questions["answer"], strict=True)) == [(1, "the inner"), (4, "the outer")]
    results = opened.results()
    assert list(results["moons"]) == [expected(f"Planet {n}")["moons"] for n in range(6)]
    assert list(opened.usage()["search_queries"]) == [1] * 6, "what a row used before it waited is counted once"
    assert verify(folder.path).ok


@pytest.mark.usefixtures("prefect_server")
async def test_plans_of_all_rows_are_made_first_and_only_approved_rows_go_on(tmp_path: Path) -> None:
    model, heard = reader(), list[Event]()
    done = await enriched(tmp_path, model, heard=heard, mode="plan")
    assert (done.completed, done.waiting, model.calls) == (0, 6, {"plan": 6})
    assert {event.status for event in heard if isinstance(event, RowFinished)} == {"action_required"}

    with pytest.raises(NotWaiting, match=r"/9: the task waits for no decision"):
        await enriched(tmp_path, model, {9: PlanDecision()}, mode="plan")
    edited = PlanDecision(subqueries=("Moons and colour of it",))
    done = await enriched(tmp_path, model, {0: PlanDecision(), 3: edited, 5: PlanDecision(decision="stop")}, mode="plan")
    assert (done.completed, done.failed, done.waiting) == (2, 1, 3)
    assert model.calls == {"plan": 6, "investigate": 3, "synthesize": 2}
    opened = open_run(tmp_path / "run")
    assert list(opened.results()["status"]) == [
        "completed",
        *["action_required"] * 2,
        "completed",
        "action_required",
        "cancelled",
    ]
    assert [*opened.findings().query("row_index == 3")["subquery"]] == ["Moons and colour of it"]
    done = await enriched(tmp_path, model, mode="plan", auto_execute_plan=True)
    assert (done.completed, done.waiting) == (2, 3), "what waits is decided by people; the stopped row stays stopped"


@pytest.mark.usefixtures("prefect_server")
async def test_a_pilot_whose_plans_wait_is_no_end_of_the_pilot(tmp_path: Path) -> None:
    heard: list[Event] = []
    done = await enriched(tmp_path, model := reader(), heard=heard, mode="plan", pilot=2)
    assert (done.waiting, model.calls) == (2, {"plan": 2})
    (pilot,) = [event for event in heard if isinstance(event, PilotFinished)]
    assert (pilot.rows, pilot.completed, pilot.waiting) == (2, 0, 2)
    done = await enriched(tmp_path, model, dict.fromkeys((0, 1), PlanDecision()), heard, mode="plan", pilot=2)
    assert (done.completed, model.calls["plan"]) == (2, 2), "the pilot came to its end, and the rest waits for a yes"


@pytest.mark.usefixtures("prefect_server")
async def test_files_to_fill_in_come_back_as_decisions(tmp_path: Path) -> None:
    log = tmp_path / "log"
    await enriched(tmp_path, asker(log, ("Planet 2",)), allow_questions=True)
    folder = RunFolder.open(tmp_path / "run")
    waiting = list(waiting_rows(folder))
    about = labels(folder, waiting)
    for name in ("q.csv", "q.json", "q.jsonl"):
        file = tmp_path / name
        write_questions(file, waiting, about)
        with pytest.raises(InvalidInput, match="answers no question"):
            read_answers(file, waiting)
        text = file.read_text(encoding="utf-8-sig")
        assert "Which Planet 2?" in text
        assert "row 2 · Planet 2" in text
        filled = text.replace("the inner | the outer,", "the inner | the outer,=mine") if name == "q.csv" else text
        filled = filled.replace('"answer": ""', '"answer": "=mine"')
        file.write_text(filled, encoding="utf-8-sig")
        assert read_answers(file, waiting) == {2: Answers(answers={"s1q1": "=mine"})}
        file.write_text(filled.replace("s1q1", "s9q9"), encoding="utf-8-sig")
        with pytest.raises(NotWaiting, match=r"/2: the task has no open question s9q9; open are: s1q1"):
            read_answers(file, waiting)
        file.write_text(filled.replace("row", "place"), encoding="utf-8-sig")
        with pytest.raises(InvalidInput, match="entry 1 has no 'row'"):
            read_answers(file, waiting)


@pytest.mark.usefixtures("prefect_server")
async def test_a_file_of_plans_is_approved_as_it_is_edited(tmp_path: Path) -> None:
    await enriched(tmp_path, reader(), mode="plan", limit=2)
    folder = RunFolder.open(tmp_path / "run")
    waiting = list(waiting_rows(folder))
    write_plans(file := tmp_path / "plans.csv", waiting, labels(folder, waiting))
    assert read_plans(file, waiting) == {0: PlanDecision(), 1: PlanDecision()}
    header, first, *_ = file.read_text(encoding="utf-8-sig").splitlines()
    file.write_text(f"{header}\n{first}\n0,,Something else,\n")
    (plan, _) = [query.question for query in waiting[0].action.plan]
    assert read_plans(file, waiting) == {0: PlanDecision(subqueries=(plan, "Something else"))}


def test_rows_that_ask_the_same_are_decided_alike_and_the_last_decision_counts(tmp_path: Path) -> None:
    decisions = Decisions(tmp_path)
    assert not decisions
    decisions.add("a", PlanDecision(decision="stop"))
    decisions.add("a", PlanDecision(subqueries=("One?",)))
    decisions.add("b", Answers(answers={"s1q1": "x"}))
    decisions.add("b", Answers(answers={"s2q1": "y"}))
    with (tmp_path / "decisions.jsonl").open("a") as file:
        file.write('{"digest":"0","task_id":"a","decision":{"decision":"stop"}}\n{"half')
    again = Decisions(tmp_path)
    assert again.of("a").plan == PlanDecision(subqueries=("One?",))
    assert again.of("b").answers == {"s1q1": "x", "s2q1": "y"}
