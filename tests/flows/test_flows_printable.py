"""What others wrote reaches Prefect's log, states, names and artifacts only as text that a terminal does not obey."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, reader, runtime
from flows_seen import task_runs
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.logging.handlers import APILogHandler

import flows.api
from flows.run.options import EnrichOptions
from flows.run.outcome import RunFailed
from flows.run.prepare import prepare_enrichment
from research.errors import PageUnreadable
from research.ports.work import SubQuery

HOSTILE = "a\x1b]0;owned\x07\x1b[2Jb\x9b31mc\u202ed"
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.usefixtures("prefect_server")
async def test_nothing_that_a_terminal_obeys_reaches_prefect(tmp_path: Path) -> None:
    """Cells, and the error of every row, which is why the flow run failed."""
    table = tmp_path / "hostile.csv"
    pd.DataFrame([{"name": f"{HOSTILE} {n}"} for n in range(2)]).to_csv(table, index=False)

    def hook(row: str, _: SubQuery) -> None:
        raise PageUnreadable(f"the page of {row} is empty")

    options = EnrichOptions(
        table=str(table), output_schema=SCHEMA, objective=OBJECTIVE, out=str(tmp_path / "run"), shard_size=4, concurrency=2
    )
    by = runtime(reader(hook))
    async with prepare_enrichment(options, by) as prepared:
        with pytest.raises(RunFailed):
            await flows.api.run(prepared, by)
    flow_run, runs = await task_runs("enrich hostile · 2 rows")
    await APILogHandler.aflush()
    async with get_client() as client:
        logs = await client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run.id])))
        artifacts = await client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run.id]))
        )
    assert flow_run.state is not None
    shown = [flow_run.name, flow_run.state.message or ""]
    shown += [run.name for run in runs] + [run.state.message or "" for run in runs if run.state is not None]
    shown += [log.message for log in logs]
    shown += [f"{each.key} {each.description} {each.data}" for each in artifacts]
    assert any("owned" in log.message for log in logs)
    assert any("owned" in str(each.data) for each in artifacts)
    assert [text for text in shown if RAW.search(text)] == []
