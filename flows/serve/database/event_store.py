"""Events of tasks in the database: written beside what they tell of, read by number."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flows.serve.database.database import Database, uninterrupted
from flows.serve.database.rows import record_of
from flows.serve.database.schema import events, tasks
from flows.serve.records.task_records import TaskEvent

STATUS: Final = "status"
PROGRESS: Final = "progress"
READ_AT_ONCE: Final = 500


class EventStore:
    """The events of all tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, connection: AsyncConnection, number: int, type: str, data: Mapping[str, Any], at: float) -> None:
        """Write an event in the transaction that makes it true."""
        counted = (
            update(tasks)
            .where(tasks.c.number == number)
            .values(last_sequence=tasks.c.last_sequence + 1)
            .returning(tasks.c.last_sequence, tasks.c.owner, tasks.c.id, tasks.c.group_id)
        )
        row = (await connection.execute(counted)).one()
        await connection.execute(
            insert(events).values(
                task_number=number,
                owner=row.owner,
                task_id=row.id,
                group_id=row.group_id,
                sequence=row.last_sequence,
                type=type,
                data=json.dumps(dict(data)),
                at=at,
            )
        )

    async def of_task(self, number: int, after: int) -> list[TaskEvent]:
        """Those of a task whose sequence is higher, in order; at most `READ_AT_ONCE`."""
        chosen = select(events).where(events.c.task_number == number, events.c.sequence > after).order_by(events.c.sequence)
        return await self._read(chosen.limit(READ_AT_ONCE))

    async def of_group(self, owner: str, group_id: str, after: int) -> list[TaskEvent]:
        """Those of a group's tasks whose id is higher, in order; at most `READ_AT_ONCE`."""
        chosen = select(events).where(events.c.owner == owner, events.c.group_id == group_id, events.c.id > after)
        return await self._read(chosen.order_by(events.c.id).limit(READ_AT_ONCE))

    @uninterrupted
    async def latest(self) -> int:
        """The highest id there is."""
        async with self._database.reading() as connection:
            found = await connection.execute(select(events.c.id).order_by(events.c.id.desc()).limit(1))
            return found.scalar_one_or_none() or 0

    @uninterrupted
    async def since(self, after: int) -> Sequence[tuple[int, int, str, str | None]]:
        """(id, task number, owner, group) of events after an id, in order."""
        chosen = select(events.c.id, events.c.task_number, events.c.owner, events.c.group_id).where(events.c.id > after)
        async with self._database.reading() as connection:
            rows = await connection.execute(chosen.order_by(events.c.id).limit(10 * READ_AT_ONCE))
            return [(row.id, row.task_number, row.owner, row.group_id) for row in rows]

    @uninterrupted
    async def _read(self, chosen: Any) -> list[TaskEvent]:
        async with self._database.reading() as connection:
            rows = (await connection.execute(chosen)).mappings().all()
        return [record_of(TaskEvent, row, data=json.loads(row["data"])) for row in rows]
