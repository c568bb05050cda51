"""What the dialect of monitors takes, and the monitor that it asks for."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from flows.serve.dialects.parallel_request import PROCESSOR_NAMES, tier_of
from flows.serve.http.http_tasks import submission_of
from flows.serve.records.monitor_records import DIALECT, MONITOR_EVENTS, Kind, MonitorSpec
from flows.serve.records.task_records import Submission, TaskRecord
from research.errors import Fault, InvalidInput, InvalidTask
from research.faults import nearest, shortened

SECONDS: Final = {"h": 3_600, "d": 86_400, "w": 604_800}
SHORTEST, LONGEST = SECONDS["h"], 30 * SECONDS["d"]
PLACES: Final = {
    "/task": "/settings/query",
    "/source_policy": "/settings/advanced_settings/source_policy",
    "/output_schema": "/settings/output_schema",
    "/webhook": "/webhook/url",
}
"""Where parts of a task stand in this dialect."""


def seconds_of(frequency: str) -> int:
    """The seconds of a frequency.

    Raises:
        ValueError: it is no frequency from an hour to 30 days.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,3})([hdw])", frequency)
    if found is None or not SHORTEST <= (seconds := int(found[1]) * SECONDS[found[2]]) <= LONGEST:
        raise ValueError("must be a number and h, d or w, from 1h to 30d: 12h, 1d, 2w")
    return seconds


def _frequency(value: str) -> str:
    seconds_of(value)
    return value


def _processor(value: str) -> str:
    if tier_of(value) is None:
        known = nearest(value, PROCESSOR_NAMES)
        raise ValueError(f'"{shortened(value, 100)}" is no processor here; there are {", ".join(PROCESSOR_NAMES)}{known}')
    return value


Frequency = Annotated[str, AfterValidator(_frequency), Field(json_schema_extra={"pattern": "^[1-9][0-9]{0,3}[hdw]$"})]
Processor = Annotated[str, AfterValidator(_processor), Field(json_schema_extra={"enum": list(PROCESSOR_NAMES)})]
Labels = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=64)], Annotated[str, Field(max_length=512)]], Field(max_length=16)
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class AdvancedSettings(_Body):
    """Which sources are used. `location` means nothing here, and is refused by its name."""

    source_policy: dict[str, Any] | None = None
    location: None = None


class MonitorWebhook(_Body):
    """Who is told."""

    url: str
    event_types: list[Literal["monitor.event.detected", "monitor.execution.completed", "monitor.execution.failed"]] | None = None
    """Left out: all of them."""


class QuerySettings(_Body):
    """Of an `event_stream`."""

    query: str = Field(min_length=1)
    """What is looked at."""
    output_schema: dict[str, Any] | None = None
    """`{"type": "json", "json_schema": …}`: its fields are what is compared. Left out: the answer is a text."""
    include_backfill: bool | None = None
    """False: the first run is no event. Otherwise its whole output is one."""
    advanced_settings: AdvancedSettings | None = None


class SnapshotSettings(_Body):
    """Of a `snapshot`."""

    task_run_id: str = Field(min_length=1, max_length=256)
    """A completed run of yours: it is researched again, and compared with itself."""


class MonitorBody(_Body):
    """A monitor as it is asked for."""

    type: Kind
    frequency: Frequency
    """From `1h` to `30d`."""
    settings: QuerySettings | SnapshotSettings
    processor: Processor | None = None
    """Left out: `lite`, or that of the run."""
    metadata: Labels | None = None
    webhook: MonitorWebhook | None = None


class ChangedSettings(_Body):
    """Of an `event_stream`."""

    query: str | None = Field(default=None, min_length=1)
    advanced_settings: AdvancedSettings | None = None


class ChangeBody(_Body):
    """What shall be otherwise. What is left out stays."""

    type: Kind | None = None
    frequency: Frequency | None = None
    settings: ChangedSettings | None = None
    processor: Processor | None = None
    metadata: Labels | None = None
    webhook: MonitorWebhook | None = None
    """null: nobody is told any more."""


def query_spec(body: MonitorBody, settings: QuerySettings) -> MonitorSpec:
    """The monitor of a query.

    Raises:
        InvalidTask: it cannot be researched; each fault by its place.
    """
    processor = body.processor or "lite"
    schema = settings.output_schema or {"type": "text"}
    if set(schema) == {"json_schema"}:
        schema = {"type": "json", **schema}
    submission = submission_for(settings.query, processor, settings.advanced_settings, schema)
    return _spec(body, submission, processor, settings.model_dump(mode="json", exclude_none=True)).changed(
        tells_baseline=settings.include_backfill is not False
    )


def snapshot_spec(body: MonitorBody, record: TaskRecord) -> MonitorSpec:
    """The monitor of a task: the same question, for the same fields.

    Raises:
        InvalidTask: the task has no result that could be compared with another.
    """
    result = record.result
    if record.status != "completed" or result is None or record.retrieval is not None or record.find is not None:
        fault = Fault("/settings/task_run_id", "must be a completed run with an output: this one is none")
        raise InvalidTask("The monitor cannot be made:", [fault])
    task, tier = record.task, None if body.processor is None else tier_of(body.processor)
    kept = task.output_schema
    fields = dict(result.output_schema) if kept.kind == "auto" and isinstance(result.output, dict) else kept
    again = task.model_validate(
        {
            **dict(task),
            "output_schema": fields,
            "processor": tier or task.processor,
            "mode": "agent" if task.mode == "plan" else task.mode,
            "auto_execute_plan": False,
            "allow_questions": False,
            "visibility": "private",
            **dict.fromkeys(("task_id", "session_id", "webhook", "handoff", "enable_events")),
        }
    )
    settings: dict[str, Any] = {"query": task.task, "task_run_id": record.id}
    if again.output_schema.kind == "json":
        settings["output_schema"] = {"type": "json", "json_schema": dict(again.output_schema.schema)}
    return _spec(body, Submission(task=again, dialect=DIALECT), body.processor or task.processor, settings)


def changed_spec(spec: MonitorSpec, body: ChangeBody) -> MonitorSpec:
    """A monitor's spec with what a request changes.

    Raises:
        InvalidTask: something cannot be changed, or not to this.
    """
    named, faults = body.model_fields_set, []
    faults += [Fault(f"/{name}", "must not be null") for name in ("frequency", "processor") if _is_null(body, name)]
    if body.settings is not None and (body.type != "event_stream" or spec.kind != "event_stream"):
        faults.append(Fault("/settings", 'needs "type": "event_stream", and a monitor of this type: a snapshot has none'))
    if body.type is not None and body.type != spec.kind:
        faults.append(Fault("/type", f"is {spec.kind}, and stays so: make a new monitor"))
    if body.settings is not None and _is_null(body.settings, "query"):
        faults.append(Fault("/settings/query", "must not be null"))
    if faults:
        raise InvalidTask("The monitor cannot be changed:", faults)
    request, task = dict(spec.request), spec.submission.task
    changes: dict[str, Any] = {}
    if body.frequency is not None:
        changes |= {"frequency": body.frequency, "seconds": seconds_of(body.frequency)}
    if "metadata" in named:
        changes["metadata"] = body.metadata or {}
    if "webhook" in named:
        changes |= _told(body.webhook)
        request["webhook"] = None if body.webhook is None else body.webhook.model_dump(mode="json")
    processor = body.processor or request["processor"]
    request["processor"] = processor
    if body.settings is not None:
        settings = request["settings"] | body.settings.model_dump(mode="json", exclude_unset=True)
        advanced = AdvancedSettings(**settings["advanced_settings"]) if settings.get("advanced_settings") else None
        submission = submission_for(settings["query"], processor, advanced, task.output_schema)
        request["settings"] = settings
    else:
        tier = tier_of(processor) if body.processor is not None else task.processor
        submission = spec.submission.changed(task=task.changed(processor=tier))
    return spec.changed(**changes, submission=submission, request=request)


def submission_for(query: str, processor: str, advanced: AdvancedSettings | None, schema: Any) -> Submission:
    """What each run of a watched query submits.

    Raises:
        InvalidTask: each fault by its place in this dialect.
    """
    request: dict[str, Any] = {"task": query, "processor": tier_of(processor), "output_schema": schema}
    if advanced is not None and advanced.source_policy is not None:
        request["source_policy"] = advanced.source_policy
    try:
        return submission_of(request, dialect=DIALECT)
    except InvalidInput as error:
        raise InvalidTask("The monitor cannot be made:", placed(error)) from error


def placed(error: InvalidInput) -> list[Fault]:
    """The faults of a task, by their places in this dialect."""
    found = []
    for fault in error.faults or (Fault("", str(error)),):
        top = "/" + fault.pointer.removeprefix("/").split("/", 1)[0]
        found.append(Fault(PLACES.get(top, top) + fault.pointer[len(top) :] if fault.pointer else "", fault.message))
    return found


def _spec(body: MonitorBody, submission: Submission, processor: str, settings: dict[str, Any]) -> MonitorSpec:
    webhook = None if body.webhook is None else body.webhook.model_dump(mode="json")
    return MonitorSpec(
        kind=body.type,
        submission=submission,
        frequency=body.frequency,
        seconds=seconds_of(body.frequency),
        metadata=body.metadata or {},
        request={"processor": processor, "settings": settings, "webhook": webhook},
        **_told(body.webhook),
    )


def _told(webhook: MonitorWebhook | None) -> dict[str, Any]:
    if webhook is None:
        return {"webhook": None, "webhook_events": MONITOR_EVENTS}
    return {"webhook": webhook.url, "webhook_events": tuple(webhook.event_types or MONITOR_EVENTS)}


def _is_null(body: BaseModel, name: str) -> bool:
    return name in body.model_fields_set and getattr(body, name) is None
