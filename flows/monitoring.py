"""What a monitor does each time, as a Prefect flow: its series is refreshed, or begun."""

from __future__ import annotations

import asyncio
from typing import Any

from prefect import flow

from flows.flow_run import run_table
from flows.run.monitor import is_finished
from flows.run.options import EnrichOptions, RefreshOptions
from flows.run.outcome import Enrichment
from flows.run.prepare import prepare_enrichment
from flows.run.refresh import prepare_refresh
from flows.run.runtime import current_runtime


@flow(name="monitor", flow_run_name="monitor {run}", persist_result=False)
async def monitor(
    run: str,
    first: dict[str, Any] | None = None,
    refresh: dict[str, Any] | None = None,
    metadata: dict[str, str] | None = None,
) -> Enrichment:
    """Refresh the newest run of a series; where there is none yet, make the first.

    Args:
        run: the first run folder of the series.
        first: the options of the enrichment that makes it.
        refresh: options of the refresh.
        metadata: labels, which nothing reads.

    Raises:
        InvalidInput: something is wrong with the request, or there is no run and nothing that makes it. Nothing was spent.
        RunFailed: no row could be researched.
        RunStopped: it was stopped. The next time goes on.
    """
    runtime, cap = current_runtime(), (refresh or {}).get("max_cost")
    if first is not None and not await asyncio.to_thread(is_finished, run):
        begin = EnrichOptions(**{**first, "out": run, **({} if cap is None else {"max_cost": cap})})
        return await run_table(begin, runtime, prepare_enrichment)  # type: ignore[return-value]  # what the state holds
    return await run_table(RefreshOptions(run, **(refresh or {})), runtime, prepare_refresh)  # type: ignore[return-value]
