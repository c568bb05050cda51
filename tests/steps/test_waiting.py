"""A task that waits for people: what it shows, what it spends meanwhile, and that it goes on from where it stood."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

import research
from research.errors import InvalidTask, NotWaiting
from research.models.scripted import ScriptedModel, quoting
from research.ports.model import Ask, ResearchTools
from research.ports.work import Draft, SubQuery
from research.result.result import Result
from research.task.decisions import Answers, PlanDecision
from research.task.task import Task
from research.testing import ModelServer, asking, researcher

PAGES = {
    "voyager-1.md": "# Voyager 1\n\nLaunched: 1977-09-05\n\nOperator: NASA\n\nMass kg: 825.5\n",
    "voyager-2.md": "# Voyager 2\n\nLaunched: 1977-08-20\n\nOperator: NASA\n",
}
SCHEMA = {"launched": "date", "operator": "who ran it"}
TRUTH = {"launched": "1977-09-05", "operator": "NASA"}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    folder.mkdir()
    for name, text in PAGES.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def run(tmp_path: Path, corpus: Path) -> Any:
    async def run_it(**options: Any) -> Result:
        base = {"schema": SCHEMA, "corpus": corpus, "cache_dir": tmp_path / "cache", "resume": tmp_path / "state"}
        return await research.run("Facts about Voyager 1", **{**base, **options})

    return run_it


def asks(server: ModelServer) -> dict[str, Any]:
    return {"base_url": server.url, "api_key": SecretStr("test"), "model": "claude", "processor": "core"}


# Plans


async def test_a_plan_is_shown_and_nothing_else_is_spent_until_it_is_approved(run: Any) -> None:
    model = ScriptedModel(quoting(lambda _: TRUTH), keyless=False, cost_usd=0.25)
    waiting = await run(model=model, mode="plan", processor="research")
    assert (waiting.status, waiting.output, waiting.is_active, waiting.completed_at) == ("action_required", None, False, None)
    assert [(each.question, each.fields) for each in waiting.action.plan] == [
        ("Facts about Voyager 1: launched", ("launched",)),
        ("Facts about Voyager 1: operator", ("operator",)),
    ]
    assert model.calls == {"plan": 1}
    assert waiting.cost_usd == 0.25
    assert (await run(model=model, mode="plan", processor="research")).status == "action_required"
    assert model.calls == {"plan": 1}, "asked again, it waits again and pays nothing"

    done = await run(model=model, mode="plan", processor="research", decision=PlanDecision())
    assert (done.status, done.output, done.action) == ("completed", TRUTH, None)
    assert model.calls["plan"] == 1
    assert done.cost_usd == 0.25 * model.calls.total(), "what was paid before it waited is part of the cost"
    assert [(each.id, each.kind, each.answer) for each in done.asked] == [("p1", "plan", "approve"), ("p2", "plan", "approve")]


async def test_a_person_edits_the_sub_queries(run: Any) -> None:
    model = ScriptedModel(quoting(lambda _: TRUTH))
    await run(model=model, mode="plan")
    edited = PlanDecision(subqueries=("When did Voyager 1 launch?", "Facts about Voyager 1: operator"))
    done = await run(model=model, mode="plan", decision=edited)
    assert [each.subquery for each in done.findings] == ["When did Voyager 1 launch?", "Facts about Voyager 1: operator"]
    assert [each.fields for each in done.asked] == [("launched",), ("operator",)]
    assert done.output == TRUTH


async def test_a_plan_that_is_stopped_ends_the_task_and_can_be_taken_up_again(run: Any) -> None:
    model = ScriptedModel(quoting(lambda _: TRUTH))
    await run(model=model, mode="plan")
    stopped = await run(model=model, mode="plan", decision=PlanDecision(decision="stop"))
    assert (stopped.status, stopped.error_kind) == ("cancelled", "StoppedByPerson")
    assert model.calls == {"plan": 1}
    assert (await run(model=model, mode="plan", decision=PlanDecision())).status == "completed"


async def test_a_plan_may_be_carried_out_at_once_and_is_shown_all_the_same(run: Any) -> None:
    done = await run(model=ScriptedModel(quoting(lambda _: TRUTH)), mode="plan", auto_execute_plan=True)
    assert done.status == "completed"
    assert [each.answer for each in done.asked] == ["auto", "auto"]


async def test_a_tier_of_one_investigation_follows_the_plan_in_that_one(run: Any) -> None:
    with ModelServer(researcher) as server:
        waiting = await run(**asks(server), mode="plan")
        assert (waiting.status, waiting.usage.planner_calls, len(server.requests)) == ("action_required", 1, 1)
        done = await run(**asks(server), mode="plan", decision=PlanDecision(subqueries=("The launch day", "Who ran it?")))
        assert (done.status, done.output) == ("completed", TRUTH)
        begun = json.dumps(server.requests[1].messages[0])
    assert "1. The launch day" in begun
    assert "2. Who ran it?" in begun
    assert done.usage.planner_calls == 1


async def test_the_keyless_model_has_plans_and_searches_for_what_a_person_wrote(run: Any) -> None:
    waiting = await run(mode="plan")
    assert waiting.action.plan
    done = await run(mode="plan", decision=PlanDecision(subqueries=("Voyager 1 launched and operator",)))
    assert done.output == TRUTH
    assert [each.subquery for each in done.findings] == ["Voyager 1 launched and operator"]


# Questions


async def test_a_task_goes_on_from_where_it_asked_and_nothing_is_paid_twice(run: Any) -> None:
    """In a process of its own as it were: another model, another world, the same folder."""
    read_then_ask = asking("Which Voyager 1 is meant?", "the probe", "the film")

    def rule(request: Any) -> Any:
        return read_then_ask(request) if any(r.name == "read" for r in request.tool_results) else researcher(request)

    with ModelServer(rule) as server:
        waiting = await run(**asks(server), allow_questions=True)
        assert waiting.status == "action_required"
        (question,) = waiting.action.questions
        assert (question.id, question.text, question.choices) == ("s1q1", "Which Voyager 1 is meant?", ("the probe", "the film"))
        assert question.fields == ("launched", "operator")
        assert (waiting.usage.tool_calls, waiting.usage.pages_fetched) == (3, 2)
        before = len(server.requests)
        assert before == 3

        again = await run(**asks(server), allow_questions=True)
        assert (again.action, len(server.requests)) == (waiting.action, before), "it waits, and nobody is asked anything"
        assert again.cost_usd == waiting.cost_usd

        done = await run(**asks(server), allow_questions=True, decision=Answers(answers={"s1q1": "the probe"}))
        assert (done.status, done.output) == ("completed", TRUTH)
        assert len(server.requests) == before + 1, "one call more: the one that reads the answer"
        told = [r for r in server.requests[-1].tool_results if r.name == "ask_question"]
        assert [r.text for r in told] == ["The answer: the probe"]
        counted = [r.answered.message["usage"] for r in server.requests]
    assert done.usage.tokens.input == sum(each["input_tokens"] for each in counted)
    assert (done.usage.tool_calls, done.usage.search_queries, done.usage.pages_fetched) == (3, 1, 2)
    assert [(each.text, each.answer) for each in done.asked] == [("Which Voyager 1 is meant?", "the probe")]
    assert done.basis[0].citations[0].excerpts[0].text == "Launched: 1977-09-05", "passages of before are cited"


async def test_where_its_pages_are_gone_it_begins_anew_with_the_answer(run: Any, tmp_path: Path) -> None:
    read_then_ask = asking("Which one?")

    def rule(request: Any) -> Any:
        begun = "\n".join(block["text"] for block in request.messages[0]["content"])
        begins_anew = "# What you asked before\n\nWhich one?\nThe answer: the probe" in begun
        asks_now = any(r.name == "read" for r in request.tool_results) and not begins_anew
        return read_then_ask(request) if asks_now else researcher(request)

    with ModelServer(rule) as server:
        waiting = await run(**asks(server), allow_questions=True)
        shutil.rmtree(tmp_path / "cache" / "pages")
        done = await run(**asks(server), allow_questions=True, decision=Answers(answers={"s1q1": "the probe"}))
    assert (done.status, done.output) == ("completed", TRUTH)
    assert any("it began anew with the answers" in each for each in done.warnings)
    assert done.usage.tool_calls == 2 * waiting.usage.tool_calls, "what was done twice is counted twice"


async def test_without_the_permission_neither_the_tool_nor_a_word_of_it_exists(run: Any) -> None:
    with ModelServer(asking("Which?")) as server:
        assert (await run(**asks(server))).status == "completed"
        assert not any("ask_question" in json.dumps(dict(request.params)) for request in server.requests)
        assert (await run(**asks(server), allow_questions=True)).status == "action_required"


async def test_all_questions_of_side_by_side_sub_queries_are_put_together_and_answered_one_by_one(run: Any) -> None:
    async def script(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        if tools.resumed is None:
            await tools.search("Voyager 1")
            tools.ask([Ask(f"What about {subquery.fields[0]}?")], {"noted": subquery.index})
        assert tools.resumed.state == {"noted": subquery.index}
        return await quoting(lambda _: TRUTH)(task, subquery, tools)

    model = ScriptedModel(script)
    waiting = await run(model=model, allow_questions=True)
    assert [each.id for each in waiting.action.questions] == ["s1q1", "s2q1"]
    with pytest.raises(NotWaiting, match="no open question s9q9; open are: s1q1, s2q1"):
        await run(model=model, allow_questions=True, decision=Answers(answers={"s9q9": "x"}))
    with pytest.raises(NotWaiting, match="waits for answers"):
        await run(model=model, allow_questions=True, decision=PlanDecision())
    half = await run(model=model, allow_questions=True, decision=Answers(answers={"s2q1": "all of it"}))
    assert [each.id for each in half.action.questions] == ["s1q1"]
    done = await run(model=model, allow_questions=True, decision=Answers(answers={"s1q1": "the day"}))
    assert (done.status, done.output) == ("completed", TRUTH)
    assert {each.id: each.answer for each in done.asked} == {"s1q1": "the day", "s2q1": "all of it"}
    with pytest.raises(NotWaiting):
        await run(model=model, allow_questions=True, decision=Answers(answers={"s1q1": "the day"}))


async def test_an_investigation_may_ask_again_up_to_a_limit(run: Any) -> None:
    async def script(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        if tools.questions_left:
            tools.ask([Ask("And now?")], {})
        return Draft(answers=())

    model, result, rounds = ScriptedModel(script), None, 0
    result = await run(model=model, schema={"a": "b c"}, allow_questions=True)
    while result.status == "action_required":
        rounds += 1
        answers = Answers(answers={each.id: "yes" for each in result.action.questions})
        result = await run(model=model, schema={"a": "b c"}, allow_questions=True, decision=answers)
    assert (rounds, result.status) == (5, "completed")
    assert [each.id for each in result.asked] == [f"s1q{n}" for n in range(1, 6)]


async def test_the_keyless_model_never_asks_and_says_so(run: Any) -> None:
    done = await run(allow_questions=True)
    assert done.status == "completed"
    assert "allow_questions: extractive never asks anybody" in done.warnings


async def test_a_decision_without_a_folder_to_go_on_from_is_refused(run: Any) -> None:
    with pytest.raises(NotWaiting, match="resume"):
        await run(resume=None, decision=PlanDecision())


# Chat


async def test_in_mode_chat_the_model_searches_and_cites_what_the_searches_bring(run: Any) -> None:
    def rule(request: Any) -> Any:
        assert request.tools in (["search"], [])
        return researcher(request)

    with ModelServer(rule) as server:
        done = await run(**asks(server), mode="chat")
    assert (done.status, done.output) == ("completed", TRUTH)
    assert (done.usage.tool_calls, done.usage.pages_fetched) == (1, 2)
    assert done.basis[1].citations[0].excerpts[0].text == "Operator: NASA"


async def test_in_mode_chat_no_page_is_read_by_an_address_of_the_models_own(run: Any) -> None:
    refused: list[str] = []

    async def script(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        hits = await tools.search("Voyager 1")
        for url in (hits[0].url, "https://example.org/elsewhere"):
            try:
                await tools.read(url)
            except research.TerminalError as error:
                refused.append(str(error))
        return Draft(answers=())

    done = await run(model=ScriptedModel(script, keyless=False), mode="chat", schema={"a": "b c"})
    assert ["in mode chat" in each for each in refused] == [True]
    assert done.usage.tool_calls == 1


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"mode": "chat", "start_url": "https://a.example/"}, "/start_url"),
        ({"mode": "chat", "open_reading": True}, "/open_reading"),
        ({"auto_execute_plan": True}, "/auto_execute_plan"),
        ({"mode": "talk"}, "/mode"),
    ],
)
def test_what_a_mode_leaves_no_room_for_is_refused(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidTask) as error:
        Task.model_validate({"task": "x", **fields})
    assert [each.pointer for each in error.value.faults] == [fault]
