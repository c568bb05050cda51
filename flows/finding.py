"""Finding as a Prefect flow: from an objective to the rows that meet it, each admitted by an excerpt."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.artifacts import TABLE_ROWS, publish_found
from flows.enrichment import enrich as enrich_flow
from flows.flow_run import run_table
from flows.run.declaration import takes
from flows.run.finding import found_of, prepare_find
from flows.run.options import FindOptions
from flows.run.outcome import Enrichment, Found
from flows.run.runtime import current_runtime
from research.display.printable import printable
from research.finding.found_tables import FOLDER, FOUND, NAME


@flow(name="find", flow_run_name="find {objective}", persist_result=False)
@takes(FindOptions)
async def find(objective: str, **options: Any) -> Found:
    """Find what meets an objective: derive its conditions, collect candidates, judge each, and keep those that evidence admits.

    The same call goes on where an earlier one stopped, with `extend` for more rows.

    Raises:
        InvalidInput: something is wrong with the request. Nothing was spent.
        NothingDiscovered: the model found no candidate.
        RunFailed: no candidate could be researched, or more failed than `fail_over` allows.
        RunStopped: Ctrl-C, SIGTERM or Cancel in Prefect stopped it. The same call goes on.
    """
    asked = FindOptions(objective, **options)
    state: State[Any] = await run_table(asked, current_runtime(), prepare_find)
    if not isinstance(state.data, Enrichment):
        return state  # type: ignore[return-value]  # what the state holds
    found = await asyncio.to_thread(found_of, state.data)
    if found.table is not None:
        await publish_found(found.found, await asyncio.to_thread(_first_found, found.table))
    if asked.enrich is not None and found.found:
        found = found.model_copy(update={"enriched": await _enriched(asked, found)})
    return Completed(message=printable(str(found)), data=found)  # type: ignore[return-value]  # what the state holds


def _first_found(table: Path) -> list[dict[str, Any]]:
    """As many of the rows as a table in the UI shows."""
    with pq.ParquetFile(table) as file:
        return next((batch.to_pylist() for batch in file.iter_batches(TABLE_ROWS)), [])


async def _enriched(asked: FindOptions, found: Found) -> Enrichment:
    """Research the rows that were found, in a run of its own. Rows that an earlier one has are taken over."""
    left = None if asked.max_cost is None or found.spent_usd is None else max(asked.max_cost - found.spent_usd, 0.000001)
    return await enrich_flow(
        str(found.run / FOLDER / FOUND),
        query=f"SELECT {NAME} FROM input",  # noqa: S608 - a column of ours
        objective=f"{{{NAME}}}",
        output_schema=asked.enrich,
        name=f"{found.run.name}-enriched",
        reuse="latest",
        processor=asked.processor,
        model=asked.model,
        corpus=asked.corpus,
        search=asked.search,
        source_policy=asked.source_policy,
        max_cost=left,
        patience=asked.patience,
        concurrency=asked.concurrency,
        grace=asked.grace,
    )
