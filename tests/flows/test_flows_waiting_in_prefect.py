"""Rows of a deployment's run wait in Prefect: the flow run is suspended, and goes on as its form, or the command, answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, planets, reader, runtime
from flows_waiting_killed import asker
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow_async
from prefect.flow_runs import aresume_flow_run
from prefect.logging import disable_run_logger

from flows.enrichment import enrich
from flows.run.row_numbers import as_ranges, row_numbers
from flows.run.runtime import use_runtime
from flows.waiting_form import NOTHING, Answer, describe, form_of, rows_to_approve
from flows.waiting_in_prefect import Waits, send
from research.errors import InvalidInput
from research.models.scripted import ScriptedModel
from research.tables import RunFolder, open_run
from research.tables.run_folder.open_questions import WaitingRow
from research.task.decisions import Action, Answers, PlanDecision, PlannedQuery, Question


async def deployed(folder: Path, **options: Any) -> FlowRun:
    """A flow run of a deployment, over four planets."""
    pd.DataFrame(planets(4)).to_csv(folder / "planets.csv", index=False)
    asked = {"table": str(folder / "planets.csv"), "output_schema": SCHEMA, "objective": OBJECTIVE, "out": str(folder / "run")}
    async with get_client() as client:
        deployment = await client.create_deployment(await client.create_flow(enrich), name=f"waiting-{uuid4()}")
        return await client.create_flow_run_from_deployment(deployment, parameters={**asked, **options})


async def run(flow_run: FlowRun, model: ScriptedModel) -> FlowRun:
    """What a worker's process does with a flow run. Returns it as it is then."""
    async with get_client() as client:
        now = await client.read_flow_run(flow_run.id)
        with use_runtime(runtime(model)), suppress(Pause):
            await run_flow_async(enrich, flow_run=now, parameters=now.parameters, return_type="state")
        return await client.read_flow_run(flow_run.id)


async def schema_of(flow_run: FlowRun) -> dict[str, Any]:
    """The form that the UI shows."""
    assert flow_run.state is not None
    keys = flow_run.state.state_details.run_input_keyset
    assert keys is not None
    async with get_client() as client:
        response = await client.request("GET", f"/flow_runs/{flow_run.id}/input/{keys['schema']}")
        schema: dict[str, Any] = response.json()
        return schema


@pytest.mark.usefixtures("prefect_server")
async def test_a_deployment_s_run_waits_for_plans_and_goes_on_as_often_as_its_form_is_answered(tmp_path: Path) -> None:
    flow_run = await run(await deployed(tmp_path, mode="plan"), model := reader())
    assert (flow_run.state_name, model.calls) == ("Suspended", {"plan": 4})
    properties = (await schema_of(flow_run))["properties"]
    assert [name for name, _ in sorted(properties.items(), key=lambda each: each[1]["position"])] == [
        *("approve", "stop"),
        *(f"row_{row}" for row in range(4)),
    ]
    assert all(field["title"] and field["description"] for field in properties.values())
    assert properties["approve"]["default"] == "0-3"
    assert properties["row_2"]["title"] == "Plan of row 2 · Planet 2"
    planned = properties["row_0"]["default"]
    assert len(planned) == 2

    edited = {"approve": "0,2", "stop": "", "row_0": planned, "row_2": ["Look at it"], "row_3": ["Later"]}
    await aresume_flow_run(flow_run.id, run_input=edited)
    flow_run = await run(flow_run, again := reader())
    assert (flow_run.state_name, again.calls["investigate"], again.calls["plan"]) == ("Suspended", 3, 0)
    opened = open_run(tmp_path / "run")
    assert [*opened.findings()["subquery"]] == [*planned, "Look at it"]
    properties = (await schema_of(flow_run))["properties"]
    assert properties["approve"]["default"] == "1,3"
    assert properties["row_3"]["default"] == ["Later"], "what was typed about a row that waits on is not typed again"

    await aresume_flow_run(flow_run.id, run_input={"approve": "1,3", "stop": "1,3"})
    flow_run = await run(flow_run, last := reader())
    assert (flow_run.state_name, last.calls) == ("Completed", {})
    assert [*open_run(tmp_path / "run").results()["status"]] == ["completed", "cancelled", "completed", "cancelled"]


@pytest.mark.usefixtures("prefect_server")
async def test_questions_are_answered_by_the_form_and_by_the_command_alike(tmp_path: Path) -> None:
    log = tmp_path / "log"
    flow_run = await run(await deployed(tmp_path, allow_questions=True), asker(log, ("Planet 1", "Planet 3")))
    assert flow_run.state_name == "Suspended"
    field = (await schema_of(flow_run))["properties"]["row_1_s1q1"]
    assert field["title"] == "row 1 · Planet 1: Which Planet 1? (the inner · the outer)"
    await aresume_flow_run(flow_run.id, run_input={"row_1_s1q1": "the inner", "row_3_s1q1": ""})
    flow_run = await run(flow_run, asker(log))
    assert flow_run.state_name == "Suspended"

    folder = RunFolder.open(tmp_path / "run")
    sent = await send(folder.key, {3: Answers(answers={"s1q1": "the outer"})})
    assert sent is not None
    assert sent.id == flow_run.id
    assert await send(folder.key, {3: Answers(answers={"s1q1": "again"})}) is None, "nobody waits any more"
    flow_run = await run(flow_run, asker(log))
    assert flow_run.state_name == "Completed"
    told = [line for line in log.read_text().splitlines() if line.startswith("answered")]
    assert told == ["answered the inner Planet 1", "answered the outer Planet 3"]
    assert log.read_text().count("search") == 4


def waiting_row(row: int, action: Action) -> WaitingRow:
    return WaitingRow(row, f"t{row}", action, 0.01, {"name": f"Planet {row}"})


PLAN = Action(
    kind="plan", plan=(PlannedQuery(question="How | many?", fields=("a",)), PlannedQuery(question="Why?", fields=("b",)))
)
ASKING = Action(kind="questions", questions=(Question(id="s1q1", text="Which? [here](https://evil.example)"),))


@pytest.fixture
def no_run() -> Iterator[None]:
    """The log of a flow run, where there is none."""
    with disable_run_logger():
        yield


@pytest.mark.usefixtures("no_run")
def test_a_form_is_about_the_rows_that_it_showed_and_that_still_wait() -> None:
    rows = [waiting_row(0, PLAN), waiting_row(1, PLAN), waiting_row(2, ASKING)]
    answered = Answer.model_validate({"approve": "0", "row_0": ["Why?", " "], "row_1": ["x"], "row_2_s1q1": " that "})
    decided = {0: PlanDecision(subqueries=("Why?",)), 2: Answers(answers={"s1q1": "that"})}
    assert Waits(1, answered, asked=[0, 1]).decisions(rows) == decided
    assert Waits(1, answered, asked=[0, 1]).decisions(rows[1:2]) == {}, "what it decided goes on by now; another row is not meant"
    assert Waits(1, Answer(approve="0-1"), asked=[0]).decisions(rows) == {0: PlanDecision()}, "row 1 came to wait later"
    assert Waits(0, NOTHING).decisions(rows) == {}


def test_what_others_wrote_is_text_in_a_form_and_does_nothing() -> None:
    rows = [waiting_row(0, PLAN), waiting_row(2, ASKING)]
    about = {each.row: f"row {each.row} · [x](https://evil.example)" for each in rows}
    form = form_of(rows, about).model_fields
    assert form["row_2_s1q1"].title == "row 2 · [x](https://evil.example): Which? [here](https://evil.example)"
    assert form["row_0"].default == ["How | many?", "Why?"]
    assert "evil" not in str([field.description for field in form.values()]), "V1 takes a description for Markdown, V2 does not"


@pytest.mark.usefixtures("no_run")
def test_what_cannot_be_taken_is_told_at_its_field_and_the_rest_counts() -> None:
    rows = [waiting_row(0, PLAN), waiting_row(1, PLAN), waiting_row(2, ASKING), waiting_row(3, PLAN)]
    about = {each.row: f"row {each.row}" for each in rows}
    texts = {"row_0": [""], "row_1": ["x" * 4_001], "row_2_s1q1": "y" * 4_001}
    answered = Answer.model_validate({"approve": "0-1,3,9", "stop": "3", **texts})
    waits = Waits(1, answered, asked=[0, 1, 3])
    assert waits.decisions(rows) == {3: PlanDecision(decision="stop")}
    assert waits.refused == {
        "approve": "No plan of row 9 waits to be approved.",
        "row_0": "A plan without sub-queries cannot be approved: write one, or stop the row.",
        "row_1": "A sub-query has at most 4000 characters, not 4001.",
        "row_2_s1q1": "An answer has at most 4000 characters, not 4001.",
    }
    form = form_of(rows[:3], about, answered, waits.refused).model_fields
    assert str(form["row_0"].description).startswith("NOT TAKEN: A plan without sub-queries")
    assert form["row_0"].default == ["How | many?", "Why?"]
    assert (form["row_1"].default, form["row_2_s1q1"].default) == (texts["row_1"], texts["row_2_s1q1"])
    assert "Not all of the last answer was taken" in describe(rows[:3], waits.refused)

    waits = Waits(1, Answer(approve="0-1", stop="all"), asked=[0, 1])
    assert waits.decisions(rows) == {}, "what was to be stopped is not carried out"
    assert "names no rows" in waits.refused["stop"]
    waits = Waits(1, Answer(), asked=[0, 1])
    assert waits.decisions(rows) == {}
    assert "The form came back empty" in describe(rows, waits.refused).replace("\\", "")


@pytest.mark.usefixtures("no_run")
def test_rows_that_ask_the_same_are_asked_about_once_and_forms_follow_one_another() -> None:
    same = [replace(waiting_row(row, PLAN), task_id="t") for row in (0, 4)]
    many = [waiting_row(row, ASKING) for row in range(5, 28)]
    rows, about = [*same, *many], {row: f"row {row}" for row in range(28)}
    form = form_of(rows, about).model_fields
    assert [name for name in form if name.startswith("row_")] == ["row_0", *(f"row_{row}_s1q1" for row in range(5, 24))]
    assert "also about row 4" in str(form["row_0"].description)
    assert "The next form shows the 4 others" in describe(rows)
    assert "2 rows with plans to approve, 23 rows with questions to answer" in describe(rows)
    asked = rows_to_approve(form_of(rows, about).model_json_schema())
    assert asked == [0, 4]
    assert Waits(1, Answer(approve="0,4", stop="4"), asked).decisions(rows) == {0: PlanDecision(decision="stop")}


def test_rows_are_named_by_their_places() -> None:
    assert row_numbers("0-2, 7 ,1") == [0, 1, 2, 7]
    assert as_ranges([7, 0, 1, 2, 9]) == "0-2,7,9"
    for wrong in ("", "a", "1-", "-3"):
        with pytest.raises(InvalidInput, match="names no rows"):
            row_numbers(wrong)
