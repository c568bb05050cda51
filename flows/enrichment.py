"""The main job as a Prefect flow: every row of a table is researched, and a run folder holds the answers with their evidence."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.flow_run import run_table
from flows.run.declaration import takes
from flows.run.options import EnrichOptions
from flows.run.outcome import Enrichment
from flows.run.prepare import prepare_enrichment
from flows.run.runtime import current_runtime


@flow(name="enrich", flow_run_name="enrich {table}", persist_result=False)
@takes(EnrichOptions)
async def enrich(table: str, **options: Any) -> Enrichment:
    """Research every row of a table.

    The same call goes on where an earlier one stopped: rows that are completed stay, rows that failed are tried again.

    Raises:
        InvalidInput: something is wrong with the request. Nothing was spent.
        RunFailed: no row could be researched, or more rows failed than `fail_over` allows.
        RunStopped: Ctrl-C, SIGTERM or Cancel in Prefect stopped it. The same call goes on.
    """
    return await run_table(EnrichOptions(table, **options), current_runtime(), prepare_enrichment)  # type: ignore[return-value]  # what the state holds
