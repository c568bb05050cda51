"""Prepares a refresh: the newest run of a series is asked again, of the table as it is now, into the series' next folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from flows.run.options import EnrichOptions, RefreshOptions
from flows.run.prepare import (
    Find,
    PagesFolder,
    calibration_of,
    check,
    check_servers,
    checked_out,
    find_run,
    profiles_of,
    request_of_run,
    sessions_of,
    world_settings,
)
from flows.run.prepared_run import PreparedRun, Refresh
from flows.run.recorded_options import recorded_enrichment
from flows.run.remote_folder import is_remote, local_folder
from flows.run.request import Request
from flows.run.reuse import Earlier
from flows.run.runtime import Runtime
from flows.run.staleness import Staleness
from research.errors import InvalidInput, InvalidRun, InvalidTable
from research.result.escalation import Escalation
from research.tables.changes.row_matching import RowMatcher, compare_table
from research.tables.changes.series import earlier_run, newest, number_of, numbered, series_of
from research.tables.run_folder.run_folder import RunFolder

MOST_RUNS: Final = 100_000
"""Of a series."""


@asynccontextmanager
async def prepare_refresh(options: RefreshOptions, runtime: Runtime) -> AsyncIterator[PreparedRun]:
    """Check a refresh, and open its world for as long as the block lasts.

    Raises:
        InvalidInput: of the run, the table, a key, what is stale, or the corpus. Nothing was spent.
    """
    await check(options, runtime)
    async with open_refresh(options, runtime, find_run) as prepared:
        yield prepared


@asynccontextmanager
async def open_refresh(
    options: RefreshOptions, runtime: Runtime, find: Find, workers: int = 1, run: RunFolder | None = None
) -> AsyncIterator[PreparedRun]:
    """Open the world of a refresh, once its request is made of the run before it.

    Args:
        find: finds the run folder that the refresh is to fill.
        run: that folder, where it is known: in a worker, which does not read the table.
    """
    cache_dir = runtime.environment.cache_dir
    stale = Staleness.parse(options.stale, options.older_than)
    before = await asyncio.to_thread(_before, options, cache_dir, run)
    enrichment = _enrichment(options, before)
    request = await asyncio.to_thread(_request, enrichment, run, before)
    request = await request.with_row_columns(
        sessions_of(runtime), recorded=None if run is None else run.request, before=before.request
    )
    keys = tuple(options.key or (before.request.get("refresh") or {}).get("key") or ())
    columns = request.table.schema.names
    matcher = await asyncio.to_thread(RowMatcher, before, columns, keys, request.private)
    changes = await asyncio.to_thread(compare_table, matcher, request.table) if run is None else None
    asked_again = {
        "run": before.key,
        "series": series_of(before),
        "key": list(keys),
        "stale": sorted(stale.kinds),
        "older_than": options.older_than,
    }
    request = request.refreshing(asked_again)
    earlier = Earlier(before, request, matcher=matcher)
    settings = await world_settings(enrichment, request, runtime, options.patience, workers)
    settings = settings.changed(web=settings.web.changed(revalidate=True))
    mirror = await checked_out(options, settings.cache_dir)
    pages = PagesFolder()
    async with runtime.opener(settings, pages) as world:
        warnings = (*request.agents.warnings, *await check_servers(request.sample, world))
        document = request.document(world)
        if options.out is None and run is None:
            options = replace(options, out=str(await asyncio.to_thread(_next_folder, before, document)))
        path, done = await find(options, request, document, mirror)
        pages.path = path / ".state" / "pages"
        escalation = Escalation.parse(enrichment.escalate, request.sample.processor) if enrichment.escalate else None
        yield PreparedRun(
            options,
            request,
            world,
            document,
            path,
            done,
            settings,
            earlier,
            escalation,
            mirror=mirror,
            calibration=await asyncio.to_thread(calibration_of, runtime, document),
            refresh=Refresh(enrichment, stale, changes),
            request_warnings=warnings,
        )


def _before(options: RefreshOptions, cache_dir: Path, run: RunFolder | None) -> RunFolder:
    """The run that is refreshed: the newest finished one of the series; of a refresh that was begun, the one that it began with.

    Raises:
        InvalidRun: there is none, it is not finished, or it is named by a URL and the new folder is not.
    """
    named = RunFolder.open(local_folder(options.run, cache_dir))
    begun = run or _begun(options.out)
    if begun is not None and series_of(begun) == series_of(named) and (before := earlier_run(begun)) is not None:
        return before
    if is_remote(options.run):
        if options.out is None:
            raise InvalidRun(f"{options.run}: name the folder of the refresh with --out, such as {options.run.rstrip('/')}.2")
        if named.status != "finished":
            raise InvalidRun(f"{options.run} is not finished ({named.status}): run its command again, and then this one.")
        return named
    return newest(named)


def _begun(out: str | None) -> RunFolder | None:
    """The refresh that a folder holds."""
    if out is None or is_remote(out):
        return None
    try:
        folder = RunFolder.open(out)
    except InvalidRun:
        return None
    return folder if "refresh" in folder.request else None


def _enrichment(options: RefreshOptions, before: RunFolder) -> EnrichOptions:
    changes = {"table": options.table, "corpus": options.corpus, "model": options.model}
    enrichment = recorded_enrichment(before, str(before.path), **changes)
    return replace(enrichment, batch=False, pilot=None)


def _request(enrichment: EnrichOptions, run: RunFolder | None, before: RunFolder) -> Request:
    if run is not None:
        return request_of_run(run, enrichment)
    try:
        return Request.of(enrichment, agent_profiles=profiles_of(before))
    except InvalidTable as error:
        error.add_note("If the table lies elsewhere now, name it with --table.")
        raise


def _next_folder(before: RunFolder, document: Mapping[str, Any]) -> Path:
    """The next folder of a series that is free, or holds this very refresh, which then goes on. One that holds another is passed
    over: a refresh that was begun of another state of the table or the corpus, and not finished."""
    for number in range(number_of(before) + 1, MOST_RUNS):
        path = numbered(before, number)
        try:
            RunFolder.find(path, document)
        except InvalidRun:
            continue
        return path
    raise InvalidInput(f"{before.path}: its series has {MOST_RUNS:,} runs; name a folder with --out")
