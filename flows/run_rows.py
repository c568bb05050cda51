"""Researches the rows that a run folder lacks, inside its flow run: those of the pilot first, in batches or by workers where that
is asked for, and in the end once more those that are to be escalated."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Final

from prefect import get_run_logger
from prefect.client.schemas.objects import FlowRun

from flows import artifacts
from flows.account_sharing import sharing
from flows.recording_gate import RecordingGate
from flows.run.decisions import Decisions
from flows.run.escalate import Escalating
from flows.run.events import STOPPED_AFTER_PILOT, Event, RowEscalated, RowFinished, RunStarted, RunStopping
from flows.run.pilot import WAITING_PILOT, run_pilot
from flows.run.prepared_run import PreparedRun
from flows.run.remote_folder import RemoteFolder
from flows.run.row_money import RowMoney, expected_row_usd
from flows.run.rows import Rows
from flows.run.runner import Runner
from flows.run.runtime import Runtime
from flows.run.shards import Remaining, Shard, Shards
from flows.run.stopping import Stopping
from flows.run.sweeping import sweeper
from flows.run.workers.choice import RunnerChoice
from flows.run.workers.coordinator import LOST, Coordinator
from flows.run.workers.files import WorkerFiles
from flows.run.workers.rows_everywhere import RowsEverywhere
from research.concurrency.outages import Notice, ServicePaused
from research.concurrency.traffic import SearchBringsNothing
from research.faults import shortened
from research.money.charge_file import ChargeFile
from research.stored_results.store import ResultStore
from research.tables.run_folder.run_folder import RunFolder

ERROR: Final = 300
"""Characters of a failed row's error in the log. The table has all of it."""


@dataclass(frozen=True, slots=True)
class RunParts:
    """What the rows of a run are researched with, beside what was prepared."""

    folder: RunFolder
    left: Remaining
    """What the folder lacks."""
    decisions: Decisions
    charges: ChargeFile
    store: ResultStore
    gate: RecordingGate
    runner: Runner
    workers: RunnerChoice | None
    """By whom the rows are researched; None: here."""
    flow_run: FlowRun
    remote: RemoteFolder | None


class RunRows:
    """The rows of one run, researched once.

    Args:
        stopping: ends them in order before the last one.
    """

    rows: Rows

    def __init__(self, prepared: PreparedRun, parts: RunParts, runtime: Runtime, stopping: Stopping) -> None:
        self._prepared = prepared
        self._parts = parts
        self._runtime = runtime
        self._stopping = stopping
        self._log = get_run_logger()
        self._progress = artifacts.Progress(prepared.request.table.row_count, parts.left.kept)
        self.warnings: list[str] = []
        self.escalating: Escalating | None = None
        """The rows that were researched again; None: none were to be."""
        self.is_waiting = False
        """Whether somebody will still decide about the rows after the pilot."""

    async def research(self) -> None:
        """Research them until none is left, or no more may be."""
        async with self._progress, AsyncExitStack() as held:
            await self._research(held)

    async def _research(self, held: AsyncExitStack) -> None:
        prepared, parts, stopping, report = self._prepared, self._parts, self._stopping, self._report
        folder, runner, request = parts.folder, parts.runner, prepared.request
        world, concurrency = prepared.world, prepared.options.concurrency
        if prepared.in_batches:
            from flows.run.batch import ROWS, through_batches

            world = await held.enter_async_context(through_batches(world, folder.state, runner, report, self._runtime.polling))
            concurrency = ROWS  # they wait together
        find_work, recall = prepared.work(world)
        money, finding = RowMoney(world.budget, expected_row_usd(prepared)), prepared.finding
        watch = None if finding is None else finding.row_finished
        rows = Rows(request, world, runner, report, concurrency, find_work, money, watch, parts.decisions)
        self.rows = rows
        parts.store.on_fault = parts.charges.on_fault = rows.interrupt
        if parts.remote is not None:
            parts.remote.on_fault = rows.interrupt
        world.outages.listener = self._announce
        if finding is not None:
            await asyncio.to_thread(finding.begin, folder, rows.wind_down)
        sweep, everywhere = sweeper(folder, parts.store, world), RowsEverywhere(rows)
        shards = Shards(folder, rows, recall, runner, report, sweep)
        await held.enter_async_context(sharing(parts.flow_run, world.shares))
        await held.enter_async_context(stopping.gently(everywhere, report, grace=0 if prepared.in_batches else None))
        self._begin()
        only = await self._pilot(concurrency)
        todo, open_at_once = parts.left.shards(request.table, only), 2 + math.ceil(2 * concurrency / parts.left.size)
        if parts.workers is not None and rows.stopped is None:
            held.callback(WorkerFiles(folder.state).end)
            coordinator = await self._through_workers(parts.workers, everywhere, todo)
            for dropped in coordinator.lost():
                failing = Rows(request, world, runner, report, concurrency, find_work)
                failing.stop_starting_rows(LOST, dropped.reason)
                await Shards(folder, failing, recall, runner, report, sweep).run(iter([dropped.shard]), open_at_once=1)
            todo = coordinator.left(todo)
        await shards.run(todo, open_at_once)
        if prepared.escalation is not None and rows.stopped is None:
            self.escalating = Escalating(prepared.escalation, request.spec, folder, rows, shards, report)
            await self.escalating.run(runner)

    def _begin(self) -> None:
        """Say that rows are begun, and what is to be said of them beforehand."""
        prepared, left = self._prepared, self._parts.left
        self.warnings += prepared.warnings(self._parts.folder)
        self._report(
            RunStarted(
                run=prepared.place,
                rows=prepared.request.table.row_count,
                kept=left.kept,
                model=prepared.world.model.name,
                task_runs=prepared.task_runs,
                warnings=tuple(self.warnings),
            )
        )
        for warning in self.warnings:
            self._log.warning("%s", warning)

    async def _pilot(self, concurrency: int) -> int | None:
        """Research the rows of the pilot, if there is one, and have it decided whether to go on.

        Returns: of how many rows, the first ones, the shards are committed; None: of all.
        """
        pilot, table, left, rows = self._prepared.pilot, self._prepared.request.table, self._parts.left, self.rows
        if pilot is None or left.kept >= table.row_count:
            return None
        came_to = await run_pilot(pilot, table, self._parts.folder, left, rows, concurrency)
        self._report(came_to)
        if came_to.rows_left == 0 or rows.stopped is not None:
            return None
        if came_to.waiting:
            rows.stop_starting_rows(STOPPED_AFTER_PILOT, WAITING_PILOT)
            return pilot
        approve = self._runtime.approve
        if approve is not None and (await self._stopping.unless_stopped(approve(came_to)) or self._stopping.cause is not None):
            return None
        rows.stop_starting_rows(STOPPED_AFTER_PILOT, self._runtime.not_approved.reason)
        self.is_waiting = self._runtime.not_approved.is_waiting
        return pilot

    async def _through_workers(self, choice: RunnerChoice, everywhere: RowsEverywhere, todo: Iterator[Shard]) -> Coordinator:
        """Have the shards done by workers, as far as they do them."""
        from flows.engines.handing_out import through_workers  # most runs have no workers

        parts = self._parts
        told = (parts.charges, parts.gate, self._report, self._announce)
        coordinator = await through_workers(choice, self._prepared, parts.folder, everywhere, *told, todo, parts.left.shard_count)
        await asyncio.to_thread(parts.store.refresh)
        return coordinator

    def _report(self, event: Event) -> None:
        if isinstance(event, RowFinished):
            self._progress.row_finished(failed=event.is_failed, waiting=event.status == "action_required")
            if event.is_failed and self.rows.stopped is None:
                self._log.warning("%s failed: %s", event.label, shortened(" ".join((event.error or "").split()), ERROR))
        elif not isinstance(event, RowEscalated | RunStopping):
            self._log.info("%s", event)
        self._runtime.listener(event)

    def _announce(self, notice: Notice) -> None:
        if isinstance(notice, ServicePaused):  # rows in flight that are busy elsewhere come to it, too
            notice = replace(notice, waiting=max(notice.waiting, self.rows.under_way))
        self._progress.service_changed(notice)
        if isinstance(notice, SearchBringsNothing):
            self.warnings.append(str(notice))
        self._log.warning("%s", notice)
        self._runtime.listener(notice)
