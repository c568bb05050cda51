"""`flows.enrich(...)` and `flows.resynthesize(...)`: the flows, as Python calls them, with objects of its own beside JSON."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack

import pyarrow.parquet as pq

from flows.enrichment import enrich as enrich_flow
from flows.interrupt import orderly_end
from flows.resynthesis import resynthesize as resynthesize_flow
from flows.run.events import Approver, Listener
from flows.run.runtime import Runtime, ignore_event, use_runtime
from flows.server import prefect_server
from flows.table_run import Enrichment
from research.money.processors import ProcessorName
from research.ports.model import Model
from research.tables.inputs.read import open_table
from research.world import open_stored_world, open_world

TABLES: Final = Path("runs") / ".tables"
"""Where tables from memory are stored, by their content: the flow's parameter is a path, which a later run must find."""


class Options(TypedDict, total=False):
    """The flow's other parameters: see `flows.enrichment.enrich`."""

    output_schema: str | dict[str, Any] | None
    objective: str | None
    objective_column: str | None
    query: str | None
    processor: ProcessorName
    corpus: str | None
    out: str | None
    limit: int | None
    concurrency: int
    shard_size: int
    max_subqueries: int | None
    max_fetches: int | None
    max_steps: int | None
    verify_loops: int | None
    source_policy: dict[str, Any] | None
    search: list[str] | None
    start_url: str | None
    files: list[str] | None
    include_html_dump: bool
    max_cost: float | None
    pilot: int | None
    escalate: str | None
    batch: bool
    reuse: str | None


async def enrich(
    table: Any,
    *,
    model: str | Model | None = None,
    listener: Listener = ignore_event,
    approve: Approver | None = None,
    **options: Unpack[Options],
) -> Enrichment:
    """Research every row of a table, as a Prefect flow run. The same call goes on where an earlier one stopped.

    Args:
        table: a path, or a pandas DataFrame or Arrow table.
        model: its name, or a model of your own.
        listener: is told what happens, in order, on the event loop: it should return at once.
        approve: is awaited with what a pilot came to, and says whether the run goes on. None: it stops there.
        options: the flow's other parameters.

    Raises:
        InvalidInput: something is wrong with the request. Nothing was spent.
        PrefectUnavailable: no Prefect server can be used. Nothing was spent.
        SystemExit: SIGTERM ended it; what was committed stays.
    """
    if model is None or isinstance(model, str):
        named, runtime = model, Runtime(listener=listener, approve=approve)
    else:
        named, runtime = None, Runtime(listener=listener, approve=approve, opener=partial(open_world, model=model))
    path = os.fspath(table) if isinstance(table, str | os.PathLike) else store_table(table)
    with orderly_end(), use_runtime(runtime):
        async with prefect_server():
            return await enrich_flow(table=path, model=named, **options)


class ResynthesisOptions(TypedDict, total=False):
    """The flow's other parameters: see `flows.resynthesis.resynthesize`."""

    output_schema: str | dict[str, Any] | None
    objective: str | None
    processor: ProcessorName | None
    all_fields: bool
    out: str | None
    concurrency: int
    shard_size: int
    max_cost: float | None


async def resynthesize(
    run: str | os.PathLike[str],
    *,
    model: str | Model | None = None,
    listener: Listener = ignore_event,
    **options: Unpack[ResynthesisOptions],
) -> Enrichment:
    """Answer a schema from the pages that a run has stored, as a Prefect flow run: no search, no fetch. Fields that the run asked
    for in the same words keep its answers.

    Args:
        run: the run folder that holds the pages.
        model: its name, or a model of your own.
        listener: is told what happens, in order, on the event loop: it should return at once.
        options: the flow's other parameters.

    Raises:
        InvalidInput: something is wrong with the request. Nothing was spent.
        PrefectUnavailable: no Prefect server can be used. Nothing was spent.
        SystemExit: SIGTERM ended it; what was committed stays.
    """
    if model is None or isinstance(model, str):
        named, runtime = model, Runtime(listener=listener)
    else:
        named, runtime = None, Runtime(listener=listener, stored_opener=partial(open_stored_world, model=model))
    with orderly_end(), use_runtime(runtime):
        async with prefect_server():
            return await resynthesize_flow(run=os.fspath(run), model=named, **options)


def store_table(table: Any) -> str:
    """Write a table from memory to a Parquet file named by its content; returns its path."""
    opened = open_table(table)
    file = TABLES / opened.fingerprint[:16] / "table.parquet"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        half = file.with_suffix(f".{os.getpid()}.part")
        with pq.ParquetWriter(half, opened.schema) as writer:
            for batch in opened.batches(10_000):
                writer.write_batch(batch)
        half.replace(file)
    return str(file)
