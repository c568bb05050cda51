"""Works on accepted tasks: claims one, researches it, writes what became of it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final
from uuid import uuid4

from sqlalchemy.exc import DBAPIError

from flows.serve.database.accounts import MoneyIsOut
from flows.serve.database.database import Database
from flows.serve.database.task_sessions import TaskSessions
from flows.serve.database.task_store import TaskStore
from flows.serve.records.monitor_records import is_of_monitor
from flows.serve.records.task_records import TaskError, TaskRecord
from flows.serve.work.capacity import Capacity
from flows.serve.work.claims import Claim, Claims
from flows.serve.work.finished_steps import StoredSteps
from flows.serve.work.spending import Spending
from flows.serve.work.worlds import Worlds
from research.display.printable import printable_logger
from research.errors import BUDGET_EXHAUSTED, BudgetExhausted, Interruption, ResearchError
from research.finding.find import FindRequest, FoundNames, find
from research.pipeline import Steps, research
from research.ports.world import World
from research.result.result import Result
from research.retrieval.retrieve import retrieve
from research.sessions.of_task import SessionOfTask
from research.steps.keys import Keys
from research.task.task import Task

LOOK_SECONDS: Final = 1.0
"""How often a worker looks whether a task of its is to be cancelled."""
SEEN_LOOKS: Final = 5
"""After how many of these looks it says again that it is there."""
MONEY_SECONDS: Final = 5.0
"""After how long a task is claimed again that waits for what other tasks do not spend."""
AGAIN_SECONDS: Final = 60.0
"""After how long a task is claimed again that something around it interrupted."""

Show = Callable[[Claim, TaskRecord], Awaitable[None]]

_log: Final = printable_logger(__name__)


class _ShareSpent(Exception):
    """A task has spent its share, and may have more."""


class Worker:
    """One process's hands. Its world is opened once; its claims are renewed while it works.

    Args:
        database: the records'.
        tasks: the tasks in it.
        claims: the claims in it.
        spending: the charges in it, and their caps.
        capacity: is told that this worker is there.
        worlds: what tasks are researched in.
    """

    def __init__(
        self, database: Database, tasks: TaskStore, claims: Claims, spending: Spending, capacity: Capacity, worlds: Worlds
    ) -> None:
        self._database = database
        self.capacity = capacity
        self._tasks = tasks
        self._claims = claims
        self._spending = spending
        self._worlds = worlds
        self._held: dict[Claim, asyncio.Task[None]] = {}
        self._showing: set[asyncio.Future[None]] = set()
        self._keeper: asyncio.Task[None] | None = None
        self._slots = 1
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:6]}"

    async def start(self, slots: int) -> None:
        """Open the world, and say that this worker is there.

        Args:
            slots: how many tasks it will have at once.

        Raises:
            InvalidInput: the world cannot be opened.
        """
        await self._worlds.check()
        self._slots = slots
        self._worlds.share_limits(await self.capacity.seen(self.name, slots))
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Stop, and give back what is unfinished."""
        for work in list(self._held.values()):
            _cancel(work)
        for showing in self._showing:
            showing.cancel()
        await asyncio.gather(*self._held.values(), *self._showing, return_exceptions=True)
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        with suppress(DBAPIError):  # the database is away: it will see that this worker is not heard of
            await self.capacity.left(self.name)
        await self._worlds.close()

    async def work_one(self, task_run_id: str | None = None, show: Show | None = None) -> TaskRecord | None:
        """Claim a task and work on it until it has ended. None: there was none to claim.

        Args:
            task_run_id: the background task that this is done for.
            show: runs beside the work, once it is known which task was claimed. The work does not wait for it; it raises nothing.
        """
        claim = await self._claims.take(self.name, task_run_id)
        if claim is None:
            return None
        work = asyncio.create_task(self._work(claim, show))
        self._held[claim] = work  # until it has ended: Prefect's engine cancels again and again, also the wait for its end
        work.add_done_callback(lambda _: self._held.pop(claim, None))
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            _cancel(work)
            await asyncio.wait([work])
            raise
        if not work.cancelled() and (error := work.exception()) is not None:
            raise error
        return await self._tasks.by_number(claim.number)

    async def _work(self, claim: Claim, show: Show | None) -> None:
        record = await self._tasks.by_number(claim.number)
        if show is not None:
            self._show(show(claim, record))
        if record.status == "cancelling":
            await self._claims.finish(claim, "cancelled", None, None)
            return
        try:
            await self._research(claim, record)
        except MoneyIsOut:
            await self._claims.give_back(claim, MONEY_SECONDS)
        except Interruption as error:
            _log.warning("task %s is interrupted, and is tried again in %g s: %s", record.id, AGAIN_SECONDS, error)
            await self._claims.give_back(claim, AGAIN_SECONDS)
        except ResearchError as error:
            await self._claims.finish(claim, "failed", None, TaskError(kind=error.kind, message=str(error)))
        except asyncio.CancelledError:
            await asyncio.shield(self._leave(claim))
            raise
        except Exception as error:  # noqa: BLE001 - an accepted task reaches a final state, whatever is wrong with it
            _log.exception("task %s failed by a fault of this program", record.id)
            why = f"a fault of the service itself ({type(error).__name__}); its log says more"
            await self._claims.finish(claim, "failed", None, TaskError(kind=type(error).__name__, message=why))

    def _show(self, work: Awaitable[None]) -> None:
        showing = asyncio.ensure_future(work)
        self._showing.add(showing)
        showing.add_done_callback(self._showing.discard)

    async def _research(self, claim: Claim, record: TaskRecord) -> None:
        session = SessionOfTask(record.task, TaskSessions(self._database, record), record.session_id)
        await session.load()
        async with self._worlds.for_task(record.task, looks_again=is_of_monitor(record)) as world:
            try:
                result = await self._paid(claim, record, session, world)
            except _ShareSpent:
                result = await self._paid(claim, record, session, world, takes_all=True)
        result = result.changed(created_at=record.created_at, session_id=record.session_id, taskgroup_id=record.group_id)
        if result.status == "action_required" and result.action is not None:
            await self._claims.suspend(claim, result.action, result)
            return
        error = None
        if result.status == "failed":
            error = TaskError(kind=result.error_kind or "ResearchError", message=result.error or "")
        await self._claims.finish(claim, result.status, result, error)

    async def _paid(
        self, claim: Claim, record: TaskRecord, session: SessionOfTask, world: World, *, takes_all: bool = False
    ) -> Result:
        """What a task comes to with its share of the money.

        Args:
            takes_all: its share is all that is left, not only what it will hardly need more than.

        Raises:
            _ShareSpent: it needs more than it has taken. What it has finished by then is found again.
        """
        async with self._spending.budget_of(record, world, takes_all=takes_all) as paying:
            mine = await session.continued(replace(world, budget=paying.budget))
            stored = StoredSteps(self._database, self._claims, claim, tells=record.enable_events, finished=paying.write)

            def steps_of(task: Task) -> Steps:
                return stored.wrapped(Keys.of(task, mine.identity), record.decided)

            try:
                if record.retrieval is not None:
                    result = await retrieve(record.task, record.retrieval, mine)
                elif record.find is not None:
                    result = await find(record.task, record.find, mine, steps_of, await self._found_before(record, record.find))
                else:
                    result = await research(record.task, mine, steps_of(record.task))
            except BudgetExhausted:
                if paying.may_have_more:
                    raise _ShareSpent from None
                raise
            if paying.may_have_more and _is_cut_short(record, result):
                raise _ShareSpent
            return result if record.session_id is None else await session.kept(result, mine)

    async def _found_before(self, record: TaskRecord, asked: FindRequest) -> FoundNames | None:
        """What the find came to that this one goes on with."""
        if asked.earlier is None:
            return None
        earlier = await self._tasks.get(record.owner, asked.earlier)
        if earlier.result is None or earlier.status != "completed":
            return None
        return FoundNames.model_validate(earlier.result.output)

    async def _leave(self, claim: Claim) -> None:
        """Of work that was cancelled: for good where its owner wishes so, else until another worker claims it."""
        statuses = await self._claims.statuses([claim])
        if statuses.get(claim.number) == "cancelling":
            await self._claims.finish(claim, "cancelled", None, None)
        else:
            await self._claims.give_back(claim, 0)

    async def _keep(self) -> None:
        """Renew the claims that this worker holds, and see whether their tasks are still wanted."""
        pause = min(LOOK_SECONDS, self._claims.lease_seconds / 3)
        looks_a_lease = max(1, int(self._claims.lease_seconds / 3 / pause))
        look = 0
        while True:
            await asyncio.sleep(pause)
            look += 1
            with suppress(DBAPIError, OSError):  # a database that is away: the lease may run out, which `finish` sees
                if look % SEEN_LOOKS == 0:
                    self._worlds.share_limits(await self.capacity.seen(self.name, self._slots))
                if not self._held:
                    continue
                if look % looks_a_lease == 0:
                    held = await self._claims.renew(list(self._held))
                    lost = [claim for claim in self._held if held.get(claim) in (None, "cancelling")]
                else:
                    statuses = await self._claims.statuses(list(self._held))
                    lost = [claim for claim in self._held if statuses.get(claim.number) == "cancelling"]
                for claim in lost:
                    if (work := self._held.get(claim)) is not None:
                        _cancel(work)


def _cancel(work: asyncio.Task[None]) -> None:
    """Cancel work, once: a second time would cut short what it does about its claim."""
    if not work.cancelling():
        work.cancel()


def _is_cut_short(record: TaskRecord, result: Result) -> bool:
    """Whether the money ended a task."""
    if record.find is not None and result.status == "completed":
        return FoundNames.model_validate(result.output).ended == "insufficient_funds"
    return result.status == "failed" and result.error_kind == BUDGET_EXHAUSTED
