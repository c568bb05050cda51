"""Tells webhooks of tasks that have ended. What is to be told is written down in the transaction that ends a task, so it is told
at least once, whatever is killed; each attempt is a row, and the next one follows after 5, 10, 20, … seconds."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Select, func, insert, or_, select, update
from sqlalchemy.engine import Row

from flows.serve.database.database import Database, uninterrupted
from flows.serve.database.event_store import EventStore
from flows.serve.database.schema import attempts, deliveries
from flows.serve.database.task_store import TaskStore
from flows.serve.records.monitor_records import MONITOR_EVENTS, notice
from flows.serve.records.task_records import TaskRecord
from flows.serve.service.admission import Admission
from research.display.printable import printable_logger
from research.errors import InvalidInput
from research.result.artifact import CompletionArtifact
from research.result.progress import ProgressEvent
from research.result.result import Result
from research.task.webhook import ARTIFACT, STATUS_EVENTS
from research.webhooks.attempts import Attempt
from research.webhooks.delivery import GONE, Event, Patience, attempt_delivery, delivery_id

LOOK_SECONDS: Final = 1.0
AT_ONCE: Final = 100
"""Deliveries that are made side by side."""
TO_ONE_ADDRESS: Final = 5
"""Of them, to one address of one owner: one that does not answer keeps no other waiting."""
LEASE_SECONDS: Final = 60.0
"""How long a delivery belongs to the service that makes it: longer than an attempt may take."""

_log: Final = printable_logger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """What a webhook is told."""

    type: str
    data: Mapping[str, Any]


Words = Callable[[TaskRecord], Told]
"""What a dialect tells of a task that has ended."""


class Outbox:
    """The deliveries of a database.

    Args:
        admission: says who may be told, and signs.
        words: what dialects tell, by their names; of the others, the contract's events.
        patience: how long a receiver is tried.
    """

    def __init__(
        self,
        database: Database,
        tasks: TaskStore,
        events: EventStore,
        admission: Admission,
        words: Mapping[str, Words],
        patience: Patience | None = None,
    ) -> None:
        self._database = database
        self._tasks = tasks
        self._events = events
        self._admission = admission
        self._words = words
        self._patience = patience or Patience()
        self._loop: asyncio.Task[None] | None = None
        self._under_way: Counter[tuple[str, str]] = Counter()
        """Deliveries by owner and address."""
        self._has_ended = asyncio.Event()
        """Whether a delivery has, which leaves its place to another."""

    def start(self) -> None:
        self._loop = asyncio.create_task(self._work())

    async def stop(self) -> None:
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                self._has_ended.clear()
                try:
                    for row in await self._take():
                        self._under_way[row.owner, row.url] += 1
                        group.create_task(self._deliver(row))
                except Exception:  # noqa: BLE001 - the database is away for a moment
                    _log.warning("webhooks could not be told; trying again", exc_info=True)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._has_ended.wait()

    @uninterrupted
    async def _take(self) -> list[Row[Any]]:
        """Deliveries that are due and have a place, which no other service makes from now on."""
        async with self._database.reading() as connection:
            now = await self._database.read_clock(connection)
            due = (await connection.execute(self._due(now))).all()
        return await self._claim(due) if due else []

    def _due(self, now: float) -> Select[Any]:
        """Of each address the first ones that have a place, and of those the first ones that have a place at all."""
        full = [each for each, count in self._under_way.items() if count >= TO_ONE_ADDRESS]
        others = [or_(deliveries.c.owner != owner, deliveries.c.url != url) for owner, url in full]
        address = [deliveries.c.owner, deliveries.c.url]
        place = func.row_number().over(partition_by=address, order_by=deliveries.c.next_at).label("place")
        ranked = select(deliveries, place).where(deliveries.c.next_at <= now, *others).subquery()
        free = AT_ONCE - self._under_way.total()
        return select(ranked).where(ranked.c.place <= TO_ONE_ADDRESS).order_by(ranked.c.next_at).limit(free)

    async def _claim(self, due: Sequence[Row[Any]]) -> list[Row[Any]]:
        claimed, under_way = [], Counter(self._under_way)
        async with self._database.writing() as connection:
            now = await self._database.read_clock(connection)
            for row in due:
                if under_way[row.owner, row.url] >= TO_ONE_ADDRESS:
                    continue
                mine = (deliveries.c.id == row.id, deliveries.c.next_at == row.next_at)
                moved = await connection.execute(update(deliveries).where(*mine).values(next_at=now + LEASE_SECONDS))
                if moved.rowcount == 1:
                    claimed.append(row)
                    under_way[row.owner, row.url] += 1
        return claimed

    async def _deliver(self, row: Row[Any]) -> None:
        try:
            await self._send(row)
        except Exception:  # noqa: BLE001 - the database is away for a moment, or this delivery is odd: the others go on
            _log.warning("the webhook of task %s could not be told; trying again", row.task_id, exc_info=True)
        finally:
            self._under_way -= Counter({(row.owner, row.url): 1})
            self._has_ended.set()

    async def _send(self, row: Row[Any]) -> None:
        told, at = await self._told(row)
        event = Event(told.type, json.dumps([row.owner, row.task_id, told.type]), told.data, at)
        try:
            receiver = self._admission.receiver(row.url)
        except InvalidInput as error:  # it was allowed when the task was accepted, and is not any more
            _log.warning("the webhook of task %s is not told: %s", row.task_id, error)
            await self._written(row, None)
            return
        attempt = await attempt_delivery(event, receiver, delivery_id(event, receiver), row.attempts + 1, self._patience.seconds)
        await self._written(row, attempt)

    async def _told(self, row: Row[Any]) -> tuple[Told, datetime]:
        """What is told, and when it happened."""
        if row.notice is not None:
            written = json.loads(row.notice)
            return Told(row.type, written["data"]), datetime.fromtimestamp(written["at"], UTC)
        record = await self._tasks.by_number(row.task_number)
        at = record.completed_at or record.modified_at
        if row.type in MONITOR_EVENTS:
            return Told(row.type, notice(record)), at
        return await self._artifact(record) if row.type == ARTIFACT else self._status(record), at

    @uninterrupted
    async def _written(self, row: Row[Any], attempt: Attempt | None) -> None:
        """Write an attempt down, and when the next one follows. None: no attempt can be made."""
        made = row.attempts + (attempt is not None)
        delays = self._patience.delays
        is_over = attempt is None or attempt.accepted or attempt.status == GONE or made > len(delays)
        async with self._database.writing() as connection:
            now = await self._database.read_clock(connection)
            await connection.execute(
                update(deliveries)
                .where(deliveries.c.id == row.id)
                .values(
                    attempts=made,
                    accepted=attempt is not None and attempt.accepted,
                    next_at=None if is_over else now + delays[made - 1],
                )
            )
            if attempt is not None:
                document = attempt.model_dump_json()
                values = {"delivery_id": row.id, "owner": row.owner, "task_id": row.task_id, "attempt": made, "value": document}
                await connection.execute(insert(attempts).values(**values))

    def _status(self, record: TaskRecord) -> Told:
        if (words := self._words.get(record.dialect)) is not None:
            return words(record)
        return Told(STATUS_EVENTS[record.status], result_of(record).model_dump(mode="json"))

    async def _artifact(self, record: TaskRecord) -> Told:
        reported: list[ProgressEvent] = []
        while found := await self._events.of_task(record.number, reported[-1].sequence if reported else 0):
            reported += [
                ProgressEvent.model_validate(event.model_dump(include={"sequence", "type", "data", "at"})) for event in found
            ]
        artifact = CompletionArtifact.of(record.task, result_of(record), tuple(reported))
        return Told(ARTIFACT, artifact.model_dump(mode="json"))


def result_of(record: TaskRecord) -> Result:
    """A record's result; of a task that ended without one, what is known of it."""
    if record.result is not None:
        return record.result
    return Result(
        task_id=record.id,
        status=record.status,
        task=record.task.task,
        processor=record.task.processor,
        model=record.task.model or "",
        metadata=record.task.metadata,
        fields=[field.name for field in record.task.output_schema.fields],
        output_schema=dict(record.task.output_schema.schema),
        error=None if record.error is None else record.error.message,
        error_kind=None if record.error is None else record.error.kind,
        session_id=record.session_id,
        taskgroup_id=record.group_id,
        warnings=record.warnings,
        created_at=record.created_at,
        modified_at=record.modified_at,
        completed_at=record.completed_at,
    )
