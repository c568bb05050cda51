"""The main job as a Prefect flow: every row of a table is researched, and a run folder holds the answers with their evidence."""

from __future__ import annotations

import asyncio
from typing import Any

from prefect import flow

from flows.prefect_workarounds import quiet_task_runs
from flows.run.declaration import takes
from flows.run.options import EnrichOptions
from flows.run.prepare import PreparedRun, prepare_enrichment
from flows.run.runtime import Runtime, current_runtime
from flows.table_run import Enrichment, RunTerms, carry_out


@flow(name="enrich", flow_run_name="enrich {table}", persist_result=False)
@takes(EnrichOptions)
async def enrich(table: str, **options: Any) -> Enrichment:
    """Research every row of a table.

    The same call goes on where an earlier one stopped: rows that are completed stay, rows that failed are tried again.

    Raises:
        InvalidInput: something is wrong with the request. Nothing was spent.
    """
    runtime, asked = current_runtime(), EnrichOptions(table, **options)
    if runtime.prepared is not None and runtime.prepared.options == asked:
        return await run_prepared(runtime.prepared, runtime)
    async with prepare_enrichment(asked, runtime) as prepared:
        return await run_prepared(prepared, runtime)


async def run_prepared(prepared: PreparedRun, runtime: Runtime) -> Enrichment:
    """Fill the run folder of a prepared run, inside a flow run.

    Raises:
        InvalidRun: the folder holds another request, or another process is filling it.
        InvalidInput: there is a cap, and a price that it needs is not known.
    """
    options, request, escalation = prepared.options, prepared.request, prepared.escalation
    folder = await asyncio.to_thread(prepared.folder)
    terms = RunTerms(
        options.concurrency,
        options.max_cost,
        options.pilot if isinstance(options, EnrichOptions) else None,
        escalation,
        prepared.in_batches,
        prepared.earlier,
        prepared.only_stored,
        "resynthesize" if prepared.only_stored else "enrich",
    )
    with folder.lock(), quiet_task_runs():
        return await carry_out(request, folder, prepared.world, runtime, terms)
