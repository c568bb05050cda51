"""The main job as a Prefect flow: every row of a table is researched, and a run folder holds the answers with their evidence."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from prefect import flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from pydantic import BaseModel, ConfigDict, Field

from flows import artifacts
from flows.escalate import Escalating
from flows.events import Event, RowEscalated, RowFinished, RunFinished, RunStarted
from flows.gate import Gate, recorded_task_runs
from flows.jobs import Jobs, WholeTasks
from flows.kept import keep_in
from flows.pilot import GO_ON, HELD, fly
from flows.request import Request
from flows.reuse import Earlier, Remaining
from flows.rows import Rows
from flows.runtime import Host, Wanted, host
from flows.server import quiet_task_runs
from flows.shards import Left, Shards
from flows.spending import Spending, paying
from flows.steps import make_tasks
from research.escalation import Escalation
from research.page import Page
from research.ports import World
from research.purse import Paying, Purse
from research.tables.request import default_run_path, request_key
from research.tables.run_folder import RunFolder
from research.task import Task

AFTER_INTERRUPT_SECONDS: Final = 5.0
"""How long an interrupted run still waits for Prefect's database."""


class Enrichment(BaseModel):
    """What a finished run says of itself."""

    model_config = ConfigDict(frozen=True)

    run: Path
    """The run folder."""
    rows: int
    completed: int
    failed: int
    cost_usd: float | None
    """US dollars that the rows cost as they stand, whenever they were researched; None if a price is not known."""
    spent_usd: float | None
    """US dollars paid for this run folder so far, calls that came to nothing included; None if a price is not known."""
    model: str
    seconds: float
    stopped: str | None = None
    """Why rows are left that the same call with a higher limit goes on with; None: none are left."""
    refused: bool = False
    """Whether what stopped it is an error that every row would meet (a key, a model's id), before any row was completed or
    anything was paid. A run folder that was made for it is gone again."""
    escalated: int = 0
    """Rows that were researched again on a dearer tier."""
    not_escalated: int = 0
    """Rows that could not be, and stay as they were: the same call tries them again."""


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
    by = host()
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
        wanted = Wanted(model=model, corpus=corpus, search=search, names_pages=request.names_pages, batch=batch)
        folder, world = await _open(held, by, request, out, wanted, shard_size, ask, earlier)
        held.enter_context(folder.lock())
        held.enter_context(quiet_task_runs())
        spending = await asyncio.to_thread(Spending, folder.state)
        terms = Terms(spending, spending.purse(max_cost), concurrency, pilot, again, batch, earlier)
        tiers = (processor, again.processor) if again else (processor,)
        return await carry_out(request, folder, paying(world, terms.purse, *tiers), by, terms)


Ask = Callable[[World], World]
"""How the world's model is asked: as it is, or in batches."""


def _as_it_is(world: World) -> World:
    return world


def _batched(sample: Task, escalate: str | None, start_url: str | None, world: World) -> World:
    from flows.batch import batched  # the SDK takes half a second to import, and most runs have no batch

    return batched(world, sample, escalate=escalate, start_url=start_url)


async def _open(
    held: AsyncExitStack,
    by: Host,
    request: Request,
    out: str | None,
    wanted: Wanted,
    shard_size: int,
    ask: Ask,
    earlier: Earlier | None,
) -> tuple[RunFolder, World]:
    """The run folder and the world. A folder that nobody named is named by its world too, so a look at the world comes first."""
    path = Path(out) if out else None
    if path is None:
        nowhere = Path(os.devnull)  # a look reads no page, so none is stored
        async with by.world(nowhere, wanted) as world:
            path = default_run_path(request.table.name, request_key(request.document(ask(world))))
    world = ask(await held.enter_async_context(by.world(path / ".state" / "pages", wanted)))
    if earlier is not None:
        earlier.refuse_other(request.document(world))
    return await asyncio.to_thread(folder_for, path, request, world, shard_size), world


def folder_for(path: Path, request: Request, world: World, shard_size: int) -> RunFolder:
    """The run folder of a request: started, or found.

    Raises:
        InvalidRun: the folder holds another request, or something else.
    """
    return RunFolder.create(
        path,
        request.document(world),
        input_schema=request.table.schema,
        spec=request.spec,
        settings={"shard_size": shard_size},
    )


@dataclass(frozen=True, slots=True)
class Terms:
    """How a run is gone about this time: what changes no answer, and is no part of what makes the run that run."""

    spending: Spending
    purse: Purse
    concurrency: int
    pilot: int | None = None
    escalation: Escalation | None = None
    batch: bool = False
    earlier: Earlier | None = None
    """Whose cells are kept."""
    only_stored: bool = False
    """Rows may search and read only the pages that they read in the earlier run."""
    called: str = "enrich"
    """How the flow run's name begins."""


async def carry_out(request: Request, folder: RunFolder, world: World, by: Host, terms: Terms) -> Enrichment:
    """Research the rows that a run folder lacks. One in which nothing could be done is not left behind."""
    done = await _run(request, folder, world, by, terms)
    if done.refused and folder.is_new and not terms.batch:  # a batch may be under way, and paid for
        await asyncio.to_thread(folder.discard)  # what is put right (a model's id, an address) makes another request
    return done


async def _run(request: Request, folder: RunFolder, world: World, by: Host, terms: Terms) -> Enrichment:
    started = time.monotonic()
    table, size = request.table, int(folder.settings["shard_size"])
    left = await asyncio.to_thread(Left.of, folder, table.row_count, size)
    gate = Gate(recorded_task_runs(await _flow_run(f"{terms.called} {table.name} · {table.row_count} rows")))
    keep_in(folder.state / "results")
    log = get_run_logger()
    try:
        async with artifacts.Progress(table.row_count, left.kept) as progress, AsyncExitStack() as held:

            def tell(event: Event) -> None:
                if isinstance(event, RowFinished):
                    progress.row_finished(failed=event.status != "completed")
                elif not isinstance(event, RowEscalated):
                    log.info("%s", event)
                by.listener(event)

            concurrency = terms.concurrency
            if terms.batch:
                from flows.batch import ROWS, queued

                world = await held.enter_async_context(queued(world, folder.state, terms.purse, gate, tell, by.pace))
                concurrency = ROWS  # they wait together
            tasks = make_tasks(() if terms.batch else by.retry_delays)  # a batch is tried again by its queue
            jobs, recall = _with_earlier(request, world, terms)
            rows = Rows(request, world, tasks, gate, tell, concurrency, terms.purse, jobs)
            shards = Shards(folder, rows, recall, tasks, gate, tell)
            tell(RunStarted(run=folder.path, rows=table.row_count, kept=left.kept, model=world.model.name))
            only = None
            if terms.pilot is not None and left.kept < table.row_count:
                flown = await fly(terms.pilot, table, folder, left, rows, concurrency)
                tell(flown)
                if flown.rows_left and rows.stopped is None and not (by.approve and await by.approve(flown)):
                    rows.hold(HELD, GO_ON)
                    only = terms.pilot
            await shards.run(left.shards(table, only), open_at_once=2 + math.ceil(2 * concurrency / size))
            escalating = None
            if terms.escalation is not None and rows.stopped is None:
                escalating = Escalating(terms.escalation, request.spec, folder, rows, shards, tell)
                await escalating.run(tasks, gate)
        ended: Literal["finished", "stopped"] = "stopped" if rows.stopped else "finished"
        summary = await asyncio.to_thread(folder.finish, rows=table.row_count, status=ended, reason=rows.stopped)
        done = Enrichment(
            run=folder.path,
            rows=summary["rows"],
            completed=summary["completed"],
            failed=summary["failed"],
            cost_usd=summary["cost_usd"],
            spent_usd=terms.spending.usd if world.model.keyless or isinstance(world.model, Paying) else None,
            model=world.model.name,
            seconds=round(time.monotonic() - started, 3),
            stopped=rows.stopped,
            refused=rows.faulty and not rows.completed and not terms.spending.paid,
            escalated=escalating.escalated if escalating else 0,
            not_escalated=escalating.failed if escalating else 0,
        )
        await artifacts.publish(done.run, done)
    except asyncio.CancelledError:
        await asyncio.to_thread(folder.finish, status="stopped", reason="interrupted")
        await gate.drain(AFTER_INTERRUPT_SECONDS)
        raise
    except Exception:
        await gate.drain(AFTER_INTERRUPT_SECONDS)
        raise
    await gate.drain()
    by.listener(
        RunFinished(done.run, done.rows, done.completed, done.failed, done.cost_usd, done.seconds, done.spent_usd, done.stopped)
    )
    return done


def _with_earlier(request: Request, world: World, terms: Terms) -> tuple[Jobs, Callable[[str], Page]]:
    """What there is to do for each row, and what finds the pages that its evidence rests on."""
    earlier = terms.earlier
    if earlier is None:
        return WholeTasks(request, world), world.fetcher.recall
    remaining = Remaining(request, world, earlier, only_stored=terms.only_stored)
    return remaining, partial(earlier.recall, world.fetcher.recall)


async def _flow_run(name: str) -> UUID:
    """Call the flow run what it is. Returns its id."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("there is no flow run")
    async with get_client() as client:
        await client.update_flow_run(context.flow_run.id, name=name)
    return context.flow_run.id
