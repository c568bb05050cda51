"""The flow from end to end, on one Prefect server: what comes out, what Prefect shows, and what is refused."""

from __future__ import annotations

import asyncio
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, expected, planets, reader, runtime
from flows_seen import states, task_runs
from pydantic import BaseModel, Field

import flows.api
from flows.enrichment import enrich
from flows.run.events import Event, RowFinished, RunFinished, RunStarted, ShardCommitted
from flows.run.runtime import use_runtime
from research.errors import (
    BudgetExhausted,
    FetchFailed,
    InvalidRun,
    InvalidTable,
    PageUnreadable,
)
from research.money.limits import RANGES
from research.ports.work import SubQuery
from research.tables.run_folder.reader import open_run

pytestmark = pytest.mark.usefixtures("prefect_server")


def csv(folder: Path, rows: list[dict[str, Any]], name: str = "planets") -> str:
    path = folder / f"{name}.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return str(path)


async def test_every_row_is_answered_with_evidence_and_every_step_is_a_task_run_by_name(tmp_path: Path) -> None:
    """7 rows in shards of 3: the folder holds the rows in order, Prefect's database every task run in its final state."""
    heard: list[Event] = []
    with use_runtime(runtime(heard=heard)):
        done = await enrich(
            csv(tmp_path, planets(7), "seven"), output_schema=SCHEMA, objective=OBJECTIVE, out=str(tmp_path / "run"), shard_size=3
        )

    assert (done.rows, done.completed, done.failed, done.cost_usd) == (7, 7, 0, 0.0)
    results = open_run(done.run).results()
    assert list(results["id"]) == [f"{i:04}" for i in range(7)]
    assert list(results["moons"]) == [expected(f"Planet {i}")["moons"] for i in range(7)]
    assert list(results["confidence"]) == ["high"] * 7

    flow_run, runs = await task_runs("enrich seven · 7 rows")
    assert flow_run.state_name == "Completed"
    assert Counter(run.state_name for run in runs) == {"Completed": 3 + 7 + 7 * 4 + 1}, "the results, as an asset, are the last"
    names = Counter(run.name for run in runs)
    assert {"shard 0 · rows 0-2", "shard 2 · rows 6-6", "row 4 · Planet 4"} <= set(names)
    assert {"plan · row 4", "sub-query 2 · colour · row 4", "synthesize · row 4"} <= set(names), "each step says whose it is"
    parents = {run.id: run.name for run in runs}
    (row,) = [run for run in runs if run.name == "row 4 · Planet 4"]
    assert {parents[parent.id] for parent in row.task_inputs["__parents__"]} == {"shard 1 · rows 3-5"}
    drawn = [inputs for run in runs for name, inputs in run.task_inputs.items() if name != "__parents__" and inputs]
    assert drawn == [], "no false dependency"

    assert isinstance(heard[0], RunStarted)
    assert isinstance(heard[-1], RunFinished)
    assert sorted(e.row for e in heard if isinstance(e, RowFinished)) == list(range(7))
    assert sorted(e.rows for e in heard if isinstance(e, ShardCommitted)) == [1, 3, 3]


async def test_the_flow_does_not_end_before_the_database_has_every_task_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that lacks task runs at the first two looks is asked a third time before the run is called finished."""
    looks: list[int] = []
    heard: list[Event] = []

    async def count() -> int:
        assert not any(isinstance(event, RunFinished) for event in heard)
        looks.append(len(looks))
        return 0 if len(looks) < 3 else 1_000

    monkeypatch.setattr(sys.modules["flows.table_run"], "recorded_task_runs", lambda _flow_run: count)
    with use_runtime(runtime(heard=heard)):
        await enrich(csv(tmp_path, planets(1)), output_schema=SCHEMA, objective=OBJECTIVE, out=str(tmp_path / "run"))
    assert len(looks) == 3


async def test_a_failing_row_is_a_row_with_an_error_and_only_failed_rows_are_tried_again(tmp_path: Path) -> None:
    """Two rows fail (one by a bug), the flow completes; the same call again researches those two and nothing else."""
    table, out = csv(tmp_path, planets(6), "six"), str(tmp_path / "run")
    trouble: dict[str, Exception] = {"Planet 1": PageUnreadable("nothing to read"), "Planet 4": ZeroDivisionError("a bug")}

    def hook(name: str, _: SubQuery) -> None:
        if name in trouble:
            raise trouble[name]

    heard: list[Event] = []
    with use_runtime(runtime(reader(hook), heard)):
        done = await enrich(table, output_schema=SCHEMA, objective=OBJECTIVE, out=out, shard_size=3)
    assert (done.rows, done.completed, done.failed) == (6, 4, 2)
    before, kept = open_run(out).results(), open_run(out).table("results").to_pylist()
    assert list(before["status"]) == ["completed", "failed", "completed", "completed", "failed", "completed"]
    assert "nothing to read" in before["error"][1]
    assert "ZeroDivisionError: a bug" in before["error"][4]
    flow_run, runs = await task_runs("enrich six · 6 rows")
    assert flow_run.state_name == "Completed"
    assert states(runs, "row") == {"Completed": 4, "Failed": 2}
    assert sorted(e.row for e in heard if isinstance(e, RowFinished) and e.status == "failed") == [1, 4]

    model, heard = reader(), []
    with use_runtime(runtime(model, heard)):
        done = await enrich(table, output_schema=SCHEMA, objective=OBJECTIVE, out=out, shard_size=3)
    assert (done.completed, done.failed) == (6, 0)
    assert isinstance(heard[0], RunStarted)
    assert heard[0].kept == 4
    assert {e.row for e in heard if isinstance(e, RowFinished)} == {1, 4}
    assert model.calls["investigate"] == 4
    after = open_run(out).table("results").to_pylist()
    assert [row for row in after if row["row_index"] not in (1, 4)] == [row for row in kept if row["row_index"] not in (1, 4)]


async def test_a_sub_query_that_meets_a_transient_error_is_tried_again_and_one_that_met_another_is_not(tmp_path: Path) -> None:
    tries: Counter[str] = Counter()

    def hook(name: str, subquery: SubQuery) -> None:
        tries[f"{name} {subquery.index}"] += 1
        if (name, subquery.index) == ("Planet 0", 1) and tries["Planet 0 1"] <= 2:
            raise FetchFailed("the line is dead")
        if name == "Planet 1":
            raise BudgetExhausted("no money is left")

    with use_runtime(runtime(reader(hook))):
        done = await enrich(csv(tmp_path, planets(2)), output_schema=SCHEMA, objective=OBJECTIVE, out=str(tmp_path / "run"))
    assert (done.completed, done.failed, done.left) == (1, 0, 1)
    assert tries == {"Planet 0 1": 3, "Planet 0 2": 1, "Planet 1 1": 1, "Planet 1 2": 1}
    assert "budget_exhausted: no money is left" in open_run(done.run).results()["error"][1]


async def test_equal_rows_are_researched_once_and_each_is_a_task_run_and_a_row(tmp_path: Path) -> None:
    """Six rows, two different ones, one of which fails: equal rows share the work and the failure, in one shard and the next."""
    rows = [{"name": name} for name in ("Mars", "Pluto", "Mars", "Pluto", "Mars", "Pluto")]

    def hook(name: str, _: SubQuery) -> None:
        if name == "Pluto":
            raise PageUnreadable("not a planet")

    model, heard = reader(hook), []
    with use_runtime(runtime(model, heard)):
        done = await enrich(
            csv(tmp_path, rows, "equal"), output_schema=SCHEMA, objective="About {name}", out=str(tmp_path / "run"), shard_size=4
        )
    assert (done.completed, done.failed) == (3, 3)
    assert model.calls == {"plan": 2, "investigate": 4, "synthesize": 1}
    results = open_run(done.run).results()
    assert list(results["moons"].fillna(-1)) == [4, -1, 4, -1, 4, -1]
    assert results["error"][1] == results["error"][3] == results["error"][5]
    _, runs = await task_runs("enrich equal · 6 rows")
    assert states(runs, "row") == {"Completed": 1, "Cached": 2, "Failed": 3}
    assert sorted(e.row for e in heard if isinstance(e, RowFinished) and not e.cached) == [0, 1]


async def test_one_slow_row_keeps_its_shard_open_and_nothing_else(tmp_path: Path) -> None:
    """Row 0 ends only when a row of the third shard has begun; with two rows in flight that is possible only without barriers."""
    third_began = asyncio.Event()

    async def hook(name: str, _: SubQuery) -> None:
        if name == "Planet 0":
            await asyncio.wait_for(third_began.wait(), 60)
        if name == "Planet 4":
            third_began.set()

    heard: list[Event] = []
    with use_runtime(runtime(reader(lambda name, q: hook(name, q)), heard)):
        await enrich(
            csv(tmp_path, planets(6)),
            output_schema=SCHEMA,
            objective=OBJECTIVE,
            out=str(tmp_path / "run"),
            shard_size=2,
            concurrency=2,
        )
    assert [e.row for e in heard if isinstance(e, RowFinished)].index(0) >= 3
    assert len([e for e in heard if isinstance(e, ShardCommitted)]) == 3


async def test_a_finished_run_is_found_again_and_costs_no_task_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `out`, the same call finds its folder by the request's key; nothing is asked, nothing becomes a task run."""
    monkeypatch.chdir(tmp_path)
    table = csv(tmp_path, planets(5), "again")
    with use_runtime(runtime()):
        first = await enrich(table, output_schema=SCHEMA, objective=OBJECTIVE)
    assert re.fullmatch(r"runs/again-[0-9a-f]{8}", first.run.as_posix())
    model = reader()
    with use_runtime(runtime(model)):
        second = await enrich(table, output_schema=SCHEMA, objective=OBJECTIVE)
        _, runs = await task_runs("enrich again · 5 rows")
        other = await enrich(table, output_schema=SCHEMA, objective="Another question about {name}")
    assert (second.run, second.completed) == (first.run, 5)
    assert other.run != first.run
    assert model.calls["plan"] == 5, "the other question's rows only"
    assert runs == []


async def test_another_request_aimed_at_a_run_folder_is_refused_before_anything_is_spent(tmp_path: Path) -> None:
    table, out = csv(tmp_path, planets(2)), str(tmp_path / "run")
    model = reader()
    with use_runtime(runtime(model)):
        await enrich(table, output_schema=SCHEMA, objective=OBJECTIVE, out=out)
        model.calls.clear()
        with pytest.raises(InvalidRun, match="another request"):
            await enrich(table, output_schema=SCHEMA, objective="Another question about {name}", out=out)
    assert not model.calls


async def test_a_refusal_fails_the_flow_before_anything_is_spent(tmp_path: Path) -> None:
    """What is refused: `test_flows_refused.py`."""
    model = reader()
    asked = {
        "table": csv(tmp_path, planets(2)),
        "output_schema": SCHEMA,
        "objective": "About {nmae}",
        "out": str(tmp_path / "run"),
    }
    with use_runtime(runtime(model)), pytest.raises(InvalidTable, match="nmae"):
        await enrich(**asked)
    assert not model.calls
    assert not (tmp_path / "run").exists()


async def test_steps_and_second_looks_reach_every_row_s_task(tmp_path: Path) -> None:
    out = str(tmp_path / "run")
    table = csv(tmp_path, planets(2))
    with use_runtime(runtime()):
        await enrich(table, output_schema=SCHEMA, objective=OBJECTIVE, out=out, processor="base", max_steps=31, verify_loops=1)
    for row in open_run(out).table("results").to_pylist():
        assert row["warnings"][0] == "max_steps: base allows 30, so 31 was taken as 30"
        assert row["warnings"][1].startswith("verify_loops: ")


def test_the_flow_s_ranges_are_the_task_s() -> None:
    parameters = enrich.parameters.model_dump()["properties"]
    for name, (least, most) in RANGES.items():
        asked = parameters[name]["anyOf"][0]
        assert (asked["minimum"], asked["maximum"]) == (least, most), name


async def test_an_interrupted_run_keeps_what_it_committed_and_goes_on_later(tmp_path: Path) -> None:
    """Cancelled while its third shard is open: its finished rows are there to read, and the rest is done by the same call."""
    table, out = csv(tmp_path, planets(9), "nine"), str(tmp_path / "run")
    stuck = asyncio.Event()

    async def hook(name: str, _: SubQuery) -> None:
        if name == "Planet 8":
            stuck.set()
            await asyncio.Event().wait()

    heard: list[Event] = []
    with use_runtime(runtime(reader(lambda name, q: hook(name, q)), heard)):
        run = asyncio.create_task(enrich(table, output_schema=SCHEMA, objective=OBJECTIVE, out=out, shard_size=3, concurrency=1))
        await stuck.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    stopped = open_run(out)
    assert stopped.status == "stopped"
    assert list(stopped.results()["row_index"]) == [0, 1, 2, 3, 4, 5, 6, 7]
    flow_run, runs = await task_runs("enrich nine · 9 rows")
    assert flow_run.state_name == "Cancelled"
    assert states(runs, "row") == {"Completed": 8, "Cancelled": 1}

    model = reader()
    with use_runtime(runtime(model)):
        done = await enrich(table, output_schema=SCHEMA, objective=OBJECTIVE, out=out, shard_size=3)
    assert (done.completed, open_run(out).status) == (9, "finished")
    assert model.calls["plan"] == 0, "the plan of row 8 was kept"
    assert model.calls["investigate"] == 2, "the sub-queries of row 8 were not finished"


async def test_python_may_hand_over_a_table_from_memory_and_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`flows.enrich` takes a DataFrame; types come through, and the same frame finds the same run."""
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"name": ["Mars", "Venus"], "mass": [0.64, 4.87], "seen": pd.to_datetime(["1964-07-14", "1962-12-14"])})
    path = flows.api.store_table(frame)
    assert path == flows.api.store_table(frame.copy())
    with use_runtime(runtime()):
        done = await enrich(path, output_schema=SCHEMA)
    results = open_run(done.run).results()
    assert list(results["mass"]) == [0.64, 4.87]
    assert list(results["seen"].dt.year) == [1964, 1962]


async def test_python_may_ask_by_a_pydantic_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Orbit(BaseModel):
        period_days: float | None

    class Planet(BaseModel):
        moons: int = Field(description="How many moons it has")
        orbit: Orbit | None = None  # a model within a model is a `$ref`, which Prefect takes for a reference to a block

    monkeypatch.chdir(tmp_path)
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "mars.html").write_text("<title>Mars</title><h1>Mars</h1><table><tr><th>Moons<td>2</table>")
    asked = {"objective": "How many moons has {name}?", "corpus": str(pages)}
    by_model = await flows.enrich(csv(tmp_path, [{"name": "Mars"}]), output_schema=Planet, **asked)
    assert list(open_run(by_model.run).results()["moons"]) == [2]
    by_schema = await flows.enrich(csv(tmp_path, [{"name": "Mars"}]), output_schema=Planet.model_json_schema(), **asked)
    assert by_schema.run == by_model.run


def test_the_form_in_the_ui_says_what_each_parameter_is() -> None:
    properties = enrich.parameters.properties
    assert [name for name, schema in properties.items() if not schema.get("description")] == []
    tier, nothing = properties["processor"]["anyOf"]
    assert (tier["enum"], nothing) == (["base", "core", "ultra", "research"], {"type": "null"})
    assert enrich.parameters.required == ["table"]
