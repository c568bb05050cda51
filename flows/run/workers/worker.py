"""Does a worker's order: opens the run's world in this process, researches the rows of its shards, commits them, and reports.

A pure function of the order, the run folder and the process's environment. The coordinator may be anywhere.
"""

from __future__ import annotations

import asyncio
import math
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from flows.run.decisions import Decisions
from flows.run.events import Event, RowFinished, ShardCommitted
from flows.run.prepare import prepare_worker
from flows.run.prepared_run import PreparedRun
from flows.run.row_money import RowMoney, expected_row_usd
from flows.run.rows import Rows
from flows.run.runner import Runner
from flows.run.runtime import Runtime
from flows.run.shards import Shard, Shards
from flows.run.sweeping import sweeper
from flows.run.workers.files import OrderFiles, WorkerFiles
from flows.run.workers.order import CoordinatorState, OrderReport, ShardOrder, WhyStopped, WorkerState
from flows.run.workers.request import options_of
from research.concurrency.shares import Shares
from research.errors import Interruption, ResearchError
from research.money.charge_file import ChargeFile
from research.stored_results.store import ResultStore
from research.tables.run_folder.reading_back import RowReader
from research.tables.run_folder.run_folder import RunFolder

BEAT_SECONDS: Final = 1.0
"""How often a worker writes that it is alive, and looks whether it is to stop."""
SILENCE_SECONDS: Final = 60.0
"""How long a coordinator may write nothing before its workers take it for dead and stop."""

MakeRunner = Callable[[ResultStore], Runner]
"""Makes what does the pieces of work, and stores their results."""


async def do_order(order: ShardOrder, runtime: Runtime, make_runner: MakeRunner, task_runs: Callable[[], int]) -> None:
    """Do an order. However it ends, its files tell how; an order that was done before is left as it is.

    Args:
        task_runs: how many task runs were finished so far.
    """
    files = WorkerFiles(Path(order.run) / ".state")
    worker = _Worker(order, files, runtime, make_runner)
    if worker.is_over():
        return
    await asyncio.to_thread(worker.mine.begin)
    work = asyncio.create_task(worker.work())
    watching = asyncio.create_task(worker.watch(work))
    try:
        report = await work
    except asyncio.CancelledError:
        if not watching.done():  # this process is told to end, and not the order
            raise
        return
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    await asyncio.to_thread(worker.mine.end, report.changed(task_runs=task_runs()))


class _Worker:
    """The worker of one order."""

    def __init__(self, order: ShardOrder, files: WorkerFiles, runtime: Runtime, make_runner: MakeRunner) -> None:
        self._order = order
        self._files = files
        self.mine = files.order(order.name)
        self._runtime = runtime
        self._make_runner = make_runner
        self._rows: Rows | None = None
        """Once the world is open."""
        self._shares = Shares()
        """The world's, once it is open."""

    def is_over(self) -> bool:
        """Whether there is nothing to do: the order was done before, or its coordinator is gone, or stops."""
        state = self._files.state()
        return self.mine.report() is not None or state is None or not self._is_ours(state) or state.stop is not None

    async def work(self) -> OrderReport:
        try:
            run = await asyncio.to_thread(RunFolder.open, self._order.run)
            options = options_of(self._files.request())
            async with prepare_worker(run, options, self._runtime, self._order.workers) as prepared:
                return await self._research(prepared, run)
        except ResearchError as error:
            # Of this process, its machine or its environment: no row is at fault.
            stopped = WhyStopped(kind=error.kind, reason=str(error))
            return OrderReport(returned=tuple(shard.index for shard in self._order.shards), stopped=stopped)

    async def _research(self, prepared: PreparedRun, run: RunFolder) -> OrderReport:
        order, world = self._order, prepared.world
        charges = await asyncio.to_thread(ChargeFile, self.mine.folder)
        charges.bind(world.budget, order.max_usd, strict=True)
        events = _EventWriter(self.mine)
        store = ResultStore(run.state / "results", RowReader(run, prepared.request.spec))
        runner = self._make_runner(store)
        find_work, recall = prepared.work(world)
        money = RowMoney(world.budget, expected_row_usd(prepared))
        rows = Rows(prepared.request, world, runner, events, order.concurrency, find_work, money, decisions=Decisions(run.state))
        store.on_fault = charges.on_fault = rows.interrupt
        world.outages.listener = events
        self._rows, self._shares = rows, world.shares
        returned: list[int] = []
        shards = Shards(run, rows, recall, runner, events, sweeper(run, store, world), returned)
        size = max(1, run.shard_size)
        await shards.run(self._shards(), open_at_once=2 + math.ceil(2 * order.concurrency / size))
        charges.write_rest()
        return OrderReport(
            committed=tuple(events.committed),
            returned=tuple(shard.index for shard in order.shards if shard.index not in events.committed),
            completed=events.completed,
            stopped=_why_stopped(rows.interruption or runner.stopped_by),
        )

    async def watch(self, work: asyncio.Task[OrderReport]) -> None:
        """Write that this worker is alive. Wind its rows down when the coordinator says so; cancel its work once the coordinator
        is gone, or is another one."""
        beat, state, heard_at = 0, None, time.monotonic()
        while not work.done():
            beat += 1
            under_way = self._rows.under_way if self._rows is not None else 0
            try:
                mine = WorkerState(beat=beat, pid=os.getpid(), host=socket.gethostname(), rows_under_way=under_way)
                await asyncio.to_thread(self.mine.write_state, mine)
            except FileNotFoundError:  # the order was taken back
                work.cancel()
                return
            if (now := await asyncio.to_thread(self._files.state)) != state:
                state, heard_at = now, time.monotonic()
            if state is None or not self._is_ours(state) or time.monotonic() - heard_at > SILENCE_SECONDS:
                work.cancel()
                return
            self._shares.set_runs(state.runs)
            if state.stop is not None:
                if self._rows is None:
                    work.cancel()
                    return
                self._rows.wind_down(state.reason)
                if state.stop == "cut_off":
                    self._rows.cut_off()
            await asyncio.sleep(BEAT_SECONDS)

    def _is_ours(self, state: CoordinatorState | None) -> bool:
        return state is not None and state.coordinator == self._order.coordinator

    def _shards(self) -> Iterator[Shard]:
        for shard in self._order.shards:
            yield Shard(shard.index, shard.row_start, self._files.inputs(shard.index), shard.unfinished)


class _EventWriter:
    """Writes events for the coordinator. A failed row is reported once its shard is committed: a row that the lease does not pay
    for is handed out again."""

    def __init__(self, files: OrderFiles) -> None:
        self._files = files
        self._failed: dict[int, RowFinished] = {}
        self.completed = 0
        """Rows that were completed, and not found."""
        self.committed: list[int] = []
        """Shards that lack no row."""

    def __call__(self, event: Event) -> None:
        if isinstance(event, RowFinished) and event.is_failed:
            self._failed[event.row] = event
            return
        if isinstance(event, RowFinished):
            self.completed += event.status == "completed" and not event.cached
        elif isinstance(event, ShardCommitted):
            if not event.left:
                self.committed.append(event.shard)
            for row in range(event.row_start, event.row_start + event.rows):
                if (failed := self._failed.pop(row, None)) is not None:
                    self._files.add_event(failed)
        self._files.add_event(event)


def _why_stopped(error: ResearchError | None) -> WhyStopped | None:
    if error is None:
        return None
    return WhyStopped(kind=error.kind, reason=str(error), faulty=not isinstance(error, Interruption))
