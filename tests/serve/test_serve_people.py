"""Tasks that wait for people, over HTTP: plans and questions, decided with nobody at work meanwhile, also after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.serve.errors import NotWaiting, UnknownTask
from research.models.scripted import ScriptedModel, quoting
from research.ports.model import Ask, ResearchTools
from research.ports.work import Draft, SubQuery
from research.task.decisions import Answers, PlanDecision
from research.task.task import Task
from tests.serve.conftest import Served, serve
from tests.serve.serve_parts import ALICE, BOB, door, submission
from tests.serve.test_serve_agent_dialect import ASKED, OBJECTIVE, PATH, events_of

TRUTH = {"first_lit": "1759-10-16"}


async def ask_first(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
    """Searches, asks which lighthouse is meant, and answers once it is told."""
    if tools.resumed is None:
        await tools.search("Eddystone Lighthouse")
        tools.ask([Ask("Which tower?", ("Smeaton's", "Douglass's"))], {})
    return await quoting(lambda _: TRUTH)(task, subquery, tools)


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Served]:
    yield from serve(tmp_path, model=ScriptedModel(ask_first))


def create(served: Served, **fields: Any) -> dict[str, Any]:
    with served.client() as client:
        answer = client.post(PATH, json={**ASKED, "response_format": "json", **fields}).raise_for_status()
    return served.wait(f"{PATH}/{answer.json()['task_id']}")


def test_a_plan_waits_for_its_approval_and_is_carried_out_as_it_was_edited(served: Served) -> None:
    waiting = create(served, mode="plan")
    assert (waiting["status"], waiting["output"], waiting["action"]["kind"]) == ("action_required", None, "plan")
    assert waiting["action"]["plan"][0]["fields"] == ["first_lit"]
    path = f"{PATH}/{waiting['task_id']}"
    with served.client() as client:
        assert client.post(f"{path}/answer", json={"answers": {"s1q1": "x"}}).status_code == 409
        assert client.post(f"{path}/approve", json={"decision": "perhaps"}).status_code == 400
        approved = client.post(f"{path}/approve", json={"subqueries": [OBJECTIVE]})
        assert (approved.status_code, approved.json()["action"]) == (200, None)
    done = served.wait(path)
    assert (done["status"], done["output"]) == ("completed", TRUTH)
    with served.client() as client:
        assert client.post(f"{path}/approve").status_code == 409


def test_a_plan_may_be_stopped(served: Served) -> None:
    path = f"{PATH}/{create(served, mode='plan')['task_id']}"
    with served.client() as client:
        client.post(f"{path}/approve", json={"decision": "stop"}).raise_for_status()
    assert served.wait(path)["status"] == "cancelled"


def test_a_plan_that_is_to_be_carried_out_unasked_waits_for_nobody(served: Served) -> None:
    assert create(served, mode="plan", auto_execute_plan=True)["status"] == "completed"


def test_a_stream_ends_with_what_is_asked_and_another_goes_on_after_the_answer(asking: Served) -> None:
    with asking.client() as client:
        events = events_of(client.post(PATH, json={**ASKED, "ask_question": True}).text)
        kind, waiting = events[-1]
        assert (kind, waiting["status"]) == ("action_required", "action_required")
        (question,) = waiting["action"]["questions"]
        assert (question["text"], question["choices"]) == ("Which tower?", ["Smeaton's", "Douglass's"])
        path = f"{PATH}/{waiting['task_id']}"
        client.post(f"{path}/answer", json={"answers": {question["id"]: "Smeaton's"}}).raise_for_status()
        kind, result = events_of(client.get(f"{path}/events").text)[-1]
    assert (kind, result["status"], result["output"]) == ("result", "completed", TRUTH)


async def test_an_answer_goes_on_after_a_restart_from_where_the_task_stood(tmp_path: Path) -> None:
    model = ScriptedModel(ask_first, cost_usd=0.25)
    async with door(tmp_path, model=model) as opened:
        accepted = await opened.service.submit(
            ALICE, submission(OBJECTIVE, output_schema={"first_lit": "date"}, allow_questions=True)
        )
        waiting = await opened.service.wait(ALICE, accepted.id, 30)
        assert (waiting.status, waiting.is_final) == ("action_required", False)
        assert waiting.action is not None
    calls = model.calls.copy()
    async with door(tmp_path, model=model) as opened:
        with pytest.raises(UnknownTask):
            await opened.service.decide(BOB, accepted.id, Answers(answers={"s1q1": "x"}))
        with pytest.raises(NotWaiting, match="no open question s9q9"):
            await opened.service.decide(ALICE, accepted.id, Answers(answers={"s9q9": "x"}))
        with pytest.raises(NotWaiting, match="answers"):
            await opened.service.decide(ALICE, accepted.id, PlanDecision())
        answers = {question.id: "Smeaton's" for question in waiting.action.questions}
        await opened.service.decide(ALICE, accepted.id, Answers(answers=answers))
        done = await opened.service.wait(ALICE, accepted.id, 30)
    assert (done.status, done.action) == ("completed", None)
    assert done.result is not None
    assert done.result.output == TRUTH
    assert model.calls["plan"] == calls["plan"]
    events = [asked.answer for asked in done.result.asked]
    assert events == ["Smeaton's"]


async def test_a_task_that_waits_can_be_cancelled(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        accepted = await opened.service.submit(ALICE, submission(OBJECTIVE, mode="plan"))
        assert (await opened.service.wait(ALICE, accepted.id, 30)).status == "action_required"
        assert (await opened.service.cancel(ALICE, accepted.id)).status == "cancelled"
        with pytest.raises(NotWaiting):
            await opened.service.decide(ALICE, accepted.id, PlanDecision())
