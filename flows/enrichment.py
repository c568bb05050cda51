"""The main job as a Prefect flow: every row of a table is researched, and a run folder holds the answers with their evidence."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import flow
from pydantic import Field

from flows.run.request import Request
from flows.run.reuse import Earlier
from flows.run.runtime import Runtime, WorldRequest, current_runtime
from flows.run.spending import Spending, paying
from flows.server import quiet_task_runs
from flows.table_run import Enrichment, RunTerms, carry_out, folder_for
from research.ports.world import World
from research.result.escalation import Escalation
from research.tables.run_folder.request import default_run_path, request_key
from research.tables.run_folder.run_folder import RunFolder
from research.task.task import Task


@flow(name="enrich", flow_run_name="enrich {table}", persist_result=False)
async def enrich(
    table: str,
    output_schema: str | dict[str, Any] | None = None,
    objective: str | None = None,
    objective_column: str | None = None,
    query: str | None = None,
    processor: Literal["base", "core", "ultra", "research"] = "core",
    corpus: str | None = None,
    model: str | None = None,
    out: str | None = None,
    limit: Annotated[int | None, Field(ge=1)] = None,
    concurrency: Annotated[int, Field(ge=1, le=1000)] = 16,
    shard_size: Annotated[int, Field(ge=1, le=10_000)] = 100,
    max_subqueries: Annotated[int | None, Field(ge=1, le=12)] = None,
    max_fetches: Annotated[int | None, Field(ge=1, le=30)] = None,
    max_steps: Annotated[int | None, Field(ge=4, le=200)] = None,
    verify_loops: Annotated[int | None, Field(ge=0, le=5)] = None,
    source_policy: dict[str, Any] | None = None,
    search: Annotated[list[str] | None, Field(min_length=1)] = None,
    start_url: str | None = None,
    files: list[str] | None = None,
    include_html_dump: bool = False,
    max_cost: Annotated[float | None, Field(gt=0)] = None,
    pilot: Annotated[int | None, Field(ge=1, le=10_000)] = None,
    escalate: str | None = None,
    batch: bool = False,
    reuse: str | None = None,
) -> Enrichment:
    """Research every row of a table.

    The same call goes on where an earlier one stopped: rows that are completed stay, rows that failed are tried again.

    Args:
        table: CSV, TSV, Parquet, JSON lines or Excel file, or `file.duckdb::table`.
        output_schema: What to find out: a schema file, or the schema itself. Nothing: one free answer a row.
        objective: What to ask of each row, with its columns in braces: `Who operates {mission}, launched {year}?`
        objective_column: Or the column that holds it.
        query: One SELECT over the table, which it calls `input`; its rows are researched instead.
        processor: How much may be spent on a row.
        corpus: The documents to search: a folder, or a Parquet file of documents.
        model: Which model answers. Nothing: the best that can be used.
        out: The run folder. Nothing: `runs/<table>-<8 hex digits of the request's key>`.
        limit: Only the first so many rows.
        concurrency: Rows in flight at once.
        shard_size: Rows that are committed together. The first run of a run folder decides.
        max_subqueries: Most sub-queries of a row. Nothing: 8.
        max_fetches: Most pages read for a row. Nothing: 18.
        max_steps: Most model calls of one investigation. Nothing: the tier's own.
        verify_loops: How often each value is checked against its evidence once more. Nothing: not at all.
        source_policy: `include_domains`, `exclude_domains`, `after_date`.
        search: Which search providers are asked: `local`, `claude_web`, `brave`, `tavily`, `exa`, `searxng`, `ddgs`; several are
            merged. Nothing: the corpus if there is one, else the providers whose key is set.
        start_url: A page to read first, with the row's columns in braces: `{website}`.
        files: Documents for every row, by path or URL: searched, read and cited like any source.
        include_html_dump: Keep the HTML of the last page that each row read.
        max_cost: Most US dollars that the whole run may cost, what it has cost before included. Nothing: no cap.
        escalate: In the end, research fields of low confidence again on a dearer tier: `low:ultra`.
        batch: Ask through the service's Message Batches, at half price and within 24 hours: base and core only.
        reuse: An earlier run folder. Fields that it asked for in the same words keep its answers; only the others are researched.
        pilot: Research so many rows first, and go on only if whoever called says so after seeing what they cost and brought.

    Raises:
        InvalidInput: something is wrong with the request. Nothing was spent.
    """
    runtime = current_runtime()
    again = Escalation.parse(escalate, processor) if escalate else None
    async with AsyncExitStack() as held:
        request = await asyncio.to_thread(
            Request.check,
            table=table,
            query=query,
            limit=limit,
            output_schema=output_schema,
            objective=objective,
            objective_column=objective_column,
            processor=processor,
            max_subqueries=max_subqueries,
            max_fetches=max_fetches,
            max_steps=max_steps,
            verify_loops=verify_loops,
            source_policy=source_policy,
            start_url=start_url,
            files=files,
            include_html_dump=include_html_dump or None,
        )
        earlier = await asyncio.to_thread(lambda: Earlier(RunFolder.open(reuse), request)) if reuse else None
        if earlier is not None:
            request = request.keeping(earlier.identity)
        ask = partial(_batched, request.sample, escalate, start_url) if batch else _as_it_is
        wanted = WorldRequest(model=model, corpus=corpus, search=search, names_pages=request.names_pages, batch=batch)
        folder, world = await _open(held, runtime, request, out, wanted, shard_size, ask, earlier)
        held.enter_context(folder.lock())
        held.enter_context(quiet_task_runs())
        spending = await asyncio.to_thread(Spending, folder.state)
        terms = RunTerms(spending, spending.purse(max_cost), concurrency, pilot, again, batch, earlier)
        tiers = (processor, again.processor) if again else (processor,)
        return await carry_out(request, folder, paying(world, terms.purse, *tiers), runtime, terms)


Ask = Callable[[World], World]
"""How the world's model is asked: as it is, or in batches."""


def _as_it_is(world: World) -> World:
    return world


def _batched(sample: Task, escalate: str | None, start_url: str | None, world: World) -> World:
    from flows.run.batch import batched  # the SDK takes half a second to import, and most runs have no batch

    return batched(world, sample, escalate=escalate, start_url=start_url)


async def _open(
    held: AsyncExitStack,
    runtime: Runtime,
    request: Request,
    out: str | None,
    wanted: WorldRequest,
    shard_size: int,
    ask: Ask,
    earlier: Earlier | None,
) -> tuple[RunFolder, World]:
    """The run folder and the world. A folder that nobody named is named by its world too, so a look at the world comes first."""
    path = Path(out) if out else None
    if path is None:
        nowhere = Path(os.devnull)  # a look reads no page, so none is stored
        async with runtime.world(nowhere, wanted) as world:
            path = default_run_path(request.table.name, request_key(request.document(ask(world))))
    world = ask(await held.enter_async_context(runtime.world(path / ".state" / "pages", wanted)))
    if earlier is not None:
        earlier.refuse_other(request.document(world))
    return await asyncio.to_thread(folder_for, path, request, world, shard_size), world
