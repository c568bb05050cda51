"""What a run may cost: the cap over all invocations, and what is counted."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, below_prefect, came_to, expected, planets, reader, runtime

from flows.enrichment import enrich
from flows.run.events import Event, RunFinished
from flows.run.outcome import Enrichment
from flows.run.runtime import use_runtime
from research.errors import InvalidInput
from research.models.scripted import ScriptedModel
from research.money.budget import Charge
from research.money.charge_file import ChargeFile
from research.tables.run_folder.reader import open_run
from research.tables.run_folder.run_folder import RunFolder


def paid(hook: Any = None, **options: Any) -> ScriptedModel:
    """A model that asks 10 cents for a row, and says before that it may be 15."""
    return reader(hook, **{"keyless": False, "cost_usd": 0.10, "max_usd": 0.15, **options})


async def enriched(
    folder: Path, model: ScriptedModel, rows: list[dict[str, Any]], heard: list[Event] | None = None, **options: Any
) -> Enrichment:
    table = folder / "planets.csv"
    pd.DataFrame(rows).to_csv(table, index=False)
    with use_runtime(runtime(model, heard)):
        return await enrich(
            str(table), output_schema=SCHEMA, objective=OBJECTIVE, out=str(folder / "run"), **{"shard_size": 3, **options}
        )


@pytest.mark.usefixtures("prefect_server")
async def test_a_run_stops_at_its_cap_and_goes_on_with_a_higher_one(tmp_path: Path) -> None:
    """10 rows of 10 cents under 45: five are paid (the last exceeds the cap), five are rows with an error. In the end all are
    there, each paid once."""
    model, heard = paid(), list[Event]()
    done = await enriched(tmp_path, model, planets(10), heard, max_cost=0.45, concurrency=4)
    assert (done.rows, done.completed, done.failed, done.left) == (10, 5, 0, 5)
    assert [done.spent_usd, done.cost_usd] == [pytest.approx(0.5)] * 2
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
    assert [done.spent_usd, done.cost_usd] == [pytest.approx(1.0)] * 2
    assert list(open_run(done.run).results()["moons"]) == [expected(f"Planet {i}")["moons"] for i in range(10)]
    assert RunFolder.open(done.run).status == "finished"


async def run_below(folder: Path, model: ScriptedModel, rows: list[dict[str, Any]], **options: Any) -> tuple[Path, pd.DataFrame]:
    """The same without Prefect. Returns the run folder and its results."""
    table = folder / "planets.csv"
    pd.DataFrame(rows).to_csv(table, index=False)
    run = await below_prefect(table, folder / "run", model=model, **options)
    return run, open_run(run).results()


def spent(run: Path) -> float | None:
    return ChargeFile(run / ".state").usd


async def test_a_cap_that_suffices_changes_nothing(tmp_path: Path) -> None:
    run, results = await run_below(tmp_path, paid(), planets(4), max_cost=0.40)
    assert list(results["status"]) == ["completed"] * 4
    assert spent(run) == pytest.approx(0.4)


@pytest.mark.parametrize("seed", range(2))
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
        return reader(slow, keyless=False, cost_usd=lambda task: costs[task.input["id"]], max_usd=dice.uniform(0.1, 2))

    run = await below_prefect(table, tmp_path / "run", model=model(), max_cost=cap, concurrency=64, shard_size=20)
    results = open_run(run).results()
    paid = [costs[id] for id, status in zip(results["id"], results["status"], strict=True) if status == "completed"]
    assert len(results) == 64
    assert sum(paid) == pytest.approx(ChargeFile(run / ".state").usd)
    assert sum(paid) < cap + max(costs.values())
    if len(paid) < 64:
        assert sum(paid) >= cap
        assert results["error"].dropna().str.startswith("budget_exhausted: ").all()

    await below_prefect(table, run, model=model(), max_cost=1_000, concurrency=64, shard_size=20)
    results = open_run(run).results()
    assert set(results["status"]) == {"completed"}
    assert results["cost_usd"].sum() == pytest.approx(sum(costs.values()))
    assert ChargeFile(run / ".state").usd == pytest.approx(sum(costs.values())), "no row was paid twice"


@pytest.mark.usefixtures("prefect_server")
async def test_a_row_that_runs_out_of_money_on_its_way_keeps_the_sub_queries_it_paid(tmp_path: Path) -> None:
    """The research tier plans (10 cents), investigates twice, grades and writes. Under 25 cents the row gets as far as its
    sub-queries; the next invocation pays for what was not done."""
    first = paid()
    done = await came_to(enriched(tmp_path, first, planets(1), processor="research", max_cost=0.25, concurrency=1))
    assert (done.completed, done.failed, done.left) == (0, 0, 1)
    assert open_run(done.run).results()["error"][0].startswith("budget_exhausted: ")
    assert first.calls == {"plan": 1, "investigate": 2}
    second = paid()
    done = await enriched(tmp_path, second, planets(1), processor="research", max_cost=5.0)
    assert done.completed == 1
    assert second.calls == {"grade": 1, "synthesize": 1}
    assert [done.spent_usd, done.cost_usd] == [pytest.approx(0.5)] * 2, "the row's cost holds what was paid for it before"


async def test_money_that_brought_nothing_counts_against_the_cap_and_not_in_the_rows(tmp_path: Path) -> None:
    """30 cents went into attempts that were lost. So 39 cents buy one row of 10, and 41 cents both."""
    state = tmp_path / "run" / ".state"
    state.mkdir(parents=True)
    ChargeFile(state).record(Charge(0.30, 0.30, "investigate"))
    _, results = await run_below(tmp_path, paid(), planets(2), max_cost=0.39, concurrency=1)
    assert list(results["status"]) == ["completed", "failed"]
    run, results = await run_below(tmp_path, paid(), planets(2), max_cost=0.41, concurrency=1)
    assert list(results["status"]) == ["completed", "completed"]
    assert results["cost_usd"].sum() == pytest.approx(0.2)
    assert spent(run) == pytest.approx(0.5)


async def test_a_cost_that_is_not_known_is_null_everywhere_and_never_zero(tmp_path: Path) -> None:
    run, results = await run_below(tmp_path, paid(cost_usd=None, max_usd=None), planets(2))
    assert list(results["status"]) == ["completed", "completed"]
    assert results["cost_usd"].isna().all()
    assert open_run(run).table("usage")["cost_usd"].to_pylist() == [None, None]
    assert RunFolder.open(run).summary["cost_usd"] is None  # type: ignore[index]
    assert spent(run) is None


async def test_a_cap_over_prices_that_are_not_known_stops_after_one_call(tmp_path: Path) -> None:
    _, results = await run_below(tmp_path, paid(cost_usd=None, max_usd=None), planets(4), max_cost=1.0)
    assert list(results["status"]).count("completed") == 1
    assert results["error"].dropna().str.contains("price is not known").sum() == 3


async def test_equal_rows_are_paid_and_counted_once(tmp_path: Path) -> None:
    run, results = await run_below(tmp_path, paid(), [{"name": "Mars"}] * 5 + [{"name": "Venus"}])
    assert list(results["cost_usd"]) == [pytest.approx(0.1)] * 6
    assert RunFolder.open(run).summary["cost_usd"] == pytest.approx(0.2)  # type: ignore[index]
    assert spent(run) == pytest.approx(0.2)


@pytest.mark.usefixtures("prefect_server")
async def test_a_cap_needs_a_model_that_says_what_a_call_may_cost(tmp_path: Path) -> None:
    class Secretive:
        name = identity = "secretive"
        keyless = False

        def unpriced(self, _processor: str) -> tuple[str, ...]:
            return ("secretive",)

    with pytest.raises(InvalidInput, match="no price is known for secretive, so a cap on the cost cannot be held"):
        await enriched(tmp_path, Secretive(), planets(1), max_cost=1.0)  # type: ignore[arg-type]


def test_payments_survive_half_a_line(tmp_path: Path) -> None:
    """A machine that lost its power may leave half a line; the payments before and after it are read."""
    ChargeFile(tmp_path).record(Charge(0.5, 0.5, "plan"))
    with (tmp_path / "spending.jsonl").open("a") as file:
        file.write('{"usd": 0.1, "coun')
    again = ChargeFile(tmp_path)
    again.record(Charge(None, 0.25, "investigate"))
    last = ChargeFile(tmp_path)
    assert (last.counted_usd, last.usd) == (0.75, None)
    lines = (tmp_path / "spending.jsonl").read_text().splitlines()
    assert json.loads(lines[0]) == {"usd": 0.5, "counted_usd": 0.5, "purpose": "plan"}
    assert len(lines) == 3
