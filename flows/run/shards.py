"""Takes a table through a run, shard by shard: some are open at once, each is committed when its last row is done.

There is no barrier: rows of all open shards share the free places in input order, so one slow row keeps its shard open and
nothing else. The number of open shards is bounded, so what is held in memory does not grow with the table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pyarrow as pa

from flows.run.events import Listener, ShardCommitted
from flows.run.rows import Rows
from flows.run.runner import Runner
from flows.run.sweeping import Sweep
from flows.run.task_labels import shard_label
from flows.run.writable import RUN_FOLDER
from research.durable.surroundings import writing
from research.durable.work import working_for
from research.errors import Interruption
from research.ports.page import Page
from research.result.result import Result
from research.stored_results.store import Done
from research.tables.inputs.read import Table, json_rows
from research.tables.run_folder.run_folder import RunFolder

CANCELLED: Final = "the run was cancelled"


@dataclass(frozen=True, slots=True)
class Shard:
    """Rows of the input that are committed together."""

    index: int
    row_start: int
    batch: pa.RecordBatch
    unfinished: tuple[int, ...] | None
    """Of a shard that is committed already: the rows that failed, or that it lacks. None: it is not committed."""

    def values(self) -> dict[int, Mapping[str, Any]]:
        """The cells of the rows to do, as JSON, by row."""
        values: dict[int, Mapping[str, Any]] = dict(enumerate(json_rows(self.batch), start=self.row_start))
        return values if self.unfinished is None else {row: values[row] for row in self.unfinished}


class Shards:
    """The shards of one run.

    Args:
        sweep: removes the state that a committed shard does not need any more.
        returned: collects shards with rows that were left undone, which are then not committed. None: they are committed, too.
    """

    def __init__(
        self,
        folder: RunFolder,
        rows: Rows,
        recall: Callable[[str], Page],
        runner: Runner,
        listener: Listener,
        sweep: Sweep | None = None,
        returned: list[int] | None = None,
    ) -> None:
        self._sweep = sweep
        self._folder = folder
        self._rows = rows
        self._recall = recall
        self._runner = runner
        self._listener = listener
        self._returned = returned

    async def run(self, todo: Iterator[Shard], open_at_once: int) -> None:
        """Research and commit shards, until there are no more or the rows wind down.

        If one cannot be committed, the others are stopped as well; what was committed stays. When the run is cancelled, no row
        goes on, and the shards commit what is finished; cancelled once more, they are stopped.
        """
        running: set[asyncio.Task[Done[None]]] = set()
        queued = asyncio.Event()
        queued.set()
        try:
            while not self._rows.winding_down and (shard := await asyncio.to_thread(next, todo, None)) is not None:
                while len(running) >= open_at_once:
                    running = await _one_less(running)
                label = shard_label(shard.index, shard.row_start, shard.batch.num_rows)
                before, queued = queued, asyncio.Event()
                work = partial(self._shard, shard, before, queued)
                running.add(asyncio.create_task(self._runner.do("shard", label, work)))
            while running:
                running = await _one_less(running)
        except asyncio.CancelledError:
            self._rows.wind_down(CANCELLED)
            self._rows.cut_off()
            if running:
                await asyncio.wait(running)
            raise
        finally:
            for still in running:
                still.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _shard(self, shard: Shard, before: asyncio.Event, queued: asyncio.Event) -> None:
        """Research and commit one shard.

        Args:
            before: is set once the rows of the shard before it wait for places: a shard that opens faster does not pass it.
            queued: to be set once the rows of this one do.
        """
        todo = await asyncio.to_thread(shard.values)
        await before.wait()
        async with asyncio.TaskGroup() as group:
            running = {}
            for row, values in todo.items():
                with working_for(shard.index, row):
                    running[row] = group.create_task(self._rows.research(row, values))
            queued.set()
        results = {row: task.result() for row, task in running.items()}
        done = {row: result for row, result in results.items() if result is not None}
        if results and not done:
            return  # the run was stopped before it had come to any of them
        if self._returned is not None and self._rows.left_undone(done.values()):
            self._returned.append(shard.index)
            return
        try:
            await self._commit(shard, results, done)
        except Interruption as error:  # the disk is full: others may still find room
            self._rows.interrupt(error)
            return
        waiting = sum(result.status == "action_required" for result in done.values())
        failed = sum(result.status != "completed" for result in done.values()) - waiting
        left = len(results) - len(done)
        self._listener(ShardCommitted(shard.index, shard.row_start, shard.batch.num_rows, failed, left, waiting))

    async def _commit(self, shard: Shard, results: Mapping[int, Result | None], done: Mapping[int, Result]) -> None:
        index, batch, start = shard.index, shard.batch, shard.row_start

        def write() -> None:
            with writing(self._folder.path, RUN_FOLDER, "--out"):
                if shard.unfinished is None:
                    self._folder.write_shard(index, batch, start, list(results.values()), self._recall)
                else:
                    self._folder.rewrite_shard(index, done, self._recall, batch=batch, row_start=start)
            if self._sweep is not None:
                unfinished = {row for row, result in results.items() if result is None or result.status != "completed"}
                if shard.unfinished is not None:  # others of the shard may wait for people
                    unfinished.update(self._folder.read_shard(index).unfinished)
                self._sweep(index, sorted(unfinished))

        await write_to_the_end(write)

    async def rewrite(self, shard: int, results: Mapping[int, Result]) -> None:
        """Put other results in the place of some rows of a committed shard."""

        def write() -> None:
            with writing(self._folder.path, RUN_FOLDER, "--out"):
                self._folder.rewrite_shard(shard, results, self._recall)

        await write_to_the_end(write)


async def write_to_the_end(write: Callable[[], None]) -> None:
    """Write in a thread. A commit that has begun is seen through, also when the run is being cancelled."""
    written = asyncio.ensure_future(asyncio.to_thread(write))
    try:
        await asyncio.shield(written)
    except asyncio.CancelledError:
        await asyncio.wait([written])
        raise


@dataclass(frozen=True, slots=True)
class Remaining:
    """What a run folder still lacks."""

    row_count: int
    size: int
    committed: frozenset[int]
    unfinished: Mapping[int, Sequence[int]]
    """Rows that failed, or are not there, by committed shard."""
    waiting: frozenset[int] = frozenset()
    """Rows that wait for people who have not decided yet. They stay as they are."""

    @classmethod
    def of(cls, folder: RunFolder, row_count: int, waiting: Iterable[int] = ()) -> Remaining:
        """What a run folder lacks of a table's rows.

        Args:
            waiting: rows that wait for people who have not decided yet.
        """
        waits = frozenset(waiting)
        unfinished = folder.unfinished(row_count)
        left = {shard: rows for shard, all_ in unfinished.items() if (rows := [row for row in all_ if row not in waits])}
        return cls(row_count, folder.shard_size, frozenset(folder.committed_shards()), left, waits)

    @property
    def kept(self) -> int:
        """Rows that are completed already."""
        in_committed = sum(max(0, min(self.size, self.row_count - shard * self.size)) for shard in self.committed)
        return in_committed - sum(map(len, self.unfinished.values())) - len(self.waiting)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return self.kept + len(self.waiting) >= self.row_count

    @property
    def shard_count(self) -> int:
        """How many shards there are to do."""
        return -(-self.row_count // self.size) - len(self.committed) + len(self.unfinished)

    def has(self, row: int) -> bool:
        """Whether there is nothing to do for a row: it is completed already, or waits for people."""
        shard = row // self.size
        return shard in self.committed and row not in self.unfinished.get(shard, ())

    def shards(self, table: Table, rows: int | None = None) -> Iterator[Shard]:
        """The shards to do, in input order: those not committed, and those committed with failed or without some rows.

        Args:
            rows: only shards that hold some of the first so many rows.
        """
        if self.is_empty:
            return  # a table that is done is not read again
        row_start = 0
        for index, batch in enumerate(table.batches(self.size)):
            if rows is not None and row_start >= rows:
                return
            if index in self.unfinished or index not in self.committed:
                failed = tuple(self.unfinished[index]) if index in self.committed else None
                yield Shard(index, row_start, batch, failed)
            row_start += batch.num_rows


async def _one_less(running: set[asyncio.Task[Done[None]]]) -> set[asyncio.Task[Done[None]]]:
    """Wait until one ends; raise what it raised."""
    done, left = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    running -= done
    for ended in done:
        ended.result()
    return left
