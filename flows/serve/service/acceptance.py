"""Accepts tasks: a submission is judged, kept, and told to those who work on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flows.serve.database.accounts import Accounts, owner_scope
from flows.serve.database.task_store import TaskStore, TooManyOpen
from flows.serve.errors import OverLimit
from flows.serve.records.task_records import Owner, Submission, TaskRecord
from flows.serve.service.admission import Admission
from flows.serve.work.dispatch import Dispatcher
from research.errors import Fault, InvalidInput, InvalidTask

MOST_AT_ONCE: Final = 1_000
"""Tasks of one `submit_many`."""
MOST_OPEN: Final = 20_000
"""Open tasks of one owner."""


class Acceptance:
    """Accepts the tasks of all owners.

    Args:
        tasks: the tasks in the records.
        dispatcher: has them worked on.
        admission: what is accepted.
        accounts: keep what owners may spend.
        max_open: open tasks of one owner, where the owner has no limit of its own.
    """

    def __init__(
        self, tasks: TaskStore, dispatcher: Dispatcher, admission: Admission, accounts: Accounts, max_open: int = MOST_OPEN
    ) -> None:
        self._tasks = tasks
        self._dispatcher = dispatcher
        self._admission = admission
        self._accounts = accounts
        self._max_open = max_open

    def check(self, owner: Owner, submission: Submission) -> None:
        """Judge a task that will be submitted later.

        Raises:
            InvalidTask: it would not be accepted.
        """
        self._admission.admitted(owner, submission)

    async def submit(self, owner: Owner, submission: Submission) -> TaskRecord:
        """Accept a task. Once this returns, the task reaches a final state, whatever is killed.

        Raises:
            InvalidTask: it is not accepted; nothing is kept.
            TaskConflict: its id or idempotency key was used for something else.
            UnknownGroup: its group is not there.
            UnknownSession: its session is not there, or is another end user's.
            OverLimit: the owner has too many open tasks.
        """
        return (await self._accept(owner, [self._admission.admitted(owner, submission)]))[0]

    async def submit_many(self, owner: Owner, submissions: Sequence[Submission]) -> list[TaskRecord]:
        """Accept tasks, all of them or none; at most `MOST_AT_ONCE`. Raises as `submit` does; faults begin with the place
        of their task: `/17/webhook`."""
        if len(submissions) > MOST_AT_ONCE:
            raise InvalidTask("Too many tasks:", [Fault("", f"at most {MOST_AT_ONCE} at once, not {len(submissions)}")])
        admitted: list[Submission] = []
        faults: list[Fault] = []
        for place, submission in enumerate(submissions):
            try:
                admitted.append(self._admission.admitted(owner, submission))
            except InvalidInput as error:
                found = error.faults or (Fault("", str(error)),)
                faults += [Fault(f"/{place}{fault.pointer}", fault.message) for fault in found]
        if faults:
            raise InvalidTask("The tasks cannot be accepted, and none was:", faults)
        return await self._accept(owner, admitted)

    async def _accept(self, owner: Owner, submissions: Sequence[Submission]) -> list[TaskRecord]:
        await self._accounts.cap(owner_scope(owner.id), owner.max_cost_usd)
        limit = self._max_open if owner.max_open_tasks is None else owner.max_open_tasks
        try:
            records = await self._tasks.accept(owner.id, submissions, limit, team=owner.team)
        except TooManyOpen as error:
            raise OverLimit(
                f"you may have {limit} open tasks, and would have {error.held}: wait until some are done", 30
            ) from error
        if accepted := sum(record.is_new for record in records):
            self._dispatcher.work_waits(accepted)
        return records
