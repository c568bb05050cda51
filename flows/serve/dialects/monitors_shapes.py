"""What the dialect of monitors answers: a monitor, and its events."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from flows.serve.dialects.monitors_request import AdvancedSettings, MonitorWebhook
from flows.serve.dialects.parallel_shapes import JsonOutput, Output, output_of
from flows.serve.records.monitor_records import Kind, Monitor, MonitorRun, MonitorStatus, event_id
from flows.serve.records.task_records import TaskRecord
from research.output_schema.field_paths import field_of
from research.result.result import UtcTime


class _Shape(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class MonitorSettings(_Shape):
    """What is looked at."""

    query: str
    task_run_id: str | None = None
    """Only of a `snapshot`."""
    output_schema: dict[str, Any] | None = None
    include_backfill: bool | None = None
    advanced_settings: AdvancedSettings | None = None


class SnapshotOutput(_Shape):
    latest_snapshot: Output | None = None
    """What the latest completed run found."""


class MonitorShape(_Shape):
    """A monitor."""

    monitor_id: str
    type: Kind
    status: MonitorStatus
    frequency: str
    processor: str
    settings: MonitorSettings
    metadata: dict[str, str] | None
    webhook: MonitorWebhook | None
    created_at: UtcTime
    last_run_at: UtcTime | None
    next_run_at: UtcTime | None
    """Of an active one: when its next run is due."""
    output: SnapshotOutput | None = None
    """Only of a `snapshot`."""

    @classmethod
    def of(cls, monitor: Monitor, latest: TaskRecord | None = None) -> MonitorShape:
        """A monitor as this dialect answers it.

        Args:
            latest: of a snapshot, the task of its latest completed run.
        """
        spec = monitor.spec
        snapshot = SnapshotOutput(latest_snapshot=None if latest is None else output_of(latest))
        return cls(
            monitor_id=monitor.id,
            type=spec.kind,
            status=monitor.status,
            frequency=spec.frequency,
            processor=spec.request["processor"],
            settings=MonitorSettings(**spec.request["settings"]),
            metadata=spec.metadata or None,
            webhook=None if spec.webhook is None else MonitorWebhook(**spec.request["webhook"]),
            created_at=monitor.created_at,
            last_run_at=monitor.last_run_at,
            next_run_at=monitor.next_run_at if monitor.status == "active" else None,
            output=snapshot if spec.kind == "snapshot" else None,
        )


class Monitors(_Shape):
    """Some monitors, the latest first."""

    monitors: list[MonitorShape]
    next_cursor: str | None


class StreamEvent(_Shape):
    """What a watched query has brought."""

    event_type: Literal["event_stream"] = "event_stream"
    event_id: str
    event_group_id: str
    event_date: str
    output: Output
    """Only the fields that changed, with their basis; of the first run, all."""


class SnapshotEvent(_Shape):
    """What a run researched again says otherwise."""

    event_type: Literal["snapshot"] = "snapshot"
    event_id: str
    event_group_id: str
    event_date: str
    changed_output: Output
    """Only the fields that changed, with their basis."""
    previous_output: Output
    """All that the run before found."""


class CompletionEvent(_Shape):
    """A run that changed nothing."""

    event_type: Literal["completion"] = "completion"
    event_group_id: str
    timestamp: UtcTime


class ErrorEvent(_Shape):
    """A run that failed. The next one follows as the schedule says."""

    event_type: Literal["error"] = "error"
    event_group_id: str
    timestamp: UtcTime
    error_message: str


Event = Annotated[StreamEvent | SnapshotEvent | CompletionEvent | ErrorEvent, Field(discriminator="event_type")]


class MonitorEvents(_Shape):
    """Some events of a monitor, the latest first."""

    events: list[Event]
    next_cursor: str | None


def event_of(
    run: MonitorRun, monitor: Monitor, record: TaskRecord | None, previous: TaskRecord | None
) -> StreamEvent | SnapshotEvent | CompletionEvent | ErrorEvent:
    """The event of a run that has ended.

    Args:
        record: its task.
        previous: the task that its result was compared with.
    """
    at = run.ended_at or run.started_at
    if run.outcome == "failed" or record is None:
        return ErrorEvent(event_group_id=run.id, timestamp=at, error_message=run.error or "the run failed")
    output = None if run.outcome == "unchanged" else _only(record, run.fields)
    if output is None:
        return CompletionEvent(event_group_id=run.id, timestamp=at)
    ids = {"event_id": event_id(run.id), "event_group_id": run.id, "event_date": at.date().isoformat()}
    before = None if previous is None else output_of(previous)
    if monitor.spec.kind == "snapshot" and before is not None:
        return SnapshotEvent(**ids, changed_output=output, previous_output=before)
    return StreamEvent(**ids, output=output)


def _only(record: TaskRecord, fields: tuple[str, ...]) -> Output | None:
    """The output of a task, but for fields that have not changed."""
    output = output_of(record)
    if isinstance(output, JsonOutput):
        # A field that is gone from an output of ours is null there.
        content = {name: output.content.get(name) for name in fields}
        basis = [part for part in output.basis if (field_of(part.field, output.content) or part.field) in fields]
        return output.model_copy(update={"content": content, "basis": basis})
    return output
