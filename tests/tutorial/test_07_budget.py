"""Lesson 7: a budget. `max_cost` is a hard cap over all calls of a run, and the same call with a higher one goes on."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import flows
from research.models.scripted import ScriptedModel, quoting

pytestmark = pytest.mark.usefixtures("prefect_server")


async def test_a_run_stops_at_its_cap_and_goes_on_with_a_higher_one(pages: Path, tmp_path: Path) -> None:
    """What was paid is remembered in the run folder: the cap holds over both calls together."""
    table = tmp_path / "lights.csv"
    pd.DataFrame({"name": [f"Lighthouse {number}" for number in range(5)]}).to_csv(table, index=False)
    model = ScriptedModel(quoting(lambda task: {"height_m": 49}), keyless=False, cost_usd=0.10)

    async def call(max_cost: float) -> flows.Enrichment:
        return await flows.enrich(
            str(table),
            output_schema={"height_m": "number"},
            objective="Facts about the {name}",
            corpus=str(pages),
            out=str(tmp_path / "run"),
            model=model,
            max_cost=max_cost,
        )

    stopped = await call(max_cost=0.30)
    assert stopped.stopped
    assert stopped.completed == 3
    assert stopped.spent_usd == pytest.approx(0.30)

    done = await call(max_cost=1.00)
    assert (done.stopped, done.completed) == (None, 5)
    assert done.spent_usd == pytest.approx(0.50)
