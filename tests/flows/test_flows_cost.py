"""What a run may cost: the cap over all invocations, and what is counted."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, below_prefect, expected, host, planets, reader

from flows.enrich import Enrichment, enrich
from flows.events import Event, RowFinished, RunFinished
from flows.runtime import hosted
from flows.spending import Spending
from research.errors import InvalidInput
from research.models.scripted import ScriptedModel
from research.ports import SubQuery
from research.purse import Payment
from research.tables.reader import open_run
from research.tables.run_folder import RunFolder

pytestmark = pytest.mark.usefixtures("prefect_server")


def paid(hook: Any = None, **options: Any) -> ScriptedModel:
    """A model that asks 10 cents for a row, and says before that it may be 15."""
    return reader(hook, **{"keyless": False, "cost_usd": 0.10, "worst_usd": 0.15, **options})


async def enriched(
    folder: Path, model: ScriptedModel, rows: list[dict[str, Any]], heard: list[Event] | None = None, **options: Any
) -> Enrichment:
    table = folder / "planets.csv"
    pd.DataFrame(rows).to_csv(table, index=False)
    with hosted(host(model, heard)):
        return await enrich(
            str(table), output_schema=SCHEMA, objective=OBJECTIVE, out=str(folder / "run"), **{"shard_size": 3, **options}
        )


async def test_a_run_stops_at_its_cap_and_goes_on_with_a_higher_one(tmp_path: Path) -> None:
    """10 rows of 10 cents under 45: five are paid (the last exceeds the cap), five are rows with an error. In the end all are
    there, each paid once."""
    model, heard = paid(), list[Event]()
    done = await enriched(tmp_path, model, planets(10), heard, max_cost=0.45, concurrency=4)
    assert (done.rows, done.completed, done.failed) == (10, 5, 5)
    assert done.spent_usd == done.cost_usd == pytest.approx(0.5)
    assert model.calls == {"investigate": 5}
    assert done.stopped
    assert "$0.45" in done.stopped
    results = open_run(done.run).results()
    assert list(results["id"]) == [f"{i:04}" for i in range(10)]
    unfinished = results[results["status"] == "failed"]
    assert unfinished["error"].str.startswith("budget_exhausted: ").all()
    assert list(unfinished["cost_usd"]) == [0.0] * 5
    folder = RunFolder.open(done.run)
    assert (folder.status, folder.settings) == ("stopped", {"shard_size": 3})
    assert isinstance(heard[-1], RunFinished)
    assert heard[-1].stopped == done.stopped

    same = await enriched(tmp_path, paid(), planets(10), max_cost=0.45)
    assert (same.completed, same.spent_usd) == (5, done.spent_usd), "what was spent before counts"

    model = paid()
    done = await enriched(tmp_path, model, planets(10), max_cost=5.0)
    assert (done.completed, done.failed, done.stopped) == (10, 0, None)
    assert model.calls == {"investigate": 5}
    assert done.spent_usd == done.cost_usd == pytest.approx(1.0)
    assert list(open_run(done.run).results()["moons"]) == [expected(f"Planet {i}")["moons"] for i in range(10)]
    assert RunFolder.open(done.run).status == "finished"


async def test_a_cap_that_suffices_changes_nothing(tmp_path: Path) -> None:
    done = await enriched(tmp_path, paid(), planets(4), max_cost=0.40)
    assert (done.completed, done.stopped, done.spent_usd) == (4, None, pytest.approx(0.4))


@pytest.mark.parametrize("seed", range(6))
async def test_64_rows_side_by_side_hold_a_random_cap_and_the_next_run_completes_the_table(tmp_path: Path, seed: int) -> None:
    """Each row's cost is random; the last call alone may exceed the cap. What the rows cost is what was paid, in the end too."""
    dice = random.Random(seed)
    costs = {f"{i:04}": dice.expovariate(5) for i in range(64)}
    cap = dice.uniform(0.5, 10)
    table = tmp_path / "planets.csv"
    pd.DataFrame(planets(64)).to_csv(table, index=False)

    async def slow(*_: object) -> None:
        for _ in range(dice.randrange(5)):
            await asyncio.sleep(0)

    def model() -> ScriptedModel:
        return reader(slow, keyless=False, cost_usd=lambda task: costs[task.input["id"]], worst_usd=dice.uniform(0.1, 2))

    run = await below_prefect(table, tmp_path / "run", model=model(), max_cost=cap, concurrency=64, shard_size=20)
    results = open_run(run).results()
    paid = [costs[id] for id, status in zip(results["id"], results["status"], strict=True) if status == "completed"]
    assert len(results) == 64
    assert sum(paid) == pytest.approx(Spending(run / ".state").usd)
    assert sum(paid) < cap + max(costs.values())
    if len(paid) < 64:
        assert sum(paid) >= cap
        assert results["error"].dropna().str.startswith("budget_exhausted: ").all()

    await below_prefect(table, run, model=model(), max_cost=1_000, concurrency=64, shard_size=20)
    results = open_run(run).results()
    assert set(results["status"]) == {"completed"}
    assert results["cost_usd"].sum() == pytest.approx(sum(costs.values()))
    assert Spending(run / ".state").usd == pytest.approx(sum(costs.values())), "no row was paid twice"


async def test_a_row_that_runs_out_of_money_on_its_way_keeps_the_sub_queries_it_paid(tmp_path: Path) -> None:
    """The research tier plans (10 cents), investigates twice, grades and writes. Under 25 cents the row gets as far as its
    sub-queries; the next invocation pays for what was not done."""
    first = paid()
    done = await enriched(tmp_path, first, planets(1), processor="research", max_cost=0.25, concurrency=1)
    assert (done.completed, done.failed) == (0, 1)
    assert open_run(done.run).results()["error"][0].startswith("budget_exhausted: ")
    assert first.calls == {"plan": 1, "investigate": 2}
    second = paid()
    done = await enriched(tmp_path, second, planets(1), processor="research", max_cost=5.0)
    assert done.completed == 1
    assert second.calls == {"grade": 1, "synthesize": 1}
    assert done.spent_usd == done.cost_usd == pytest.approx(0.5), "the row's cost holds what was paid for it before"


async def test_money_spent_on_a_row_that_failed_counts_against_the_cap_and_not_in_the_rows(tmp_path: Path) -> None:
    """The first answer cannot be used; the row fails, and its 10 cents are gone."""
    bad = {"Planet 0"}

    def answers(name: str, _: SubQuery) -> None:
        if name in bad:
            raise InvalidInput("cannot be used")

    done = await enriched(tmp_path, paid(answers), planets(2))
    assert (done.completed, done.spent_usd) == (1, pytest.approx(0.1)), "a script that raises has cost nothing"
    spending = Spending(done.run / ".state")
    spending.record(Payment(0.30, 0.30, "investigate"))

    bad.clear()
    done = await enriched(tmp_path, paid(answers), planets(2), max_cost=0.39)
    assert (done.completed, done.failed) == (1, 1)
    done = await enriched(tmp_path, paid(answers), planets(2), max_cost=0.41)
    assert (done.completed, done.cost_usd, done.spent_usd) == (2, pytest.approx(0.2), pytest.approx(0.5))


async def test_a_cost_that_is_not_known_is_null_everywhere_and_never_zero(tmp_path: Path) -> None:
    heard: list[Event] = []
    done = await enriched(tmp_path, paid(cost_usd=None, worst_usd=None), planets(2), heard)
    assert (done.completed, done.cost_usd, done.spent_usd) == (2, None, None)
    assert [event.cost_usd for event in heard if isinstance(event, RowFinished)] == [None, None]
    assert open_run(done.run).results()["cost_usd"].isna().all()
    assert open_run(done.run).table("usage")["cost_usd"].to_pylist() == [None, None]


async def test_a_cap_over_prices_that_are_not_known_stops_after_one_call(tmp_path: Path) -> None:
    done = await enriched(tmp_path, paid(cost_usd=None, worst_usd=None), planets(4), max_cost=1.0, concurrency=4)
    assert (done.completed, done.failed) == (1, 3)
    assert done.stopped
    assert "price is not known" in done.stopped


async def test_equal_rows_are_paid_and_counted_once(tmp_path: Path) -> None:
    heard: list[Event] = []
    done = await enriched(tmp_path, paid(), [{"name": "Mars"}] * 5 + [{"name": "Venus"}], heard)
    assert done.cost_usd == done.spent_usd == pytest.approx(0.2)
    assert sum(event.cost_usd or 0 for event in heard if isinstance(event, RowFinished)) == pytest.approx(0.2)


async def test_a_cap_needs_a_model_that_says_what_a_call_may_cost(tmp_path: Path) -> None:
    class Secretive:
        name = identity = "secretive"
        keyless = False

    with pytest.raises(InvalidInput, match="does not say what its calls may cost"):
        await enriched(tmp_path, Secretive(), planets(1), max_cost=1.0)  # type: ignore[arg-type]


def test_payments_survive_half_a_line(tmp_path: Path) -> None:
    """A machine that lost its power may leave half a line; the payments before and after it are read."""
    Spending(tmp_path).record(Payment(0.5, 0.5, "plan"))
    with (tmp_path / "spending.jsonl").open("a") as file:
        file.write('{"usd": 0.1, "coun')
    again = Spending(tmp_path)
    again.record(Payment(None, 0.25, "investigate"))
    last = Spending(tmp_path)
    assert (last.counted_usd, last.usd) == (0.75, None)
    lines = (tmp_path / "spending.jsonl").read_text().splitlines()
    assert json.loads(lines[0]) == {"usd": 0.5, "counted_usd": 0.5, "purpose": "plan"}
    assert len(lines) == 3
