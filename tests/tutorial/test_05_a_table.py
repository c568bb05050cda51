"""Lesson 5: a table. Every row is a task, run by Prefect; what comes back is a folder of Parquet and DuckDB."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import flows
from research.tables import open_run, verify

pytestmark = pytest.mark.usefixtures("prefect_server")

TABLE = pd.DataFrame({"name": ["Eddystone Lighthouse", "Atlantis Lighthouse"], "visited": [True, False]})


async def test_one_row_in_one_row_out(pages: Path, tmp_path: Path) -> None:
    """Same order, every column of the input untouched, the answers beside it; what no page says is null."""
    done = await flows.enrich(
        TABLE,
        output_schema={"height_m": "number"},
        objective="Facts about the {name}",
        corpus=str(pages),
        out=str(tmp_path / "run"),
    )
    assert (done.completed, done.failed) == (2, 0)

    run = open_run(done.run)
    results = run.results()
    assert list(results["name"]) == ["Eddystone Lighthouse", "Atlantis Lighthouse"]
    assert list(results["visited"]) == [True, False]
    assert results["height_m"].tolist()[0] == 49
    assert results["height_m"].isna().tolist() == [False, True]
    assert run.cell(0, "height_m").evidence[0].excerpt == "Height: 49 m"
    assert verify(done.run).ok, "every excerpt stands in its page, character for character"
