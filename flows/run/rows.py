"""Researches the rows of a run: each is a task run, equal rows are done once, and a row that fails is a row with an error."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from flows.run.decisions import Decisions
from flows.run.events import Listener, RowFinished
from flows.run.failed_rows import FailedRows, NotStarted
from flows.run.request import Request
from flows.run.row_cache import RowCache
from flows.run.row_money import RowMoney
from flows.run.row_work import FindWork, RowFailed, RowWaiting, RowWork, completed, waits_for, whole_rows
from flows.run.runner import Runner
from flows.run.task_labels import row_label
from research.display.figures import count
from research.durable.surroundings import NO_ROOM, surroundings_fault
from research.durable.work import working_for
from research.errors import BUDGET_EXHAUSTED, Interruption, InvalidInput
from research.money.processors import ProcessorName
from research.pipeline import task_id_of
from research.ports.world import World
from research.result.combining import field_confidences
from research.result.result import Result

HOW_TO_CONTINUE: Final = "Once that is put right, the same command goes on."


class Report(Protocol):
    """Reports how a row ended."""

    def __call__(self, result: Result, started: float, *, cached: bool) -> None: ...


class Rows:
    """The rows of one run, on one event loop. `concurrency` rows are in flight at most, whatever shards they belong to."""

    def __init__(
        self,
        request: Request,
        world: World,
        runner: Runner,
        listener: Listener,
        concurrency: int,
        find_work: FindWork | None = None,
        money: RowMoney | None = None,
        watch: Callable[[int, Result], None] | None = None,
        decisions: Decisions | None = None,
    ) -> None:
        """
        Args:
            watch: is called with each completed row's result, before the row is reported.
        """
        self._request = request
        self._world = world
        self._world_identity = world.identity
        self._runner = runner
        self._listener = listener
        self._watch = watch
        self._free = asyncio.Semaphore(concurrency)
        self._budget = world.budget
        self._money = money or RowMoney(world.budget, None)
        self._find_work = find_work or whole_rows(request, world)
        self._decisions = decisions
        self._cache = RowCache()
        self._failures = FailedRows(request, world)
        self._not_started: NotStarted | None = None
        """Why no row is started any more; None: rows are started."""
        self.stopped: str | None = None
        """Why rows are unfinished that nothing is wrong with; None: there are none."""
        self.stopped_kind: str | None = None
        """The same as an `error_kind`, where there is one."""
        self.faulty = False
        """Whether it is an error that every row would meet."""
        self.completed = 0
        """Rows that ended as completed."""
        self.winding_down = False
        """Whether rows that are not under way stay as they are."""
        self.interruption: Interruption | None = None
        """What failed around the rows, if that is why they wind down."""
        self._under_way: set[asyncio.Task[Any]] = set()
        self._cut_off: set[asyncio.Task[Any]] = set()

    def stop_starting_rows(self, kind: str, reason: str) -> None:
        """From now on, each row becomes a row with an error of this kind. Rows under way end as they do."""
        self._not_started, self.stopped, self.stopped_kind = NotStarted(kind, reason), reason, kind

    def interrupt(self, error: Interruption) -> None:
        """Something around the rows failed: wind down, and ask no service for anything more. A row that meets it stays out of
        the tables."""
        if not self.winding_down:
            self.wind_down(f"{str(error).rstrip('.')}. {HOW_TO_CONTINUE}")
        self.interruption = self.interruption or error
        self._world.outages.interrupt(error)

    def wind_down(self, reason: str) -> None:
        """From now on no row is started. Rows that were not started stay out of the tables, so that the same call comes to them
        later; rows under way end as they do."""
        self.winding_down, self.stopped = True, reason
        self._money.release()

    @property
    def under_way(self) -> int:
        """Rows that are being researched at this moment."""
        return len(self._under_way)

    def cut_off(self) -> None:
        """End the rows under way: they, too, stay out of the tables. Their finished steps are kept."""
        for task in self._under_way - self._cut_off:
            self._cut_off.add(task)
            task.cancel()

    def left_undone(self, results: Iterable[Result]) -> bool:
        """Whether any of these rows failed only because no row is started any more, or for want of money."""
        kinds = {BUDGET_EXHAUSTED} if self._not_started is None else {BUDGET_EXHAUSTED, self._not_started.kind}
        return self.stopped is not None and any(result.error_kind in kinds for result in results)

    async def research_first(self, rows: Mapping[int, Mapping[str, Any]], shard_size: int) -> dict[int, Result]:
        """Research some rows before their shards are opened, which then find them done. The rows' values are by row."""

        async def work() -> dict[int, Result]:
            running: dict[int, asyncio.Task[Result | None]] = {}
            async with asyncio.TaskGroup() as group:
                for row, values in rows.items():
                    with working_for(row // shard_size, row):
                        running[row] = group.create_task(self.research(row, values))
            return {row: result for row, task in running.items() if (result := task.result()) is not None}

        if not rows:
            return {}
        results = (await self._runner.do("shard", f"pilot · {count(len(rows), 'row')}", work)).result
        for row, result in results.items():
            self._cache.add(row, result)
        return results

    async def research(self, row: int, values: Mapping[str, Any]) -> Result | None:
        """A row's result, completed or failed; None: the run was stopped before it had one. Nothing but a cancellation is raised.

        Args:
            row: its place in the input, from 0.
            values: its cells as JSON.
        """
        if (known := self._cache.take(row)) is not None:
            return known
        result, own = await self._research(row, values), self._request.ids.fields(values).get("task_id")
        return result if result is None or own in (None, result.task_id) else result.changed(task_id=own)

    async def _research(self, row: int, values: Mapping[str, Any]) -> Result | None:
        label = row_label(row, self._request.visible(values))
        report = partial(self._report, row, label)
        try:
            work = await self._find_work(row, values)
        except InvalidInput as error:
            started = time.monotonic()
            result = await self._show(label, self._failures.refused(row, error))
            report(result, started, cached=False)
            return result
        if self._decisions:
            work = replace(work, decided=self._decisions.of(task_id_of(work.task, work.world.identity)))
        return await self._once(label, work, report)

    async def again(self, row: int, values: Mapping[str, Any], fields: Sequence[str], processor: ProcessorName) -> Result | None:
        """Some fields of a row, researched on another tier; None as in `research`. The row is not reported once more."""
        task = self._request.part(row, values, fields, processor)
        world = await self._request.world_of(task, row, self._world)
        work = RowWork.of(task, world, self._world_identity if world is self._world else None)
        return await self._once(f"{row_label(row, self._request.visible(values))} · {processor}", work, _no_report)

    async def _once(self, label: str, work: RowWork, report: Report) -> Result | None:
        """Do a row's work, or take over the result of an equal row."""
        task = _this_task()
        try:
            return await self._do_or_take_over(label, work, report)
        except Interruption as error:
            self.interrupt(error)
            return None
        except asyncio.CancelledError:
            if task not in self._cut_off or task.uncancel() > 0:
                raise  # somebody else has cancelled it
            return None
        finally:
            self._cut_off.discard(task)

    async def _do_or_take_over(self, label: str, work: RowWork, report: Report) -> Result | None:
        if (equal := await self._cache.equal_row(work.key)) is not None:
            started = time.monotonic()
            if not self.winding_down:
                async with self._turn():
                    if self._not_started is None or equal.status == "completed":
                        equal = await self._show(label, equal, work.key)
            report(equal, started, cached=True)
            return equal
        with self._cache.doing(work.key) as finish:
            cached = work.known is not None
            async with self._turn():
                if self.winding_down:
                    return None
                started = time.monotonic()
                self._look_for_stop()
                if self._not_started is not None:
                    stored = await self._runner.store.get(work.key)
                    result = stored if isinstance(stored, Result) else self._failures.not_started(work.task, self._not_started)
                    cached = result is stored
                else:
                    try:
                        result, found = await self._runner.do("row", label, partial(work.do, self._runner), work.key)
                        cached = cached or found
                    except (RowFailed, RowWaiting) as ended:
                        result = ended.result
                    except Interruption:
                        raise
                    except Exception as bug:  # one row's bug is that row's error; its task run has the traceback
                        if isinstance(bug, OSError) and bug.errno in NO_ROOM:  # wherever it was met
                            raise surroundings_fault(bug, Path(bug.filename or tempfile.gettempdir())) from bug
                        result = self._failures.broken(work.task, bug)
                    if not cached and result.status == "completed":
                        self._money.completed(result.cost_usd)
                    self._look_for_stop(result)
            report(result, started, cached=cached)
            finish(result)
        return result

    async def _show(self, label: str, result: Result, key: str | None = None) -> Result:
        """A task run for a row whose result is known: it is an equal row's, or the row could not even be asked."""

        async def known() -> Result:
            return completed(result)

        try:
            return (await self._runner.do("row", label, known, key)).result
        except (RowFailed, RowWaiting) as ended:
            return ended.result

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        async with self._free, self._money.for_row():
            if self.winding_down:
                yield
                return
            task = _this_task()
            self._under_way.add(task)
            try:
                await self._runner.ready_for_row()
                yield
            finally:
                self._under_way.discard(task)

    def _look_for_stop(self, result: Result | None = None) -> None:
        """Start no row any more once a row met an error that every row would meet, or the budget is spent."""
        error = self._runner.stopped_by
        if isinstance(error, Interruption):
            self.interrupt(error)
        elif self._not_started is None and error is not None:
            self.faulty = True
            self.stop_starting_rows(error.kind, f"{str(error).rstrip('.')}. {HOW_TO_CONTINUE}")
        refusal = self._budget.refusal
        if refusal is None:
            return
        if result is None and self._not_started is None:
            self.stop_starting_rows(BUDGET_EXHAUSTED, refusal)
        elif result is not None and result.error_kind == BUDGET_EXHAUSTED:
            self.stopped, self.stopped_kind = refusal, BUDGET_EXHAUSTED

    def _report(self, row: int, label: str, result: Result, started: float, *, cached: bool) -> None:
        done = result.status == "completed"
        self.completed += done
        if done and self._watch is not None:
            self._watch(row, result)
        self._listener(
            RowFinished(
                row=row,
                status=result.status,
                confidence=result.confidence if done else None,
                cost_usd=0.0 if cached else result.cost_usd,
                seconds=time.monotonic() - started,
                cached=cached,
                error=result.error,
                error_kind=result.error_kind,
                label=label,
                waits_for=tuple(waits_for(result)),
                cells=dict(Counter(sure or "none" for sure in field_confidences(result).values())) if done else {},
            )
        )


def _this_task() -> asyncio.Task[Any]:
    if (task := asyncio.current_task()) is None:
        raise RuntimeError("rows are researched on an event loop")
    return task


def _no_report(result: Result, started: float, *, cached: bool) -> None:
    """Reports nothing."""
