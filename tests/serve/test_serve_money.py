"""What tasks may cost over HTTP: their own caps, their owners', the service's; over every attempt and every worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from serve_parts import ALICE, BOB, door, submission
from sqlalchemy import insert, update

from flows.serve.composition import Door
from flows.serve.database.accounts import SERVICE, Accounts, MoneyIsOut, Share, owner_scope
from flows.serve.database.schema import charges, tasks
from flows.serve.records.task_records import Submission
from flows.serve.work.spending import Spending
from research.errors import BudgetExhausted
from research.finding.find import FindRequest, FoundNames
from research.models.scripted import ScriptedModel, quoting
from research.ports.conditions import Condition, FindPlan
from research.ports.model import ResearchTools
from research.ports.work import Draft, SubQuery
from research.ports.world import World
from research.retrieval.retrieved import Retrieval
from research.search.settings import SearchSettings
from research.task.task import Task
from research.testing import Pages


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Door]:
    async with door(tmp_path, works=False) as opened:
        yield opened


async def _running(opened: Door, count: int) -> list[int]:
    """The numbers of tasks of alice's that are under way."""
    numbers = [task.number for task in await opened.service.submit_many(ALICE, [submission(f"{n}?") for n in range(count)])]
    async with opened.records.database.writing() as connection:
        await connection.execute(update(tasks).values(status="running"))
    return numbers


async def test_shares_side_by_side_never_pass_a_cap_together_and_what_is_left_comes_back(opened: Door) -> None:
    accounts = Accounts(opened.records.database)
    first, second, third = await _running(opened, 3)
    await accounts.cap(SERVICE, 1.0)
    assert (await accounts.take(first, "alice", 0.6)).usd == 0.6
    assert (await accounts.take(second, "alice", 0.6)).usd == pytest.approx(0.4)
    with pytest.raises(MoneyIsOut):
        await accounts.take(third, "alice", 0.6)
    async with opened.records.database.writing() as connection:
        await accounts.spent(connection, "alice", 0.1)
    await accounts.give_back(first)
    assert (await accounts.take(third, "alice", None)).usd == pytest.approx(0.5)


async def test_a_task_takes_what_it_is_likely_to_need_out_of_money_that_others_share(opened: Door) -> None:
    accounts = Accounts(opened.records.database)
    first, second, third = await _running(opened, 3)
    assert (await accounts.take(first, "alice", 0.6, 0.2)).usd == 0.6  # all its own: nobody else waits for it
    await accounts.cap(SERVICE, 1.0)
    assert await accounts.take(first, "alice", None, 0.4) == Share(0.4, is_guess=True)
    assert await accounts.take(second, "alice", 0.3, 0.4) == Share(0.3)
    assert (await accounts.take(third, "alice", None, 0.4)).usd == pytest.approx(0.3)


async def test_tasks_run_side_by_side_under_a_cap_and_one_that_needs_more_than_expected_takes_the_rest(tmp_path: Path) -> None:
    both = asyncio.Barrier(2)

    schema = {"first_lit": "date"}
    quotes = quoting(lambda _: {"first_lit": "1811-02-01"})

    async def side_by_side(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        if "dear" not in task.task:
            await asyncio.wait_for(both.wait(), 20)
        return await quotes(task, subquery, tools)

    def usd(task: Task) -> float:
        return 40.0 if "dear" in task.task else 0.01

    paid = ScriptedModel(side_by_side, name="claude-opus-5-5", keyless=False, cost_usd=usd)
    async with door(tmp_path, model=paid, max_cost=50.0) as opened:
        tasks = [await opened.service.submit(ALICE, submission(text, output_schema=schema)) for text in ("one?", "two?")]
        assert [(await opened.service.wait(ALICE, task.id, 30)).status for task in tasks] == ["completed"] * 2
        dear = await opened.service.submit(ALICE, submission("How dear?", output_schema=schema))
        assert (await opened.service.wait(ALICE, dear.id, 30)).status == "completed"
        again = await opened.service.submit(ALICE, submission("How dear again?", output_schema=schema))
        assert (await opened.service.wait(ALICE, again.id, 30)).status == "failed"


async def test_a_calls_maximum_fits_into_a_share_beside_what_a_task_is_likely_to_cost(tmp_path: Path) -> None:
    """Or it would be refused near the end, and the task be made again with all the money, alone."""
    both, quotes = asyncio.Barrier(2), quoting(lambda _: {"first_lit": "1811-02-01"})

    async def side_by_side(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        await asyncio.wait_for(both.wait(), 5)
        return await quotes(task, subquery, tools)

    model = ScriptedModel(side_by_side, name="claude-sonnet-5-5", keyless=False, cost_usd=0.05, max_usd=0.7)
    async with door(tmp_path, model=model, max_cost=50.0) as opened:
        schema = {"first_lit": "date"}
        tasks = [await opened.service.submit(ALICE, submission(text, output_schema=schema)) for text in ("one?", "two?")]
        assert [(await opened.service.wait(ALICE, task.id, 30)).status for task in tasks] == ["completed"] * 2


def _find(text: str, **fields: Any) -> Submission:
    plan = FindPlan(conditions=(Condition(name="stands", description="stands on a rock"),))
    return submission(text, find=FindRequest(plan=plan, limit=1, candidates=1, **fields))


async def test_finds_run_side_by_side_under_a_cap(tmp_path: Path) -> None:
    both = asyncio.Barrier(2)

    async def side_by_side(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        await asyncio.wait_for(both.wait(), 20)
        return Draft(answers=())

    paid = ScriptedModel(side_by_side, name="claude-sonnet-5-5", keyless=False, cost_usd=0.01)
    async with door(tmp_path, model=paid, max_cost=50.0) as opened:
        tasks = [await opened.service.submit(ALICE, _find(text)) for text in ("lighthouses", "towers")]
        assert [(await opened.service.wait(ALICE, task.id, 30)).status for task in tasks] == ["completed"] * 2


@pytest.mark.parametrize("dear", ["Make a list", "Find out of"])
async def test_a_find_that_needs_more_than_expected_takes_the_rest(tmp_path: Path, dear: str) -> None:
    """Whether the search for its candidates does, or their research."""
    answers = {"candidates": ["Bell Rock"], "stands": "yes"}
    quotes = quoting(lambda _: answers)

    async def script(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        return await quotes(task, subquery, tools)

    paid = ScriptedModel(
        script, name="claude-sonnet-5-5", keyless=False, cost_usd=lambda task: 40.0 if dear in task.task else 0.01
    )
    pages = {"rock.md": "# Lighthouses\n\n- Bell Rock\n\nBell Rock stands on a rock: yes.\n"}
    async with door(tmp_path, model=paid, max_cost=50.0, pages=pages) as opened:
        task = await opened.service.submit(ALICE, _find("lighthouses"))
        done = await opened.service.wait(ALICE, task.id, 30)
    assert done.status == "completed", done.error
    assert done.result is not None
    found = FoundNames.model_validate(done.result.output)
    assert (found.ended, [each.candidate.name for each in found.candidates]) != ("insufficient_funds", [])
    assert found.candidates[0].judgement is not None


async def test_a_search_takes_what_its_queries_are_likely_to_cost(opened: Door) -> None:
    here = Pages({}, identity="brave")
    world = World(ScriptedModel(quoting(lambda _: {}), name="claude-sonnet-5-5", keyless=False), here, here)
    asked = [Retrieval(queries=("one", "two")), Retrieval(urls=("https://a.example/",)), Retrieval()]
    records = [await opened.service.submit(ALICE, submission(retrieval=each)) for each in asked]
    await Accounts(opened.records.database).cap(SERVICE, 1.0)
    spending = Spending(opened.records.database, prices=SearchSettings(prices={"brave": 0.1}))
    shares = []
    for record in records:
        async with spending.budget_of(record, world) as paying:
            shares.append(paying.budget.max_cost_usd)
    assert shares == pytest.approx([0.4, 0.01, 0.2])


async def test_an_owners_cap_is_that_owners_alone_and_an_unknown_price_ends_it(opened: Door) -> None:
    accounts = Accounts(opened.records.database)
    [number] = await _running(opened, 1)
    await accounts.cap(owner_scope("alice"), 0.5)
    async with opened.records.database.writing() as connection:
        await accounts.spent(connection, "alice", 0.5)
    with pytest.raises(BudgetExhausted, match=r"\$0.50 are spent, and the cap of you"):
        await accounts.take(number, "alice", None)
    assert (await accounts.take(number, "bob", None)).usd is None
    await accounts.cap(owner_scope("bob"), 5)
    async with opened.records.database.writing() as connection:
        await accounts.spent(connection, "bob", None)
    with pytest.raises(BudgetExhausted, match="not known"):
        await accounts.take(number, "bob", None)


async def test_a_task_of_an_owner_whose_money_is_spent_fails_and_says_so(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        poor = BOB.changed(max_cost_usd=0.25)
        async with opened.records.database.writing() as connection:
            await connection.execute(
                insert(charges).values(task_number=0, owner="bob", usd=0.25, counted_usd=0.25, purpose="plan", at=0.0)
            )
            await opened.accounts.spent(connection, "bob", 0.25)
        task = await opened.service.submit(poor, submission())
        done = await opened.service.wait(poor, task.id, 30)
        rich = await opened.service.submit(ALICE, submission())
        assert (await opened.service.wait(ALICE, rich.id, 30)).status == "completed"
    assert done.status == "failed"
    assert done.error is not None
    assert done.error.kind == "budget_exhausted"
