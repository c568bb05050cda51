"""Monitors and their runs in the database: found by their owner alone, begun once, ended once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from flows.serve.database.database import Database, uninterrupted
from flows.serve.database.rows import record_of
from flows.serve.database.schema import deliveries, monitor_runs, monitors, tasks
from flows.serve.errors import MonitorCancelled, OverLimit, UnknownMonitor
from flows.serve.records.monitor_records import TOLD, Monitor, MonitorRun, MonitorSpec, MonitorStatus, Outcome
from flows.serve.records.task_records import FINAL, Submission

MOST_MONITORS: Final = 1_000
"""Of one owner, without those that are cancelled."""
AT_ONCE: Final = 200
"""Runs that one look takes up."""


class MonitorStore:
    """All monitors. What an owner asks for is looked up by the owner's id, too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @uninterrupted
    async def create(self, owner: str, spec: MonitorSpec, *, baseline: str | None, runs_now: bool) -> Monitor:
        """Write a new monitor.

        Args:
            baseline: the task that the first result is compared with.
            runs_now: its first run is begun with it; otherwise once its interval is over.

        Raises:
            OverLimit: the owner has too many.
        """
        id = f"monitor_{uuid4().hex}"
        async with self._database.writing() as connection:
            now = await self._database.read_clock(connection)
            mine = (monitors.c.owner == owner, monitors.c.status != "cancelled")
            held = (await connection.execute(select(func.count()).select_from(monitors).where(*mine))).scalar_one()
            if held >= MOST_MONITORS:
                raise OverLimit(f"you may have {MOST_MONITORS:,} monitors: cancel one that is not needed", 60)
            await connection.execute(
                insert(monitors).values(
                    id=id,
                    owner=owner,
                    kind=spec.kind,
                    status="active",
                    spec=spec.model_dump_json(),
                    baseline=baseline,
                    created_at=now,
                    next_at=now + spec.seconds,
                )
            )
            row = await self._own(connection, owner, id)
            if runs_now:
                await self._begin(connection, row, now)
            return _monitor(await self._own(connection, owner, id))

    @uninterrupted
    async def get(self, owner: str, id: str) -> Monitor:
        """An owner's monitor.

        Raises:
            UnknownMonitor: this owner has no such monitor.
        """
        async with self._database.reading() as connection:
            return _monitor(await self._own(connection, owner, id))

    @uninterrupted
    async def page(
        self, owner: str, *, before: int | None, limit: int, statuses: Sequence[str], kinds: Sequence[str]
    ) -> list[Monitor]:
        """An owner's monitors, the latest first."""
        chosen = select(monitors).where(monitors.c.owner == owner, monitors.c.status.in_(statuses))
        if kinds:
            chosen = chosen.where(monitors.c.kind.in_(kinds))
        if before is not None:
            chosen = chosen.where(monitors.c.number < before)
        async with self._database.reading() as connection:
            found = await connection.execute(chosen.order_by(monitors.c.number.desc()).limit(limit))
            return [_monitor(row) for row in found.mappings().all()]

    @uninterrupted
    async def change(self, owner: str, id: str, spec: MonitorSpec) -> Monitor:
        """Runs that are begun from now on are of this spec. Another interval is counted from now.

        Raises:
            UnknownMonitor, MonitorCancelled
        """
        async with self._database.writing() as connection:
            row = await self._alive(connection, owner, id)
            values: dict[str, Any] = {"spec": spec.model_dump_json()}
            if spec.seconds != _monitor(row).spec.seconds:
                values["next_at"] = await self._database.read_clock(connection) + spec.seconds
            await connection.execute(update(monitors).where(monitors.c.number == row["number"]).values(**values))
            return _monitor(await self._own(connection, owner, id))

    @uninterrupted
    async def set_status(self, owner: str, id: str, status: MonitorStatus) -> Monitor:
        """Pause, resume or cancel a monitor.

        Raises:
            UnknownMonitor: this owner has no such monitor.
            MonitorCancelled: it is cancelled, and shall be something else.
        """
        async with self._database.writing() as connection:
            row = await (self._own if status == "cancelled" else self._alive)(connection, owner, id)
            await connection.execute(update(monitors).where(monitors.c.number == row["number"]).values(status=status))
            if status == "cancelled":
                await self._drop_unsent(connection, row["number"])
            return _monitor(await self._own(connection, owner, id))

    @uninterrupted
    async def delete(self, owner: str, id: str) -> None:
        """The monitor and its events are gone; the tasks of its runs stay.

        Raises:
            UnknownMonitor: this owner has no such monitor.
        """
        async with self._database.writing() as connection:
            row = await self._own(connection, owner, id)
            await connection.execute(delete(monitor_runs).where(monitor_runs.c.monitor_number == row["number"]))
            await connection.execute(delete(monitors).where(monitors.c.number == row["number"]))

    @uninterrupted
    async def begin(self, owner: str, id: str) -> None:
        """Begin a run now, unless one is open. The schedule stays.

        Raises:
            UnknownMonitor, MonitorCancelled
        """
        async with self._database.writing() as connection:
            row = await self._alive(connection, owner, id)
            if not await self._is_open(connection, row["number"]):
                await self._begin(connection, row, await self._database.read_clock(connection))

    @uninterrupted
    async def begin_due(self) -> int:
        """Begin a run of each monitor that is due, once however many processes look. One whose last run is open waits for its
        end. Returns how many."""
        begun = 0
        chosen = select(monitors).where(monitors.c.status == "active")
        async with self._database.reading() as connection:  # most looks find nothing, and need no turn at writing
            now = await self._database.read_clock(connection)
            if (await connection.execute(chosen.where(monitors.c.next_at <= now).limit(1))).first() is None:
                return 0
        async with self._database.writing() as connection:
            now = await self._database.read_clock(connection)
            is_open = select(monitor_runs.c.number).where(
                monitor_runs.c.monitor_number == monitors.c.number, monitor_runs.c.outcome.is_(None)
            )
            due = chosen.where(monitors.c.next_at <= now, ~is_open.exists()).order_by(monitors.c.next_at).limit(AT_ONCE)
            for row in (await connection.execute(due)).mappings().all():
                seconds = _monitor(row).spec.seconds
                missed = int((now - row["next_at"]) // seconds)
                seen = (monitors.c.number == row["number"], monitors.c.next_at == row["next_at"])
                after = row["next_at"] + seconds * (missed + 1)
                if (await connection.execute(update(monitors).where(*seen).values(next_at=after))).rowcount == 1:
                    await self._begin(connection, row, now)
                    begun += 1
        return begun

    @uninterrupted
    async def unsent(self, monitor: int | None = None) -> list[MonitorRun]:
        """Runs that are begun and not submitted yet, the oldest first.

        Args:
            monitor: only those of the monitor of this number.
        """
        return await self._runs(monitor_runs.c.outcome.is_(None), monitor_runs.c.task_id.is_(None), *_of(monitor))

    @uninterrupted
    async def sent(self, run: MonitorRun, task_id: str) -> bool:
        """A run was submitted as a task. False: the run is gone, since its monitor is."""
        async with self._database.writing() as connection:
            known = update(monitor_runs).where(monitor_runs.c.id == run.id).values(task_id=task_id)
            return (await connection.execute(known)).rowcount == 1

    @uninterrupted
    async def under_way(self, monitor: int) -> list[MonitorRun]:
        """Runs of a monitor that are submitted and have not ended."""
        return await self._runs(monitor_runs.c.outcome.is_(None), monitor_runs.c.task_id.is_not(None), *_of(monitor))

    @uninterrupted
    async def ended(self, monitor: int | None = None) -> list[MonitorRun]:
        """Runs without an outcome whose tasks have ended, the oldest first."""
        final = select(tasks.c.number).where(
            tasks.c.owner == monitor_runs.c.owner, tasks.c.id == monitor_runs.c.task_id, tasks.c.status.in_(sorted(FINAL))
        )
        return await self._runs(monitor_runs.c.outcome.is_(None), final.exists(), *_of(monitor))

    @uninterrupted
    async def monitor_of(self, run: MonitorRun) -> Monitor | None:
        """The monitor of a run. None: it is gone."""
        async with self._database.reading() as connection:
            found = await connection.execute(select(monitors).where(monitors.c.number == run.monitor_number))
            row = found.mappings().one_or_none()
        return None if row is None else _monitor(row)

    @uninterrupted
    async def finish(
        self,
        run: MonitorRun,
        monitor: Monitor,
        outcome: Outcome,
        *,
        task_number: int | None = None,
        fields: Sequence[str] = (),
        error: str | None = None,
    ) -> bool:
        """Write what came of a run, and whom to tell. False: it was written before.

        Args:
            task_number: of its task; None: there is none, because it was not accepted.
        """
        async with self._database.writing() as connection:
            now = await self._database.read_clock(connection)
            ended = await connection.execute(
                update(monitor_runs)
                .where(monitor_runs.c.id == run.id, monitor_runs.c.outcome.is_(None))
                .values(outcome=outcome, ended_at=now, previous=monitor.baseline, fields=json.dumps(list(fields)), error=error)
            )
            if ended.rowcount != 1:
                return False
            if outcome != "failed":
                mine = monitors.c.number == run.monitor_number
                await connection.execute(update(monitors).where(mine).values(baseline=run.task_id))
            kind, spec = TOLD[outcome], monitor.spec
            if spec.webhook is not None and kind in spec.webhook_events:
                told: dict[str, Any] = {"task_number": task_number, "task_id": run.task_id}
                if task_number is None:  # it was never accepted, so there is no task to make the notice of
                    notice = {**run.submission.request, "error_message": error}
                    told = {"task_number": 0, "task_id": run.id, "notice": json.dumps({"at": now, "data": notice})}
                told |= {"owner": run.owner, "url": spec.webhook, "type": kind}
                await connection.execute(insert(deliveries).values(**told, attempts=0, next_at=now, accepted=False))
        return True

    @uninterrupted
    async def runs(
        self, monitor: int, *, before: int | None, limit: int, outcomes: Sequence[Outcome], id: str | None = None
    ) -> list[MonitorRun]:
        """Runs of a monitor that have these outcomes, the latest first."""
        chosen = select(monitor_runs).where(monitor_runs.c.monitor_number == monitor, monitor_runs.c.outcome.in_(outcomes))
        if id is not None:
            chosen = chosen.where(monitor_runs.c.id == id)
        if before is not None:
            chosen = chosen.where(monitor_runs.c.number < before)
        async with self._database.reading() as connection:
            found = await connection.execute(chosen.order_by(monitor_runs.c.number.desc()).limit(limit))
            return [_run(row) for row in found.mappings().all()]

    async def _begin(self, connection: AsyncConnection, row: RowMapping, now: float) -> None:
        id = f"mevtgrp_{uuid4().hex}"
        spec = MonitorSpec.model_validate_json(row["spec"])
        named = {"monitor_id": row["id"], "event": {"event_group_id": id}, "metadata": spec.metadata}
        submission = spec.submission.changed(idempotency_key=id, request=named)
        await connection.execute(
            insert(monitor_runs).values(
                id=id,
                monitor_number=row["number"],
                owner=row["owner"],
                submission=submission.model_dump_json(),
                started_at=now,
            )
        )
        await connection.execute(update(monitors).where(monitors.c.number == row["number"]).values(last_run_at=now))

    async def _is_open(self, connection: AsyncConnection, number: int) -> bool:
        found = select(monitor_runs.c.id).where(monitor_runs.c.monitor_number == number, monitor_runs.c.outcome.is_(None))
        return (await connection.execute(found.limit(1))).first() is not None

    async def _drop_unsent(self, connection: AsyncConnection, number: int) -> None:
        unsent = (monitor_runs.c.outcome.is_(None), monitor_runs.c.task_id.is_(None))
        await connection.execute(delete(monitor_runs).where(monitor_runs.c.monitor_number == number, *unsent))

    async def _runs(self, *where: Any) -> list[MonitorRun]:
        chosen = select(monitor_runs).where(*where).order_by(monitor_runs.c.number).limit(AT_ONCE)
        async with self._database.reading() as connection:
            return [_run(row) for row in (await connection.execute(chosen)).mappings().all()]

    async def _own(self, connection: AsyncConnection, owner: str, id: str) -> RowMapping:
        chosen = select(monitors).where(monitors.c.owner == owner, monitors.c.id == id)
        row = None if "\0" in id else (await connection.execute(chosen)).mappings().one_or_none()
        if row is None:
            raise UnknownMonitor(f"there is no monitor {id!r}")
        return row

    async def _alive(self, connection: AsyncConnection, owner: str, id: str) -> RowMapping:
        row = await self._own(connection, owner, id)
        if row["status"] == "cancelled":
            raise MonitorCancelled(f"the monitor {id} is cancelled, which is for good: make a new one")
        return row


def _of(monitor: int | None) -> list[Any]:
    return [] if monitor is None else [monitor_runs.c.monitor_number == monitor]


def _monitor(row: RowMapping) -> Monitor:
    spec = MonitorSpec.model_validate_json(row["spec"])
    return record_of(Monitor, row, spec=spec, next_run_at=row["next_at"])


def _run(row: RowMapping) -> MonitorRun:
    submission = Submission.model_validate_json(row["submission"])
    return record_of(MonitorRun, row, submission=submission, fields=json.loads(row["fields"] or "[]"))
