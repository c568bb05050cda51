"""`kill -9` in the middle of a table, then the same command again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, below_prefect, finished_steps, planets, reader, runtime, tables_of
from prefect.settings import get_current_settings

from flows.enrichment import enrich
from flows.run.runtime import use_runtime
from research.ports.work import SubQuery
from research.tables.run_folder.reader import open_run

ROWS, SHARD = 24, 4
KILLED_AT = 25
"""The first sub-query that may not be finished any more: half of all."""
IN_FLIGHT = 4 * 2
"""Rows in flight × sub-queries of a row."""


@pytest.mark.usefixtures("prefect_server")
async def test_a_killed_run_repeats_nothing_that_was_finished_and_ends_as_if_it_had_not_been_killed(tmp_path: Path) -> None:
    table, run, log = tmp_path / "planets.csv", tmp_path / "run", tmp_path / "log"
    pd.DataFrame(planets(ROWS)).to_csv(table, index=False)

    script = Path(__file__).with_name("flows_killed.py")
    environment = {**os.environ, "PREFECT_API_URL": str(get_current_settings().api.url), "PREFECT_LOGGING_LEVEL": "ERROR"}
    killed = await asyncio.create_subprocess_exec(
        sys.executable, str(script), str(table), str(run), str(log), str(SHARD), str(KILLED_AT), env=environment
    )
    assert await killed.wait() == -signal.SIGKILL
    begun = Counter(log.read_text().splitlines())
    kept = finished_steps(run, "investigate", of_a_row=2)
    assert KILLED_AT <= len(begun) < 2 * ROWS
    assert len(begun) - IN_FLIGHT <= kept < len(begun)
    readable = open_run(run).results()
    assert len(readable) % SHARD == 0
    assert set(readable["status"]) == {"completed"}, "what was committed can be read before the run goes on"

    again: Counter[str] = Counter()

    def hook(name: str, subquery: SubQuery) -> None:
        again[f"{name}/{subquery.index}"] += 1

    model = reader(hook)
    with use_runtime(runtime(model)):
        done = await enrich(str(table), output_schema=SCHEMA, objective=OBJECTIVE, out=str(run), shard_size=SHARD, concurrency=4)
    assert (done.completed, done.failed) == (ROWS, 0)
    assert set(again.values()) == {1}
    assert sum(again.values()) == 2 * ROWS - kept, "each sub-query that was finished is not run again"
    assert set(begun) | set(again) == {f"Planet {i}/{n}" for i in range(ROWS) for n in (1, 2)}

    unbroken = await below_prefect(table, tmp_path / "unbroken", shard_size=SHARD)
    assert tables_of(run) == tables_of(unbroken)
