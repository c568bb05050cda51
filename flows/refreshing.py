"""A second look at a finished run, as a Prefect flow: what has changed since is researched, the rest confirmed or taken over."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.flow_run import run_table
from flows.run.declaration import takes
from flows.run.options import RefreshOptions
from flows.run.outcome import Enrichment
from flows.run.refresh import prepare_refresh
from flows.run.runtime import current_runtime


@flow(name="refresh", flow_run_name="refresh {run}", persist_result=False)
@takes(RefreshOptions)
async def refresh(run: str, **options: Any) -> Enrichment:
    """Research again what is stale of a finished run, into a new run folder of its series, and say what has changed.

    A value whose pages still say the same is confirmed without a model. The same call goes on where an earlier one stopped; once
    that is finished, the same call is the next refresh.

    Raises:
        InvalidInput: something is wrong with the request. Nothing was spent.
        RunFailed: no row could be researched, or more rows failed than `fail_over` allows.
        RunStopped: Ctrl-C, SIGTERM or Cancel in Prefect stopped it. The same call goes on.
    """
    return await run_table(RefreshOptions(run, **options), current_runtime(), prepare_refresh)  # type: ignore[return-value]  # what the state holds
