"""The service itself: everything that dialects share. It knows nothing of HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final

from flows.serve.cursors import first_page, number_of
from flows.serve.database.event_store import EventStore
from flows.serve.database.task_store import TaskStore
from flows.serve.errors import UnknownTask
from flows.serve.records.task_records import Group, Owner, Page, Submission, TaskEvent, TaskRecord
from flows.serve.service.acceptance import Acceptance
from flows.serve.service.monitors import Monitors
from flows.serve.service.tail import Tail
from flows.serve.work.claims import Claims
from flows.serve.work.dispatch import Dispatcher
from research.result.result import Status
from research.task.decisions import Decision

MOST_OF_PAGE: Final = 1_000


class Service:
    """Accepts tasks, and tells their owners what becomes of them. Every method takes the owner, and sees nothing of another's.

    Args:
        tasks: the tasks in the records.
        claims: the claims on them.
        events: what happened to them.
        dispatcher: has them worked on.
        acceptance: accepts them.
        monitors: those on schedules.
    """

    def __init__(
        self,
        tasks: TaskStore,
        claims: Claims,
        events: EventStore,
        dispatcher: Dispatcher,
        acceptance: Acceptance,
        monitors: Monitors,
    ) -> None:
        self.monitors = monitors
        self._tasks = tasks
        self._claims = claims
        self._events = events
        self._dispatcher = dispatcher
        self._acceptance = acceptance
        self._tail = Tail(events)

    async def close(self) -> None:
        await self._tail.close()

    async def submit(self, owner: Owner, submission: Submission) -> TaskRecord:
        """As `Acceptance.submit`."""
        record = await self._acceptance.submit(owner, submission)
        self._tail.nudge()
        return record

    async def submit_many(self, owner: Owner, submissions: Sequence[Submission]) -> list[TaskRecord]:
        """As `Acceptance.submit_many`."""
        records = await self._acceptance.submit_many(owner, submissions)
        self._tail.nudge()
        return records

    async def get(self, owner: Owner, id: str) -> TaskRecord:
        """A task as it is now.

        Raises:
            UnknownTask: this owner has no such task.
        """
        return await self._tasks.get(owner.id, id)

    async def readable(self, owner: Owner, id: str) -> TaskRecord:
        """An owner's task, or another's that its visibility lets this one read: `public` and `unlisted` by everybody who has a
        key and knows the id, `team` by the owners of the same team.

        Raises:
            UnknownTask: there is no such task, or it may not be read.
        """
        try:
            return await self._tasks.get(owner.id, id)
        except UnknownTask:
            return await self._tasks.readable(owner.id, owner.team, id)

    async def public_page(self, *, cursor: str | None = None, limit: int = 50, dialect: str) -> Page:
        """The public tasks of all owners, the latest first.

        Raises:
            InvalidTask: the cursor is none.
        """
        found = await self._tasks.public(before=number_of(cursor), limit=limit + 1, dialect=dialect)
        shown, following = first_page(found, limit)
        return Page(tasks=shown, next_cursor=following)

    async def page(
        self,
        owner: Owner,
        *,
        cursor: str | None = None,
        limit: int = 50,
        dialect: str | None = None,
        status: Status | None = None,
        group_id: str | None = None,
    ) -> Page:
        """An owner's tasks, the latest first.

        Args:
            cursor: the `next_cursor` of an earlier page.

        Raises:
            InvalidTask: the cursor is none.
        """
        limit = max(1, min(limit, MOST_OF_PAGE))
        before = number_of(cursor)
        found = await self._tasks.page(
            owner.id, before=before, limit=limit + 1, dialect=dialect, status=status, group_id=group_id
        )
        shown, following = first_page(found, limit)
        return Page(tasks=shown, next_cursor=following)

    async def group_tasks(
        self, owner: Owner, id: str, *, after: int = 0, limit: int = 100, status: Status | None = None
    ) -> list[TaskRecord]:
        """The tasks of a group in the order in which they were accepted.

        Args:
            after: only those whose `number` is higher.

        Raises:
            UnknownGroup: this owner has no such group.
        """
        return await self._tasks.group_tasks(owner.id, id, after=after, limit=min(limit, MOST_OF_PAGE), status=status)

    async def cancel(self, owner: Owner, id: str) -> TaskRecord:
        """Cancel a task. One that is final stays as it is; one that is worked on is `cancelling` until its worker sees it.

        Raises:
            UnknownTask: this owner has no such task.
        """
        await self._tasks.get(owner.id, id)
        await self._claims.cancel(owner.id, id)
        self._tail.nudge()
        return await self._tasks.get(owner.id, id)

    async def decide(self, owner: Owner, id: str, decision: Decision) -> TaskRecord:
        """Decide about a task that is `action_required`. It goes on from where it stood.

        Raises:
            UnknownTask: this owner has no such task.
            NotWaiting: it waits for nothing, or for something else.
        """
        await self._claims.decide(owner.id, id, decision)
        self._dispatcher.work_waits(1)
        self._tail.nudge()
        return await self._tasks.get(owner.id, id)

    async def wait(self, owner: Owner, id: str, seconds: float) -> TaskRecord:
        """The task once it is final or waits for a person, or as it is when the time is over.

        Raises:
            UnknownTask: this owner has no such task.
        """
        until = time.monotonic() + seconds
        record = await self._tasks.get(owner.id, id)
        async with self._tail.bell(record.number) as bell:
            while True:
                bell.clear()
                record = await self._tasks.get(owner.id, id)
                if record.is_final or record.status == "action_required" or (left := until - time.monotonic()) <= 0:
                    return record
                try:
                    async with asyncio.timeout(left):
                        await bell.wait()
                except TimeoutError:
                    continue

    async def events(
        self, owner: Owner, *, task_id: str | None = None, group_id: str | None = None, after: int = 0, follow: bool = True
    ) -> AsyncGenerator[TaskEvent]:
        """What happened to a task, or to the tasks of a group, in order.

        Args:
            after: only what came later: a `sequence` of a task, an `id` of a group.
            follow: go on with what happens from now on, until the task is final or none of the group is active.

        Raises:
            UnknownTask, UnknownGroup: this owner has none. Raised at the first step of the iteration.
        """
        if (task_id is None) == (group_id is None):
            raise ValueError("name a task or a group")
        topic: int | tuple[str, str]
        if task_id is not None:
            topic = (await self._tasks.get(owner.id, task_id)).number
        else:
            await self._tasks.group(owner.id, str(group_id))
            topic = (owner.id, str(group_id))
        async with self._tail.bell(topic) as bell:
            while True:
                bell.clear()
                ended = not follow or await self._has_ended(owner, task_id, group_id)
                while found := await self._after(topic, after):
                    for event in found:
                        yield event
                    after = found[-1].sequence if task_id is not None else found[-1].id
                if ended:
                    return
                await bell.wait()

    async def create_group(self, owner: Owner, metadata: Mapping[str, Any] | None = None) -> Group:
        """A group for tasks that are submitted together."""
        return await self._tasks.group(owner.id, await self._tasks.create_group(owner.id, metadata or {}))

    async def get_group(self, owner: Owner, id: str) -> Group:
        """A group as it is now.

        Raises:
            UnknownGroup: this owner has no such group.
        """
        return await self._tasks.group(owner.id, id)

    async def _after(self, topic: int | tuple[str, str], after: int) -> list[TaskEvent]:
        if isinstance(topic, int):
            return await self._events.of_task(topic, after)
        return await self._events.of_group(*topic, after)

    async def _has_ended(self, owner: Owner, task_id: str | None, group_id: str | None) -> bool:
        if task_id is not None:
            return (await self._tasks.get(owner.id, task_id)).is_final
        return not (await self._tasks.group(owner.id, str(group_id))).is_active
