"""Who works on which task. A claim is a lease in the records: taken by compare-and-set, renewed while the work goes on, and
free for another worker once it has run out. Only who holds a claim writes what became of its task: nothing is finished twice."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

import research.errors
from flows.serve.database.database import Database, uninterrupted
from flows.serve.database.event_store import PROGRESS, STATUS, EventStore
from flows.serve.database.rows import from_json, to_json
from flows.serve.database.schema import deliveries, steps, tasks
from flows.serve.errors import NotWaiting, UnknownTask
from flows.serve.records.task_records import FINAL, OPEN, TaskError
from research.result.result import Result, Status
from research.task.decisions import Action, Decided, Decision, refuse_unfit
from research.task.task import Task
from research.task.webhook import ARTIFACT, STATUS_EVENTS

LEASE_SECONDS: Final = 30.0
"""How long a claim holds without being renewed."""
MOST_ATTEMPTS: Final = 5
"""A task whose workers die this often has failed: it may be what kills them."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A task in a worker's hands."""

    number: int
    token: str
    """Of this claim alone."""
    replaces: str | None = None
    """The background task of a worker that was lost while it held the task."""


class Claims:
    """The claims on all tasks."""

    def __init__(self, database: Database, events: EventStore, lease_seconds: float = LEASE_SECONDS) -> None:
        self._database = database
        self._events = events
        self.lease_seconds = lease_seconds

    @uninterrupted
    async def take(self, worker: str, task_run_id: str | None = None) -> Claim | None:
        """Claim the task whose turn it is: the oldest one of the owner who has the fewest under way. None: none is to be done."""
        async with self._database.writing() as connection:
            now = await self._database.read_clock(connection)
            number = await self._next(connection, now)
            if number is None:
                return None
            row = (await connection.execute(select(tasks).where(tasks.c.number == number))).one()
            claim = Claim(number, uuid4().hex, row.task_run_id if row.claim is not None else None)
            taken = await connection.execute(
                update(tasks)
                .where(tasks.c.number == number, claimable(now))
                .values(
                    claim=claim.token,
                    worker=worker,
                    task_run_id=task_run_id,
                    lease_until=now + self.lease_seconds,
                    attempts=tasks.c.attempts + 1,
                    modified_at=now,
                )
            )
            if taken.rowcount != 1:  # another worker was faster
                return None
            if row.status == "queued":
                await self._set_status(connection, number, "running", now)
            return claim

    @uninterrupted
    async def renew(self, claims: Collection[Claim]) -> dict[Claim, Status]:
        """Renew claims. Returns those that still hold, each with its task's status: `cancelling` says that the work shall end."""
        held: dict[Claim, Status] = {}
        async with self._database.writing() as connection:
            now = await self._database.read_clock(connection)
            for claim in claims:
                renewed = (
                    update(tasks)
                    .where(tasks.c.number == claim.number, tasks.c.claim == claim.token)
                    .values(lease_until=now + self.lease_seconds)
                    .returning(tasks.c.status)
                )
                if (status := (await connection.execute(renewed)).scalar_one_or_none()) is not None:
                    held[claim] = status
        return held

    @uninterrupted
    async def statuses(self, claims: Collection[Claim]) -> dict[int, Status]:
        """The statuses of claimed tasks, by number."""
        chosen = select(tasks.c.number, tasks.c.status).where(tasks.c.number.in_([claim.number for claim in claims]))
        async with self._database.reading() as connection:
            return {row.number: row.status for row in await connection.execute(chosen)}

    @uninterrupted
    async def progress(self, claim: Claim, data: Mapping[str, Any]) -> None:
        """Record that a claimed task has come further."""
        async with self._database.writing() as connection:
            if await self._holds(connection, claim):
                await self._events.add(connection, claim.number, PROGRESS, data, await self._database.read_clock(connection))

    @uninterrupted
    async def finish(self, claim: Claim, status: Status, result: Result | None, error: TaskError | None) -> bool:
        """Write what became of a claimed task. False: it is another's by now, or was ended by somebody; nothing is written."""
        async with self._database.writing() as connection:
            if not await self._holds(connection, claim):
                return False
            return await self.end(connection, claim.number, status, result, error)

    @uninterrupted
    async def suspend(self, claim: Claim, action: Action, result: Result) -> bool:
        """Let a claimed task wait for a person. It is nobody's until a decision has come."""
        async with self._database.writing() as connection:
            if not await self._holds(connection, claim):
                return False
            now = await self._database.read_clock(connection)
            waiting = {"claim": None, "lease_until": None, "attempts": 0, "action": action.model_dump_json()}
            await connection.execute(
                update(tasks).where(tasks.c.number == claim.number).values(result=result.model_dump_json(), **waiting)
            )
            await self._set_status(connection, claim.number, "action_required", now)
            return True

    @uninterrupted
    async def decide(self, owner: str, id: str, decision: Decision) -> None:
        """Write down what a person has decided about a task that waits for it, which is claimed again then.

        Raises:
            UnknownTask: this owner has no such task.
            NotWaiting: it waits for nothing, or for something else.
        """
        async with self._database.writing() as connection:
            chosen = select(tasks).where(tasks.c.owner == owner, tasks.c.id == id)
            row = (await connection.execute(chosen.with_for_update())).one_or_none()
            if row is None:
                raise UnknownTask(f"there is no task {id!r}")
            if row.status != "action_required":
                raise NotWaiting(f"the task waits for no decision: its status is {row.status}")
            before = from_json(Decided, row.decision) or Decided()
            try:
                refuse_unfit(Action.model_validate_json(row.action), decision)
            except research.errors.NotWaiting as error:
                raise NotWaiting(str(error)) from error
            decided = before.with_decision(decision).model_dump_json()
            await connection.execute(update(tasks).where(tasks.c.number == row.number).values(decision=decided, action=None))
            await self._set_status(connection, row.number, "queued", await self._database.read_clock(connection))

    @uninterrupted
    async def give_back(self, claim: Claim, seconds: float) -> None:
        """Let others have a claimed task after some seconds: it is unfinished through no fault of its own."""
        async with self._database.writing() as connection:
            now = await self._database.read_clock(connection)
            await connection.execute(
                update(tasks)
                .where(tasks.c.number == claim.number, tasks.c.claim == claim.token)
                .values(claim=None, lease_until=now + seconds, attempts=tasks.c.attempts - 1)
            )

    @uninterrupted
    async def cancel(self, owner: str, id: str) -> None:
        """Cancel a task: at once where nobody works on it, else as soon as its worker sees it. A final one stays what it is."""
        async with self._database.writing() as connection:
            now = await self._database.read_clock(connection)
            chosen = select(tasks).where(tasks.c.owner == owner, tasks.c.id == id)
            row = (await connection.execute(chosen.with_for_update())).one_or_none()
            if row is None or row.status in FINAL or row.status == "cancelling":
                return
            if row.status == "running" and row.claim is not None:
                await self._set_status(connection, row.number, "cancelling", now)
            else:
                await self.end(connection, row.number, "cancelled", None, None)

    @uninterrupted
    async def sweep(self) -> int:
        """End what nobody will end: tasks whose cancellation outlived their worker, and tasks that were claimed too often.

        Returns: how many can be claimed.
        """
        async with self._database.writing() as connection:
            now = await self._database.read_clock(connection)
            lost = tasks.c.lease_until < now
            cancelled = select(tasks.c.number).where(tasks.c.status == "cancelling", lost)
            for number in (await connection.execute(cancelled.with_for_update())).scalars().all():
                await self.end(connection, number, "cancelled", None, None)
            hopeless = select(tasks.c.number).where(tasks.c.status == "running", lost, tasks.c.attempts >= MOST_ATTEMPTS)
            for number in (await connection.execute(hopeless.with_for_update())).scalars().all():
                why = f"{MOST_ATTEMPTS} workers ended while they were at this task, so it is not tried again"
                await self.end(connection, number, "failed", None, TaskError(kind="WorkerLost", message=why))
            counted = select(func.count()).select_from(tasks).where(claimable(now))
            return int((await connection.execute(counted)).scalar_one())

    async def end(
        self, connection: AsyncConnection, number: int, status: Status, result: Result | None, error: TaskError | None
    ) -> bool:
        """Give a task its final state, in a transaction of the caller's. False: it has one."""
        now = await self._database.read_clock(connection)
        ended = await connection.execute(
            update(tasks)
            .where(tasks.c.number == number, tasks.c.status.in_(OPEN))
            .values(
                result=to_json(result),
                error=to_json(error),
                action=None,
                claim=None,
                lease_until=None,
                reserved_usd=0.0,
                completed_at=now,
            )
        )
        if ended.rowcount != 1:
            return False
        await self._set_status(connection, number, status, now)
        await connection.execute(delete(steps).where(steps.c.task_number == number))
        row = (await connection.execute(select(tasks).where(tasks.c.number == number))).one()
        if row.webhook is not None:
            wanted = Task.model_validate_json(row.task).webhook
            there = {STATUS: STATUS_EVENTS[status], **({ARTIFACT: ARTIFACT} if row.handoff == "webhook" else {})}
            told = [kind for kind, event in there.items() if wanted is None or wanted.wants(event)]
            mine = {"task_number": number, "owner": row.owner, "task_id": row.id, "url": row.webhook}
            rows = [{**mine, "type": kind, "attempts": 0, "next_at": now, "accepted": False} for kind in told]
            if rows:
                await connection.execute(insert(deliveries), rows)
        return True

    async def _next(self, connection: AsyncConnection, now: float) -> int | None:
        waiting = select(tasks.c.owner, func.min(tasks.c.number).label("number")).where(claimable(now)).group_by(tasks.c.owner)
        oldest = (await connection.execute(waiting)).all()
        if len(oldest) < 2:
            return oldest[0].number if oldest else None
        busy = select(tasks.c.owner, func.count()).where(tasks.c.status == "running", tasks.c.lease_until >= now)
        held = {row[0]: row[1] for row in await connection.execute(busy.group_by(tasks.c.owner))}
        return int(min(oldest, key=lambda row: (held.get(row.owner, 0), row.number)).number)

    async def _holds(self, connection: AsyncConnection, claim: Claim) -> bool:
        chosen = select(tasks.c.number).where(tasks.c.number == claim.number, tasks.c.claim == claim.token)
        return (await connection.execute(chosen.with_for_update())).scalar_one_or_none() is not None

    async def _set_status(self, connection: AsyncConnection, number: int, status: Status, now: float) -> None:
        await connection.execute(update(tasks).where(tasks.c.number == number).values(status=status, modified_at=now))
        await self._events.add(connection, number, STATUS, {"status": status}, now)


def claimable(now: float) -> ColumnElement[bool]:
    """Waiting, or in the hands of a worker that has not renewed its claim."""
    lost = and_(tasks.c.status == "running", tasks.c.lease_until < now)
    return and_(or_(tasks.c.status == "queued", lost), tasks.c.attempts < MOST_ATTEMPTS)
