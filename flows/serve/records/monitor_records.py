"""The data of monitors: a task on a schedule, its runs, and what is told of them."""

# ruff: noqa: RUF012 (pydantic gives every instance a default of its own)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from flows.serve.records.task_records import Submission, TaskRecord
from research.records import Record
from research.result.result import UtcTime

DIALECT: Final = "monitors"
"""What tasks of monitors have as their dialect."""
Kind = Literal["event_stream", "snapshot"]
"""`event_stream`: a query is watched. `snapshot`: the output of a task is kept up to date."""
MonitorStatus = Literal["active", "paused", "cancelled"]
Outcome = Literal["baseline", "changed", "unchanged", "failed"]
"""Of a run. `baseline`: there was nothing to compare it with."""
TOLD: Final[Mapping[Outcome, str]] = {
    "baseline": "monitor.event.detected",
    "changed": "monitor.event.detected",
    "unchanged": "monitor.execution.completed",
    "failed": "monitor.execution.failed",
}
"""What a webhook is told of an outcome."""
MONITOR_EVENTS: Final = tuple(dict.fromkeys(TOLD.values()))


class MonitorSpec(Record):
    """What is looked at, how often, and who is told."""

    kind: Kind
    submission: Submission
    """What each run submits."""
    frequency: str
    """As it was asked for: `1d`."""
    seconds: int
    """The same in seconds."""
    tells_baseline: bool = True
    """Whether the first run is an event. Otherwise it is one without changes."""
    webhook: str | None = None
    webhook_events: tuple[str, ...] = MONITOR_EVENTS
    metadata: dict[str, str] = {}
    request: dict[str, Any] = {}
    """What the dialect wants to see again."""


class Monitor(Record):
    """A monitor as it is kept."""

    id: str
    number: int
    owner: str
    status: MonitorStatus
    spec: MonitorSpec
    baseline: str | None
    """The task that the next result is compared with."""
    created_at: UtcTime
    last_run_at: UtcTime | None
    next_run_at: UtcTime


class MonitorRun(Record):
    """One run of a monitor; with its outcome, its event."""

    id: str
    number: int
    monitor_number: int
    owner: str
    submission: Submission
    task_id: str | None
    """None: it is not submitted yet, or was never accepted."""
    started_at: UtcTime
    ended_at: UtcTime | None
    outcome: Outcome | None
    """None: it is open."""
    previous: str | None
    """The task that its result was compared with."""
    fields: tuple[str, ...] = ()
    """Those that changed; of a baseline, all."""
    error: str | None = None


class MonitorPage(Record):
    """Some monitors of an owner, the latest first."""

    monitors: list[Monitor]
    next_cursor: str | None


class RunPage(Record):
    """Some runs of a monitor that have ended, the latest first."""

    runs: list[MonitorRun]
    next_cursor: str | None


def event_id(run_id: str) -> str:
    """The id of the event of a run."""
    return f"mevt_{run_id.rpartition('_')[2]}"


def is_of_monitor(record: TaskRecord) -> bool:
    """Whether a task is the run of a monitor."""
    return record.dialect == DIALECT


def notice(record: TaskRecord) -> dict[str, Any]:
    """What a webhook is told beside the event's type: which monitor, and where its event is to be read.

    Args:
        record: the task of the run.
    """
    error = {"error_message": record.error.message} if record.error is not None else {}
    return {**record.request, **error}
