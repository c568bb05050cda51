"""Researches the rows of a run: each is a task run, equal rows are done once, and a row that fails is a row with an error."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, Protocol

from flows.gate import Gate
from flows.run.events import Listener, RowFinished
from flows.run.request import Request
from flows.run.row_work import Job, Jobs, WholeTasks
from flows.run.single_flight import SingleFlight
from flows.run.task_labels import row_label
from flows.tasks import Call, Tasks, run_kept, run_task, watched
from research.errors import BUDGET_EXHAUSTED, InvalidInput, ResearchError
from research.identity import content_key
from research.money.budget import Budget
from research.money.processors import ProcessorName
from research.pipeline import research, stopping
from research.ports.world import World
from research.result.result import Result, utc_now
from research.task.task import Task

"""How the error of a row begins that is unfinished because a budget is spent (`research.pipeline` writes it)."""

GO_ON: Final = "Once that is put right, the same command goes on."


class Tell(Protocol):
    """Tells how a row ended, and hands its result on."""

    def __call__(self, result: Result, started: float, *, cached: bool) -> Result: ...


class RowFailed(Exception):
    """Ends a row's task run as failed, and carries the row's result out of it."""

    def __init__(self, result: Result) -> None:
        self.result = result
        super().__init__(result.error)


class Rows:
    """The rows of one run, on one event loop. `concurrency` rows are in flight at most, whatever shards they belong to."""

    def __init__(
        self,
        request: Request,
        world: World,
        tasks: Tasks,
        gate: Gate,
        listener: Listener,
        concurrency: int,
        purse: Budget | None = None,
        jobs: Jobs | None = None,
    ) -> None:
        self._request = request
        self._world = world
        self._world_identity = world.identity
        self._tasks = tasks
        self._gate = gate
        self._listener = listener
        self._free = asyncio.Semaphore(concurrency)
        self._flight: SingleFlight[Result] = SingleFlight()
        self._purse = purse or Budget()
        self._jobs = jobs or WholeTasks(request, world)
        self._known: dict[int, Result] = {}
        self._held: tuple[str, str] | None = None
        self.stopped: str | None = None
        """Why rows are unfinished that nothing is wrong with; None: there are none."""
        self.faulty = False
        """Whether it is an error that every row would meet."""
        self.completed = 0
        """Rows that ended as completed."""

    def hold(self, kind: str, reason: str) -> None:
        """Begin no row any more: each becomes a row with an error of this kind."""
        self._held, self.stopped = (kind, reason), reason

    def _stop(self, error: ResearchError) -> None:
        """Every row would meet this error: begin none any more, and say why."""
        if self._held is None:
            self.faulty = True
            self.hold(error.kind, f"{str(error).rstrip('.')}. {GO_ON}")

    async def ahead(self, todo: Mapping[int, Mapping[str, Any]]) -> dict[int, Result]:
        """Research some rows before their shards are opened, which then find them done. The rows' values are by row."""

        async def work() -> None:
            async with asyncio.TaskGroup() as group:
                running = {row: group.create_task(self.research(row, values)) for row, values in todo.items()}
            self._known.update((row, task.result()) for row, task in running.items())

        if todo:
            await run_kept(self._tasks.shard, Call(f"pilot · {len(todo)} rows", None, work), self._gate)
        return {row: self._known[row] for row in todo}

    async def research(self, row: int, values: Mapping[str, Any]) -> Result:
        """A row's result, completed or failed. Nothing but a cancellation is raised.

        Args:
            row: its place in the input, from 0.
            values: its cells as JSON.
        """
        if (known := self._known.pop(row, None)) is not None:
            return known
        label = row_label(row, values)
        try:
            job = await self._jobs.job(row, values)
        except InvalidInput as error:
            started = time.monotonic()
            result = await self._end(label, self._refused(row, error))
            return self._tell(row, result, started, cached=False)

        return await self._researched(label, job, partial(self._tell, row))

    async def again(self, row: int, values: Mapping[str, Any], fields: Sequence[str], processor: ProcessorName) -> Result:
        """Some fields of a row, researched on another tier. The row is not told as finished once more."""
        task = self._request.part(row, values, fields, processor)
        job = Job.of(task, self._world, self._world_identity)
        return await self._researched(f"{row_label(row, values)} · {processor}", job, _untold)

    async def kept_key(self, row: int, values: Mapping[str, Any]) -> str:
        """The key under which a row's result is kept, once it is completed."""
        return (await self._jobs.job(row, values)).key

    async def _researched(self, label: str, job: Job, tell: Tell) -> Result:
        result, theirs = await self._flight.once(job.key, lambda: self._lead(label, job, tell), _failed)
        if theirs:
            started = time.monotonic()
            async with self._turn():
                if self._held is None or not _failed(result):
                    result = await self._end(label, result, job.key)
            tell(result, started, cached=True)
        return result

    async def _lead(self, label: str, job: Job, tell: Tell) -> Result:
        async def work() -> Result:
            if job.known is not None:
                return job.known
            steps = stopping(watched(self._tasks, self._gate, job.keys), self._stop)
            return job.complete(_raise_failed(await research(job.task, job.world, steps)))

        async with self._turn():
            started = time.monotonic()
            if (why_not := self._why_not()) is not None:
                return tell(self._not_begun(job.task, why_not), started, cached=False)
            call = Call(label, job.key, work)
            try:
                result = await run_task(self._tasks.row, call, self._gate)
            except RowFailed as failed:
                result = failed.result
            except Exception as bug:  # noqa: BLE001  # one row's bug is that row's error, and the failed task run has its traceback
                result = self._broken(job.task, bug)
            if self._purse.refusal is not None and result.error_kind == BUDGET_EXHAUSTED:
                self.stopped = self._purse.refusal
        return tell(result, started, cached=job.known is not None or not call.called)

    async def _end(self, label: str, result: Result, key: str | None = None) -> Result:
        """A task run for a row whose result is known: it belongs to an equal row, or the row could not even be asked."""

        async def known() -> Result:
            return _raise_failed(result)

        try:
            return await run_task(self._tasks.row, Call(label, key, known), self._gate)
        except RowFailed as failed:
            return failed.result

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        async with self._free:
            await self._gate.open()
            yield

    def _tell(self, row: int, result: Result, started: float, *, cached: bool) -> Result:
        self.completed += not _failed(result)
        self._listener(
            RowFinished(
                row=row,
                status=result.status,
                confidence=result.confidence if result.status == "completed" else None,
                cost_usd=0.0 if cached else result.cost_usd,
                seconds=time.monotonic() - started,
                cached=cached,
                error=result.error,
            )
        )
        return result

    def _refused(self, row: int, error: InvalidInput) -> Result:
        return self._failure(
            task_id=content_key("refused row", request=dict(self._request.content), row=row)[:32],
            task="",
            processor=str(self._request.options.get("processor", "core")),
            error_kind=error.kind,
            error=f"{error.kind}: {error}",
        )

    def _why_not(self) -> tuple[str, str] | None:
        """Why no row is begun any more: a kind of error, and words."""
        if self._held is None and self._purse.refusal is not None:
            self.hold(BUDGET_EXHAUSTED, self._purse.refusal)
        return self._held

    def _not_begun(self, task: Task, why_not: tuple[str, str]) -> Result:
        return self._failure(
            task_id=content_key("task", task=task.identity(), world=self._world_identity)[:32],
            task=task.task,
            processor=task.processor,
            metadata=task.metadata,
            error_kind=why_not[0],
            error=": ".join(why_not),
        )

    def _broken(self, task: Task, bug: Exception) -> Result:
        return self._failure(
            task_id=content_key("task", task=task.identity(), world=self._world_identity)[:32],
            task=task.task,
            processor=task.processor,
            metadata=task.metadata,
            error_kind="bug",
            error=f"a bug, please report it: {type(bug).__name__}: {bug}",
            cost_usd=None,
        )

    def _failure(self, **parts: Any) -> Result:
        now = utc_now()
        return Result(
            status="failed",
            model=self._world.model.name,
            fields=[field.name for field in self._request.spec.fields],
            output_schema=dict(self._request.spec.schema),
            created_at=now,
            modified_at=now,
            completed_at=now,
            **{"cost_usd": 0.0, **parts},
        )


def _untold(result: Result, started: float, *, cached: bool) -> Result:
    return result


def _failed(result: Result) -> bool:
    return result.status != "completed"


def _raise_failed(result: Result) -> Result:
    if _failed(result):
        raise RowFailed(result)
    return result
