"""Tasks and groups in the database: accepted once, found by their owner alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import ColumnElement, Select, and_, func, insert, or_, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from flows.serve.database.database import Database, uninterrupted
from flows.serve.database.event_store import STATUS, EventStore
from flows.serve.database.rows import from_json, record_of, to_json
from flows.serve.database.schema import groups, tasks
from flows.serve.errors import TaskConflict, UnknownGroup, UnknownTask
from flows.serve.records.task_records import OPEN, Group, Submission, TaskError, TaskRecord
from research.finding.find import FindRequest
from research.identity import content_key
from research.result.result import Result, Status
from research.retrieval.retrieved import Retrieval
from research.sessions.folder import unknown
from research.task.decisions import Action, Decided
from research.task.task import Task

OPEN_TO_ALL: Final = ("public", "unlisted")
"""What a task's visibility is that every owner may read who knows its id."""
PREMIUM: Final = ("ultra", "research")
"""Tiers whose progress is recorded unless the caller says otherwise."""


class TaskStore:
    """All tasks. Every look-up takes the owner's id, and another owner's task is as unknown as one that is not there."""

    def __init__(self, database: Database, events: EventStore) -> None:
        self._database = database
        self._events = events

    @uninterrupted
    async def accept(
        self, owner: str, submissions: Sequence[Submission], max_open: int | None, *, team: str | None = None
    ) -> list[TaskRecord]:
        """Write tasks, all of them or none. What was accepted before, under the same id or idempotency key and with the same
        content, is found again.

        Args:
            team: the owner's, which may read those of its tasks that say so.

        Raises:
            TaskConflict: the same id or idempotency key, with other content.
            UnknownGroup: a group that is not there.
            UnknownSession: a session that is not there, or is another end user's.
            TooManyOpen: more would be open than may be.
        """
        async with self._database.writing() as connection:
            now = await self._database.read_clock(connection)
            await self._check_groups(connection, owner, {each.group_id for each in submissions if each.group_id is not None})
            for submission in submissions:
                await self._check_session(connection, owner, submission.task)
            accepted: list[tuple[int, bool]] = []
            for submission in submissions:
                earlier = await self._earlier(connection, owner, submission)
                accepted.append(
                    (earlier, False)
                    if earlier is not None
                    else (await self._insert(connection, owner, team, submission, now), True)
                )
            if max_open is not None and any(new for _, new in accepted):
                held = await self._count_open(connection, owner)
                if held > max_open:
                    raise TooManyOpen(held)
            rows = await self._rows(connection, [number for number, _ in accepted])
        return [_record(rows[number], is_new=new) for number, new in accepted]

    @uninterrupted
    async def get(self, owner: str, id: str) -> TaskRecord:
        """An owner's task.

        Raises:
            UnknownTask: this owner has no such task.
        """
        return await self._one(select(tasks).where(tasks.c.owner == owner, tasks.c.id == id), id)

    @uninterrupted
    async def readable(self, reader: str, team: str | None, id: str) -> TaskRecord:
        """A task of another owner that its visibility lets this one read. Of several with the same id, the first one.

        Raises:
            UnknownTask: there is none.
        """
        of_team = and_(tasks.c.visibility == "team", tasks.c.team == team, tasks.c.team.is_not(None))
        may = or_(tasks.c.visibility.in_(OPEN_TO_ALL), of_team)
        chosen = select(tasks).where(tasks.c.id == id, tasks.c.owner != reader, may)
        return await self._one(chosen.order_by(tasks.c.number).limit(1), id)

    @uninterrupted
    async def public(self, *, before: int | None, limit: int, dialect: str) -> list[TaskRecord]:
        """The public tasks of all owners, the latest first."""
        chosen = select(tasks).where(tasks.c.visibility == "public", tasks.c.dialect == dialect)
        if before is not None:
            chosen = chosen.where(tasks.c.number < before)
        return await self._all(chosen.order_by(tasks.c.number.desc()).limit(limit))

    @uninterrupted
    async def by_number(self, number: int) -> TaskRecord:
        """A task of whichever owner: for what the service does itself."""
        async with self._database.reading() as connection:
            return _record((await self._rows(connection, [number]))[number])

    @uninterrupted
    async def page(
        self,
        owner: str,
        *,
        before: int | None,
        limit: int,
        dialect: str | None,
        status: Status | None,
        group_id: str | None,
    ) -> list[TaskRecord]:
        """An owner's tasks, the latest first."""
        chosen = select(tasks).where(tasks.c.owner == owner).order_by(tasks.c.number.desc()).limit(limit)
        for column, value in ((tasks.c.dialect, dialect), (tasks.c.status, status), (tasks.c.group_id, group_id)):
            if value is not None:
                chosen = chosen.where(column == value)
        if before is not None:
            chosen = chosen.where(tasks.c.number < before)
        return await self._all(chosen)

    @uninterrupted
    async def group_tasks(self, owner: str, id: str, *, after: int, limit: int, status: Status | None) -> list[TaskRecord]:
        """The tasks of a group whose number is higher, the earliest first.

        Raises:
            UnknownGroup: this owner has no such group.
        """
        chosen = select(tasks).where(tasks.c.owner == owner, tasks.c.group_id == id, tasks.c.number > after)
        if status is not None:
            chosen = chosen.where(tasks.c.status == status)
        async with self._database.reading() as connection:
            await self._check_groups(connection, owner, {id})
        return await self._all(chosen.order_by(tasks.c.number).limit(limit))

    @uninterrupted
    async def create_group(self, owner: str, metadata: Mapping[str, Any]) -> str:
        """Returns: the new group's id."""
        id = f"tgrp_{uuid4().hex}"
        async with self._database.writing() as connection:
            now = await self._database.read_clock(connection)
            await connection.execute(
                insert(groups).values(owner=owner, id=id, metadata=json.dumps(dict(metadata)), created_at=now)
            )
        return id

    @uninterrupted
    async def group(self, owner: str, id: str) -> Group:
        """An owner's group, and how many of its tasks have which status.

        Raises:
            UnknownGroup: this owner has no such group.
        """
        async with self._database.reading() as connection:
            await self._check_groups(connection, owner, {id})
            row = (await connection.execute(select(groups).where(groups.c.owner == owner, groups.c.id == id))).mappings().one()
            mine = (tasks.c.owner == owner, tasks.c.group_id == id)
            counted = select(tasks.c.status, func.count(), func.max(tasks.c.modified_at)).where(*mine).group_by(tasks.c.status)
            counts = (await connection.execute(counted)).all()
        return record_of(
            Group,
            row,
            metadata=json.loads(row["metadata"]),
            counts={status: count for status, count, _ in counts},
            modified_at=max((at for _, _, at in counts), default=row["created_at"]),
        )

    async def _one(self, chosen: Select[Any], id: str) -> TaskRecord:
        if not (found := await self._all(chosen)):
            raise UnknownTask(f"there is no task {id!r}")
        return found[0]

    async def _all(self, chosen: Select[Any]) -> list[TaskRecord]:
        async with self._database.reading() as connection:
            return [_record(row) for row in (await connection.execute(chosen)).mappings().all()]

    async def _check_groups(self, connection: AsyncConnection, owner: str, ids: set[str]) -> None:
        for id in ids:
            found = await connection.execute(select(groups.c.id).where(groups.c.owner == owner, groups.c.id == id))
            if found.scalar_one_or_none() is None:
                raise UnknownGroup(f"there is no group {id!r}")

    async def _check_session(self, connection: AsyncConnection, owner: str, task: Task) -> None:
        """A session is its owner's and its end user's, from the moment when its first task was accepted."""
        if task.session_id is None:
            return
        if "\0" in task.session_id:  # which PostgreSQL takes in no text
            raise unknown(task.session_id, task.end_user_id)
        first = select(tasks.c.task).where(tasks.c.owner == owner, tasks.c.session_id == task.session_id)
        begun = (await connection.execute(first.order_by(tasks.c.number).limit(1))).scalar_one_or_none()
        if begun is None or Task.model_validate_json(begun).end_user_id != task.end_user_id:
            raise unknown(task.session_id, task.end_user_id)

    async def _earlier(self, connection: AsyncConnection, owner: str, submission: Submission) -> int | None:
        """The number of the same task, accepted before.

        Raises:
            TaskConflict: it was accepted with other content.
        """
        key, id = submission.idempotency_key, submission.task.task_id
        ways: list[tuple[ColumnElement[bool], str]] = []
        if key is not None:
            same_key = (tasks.c.dialect == submission.dialect) & (tasks.c.idempotency_key == key)
            ways.append((same_key, "this idempotency key"))
        if id is not None:
            ways.append((tasks.c.id == id, f"the task_id {id!r}"))
        for same, name in ways:
            found = select(tasks.c.number, tasks.c.content_key, tasks.c.id).where(tasks.c.owner == owner, same)
            if (row := (await connection.execute(found)).one_or_none()) is None:
                continue
            if row.content_key != content_of(submission):
                raise TaskConflict(
                    f"{name} was used before, for a task that asks for something else: use another one, or GET task {row.id!r}"
                )
            return int(row.number)
        return None

    async def _insert(self, connection: AsyncConnection, owner: str, team: str | None, submission: Submission, now: float) -> int:
        id = submission.task.task_id or str(uuid4())
        task = submission.task.changed(task_id=id)
        enable = submission.enable_events
        inserted = await connection.execute(
            insert(tasks)
            .values(
                id=id,
                owner=owner,
                dialect=submission.dialect,
                visibility=task.visibility,
                team=team,
                group_id=submission.group_id,
                session_id=submission.session_id or submission.task.session_id,
                idempotency_key=submission.idempotency_key,
                content_key=content_of(submission),
                request=json.dumps(submission.request),
                task=task.model_dump_json(),
                retrieval=to_json(submission.retrieval),
                find=to_json(submission.find),
                webhook=submission.webhook,
                handoff=submission.handoff,
                enable_events=task.processor in PREMIUM if enable is None else enable,
                status="queued",
                warnings=json.dumps(submission.warnings),
                created_at=now,
                modified_at=now,
            )
            .returning(tasks.c.number)
        )
        number = int(inserted.scalar_one())
        await self._events.add(connection, number, STATUS, {"status": "queued"}, now)
        return number

    async def _count_open(self, connection: AsyncConnection, owner: str) -> int:
        counted = select(func.count()).select_from(tasks).where(tasks.c.owner == owner, tasks.c.status.in_(OPEN))
        return int((await connection.execute(counted)).scalar_one())

    async def _rows(self, connection: AsyncConnection, numbers: Sequence[int]) -> dict[int, RowMapping]:
        rows = (await connection.execute(select(tasks).where(tasks.c.number.in_(numbers)))).mappings().all()
        return {row["number"]: row for row in rows}


class TooManyOpen(Exception):
    """More tasks of an owner would be open than may be.

    Args:
        held: how many would be.
    """

    def __init__(self, held: int) -> None:
        self.held = held
        super().__init__(f"{held} open tasks")


def content_of(submission: Submission) -> str:
    """The key of all that a submission asks for."""
    asked = submission.model_dump(mode="json", exclude={"idempotency_key", "warnings", "request", "session_id"})
    return content_key("submission", **asked)


def _record(row: RowMapping, *, is_new: bool = False) -> TaskRecord:
    return record_of(
        TaskRecord,
        row,
        request=json.loads(row["request"]),
        warnings=json.loads(row["warnings"]),
        task=Task.model_validate_json(row["task"]),
        retrieval=from_json(Retrieval, row["retrieval"]),
        find=from_json(FindRequest, row["find"]),
        result=from_json(Result, row["result"]),
        error=from_json(TaskError, row["error"]),
        action=from_json(Action, row["action"]),
        decided=from_json(Decided, row["decision"]) or Decided(),
        is_new=is_new,
    )
