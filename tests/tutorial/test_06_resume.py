"""Lesson 6: resume. The same call goes on where the last one ended, and pays for nothing twice."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import flows
from research.models.scripted import ScriptedModel, quoting

pytestmark = pytest.mark.usefixtures("prefect_server")


async def test_the_same_call_repeats_nothing_that_was_finished(pages: Path, tmp_path: Path) -> None:
    """A finished run is found again by its request: its model is not asked."""
    table = tmp_path / "lights.csv"
    pd.DataFrame({"name": ["Eddystone Lighthouse"]}).to_csv(table, index=False)
    model = ScriptedModel(quoting(lambda task: {"height_m": 49}))

    async def call() -> flows.Enrichment:
        return await flows.enrich(
            str(table),
            output_schema={"height_m": "number"},
            objective="Facts about the {name}",
            corpus=str(pages),
            out=str(tmp_path / "run"),
            model=model,
        )

    first = await call()
    asked = model.calls["investigate"]
    again = await call()
    assert asked == model.calls["investigate"] == 1
    assert (first.run, first.completed) == (again.run, again.completed)
