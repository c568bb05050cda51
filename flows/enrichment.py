"""The main job as a Prefect flow: every row of a table is researched, and a run folder holds the answers with their evidence."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.run.declaration import takes
from flows.run.options import EnrichOptions
from flows.run.prepare import prepare_enrichment
from flows.run.runtime import current_runtime
from flows.table_run import Enrichment, carry_out


@flow(name="enrich", flow_run_name="enrich {table}", persist_result=False)
@takes(EnrichOptions)
async def enrich(table: str, **options: Any) -> Enrichment:
    """Research every row of a table.

    The same call goes on where an earlier one stopped: rows that are completed stay, rows that failed are tried again.

    Raises:
        InvalidInput: something is wrong with the request. Nothing was spent.
    """
    runtime, stated = current_runtime(), EnrichOptions(table, **options)
    if runtime.prepared is not None and runtime.prepared.options == stated:
        return await carry_out(runtime.prepared, runtime)
    async with prepare_enrichment(stated, runtime) as prepared:
        return await carry_out(prepared, runtime)
