"""Another look at what a run has read, as a Prefect flow: new columns, or another model, over the stored pages alone.

Nothing is searched for and nothing is fetched. Each row may search and read the pages that it read in that run.
"""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.flow_run import run_table
from flows.run.declaration import takes
from flows.run.options import ResynthesizeOptions
from flows.run.outcome import Enrichment
from flows.run.prepare import prepare_resynthesis
from flows.run.runtime import current_runtime


@flow(name="resynthesize", flow_run_name="resynthesize {run}", persist_result=False)
@takes(ResynthesizeOptions)
async def resynthesize(run: str, **options: Any) -> Enrichment:
    """Answer a schema from the pages that a run has stored, without a search and without a fetch, into another run folder.

    Fields that the run asked for in the same words keep its answers. The same call goes on where an earlier one stopped.

    Raises:
        InvalidInput: something is wrong with the request. Nothing was spent.
        RunFailed: no row could be researched, or more rows failed than `fail_over` allows.
        RunStopped: Ctrl-C, SIGTERM or Cancel in Prefect stopped it. The same call goes on.
    """
    return await run_table(ResynthesizeOptions(run, **options), current_runtime(), prepare_resynthesis)  # type: ignore[return-value]  # what the state holds
