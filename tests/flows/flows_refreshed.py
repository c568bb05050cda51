"""Carries out prepared runs without Prefect, for tests and benchmarks of refreshes."""

from __future__ import annotations

from typing import NamedTuple

from flows.run.changes import put_changes
from flows.run.events import CellsChanged
from flows.run.options import EnrichOptions, RefreshOptions
from flows.run.prepare import prepare_enrichment
from flows.run.prepared_run import PreparedRun
from flows.run.refresh import prepare_refresh
from flows.run.remote_folder import holding
from flows.run.rows import Rows
from flows.run.runner import Runner
from flows.run.runtime import Runtime, ignore_event
from flows.run.shards import Remaining, Shards
from flows.run.sweeping import sweeper
from research.money.charge_file import ChargeFile
from research.stored_results.store import ResultStore
from research.tables.run_folder.reading_back import RowReader
from research.tables.run_folder.run_folder import RunFolder
from research.world import bind_budget


class Ended(NamedTuple):
    """A run that has come to its end, or was stopped."""

    folder: RunFolder
    changes: CellsChanged | None


async def enriched(options: EnrichOptions, runtime: Runtime) -> Ended:
    async with prepare_enrichment(options, runtime) as prepared:
        return await carried_out(prepared)


async def refreshed(options: RefreshOptions, runtime: Runtime) -> Ended:
    async with prepare_refresh(options, runtime) as prepared:
        return await carried_out(prepared)


async def carried_out(prepared: PreparedRun) -> Ended:
    async with holding(prepared.mirror, prepared.world.outages):
        return await _carried_out(prepared)


async def _carried_out(prepared: PreparedRun) -> Ended:
    folder, world, options = prepared.folder(), prepared.world, prepared.options
    with folder.lock(prepared.record):
        bind_budget(world, ChargeFile(folder.state), options.max_cost, ())
        runner = Runner(ResultStore(folder.state / "results", RowReader(folder, prepared.request.spec)))
        find_work, recall = prepared.work(world)
        rows = Rows(prepared.request, world, runner, ignore_event, 1, find_work)
        shards = Shards(folder, rows, recall, runner, ignore_event, sweeper(folder, runner.store, world))
        left = Remaining.of(folder, prepared.request.table.row_count)
        await shards.run(left.shards(prepared.request.table), open_at_once=1)
        changes = None if rows.stopped else put_changes(prepared, folder)
        folder.finish(status="stopped" if rows.stopped else "finished")
    return Ended(folder, changes)
