"""Hands the shards of a run to workers, with leases of the budget, and takes back what they could not do.

The workers' processes are an `Engine`'s (`flows/engines`). Here it is decided who does what, and what becomes of it:

- A worker gets some shards at a time. Shards that hold the same row are not under way side by side: it is paid for once.
- A worker that ends without a report is lost. Its shards are handed out again, `ATTEMPTS` times at most. Its charges are in its
  file.
- A worker that never begins is a matter of the surroundings: after `ATTEMPTS` of them the run winds down, and no row fails.
- When the run is stopped, the workers start no more rows, commit what is finished, and report.
- A worker whose lease runs out returns the shards that it could not finish. They are handed out with a larger lease; once a lease
  of all that is left helps no more, they are left for the caller, whose own budget may spend the last of it.
"""

from __future__ import annotations

import asyncio
import math
import sys
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from flows.run.events import Listener, RowFinished
from flows.run.rows import HOW_TO_CONTINUE, Rows
from flows.run.shards import Shard
from flows.run.task_runs import TaskRuns
from flows.run.workers.duplicates import Duplicates
from flows.run.workers.files import OrderFiles, WorkerFiles
from flows.run.workers.order import CoordinatorState, OrderedShard, OrderReport, ShardOrder, StopRequest, WorkerState
from flows.run.workers.pausing import Pausing
from research.concurrency.outages import Notice
from research.errors import ResearchError, SurroundingsFault
from research.money.budget import Lease
from research.money.charge_file import ChargeFile
from research.ports.world import World
from research.tables.run_folder.run_folder import RunFolder

LOST: Final = "worker_lost"
"""The name of the error of a row whose shard no worker could do."""
ATTEMPTS: Final = 3
"""How often a shard is handed to workers that are lost, before its rows fail."""
MOST_SHARDS: Final = 32
"""Of one order."""
ORDERS_EACH: Final = 4
"""Orders that each worker gets, roughly. With fewer, the last runs alone for longer; with more, more worlds are opened."""
SILENT: Final = "it was silent for too long, or its process was ended"
LOOK_SECONDS: Final = 0.5
"""How often the coordinator looks at what its workers write."""
BEAT_SECONDS: Final = 5.0
"""How often it writes that it is alive."""
LOST_SECONDS: Final = 120.0
"""How long a worker that has begun may be silent before it is taken for lost."""
END_SECONDS: Final = 4.0
"""How long workers have to commit what is finished, once their rows are cut off."""


class Engine(Protocol):
    """What runs orders in other processes."""

    async def run(self, order: ShardOrder) -> str | None:
        """Have an order done. Returns once its worker has ended; and why, where that is known and no good end. When it is
        cancelled, it ends the worker, if its process can be reached."""
        ...


class Lost(NamedTuple):
    """A shard that no worker could do."""

    shard: Shard
    reason: str


@dataclass(slots=True)
class _Pending:
    shard: OrderedShard
    waits_for: set[int]
    """Earlier shards that hold a row of it."""
    attempts: int = 0


@dataclass(slots=True)
class _Running:
    order: ShardOrder
    pending: list[_Pending]
    lease: Lease
    files: OrderFiles
    offset: int = 0
    """How far its events are read."""
    committed: set[int] = field(default_factory=set)
    state: WorkerState | None = None
    """What its worker last wrote; None: it has not begun."""
    heard_at: float = 0.0
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


class Coordinator:
    """Of one invocation of a run. It is stopped as rows are (`flows.run.stopping.StoppableRows`).

    Args:
        rows: counts rows, and says whether any row is to be started.
        charges: where the workers' charges are taken over to.
        world: whose budget leases are taken from.
        workers: most workers at once.
        concurrency: rows in flight at once, in all workers together.
        private: columns that rows may differ in and still be equal.
        ready: waits until more work may be handed out.
        ended: is told how many task runs an order has made.
    """

    def __init__(
        self,
        folder: RunFolder,
        rows: Rows,
        charges: ChargeFile,
        world: World,
        engine: Engine,
        listener: Listener,
        announce: Callable[[Notice], None],
        *,
        workers: int,
        concurrency: int,
        private: Collection[str],
        task_runs: TaskRuns,
        ready: Callable[[], Awaitable[None]],
        ended: Callable[[int], None],
    ) -> None:
        self._folder = folder
        self._files = WorkerFiles(folder.state)
        self._rows = rows
        self._charges = charges
        self._budget, self._shares = world.budget, world.shares
        self._engine = engine
        self._listener = listener
        self._pausing = Pausing(announce)
        self._workers = workers
        self._concurrency = max(1, math.ceil(concurrency / workers))
        self._private = private
        self._task_runs = task_runs
        self._ready = ready
        self._ended = ended
        self._id = uuid.uuid4().hex[:8]
        self._orders = 0
        self._state = CoordinatorState(coordinator=self._id)
        self._written_at = 0.0
        self._cut_off_at: float | None = None
        self._never_begun = 0
        """Orders in a row whose worker never began."""
        self._queue: list[_Pending] = []
        self._under_way: set[int] = set()
        """Shards in the queue or handed out."""
        self._duplicates = Duplicates()
        self._running: dict[asyncio.Task[str | None], _Running] = {}
        self._reported: set[int] = set()
        """Rows of shards under way that the listener was told of."""
        self._lease_parts = 2.0 * workers
        self._leases_help = True
        self._lost: list[tuple[_Pending, str]] = []

    async def run(self, todo: Iterator[Shard], shard_count: int, request: Mapping[str, Any]) -> None:
        """Have shards done, until none is left or the rest is the caller's to do (`left`, `lost`).

        Args:
            shard_count: how many they are, at most.
            request: the run's flow and options, for the workers.
        """
        await asyncio.to_thread(self._files.begin, self._id, request)
        size = max(1, min(MOST_SHARDS, math.ceil(shard_count / (ORDERS_EACH * self._workers))))
        await self._write_state(asyncio.get_running_loop().time())  # a worker that finds none takes the run for over
        looking = asyncio.create_task(self._look())
        try:
            more = True
            while True:
                while more and not self._over and len(self._queue) < 2 * size * self._workers:
                    more = await self._fill(todo)
                await self._hand_out(size)
                if not self._running:
                    return
                done, _ = await asyncio.wait({*self._running, looking}, return_when=asyncio.FIRST_COMPLETED)
                if looking in done:
                    looking.result()  # it ends by an error only
                for task in done.intersection(self._running):
                    await self._end(task)
        finally:
            looking.cancel()
            await asyncio.wait([looking])
            await self._stop_workers()

    def left(self, todo: Iterator[Shard]) -> Iterator[Shard]:
        """The shards that the caller is to do: no lease pays for them, or no row is to be started any more.

        Args:
            todo: what `run` had.
        """
        yield from map(self._shard, self._queue)
        yield from todo

    def lost(self) -> list[Lost]:
        """The shards that no worker could do."""
        words = f"{ATTEMPTS} workers were lost with this row's shard. The last: "
        return [Lost(self._shard(pending), words + why) for pending, why in self._lost]

    @property
    def under_way(self) -> int:
        """Rows that workers are researching, as they last wrote. A worker that has begun counts as one until it has ended."""
        return sum(max(1, running.state.rows_under_way) for running in self._running.values() if running.state is not None)

    def cut_off(self) -> None:
        """End the rows under way, and with them the workers, which commit what is finished."""
        self._cut_off_at = self._cut_off_at or asyncio.get_running_loop().time()

    @property
    def _over(self) -> bool:
        """Whether nothing is handed out any more."""
        return self._rows.stopped is not None or not self._leases_help

    async def _fill(self, todo: Iterator[Shard]) -> bool:
        """Put one more shard into the queue. False: there is none."""
        shard = await asyncio.to_thread(next, todo, None)
        if shard is None:
            return False
        await asyncio.to_thread(self._files.put_inputs, shard.index, shard.batch)
        visible = shard.batch.drop_columns([name for name in shard.batch.schema.names if name in self._private])
        earlier = await asyncio.to_thread(self._duplicates.earlier_shards, shard.index, visible)
        ordered = OrderedShard(index=shard.index, row_start=shard.row_start, unfinished=shard.unfinished)
        self._queue.append(_Pending(ordered, earlier))
        self._under_way.add(shard.index)
        return True

    async def _hand_out(self, size: int) -> None:
        while len(self._running) < self._workers and not self._over and (chosen := self._choose(size)):
            available = self._budget.available_usd
            if available is not None and available <= 0 and not self._running:
                self._leases_help = False
            if available is not None and available <= 0:
                return
            await self._ready()
            self._queue = [pending for pending in self._queue if pending not in chosen]
            self._orders += 1
            lease = self._budget.lease(None if available is None else available / self._lease_parts)
            order = ShardOrder(
                run=str(self._folder.path.resolve()),
                name=f"{self._id}-{self._orders:04d}",
                coordinator=self._id,
                shards=tuple(pending.shard for pending in chosen),
                concurrency=self._concurrency,
                workers=self._workers,
                task_runs=self._task_runs,
                max_usd=lease.usd,
            )
            task = asyncio.create_task(self._engine.run(order))
            self._running[task] = _Running(order, chosen, lease, self._files.order(order.name))

    def _choose(self, size: int) -> list[_Pending]:
        """Shards of the queue, none of which waits for one that is under way elsewhere."""
        chosen: list[_Pending] = []
        own: set[int] = set()
        for pending in self._queue:
            if len(chosen) < size and not (pending.waits_for & self._under_way) - own:
                chosen.append(pending)
                own.add(pending.shard.index)
        return chosen

    async def _end(self, task: asyncio.Task[str | None]) -> None:
        """Take over what an order has come to, and queue what it has not done."""
        running = self._running.pop(task)
        why = _why_ended(task)
        await self._read_events(running)
        report = await asyncio.to_thread(running.files.report)
        began = report is not None or running.state is not None or await asyncio.to_thread(running.files.state) is not None
        await self._settle(running)
        self._note_begin(began, why)
        if report is not None:
            self._ended(report.task_runs)
            running.committed.update(report.committed)
            self._heed(report)
        elif began:  # it may have committed what it could not tell any more
            running.committed.update(await asyncio.to_thread(self._whole_shards))
        for pending in running.pending:
            if pending.shard.index in running.committed:
                self._under_way.discard(pending.shard.index)
                await asyncio.to_thread(self._files.drop_inputs, pending.shard.index)
                continue
            pending.attempts += report is None and began and not self._over
            if pending.attempts >= ATTEMPTS:
                self._under_way.discard(pending.shard.index)
                self._lost.append((pending, why or "its process ended without a word"))
            else:
                self._queue.append(pending)
        self._queue.sort(key=lambda pending: pending.shard.index)

    def _whole_shards(self) -> set[int]:
        """The shards that are committed, and lack no row. (The last one is shorter, and seems to.)"""
        return set(self._folder.committed_shards()).difference(self._folder.unfinished(sys.maxsize))

    def _note_begin(self, began: bool, why: str | None) -> None:
        """Stop the run if no worker begins any more: no row is at fault."""
        self._never_begun = 0 if began else self._never_begun + 1
        if self._never_begun >= ATTEMPTS and not self._over:
            self._rows.interrupt(SurroundingsFault(f"no worker begins what it is handed: {why or 'it ends without a word'}"))

    def _heed(self, report: OrderReport) -> None:
        stopped = report.stopped
        if stopped is not None and self._rows.stopped is None:
            reason = f"{stopped.reason.rstrip('.')}. {HOW_TO_CONTINUE}"
            if stopped.faulty:
                self._rows.faulty = True
                self._rows.stop_starting_rows(stopped.kind, reason)
            else:
                self._rows.wind_down(reason)
        elif report.returned and not report.completed:
            self._leases_help = self._leases_help and self._lease_parts > 1
            self._lease_parts = max(1.0, self._lease_parts / 2)

    async def _settle(self, running: _Running) -> None:
        """Take over an order's charges, and take back its lease. Its files go: a worker that still lives stops at that."""
        counted = await asyncio.to_thread(self._charges.take_over, running.order.name, running.files.folder)
        running.lease.give_back(counted, unsure=self._charges.usd is None)
        await asyncio.to_thread(running.files.remove)
        self._pausing.forget(running.order.name)

    def _shard(self, pending: _Pending) -> Shard:
        shard = pending.shard
        return Shard(shard.index, shard.row_start, self._files.inputs(shard.index), shard.unfinished)

    async def _look(self) -> None:
        """Report what workers write, tell them what they are to do, and cancel the orders of those that are silent, or that do
        not end when they are to."""
        clock = asyncio.get_running_loop().time
        while True:
            await self._write_state(clock())
            for task, running in list(self._running.items()):
                await self._read_events(running)
                state = await asyncio.to_thread(running.files.state)
                if state != running.state:
                    running.state, running.heard_at = state, clock()
                if self._is_to_be_cancelled(running, clock()):
                    task.cancel()
            await asyncio.sleep(LOOK_SECONDS)

    def _is_to_be_cancelled(self, running: _Running, now: float) -> bool:
        if self._cut_off_at is not None:
            return running.state is None or now - self._cut_off_at > END_SECONDS
        return running.state is not None and now - running.heard_at > LOST_SECONDS

    async def _write_state(self, now: float) -> None:
        stop: StopRequest | None = "wind_down" if self._rows.winding_down else None
        if self._cut_off_at is not None:
            stop = "cut_off"
        if stop != self._state.stop or now - self._written_at >= BEAT_SECONDS:
            beat, reason = self._state.beat + 1, self._rows.stopped or ""
            self._state = CoordinatorState(coordinator=self._id, beat=beat, stop=stop, reason=reason, runs=self._shares.runs)
            self._written_at = now
            await asyncio.to_thread(self._files.write_state, self._state)

    async def _read_events(self, running: _Running) -> None:
        async with running.reading:
            events, running.offset = await asyncio.to_thread(running.files.events, running.offset)
        for event in events:
            if isinstance(event, Notice):
                self._pausing.heard(running.order.name, event)
                continue
            if isinstance(event, RowFinished):
                if event.row in self._reported:
                    continue
                self._reported.add(event.row)
                self._rows.completed += event.status == "completed"
            else:
                if not event.left:
                    running.committed.add(event.shard)
                self._reported.difference_update(range(event.row_start, event.row_start + event.rows))
            self._listener(event)

    async def _stop_workers(self) -> None:
        """End what still runs, after an error: workers commit what is finished, and are ended if they take too long."""
        if not self._running:
            return
        self.cut_off()
        await self._write_state(asyncio.get_running_loop().time())
        _, stubborn = await asyncio.wait(self._running, timeout=END_SECONDS)
        for task in stubborn:
            task.cancel()
        await asyncio.wait(self._running)
        for running in self._running.values():
            await self._read_events(running)
            await self._settle(running)
        self._running.clear()


def _why_ended(task: asyncio.Task[str | None]) -> str | None:
    """Why a worker has ended; None: as it should. A `ResearchError`, that the engine lacks what it needs, is raised."""
    if task.cancelled():
        return SILENT
    error = task.exception()
    if isinstance(error, ResearchError):
        raise error
    return task.result() if error is None else f"{type(error).__name__}: {error}"
