"""The pilot: a few rows first, what they mean for the rest, and somebody who decides."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, expected, planets, reader, runtime
from hypothesis import given
from hypothesis import strategies as st

import flows.api
from flows.run.events import STOPPED_AFTER_PILOT, Approver, Event, FieldSample, PilotFinished, RowFinished
from flows.run.outcome import Enrichment
from flows.run.pilot import Sampled, project
from flows.run.runtime import use_runtime
from research.models.scripted import ScriptedModel
from research.tables.run_folder.reader import open_run
from research.tables.run_folder.run_folder import RunFolder
from research.task.task import Task


async def enriched(
    folder: Path, model: ScriptedModel, heard: list[Event], approve: Approver | None = None, **options: Any
) -> Enrichment:
    from dataclasses import replace

    from flows.enrichment import enrich

    table = folder / "planets.csv"
    pd.DataFrame(planets(10)).to_csv(table, index=False)
    with use_runtime(replace(runtime(model, heard), approve=approve)):
        return await enrich(
            str(table), output_schema=SCHEMA, objective=OBJECTIVE, out=str(folder / "run"), shard_size=3, pilot=4, **options
        )


def by_row(task: Task) -> float:
    """Planet 0 costs 10 cents, planet 1 costs 20, …"""
    return 0.10 * (1 + int(task.input["id"]))


@pytest.mark.usefixtures("prefect_server")
async def test_a_pilot_shows_what_rows_cost_stops_and_is_not_paid_again(tmp_path: Path) -> None:
    """Nobody is asked: the run stops after 4 of 10 rows, with rows that say why. The same call with a yes pays for the rest."""
    heard: list[Event] = []
    model = reader(keyless=False, cost_usd=by_row)
    done = await enriched(tmp_path, model, heard)
    (pilot,) = [event for event in heard if isinstance(event, PilotFinished)]
    assert (pilot.rows, pilot.completed, pilot.rows_left) == (4, 4, 6)
    assert (pilot.cost_usd_p50, pilot.cost_usd_p90) == (pytest.approx(0.25), pytest.approx(0.37))
    assert pilot.projected_usd == pytest.approx(6 * 0.25)
    assert pilot.fields == {"moons": FieldSample(4, 4, 0, 0), "colour": FieldSample(4, 4, 0, 0)}
    assert "values: 100 % of the cells · high 100 %" in str(pilot)
    assert "the 6 rows that are left: about $1.50" in str(pilot)

    assert done.stopped
    assert "--yes" in done.stopped
    assert done.spent_usd == pytest.approx(1.0)
    assert (RunFolder.open(done.run).status, done.rows, done.completed) == ("stopped", 10, 4)
    results = open_run(done.run).results()
    assert list(results["moons"])[:4] == [expected(f"Planet {i}")["moons"] for i in range(4)]
    assert results["error"][4].startswith(f"{STOPPED_AFTER_PILOT}: ")

    async def yes(pilot: PilotFinished) -> bool:
        asked.append(pilot)
        return True

    asked: list[PilotFinished] = []
    heard.clear()
    model = reader(keyless=False, cost_usd=by_row)
    done = await enriched(tmp_path, model, heard, yes)
    assert (done.completed, done.failed, done.stopped) == (10, 0, None)
    assert model.calls == {"investigate": 6}
    assert (done.cost_usd, done.spent_usd) == (pytest.approx(5.5), pytest.approx(5.5))
    assert asked[0].projected_usd == pytest.approx(6 * 0.25), "rows that were done before are part of the pilot"
    assert sorted(event.row for event in heard if isinstance(event, RowFinished)) == list(range(4, 10)), "each row is told once"


@pytest.mark.usefixtures("prefect_server")
async def test_rows_of_a_pilot_that_goes_on_are_researched_once(tmp_path: Path) -> None:
    async def yes(_: PilotFinished) -> bool:
        await asyncio.sleep(0)
        return True

    heard: list[Event] = []
    model = reader(keyless=False, cost_usd=0.1)
    done = await enriched(tmp_path, model, heard, yes)
    assert (done.completed, model.calls["investigate"], done.spent_usd) == (10, 10, pytest.approx(1.0))
    assert sorted(event.row for event in heard if isinstance(event, RowFinished)) == list(range(10))
    order = [type(event) for event in heard]
    assert order.index(PilotFinished) == 5, "after its four rows, and before the others"


def test_the_python_api_takes_who_approves() -> None:
    assert {"pilot", "max_cost", "approve"} <= set(inspect.signature(flows.api.enrich).parameters)


rows = st.builds(
    Sampled,
    task_id=st.text("abcdef", min_size=1, max_size=3),
    completed=st.booleans(),
    cost_usd=st.floats(0, 10),
    seconds=st.floats(0, 600),
    cells=st.dictionaries(st.sampled_from(["moons", "colour"]), st.sampled_from(["high", "medium", "low", None])),
)


@given(st.lists(rows, min_size=1, max_size=30, unique_by=lambda row: row.task_id), st.integers(0, 10_000), st.integers(1, 64))
def test_a_projection_stands_between_the_cheapest_and_the_dearest_row(sample: list[Sampled], left: int, at_once: int) -> None:
    pilot = project(sample, left, at_once, ["moons", "colour"])
    costs = [row.cost_usd for row in sample if row.cost_usd is not None]
    assert pilot.projected_usd is not None
    assert pilot.cost_usd_p50 is not None
    assert pilot.cost_usd_p90 is not None
    assert left * min(costs) - 1e-6 <= pilot.projected_usd <= left * max(costs) + 1e-6
    assert min(costs) <= pilot.cost_usd_p50 <= pilot.cost_usd_p90 <= max(costs) + 1e-9
    assert pilot.completed == sum(row.completed for row in sample)
    assert pilot.all_fields.found == sum(len(row.cells) for row in sample if row.completed)
    assert pilot.projected_seconds <= left * max(row.seconds for row in sample) + 1e-6


def test_equal_rows_of_a_pilot_are_paid_once_and_expected_among_the_rest_as_often() -> None:
    """Four rows, two different ones, at a dollar: 100 more rows are expected to be 50 different ones."""
    sample = [Sampled(name, True, 1.0, 1.0, {}) for name in ("a", "b", "a", "b")]
    assert project(sample, 100, 4).projected_usd == pytest.approx(50)


def test_an_unknown_cost_makes_the_projection_unknown() -> None:
    pilot = project([Sampled("a", True, None, 1.0, {}), Sampled("b", True, 1.0, 1.0, {})], 10, 4)
    assert (pilot.projected_usd, pilot.cost_usd_p50) == (None, None)
    assert "cost unknown" in str(pilot)


def test_a_field_is_as_sure_as_its_own_cells_and_not_as_a_row_s_worst() -> None:
    """Four rows: moons are always found and sure, the colour once, without a confidence."""
    sample = [Sampled(str(row), True, 1.0, 1.0, {"moons": "high", **({"colour": None} if row == 0 else {})}) for row in range(4)]
    pilot = project(sample, 10, 4, ["moons", "colour"])
    assert "moons   100 % of the rows · high 100 %" in str(pilot)
    assert "colour  25 % of the rows · none 100 %" in str(pilot)
    assert "values: 62 % of the cells · high 80 %, none 20 %" in str(pilot)
