"""What the dialect of task runs answers: a run, its output with the basis, a group, errors, and the events of its streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from flows.serve.records.task_records import Group, TaskEvent, TaskRecord
from research.result.result import ACTIVE, FieldBasis, Result, Status, UtcTime
from research.task.decisions import Action


class _Shape(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Warned(_Shape):
    """A warning."""

    type: Literal["spec_validation_warning", "input_validation_warning", "warning"] = "warning"
    message: str
    detail: dict[str, Any] | None = None


class ErrorObject(_Shape):
    """What went wrong."""

    ref_id: str
    """To be named where help is asked for."""
    message: str
    detail: dict[str, Any] | None = None


class ErrorBody(_Shape):
    """The body of every answer that is an error."""

    type: Literal["error"] = "error"
    error: ErrorObject


class Run(_Shape):
    """How a run stands."""

    run_id: str
    interaction_id: str
    status: Status
    is_active: bool
    processor: str
    created_at: UtcTime
    modified_at: UtcTime
    warnings: list[Warned] | None
    error: ErrorObject | None
    """Only of a failed run."""
    metadata: dict[str, str | bool | int | float] | None
    taskgroup_id: str | None
    action: Action | None
    """Only of a run that is `action_required`: the plan or the questions that it waits with. Their SDK has no call that decides:
    `POST /api/v1/tasks/{run_id}/approve` or `/answer` does."""

    @classmethod
    def of(cls, record: TaskRecord) -> Run:
        body = record.request["body"]
        return cls(
            run_id=record.id,
            interaction_id=record.session_id or record.id,
            status=record.status,
            is_active=record.status in ACTIVE,
            processor=body["processor"],
            created_at=record.created_at,
            modified_at=record.modified_at,
            warnings=_warnings(record),
            error=run_error(record),
            metadata=body.get("metadata") or {},
            taskgroup_id=record.group_id,
            action=record.action if record.status == "action_required" else None,
        )


class RunCitation(_Shape):
    url: str
    title: str | None
    excerpts: list[str]


class RunBasis(_Shape):
    """Why a field has its value."""

    field: str
    reasoning: str
    citations: list[RunCitation]
    confidence: str | None

    @classmethod
    def of(cls, basis: FieldBasis, field: str | None = None) -> RunBasis:
        citations = [
            RunCitation(url=each.url, title=each.title or None, excerpts=[excerpt.text for excerpt in each.excerpts])
            for each in basis.citations
        ]
        return cls(field=field or basis.field, reasoning=basis.reasoning, citations=citations, confidence=basis.confidence)


class TextOutput(_Shape):
    type: Literal["text"] = "text"
    content: str
    basis: list[RunBasis]


class JsonOutput(_Shape):
    type: Literal["json"] = "json"
    content: dict[str, Any]
    basis: list[RunBasis]
    output_schema: dict[str, Any] | None = None
    """Only of a run that left its schema to us."""


Output = TextOutput | JsonOutput
TEXT_FIELD: Final = "output"
"""The one field of a text, as this dialect calls it."""


def output_of(record: TaskRecord) -> Output | None:
    """The output of a run that completed."""
    result, spec = record.result, record.task.output_schema
    if record.status != "completed" or result is None:
        return None
    if isinstance(result.output, dict):
        return JsonOutput(
            content=result.output if spec.kind == "auto" else without_forbidden_nulls(result.output, spec.schema)[0],
            basis=[RunBasis.of(each) for each in result.basis],
            output_schema=dict(result.output_schema) if spec.kind == "auto" else None,
        )
    return TextOutput(
        content=result.report or result.output or "", basis=[RunBasis.of(each, TEXT_FIELD) for each in result.basis]
    )


class RunResult(_Shape):
    """A run that completed, and its output."""

    run: Run
    output: Output = Field(discriminator="type")


class RunInputView(_Shape):
    """A run as it was asked for, without secrets."""

    model_config = ConfigDict(extra="allow")

    input: str | dict[str, Any]
    processor: str


class GroupStatus(_Shape):
    """How the runs of a group stand."""

    is_active: bool
    modified_at: UtcTime
    num_task_runs: int
    status_message: str | None = None
    task_run_status_counts: dict[str, int]

    @classmethod
    def of(cls, group: Group) -> GroupStatus:
        counts = {status: count for status, count in group.counts.items() if count}
        return cls(
            is_active=group.is_active,
            modified_at=group.modified_at,
            num_task_runs=sum(counts.values()),
            task_run_status_counts=dict(counts),
        )


class GroupView(_Shape):
    """A group of runs."""

    taskgroup_id: str
    created_at: UtcTime
    status: GroupStatus
    metadata: dict[str, str | bool | int | float] | None

    @classmethod
    def of(cls, group: Group) -> GroupView:
        return cls(
            taskgroup_id=group.id, created_at=group.created_at, status=GroupStatus.of(group), metadata=group.metadata or {}
        )


class AddedRuns(_Shape):
    """Runs that were added to a group."""

    run_ids: list[str]
    status: GroupStatus
    event_cursor: str | None
    """The stream of events from here on tells of these runs and of what comes later."""
    run_cursor: str | None
    """The stream of runs from here on begins with these runs."""


# Events. Clients read each by its `type` and take no other types than these, nor a line `[DONE]`; and a stream of theirs that has
# seen an `id:` line takes a comment for an event. So there is none: what resumes a stream stands in the data, as `event_id`.


def state_event(
    record: TaskRecord, *, event_id: str | None = None, with_input: bool = False, with_output: bool = True
) -> dict[str, Any]:
    """A run as it stands, where that is news."""
    output = output_of(record) if with_output else None
    return {
        "type": "task_run.state",
        "event_id": event_id,
        "run": Run.of(record).model_dump(mode="json"),
        "input": record.request["body"] if with_input else None,
        "output": None if output is None else output.model_dump(mode="json"),
    }


PROGRESS: Final[Mapping[str, str]] = {
    "plan": "plan",
    "search": "search",
    "investigate": "search",
    "read": "extract",
    "tool": "tool_call",
    "grade": "result",
    "synthesize": "result",
    "verify": "result",
    "judge": "result",
}
"""This dialect's word for each step of the research."""


def progress_event(event: TaskEvent) -> dict[str, Any]:
    """What a run is doing."""
    step = str(event.data.get("step") or event.data.get("status") or "")
    message = event.data.get("message") or f"The run is {event.data.get('status', 'going on')}."
    return {
        "type": f"task_run.progress_msg.{PROGRESS.get(step, 'exec_status')}",
        "message": str(message),
        "timestamp": event.at.isoformat(),
    }


def stats_event(result: Result) -> dict[str, Any]:
    """What a run that ended has read."""
    return {
        "type": "task_run.progress_stats",
        "progress_meter": 100,
        "source_stats": {
            "num_sources_considered": len(result.considered),
            "num_sources_read": len(result.read),
            "sources_read_sample": result.sources,
        },
    }


def group_status_event(group: Group, event_id: str) -> dict[str, Any]:
    return {"type": "task_group_status", "event_id": event_id, "status": GroupStatus.of(group).model_dump(mode="json")}


def without_forbidden_nulls(output: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """An output whose nulls are only where its schema allows them, as far as an empty value can stand for nothing found.

    A field that nothing supports is null here, whatever its schema says; clients that check the output by the schema (a Pydantic
    model, `parallel-cli`) would lose the whole of it. So free text becomes "", and a list []. A number, a date and a choice have
    no empty value: they stay null.

    Returns:
        The output, and the names of the fields that were null.
    """
    properties = schema.get("properties", {})
    filled, names = {}, []
    for name, value in output.items():
        part = properties.get(name, {})
        filled[name] = _filled(value, part if isinstance(part, dict) else {})
        if value is None and filled[name] is not None:
            names.append(name)
    return filled, names


_NARROWING: Final = frozenset({"enum", "const", "format", "pattern", "minLength", "minItems", "anyOf", "oneOf", "allOf", "not"})
"""Keywords that an empty value may break."""


def _filled(value: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(value, dict) and isinstance(schema.get("properties"), dict):
        return without_forbidden_nulls(value, schema)[0]
    if isinstance(value, list) and isinstance(items := schema.get("items"), dict):
        return [_filled(each, items) for each in value]
    if value is not None or _NARROWING & schema.keys():
        return value
    empty: dict[str, Any] = {"string": "", "array": []}
    kind = schema.get("type")
    return empty.get(kind) if isinstance(kind, str) else None


def _warnings(record: TaskRecord) -> list[Warned]:
    warned = [Warned.model_validate(each) for each in record.request.get("warned", [])]
    known = {each.message for each in warned}
    result = record.result
    later = record.all_warnings
    spec = record.task.output_schema
    if spec.kind == "json" and result is not None and isinstance(result.output, dict):
        _, names = without_forbidden_nulls(result.output, spec.schema)
        if names:
            later.append(f"nothing was found for {', '.join(names)}: empty, since the output schema allows no null")
    return warned + [Warned(message=message) for message in dict.fromkeys(later) if message not in known]


def run_error(record: TaskRecord) -> ErrorObject | None:
    """Why a task failed; None if it did not."""
    if record.status != "failed":
        return None
    if record.error is None:
        return ErrorObject(ref_id=record.id, message="The run failed.")
    return ErrorObject(ref_id=record.id, message=record.error.message, detail={"kind": record.error.kind})
