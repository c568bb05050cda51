"""Which pieces of a run are task runs, as Prefect's database has them; the results and the events are the same in each mode."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, planets, reader, runtime, tables_of
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName

from flows.enrichment import enrich
from flows.run.events import Event, RowFinished, RunStarted
from flows.run.runtime import use_runtime
from flows.run.task_runs import AskedTaskRuns, TaskRuns, chosen_task_runs
from research.errors import FetchFailed, ModelUnavailable
from research.models.scripted import ScriptedModel
from research.ports.work import SubQuery


def csv(folder: Path, name: str, count: int) -> str:
    path = folder / f"{name}.csv"
    pd.DataFrame(planets(count)).to_csv(path, index=False)
    return str(path)


async def task_runs(flow_run_name: str) -> Counter[tuple[str, str | None]]:
    """How many task runs of each kind ended in which state, as the database has them."""
    async with get_client() as client:
        found = await client.read_task_runs(
            flow_run_filter=FlowRunFilter(name=FlowRunFilterName(any_=[flow_run_name])), limit=200
        )
    return Counter((run.name.partition(" ")[0], run.state_name) for run in found)


async def run(folder: Path, name: str, model: ScriptedModel, **options: Any) -> tuple[Path, list[Event]]:
    heard: list[Event] = []
    with use_runtime(runtime(model, heard)):
        done = await enrich(
            csv(folder, name, 6), output_schema=SCHEMA, objective=OBJECTIVE, out=str(folder / name), shard_size=4, **options
        )
    return done.run, heard


STEPS = Counter({("plan", "Completed"): 6, ("sub-query", "Completed"): 12, ("synthesize", "Completed"): 6})
ROWS = Counter({("row", "Completed"): 6})
SHARDS = Counter({("shard", "Completed"): 2, ("results", "Completed"): 1})
"""And the asset that a run ends with."""


@pytest.mark.usefixtures("prefect_server")
async def test_every_task_run_that_a_mode_promises_is_recorded_and_the_run_is_the_same_in_each(tmp_path: Path) -> None:
    promised: dict[TaskRuns, Counter[tuple[str, str]]] = {
        "steps": SHARDS + ROWS + STEPS,
        "rows": SHARDS + ROWS,
        "shards": SHARDS,
    }
    runs: dict[str, list[Any]] = {"tables": [], "events": []}
    for mode, shown in promised.items():
        folder, heard = await run(tmp_path, f"mode_{mode}", reader(), task_runs=mode)
        assert await task_runs(f"enrich mode_{mode} · 6 rows") == shown
        assert isinstance(heard[0], RunStarted)
        assert heard[0].task_runs == mode
        assert f"task runs: {mode}" in str(heard[0])
        runs["tables"].append(tables_of(folder))
        ended = [replace(event, seconds=0) for event in heard if isinstance(event, RowFinished)]
        runs["events"].append(sorted(ended, key=lambda event: event.row))
    assert runs["tables"][0] == runs["tables"][1] == runs["tables"][2]
    assert runs["events"][0] == runs["events"][1] == runs["events"][2]


@pytest.mark.usefixtures("prefect_server")
async def test_a_row_of_one_investigation_is_one_task_run_and_still_tried_again(tmp_path: Path) -> None:
    """A fetch that failed in passing is tried again inside the row's task run; a model that did not answer is not asked again."""
    tries: Counter[str] = Counter()

    def hook(name: str, _: SubQuery) -> None:
        tries[name] += 1
        if name == "Planet 1" and tries[name] <= 2:
            raise FetchFailed("the line is dead")
        if name == "Planet 2":
            raise ModelUnavailable("nobody answers")

    folder, _ = await run(tmp_path, "single", reader(hook, keyless=False), processor="base")
    assert await task_runs("enrich single · 6 rows") == SHARDS + Counter({("row", "Completed"): 5, ("row", "Failed"): 1})
    assert tries == {"Planet 0": 1, "Planet 1": 3, "Planet 2": 1, "Planet 3": 1, "Planet 4": 1, "Planet 5": 1}
    assert [row["status"] for row in tables_of(folder)["results"]].count("failed") == 1


@pytest.mark.usefixtures("prefect_server")
async def test_a_run_goes_on_with_other_task_runs(tmp_path: Path) -> None:
    """The mode is no part of what makes a run the run that it is."""
    trouble = {"Planet 5"}

    def hook(name: str, _: SubQuery) -> None:
        if name in trouble:
            raise FetchFailed("the line is dead")

    await run(tmp_path, "changed", reader(hook), task_runs="steps")
    trouble.clear()
    model = reader(hook)
    folder, _ = await run(tmp_path, "changed", model, task_runs="shards")
    assert model.calls["investigate"] == 2, "only the row that failed"
    assert [row["status"] for row in tables_of(folder)["results"]] == ["completed"] * 6


@pytest.mark.parametrize(
    ("asked", "rows", "chosen"),
    [
        ("auto", 5_000, "steps"),
        ("auto", 5_001, "rows"),
        ("auto", 50_000, "rows"),
        ("auto", 50_001, "shards"),
        ("steps", 1_000_000, "steps"),
        ("shards", 1, "shards"),
    ],
)
def test_larger_tables_have_fewer_task_runs_a_row_unless_others_are_asked_for(
    asked: AskedTaskRuns, rows: int, chosen: TaskRuns
) -> None:
    assert chosen_task_runs(asked, rows) == chosen
