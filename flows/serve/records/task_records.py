"""The data of the service: who asks, what is submitted, what is kept of a task, and what happens to it."""

# ruff: noqa: RUF012 (pydantic gives every instance a default of its own)

from __future__ import annotations

import re
from typing import Any, Final, Literal

from pydantic import Field

from research.finding.find import FindRequest
from research.records import Record
from research.result.result import Result, Status, UtcTime
from research.retrieval.retrieved import Retrieval
from research.task.decisions import Action, Decided
from research.task.task import Task

FINAL: Final[frozenset[Status]] = frozenset({"completed", "failed", "cancelled"})
"""A task that has one of these never changes again."""
OPEN: Final[tuple[Status, ...]] = ("queued", "running", "action_required", "cancelling")
TASK_ID: Final = re.compile(r"[A-Za-z0-9._~:@-]{1,256}")
"""An id that a caller may give a task: a path can hold it."""


class Owner(Record):
    """Who a key belongs to. Every look-up of the service takes one, and finds nothing of anybody else."""

    id: str
    team: str | None = None
    """Owners of one team may read each other's tasks whose visibility is `team`. None: it is in none."""
    max_cost_usd: float | None = None
    """What all of its tasks together may cost. None: no cap of its own."""
    max_open_tasks: int | None = None
    """None: the service's own limit."""
    requests_per_minute: int | None = None
    """None: the service's own limit."""
    secrets: tuple[str, ...] = ()
    """The secrets of the service that its tasks may name."""


class Submission(Record):
    """A task as a dialect hands it over."""

    task: Task
    """Its `task_id` is the caller's id, if it gave one; the service gives one otherwise."""
    retrieval: Retrieval | None = None
    """Pages are wanted, and no answer: the task is not researched. Its result's output is a `Retrieved`."""
    find: FindRequest | None = None
    """Rows are wanted: what meets the task's objective. Its result's output is a `FoundNames`."""
    dialect: str
    """The dialect's name: where paths are shared, a record is answered in the dialect that made it."""
    request: dict[str, Any] = {}
    """What the dialect wants to echo later: its own JSON, without secrets."""
    group_id: str | None = None
    idempotency_key: str | None = Field(default=None, max_length=256)
    session_id: str | None = None
    webhook: str | None = None
    """An address that is told of the task's end."""
    handoff: Literal["webhook", "artifact"] | None = None
    enable_events: bool | None = None
    """Whether progress is recorded. None: on the tiers `ultra` and `research`."""
    warnings: list[str] = []
    """What the dialect has to say about the request; kept with the record."""


class TaskError(Record):
    """Why a task failed."""

    kind: str
    """`budget_exhausted`, or the error's name."""
    message: str


class TaskRecord(Record):
    """One accepted task."""

    id: str
    number: int
    """Increases with every accepted task of the service."""
    owner: str
    dialect: str
    request: dict[str, Any]
    task: Task
    retrieval: Retrieval | None = None
    find: FindRequest | None = None
    status: Status
    result: Result | None = None
    """Of a task that completed or failed; None if it failed before anything was researched."""
    error: TaskError | None = None
    action: Action | None = None
    """What a task that is `action_required` waits for."""
    decided: Decided = Decided()
    """What people have decided about it."""
    session_id: str | None = None
    group_id: str | None = None
    webhook: str | None = None
    handoff: str | None = None
    enable_events: bool = False
    warnings: list[str] = []
    created_at: UtcTime
    modified_at: UtcTime
    completed_at: UtcTime | None = None
    is_new: bool = False
    """Whether this very call accepted it. False: it was there before, with the same content."""

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def all_warnings(self) -> list[str]:
        """Those about the request, and those of its result."""
        return [*self.warnings, *(() if self.result is None else self.result.warnings)]


class TaskEvent(Record):
    """Something that happened to a task."""

    id: int
    """Increases over all tasks of the service: by it, the stream of a group is resumed."""
    sequence: int
    """From 1, without gaps, within a task: by it, the stream of a task is resumed."""
    task_id: str
    group_id: str | None = None
    type: str
    """`status` (data: `{"status": …}`) or `progress` (data: `{"step": …, "message": …}`)."""
    data: dict[str, Any]
    at: UtcTime


class Page(Record):
    """Some tasks of an owner, the latest first."""

    tasks: list[TaskRecord]
    next_cursor: str | None
    """None: there are no more."""


class Group(Record):
    """Tasks that were submitted together."""

    id: str
    owner: str
    metadata: dict[str, Any] = {}
    counts: dict[Status, int] = {}
    """How many of its tasks have which status."""
    created_at: UtcTime
    modified_at: UtcTime

    @property
    def is_active(self) -> bool:
        return any(self.counts.get(status) for status in ("queued", "running", "cancelling"))
