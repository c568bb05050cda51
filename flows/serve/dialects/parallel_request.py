"""What clients of the dialect of task runs send, and the task that it asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import uuid4

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import BaseModel, ConfigDict, Field

from flows.serve.dialects.parallel_shapes import Warned
from flows.serve.http import http_tasks
from flows.serve.records.task_records import Submission
from research.errors import Fault, InvalidInput, InvalidTask
from research.faults import nearest, pointer, shortened
from research.output_schema.output_spec import OutputSpec
from research.records import read_table
from research.task.dialects import field_name

NAMES: Final = read_table("flows.serve.dialects", "parallel.toml")
PROCESSORS: Final[Mapping[str, str]] = NAMES["processors"]
BETAS: Final[Mapping[str, str]] = NAMES["betas"]
FAST: Final = "-fast"
PROCESSOR_NAMES: Final = (*PROCESSORS, *(f"{name}{FAST}" for name in PROCESSORS if name != "research"))
DIALECT: Final = "parallel"
MOST_RUNS: Final = 1_000
"""Of one POST to a group."""

Metadata = dict[str, str | bool | int | float]


class TaskSpecBody(BaseModel):
    """What comes out, and what goes in."""

    model_config = ConfigDict(extra="forbid")

    output_schema: dict[str, Any] | str | None = None
    """`{"type": "json", "json_schema": …}`, `{"type": "text", "description": …}` or `{"type": "auto"}`; text alone describes a
    text. Absent: auto."""
    input_schema: dict[str, Any] | str | None = None
    """What the input is like. An input that is not like it is a warning."""


class McpServerBody(BaseModel):
    """A server whose tools the run may use."""

    model_config = ConfigDict(extra="forbid")

    name: str
    url: str
    type: str | None = "url"
    headers: dict[str, str] | None = None
    allowed_tools: list[str] | None = None


class WebhookBody(BaseModel):
    """Who is told of the run's end."""

    model_config = ConfigDict(extra="forbid")

    url: str
    event_types: list[str] | None = None


class RunBody(BaseModel):
    """A run as a client asks for it. Fields of other dialects (`verify_loops`, `max_fetches`, `start_url`, …) are understood too;
    a field that nobody knows is refused by its name."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    input: str | dict[str, Any]
    """Text, or an object of named values."""
    processor: Annotated[str, Field(json_schema_extra={"enum": list(PROCESSOR_NAMES)})]
    """One of theirs or ours: `docs/clients.md`."""
    task_spec: TaskSpecBody | None = None
    metadata: Metadata | None = None
    source_policy: dict[str, Any] | None = None
    mcp_servers: list[McpServerBody] | None = None
    enable_events: bool | None = None
    webhook: WebhookBody | None = None
    previous_interaction_id: str | None = None
    advanced_settings: dict[str, Any] | None = None
    """`location` and `data_sources` mean nothing here: a warning says so."""
    memory_scope_key: str | None = None
    """Means nothing here: a warning says so."""


class GroupBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    metadata: Metadata | None = None


class AddRunsBody(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    inputs: list[RunBody] = Field(max_length=MOST_RUNS, min_length=1)
    default_task_spec: TaskSpecBody | None = None
    """Of every run without one of its own."""


def unknown_betas(header: str | None) -> list[Warned]:
    """A warning for each beta of a `parallel-beta` header that is not known here."""
    named = [beta for beta in (part.strip() for part in (header or "").split(",")) if beta]
    return [
        Warned(message=f'the beta "{shortened(beta, 100)}" is not known here, and changes nothing (known: {", ".join(BETAS)})')
        for beta in dict.fromkeys(named)
        if beta not in BETAS
    ]


def tier_of(processor: str) -> str | None:
    """Our tier for a processor's name; None if there is no such processor."""
    return PROCESSORS[processor.removesuffix(FAST)] if processor in PROCESSOR_NAMES else None


def submission_of(
    body: RunBody,
    *,
    at: str = "",
    default_spec: TaskSpecBody | None = None,
    group_id: str | None = None,
    idempotency_key: str | None = None,
    warned: Sequence[Warned] = (),
) -> Submission:
    """The task that a run asks for.

    Args:
        at: the JSON Pointer of the run in what was sent.
        default_spec: of a group, for runs without one of their own.
        warned: what the whole request is warned of.

    Raises:
        InvalidTask: with every fault, each by its JSON Pointer.
    """
    spec = body.task_spec or default_spec or TaskSpecBody()
    request: dict[str, Any] = dict(body.model_extra or {})
    faults = [
        Fault(pointer([name]), "is not known here; write task_spec.output_schema")
        for name in list(request)
        if field_name(name) == "output_schema" and request.pop(name) is not None
    ]
    tier = tier_of(body.processor)
    if tier is None:
        faults.append(Fault("/processor", _no_processor(body.processor)))
    try:
        output = OutputSpec.parse(_spelled(spec.output_schema))
    except InvalidInput as error:
        at_schema = "/task_spec/output_schema"
        faults += [Fault(at_schema + fault.pointer, fault.message) for fault in error.faults] or [Fault(at_schema, str(error))]
        output = OutputSpec.parse(None)
    request |= body.model_dump(
        exclude_none=True, include={"source_policy", "previous_interaction_id", "enable_events", "webhook", "mcp_servers"}
    )
    request |= {
        "processor": tier or "base",
        "output_schema": output,
        "metadata": {name: _label(value) for name, value in (body.metadata or {}).items()},
    }
    if isinstance(body.input, str):
        request["input"] = body.input
    elif body.input:
        request |= {"task": _objective(body.input, output), "input": body.input}
    else:
        faults.append(Fault("/input", "must not be empty"))
        request["task"] = "-"  # what else is wrong is told as well
    warnings = [*warned, *_meaningless(body), *_input_warnings(body.input, spec.input_schema)]
    try:
        submission = http_tasks.submission_of(
            request,
            dialect=DIALECT,
            echo={"body": _echo(body, spec), "warned": [each.model_dump(exclude_none=True) for each in warnings]},
            # Each run can be gone on from: its session's id is its `interaction_id`.
            session_id=body.previous_interaction_id or (None if request.get("ephemeral") is True else str(uuid4())),
            idempotency_key=idempotency_key,
            warnings=[each.message for each in warnings],
        )
    except InvalidInput as error:
        faults += error.faults
    if faults:
        raise InvalidTask("The run cannot be accepted:", [Fault(at + fault.pointer, fault.message) for fault in faults])
    return submission.changed(group_id=group_id)


def _no_processor(name: str) -> str:
    names = ", ".join(PROCESSOR_NAMES)
    return f'"{shortened(name, 100)}" is no processor here; there are {names}{nearest(name, PROCESSOR_NAMES)}'


def _spelled(schema: dict[str, Any] | str | None) -> dict[str, Any] | None:
    """An output schema of this dialect as one of ours: its `type` may be left out, and text describes a text. Text is never a
    path: this machine's files are not the caller's."""
    if isinstance(schema, str):
        return {"type": "text", **({"description": schema} if schema.strip() else {})}
    if schema is None or "type" in schema:
        return schema
    if set(schema) == {"json_schema"}:
        return {"type": "json", **schema}
    return {"type": "text", **schema} if set(schema) == {"description"} else schema


def _label(value: str | bool | int | float) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _objective(row: Mapping[str, Any], output: OutputSpec) -> str:
    """The question that a row of named values asks, which the dialect leaves to its output schema."""
    wanted = {"text": output.description, "json": f"Find {', '.join(output.names)}.", "auto": ""}[output.kind]
    values = {name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for name, value in row.items()}
    return "\n".join([*([wanted] if wanted else []), *(f"{name}: {value}" for name, value in values.items())])


def _meaningless(body: RunBody) -> list[Warned]:
    """Fields of today's clients that change nothing here."""
    found = []
    settings = {name: value for name, value in (body.advanced_settings or {}).items() if value is not None}
    found += [f"advanced_settings.{name} means nothing here, and changes nothing" for name in settings]
    if body.memory_scope_key is not None:
        found.append("memory_scope_key means nothing here, and changes nothing: nothing is remembered beyond a session")
    events = [name for name in (body.webhook.event_types if body.webhook else None) or () if name != "task_run.status"]
    found += [f'webhook.event_types: "{shortened(name, 100)}" is never sent (known: task_run.status)' for name in events]
    return [Warned(message=message) for message in found]


def _input_warnings(given: str | dict[str, Any], schema: dict[str, Any] | str | None) -> list[Warned]:
    """How the input differs from what it should be like. It is researched all the same."""
    if not isinstance(schema, dict) or not isinstance(wanted := schema.get("json_schema"), dict):
        return []
    try:
        Draft202012Validator.check_schema(wanted)
        errors = sorted(Draft202012Validator(wanted).iter_errors(given), key=lambda error: error.json_path)
    except SchemaError as error:
        message = f"task_spec.input_schema is no JSON Schema, and was not used: {shortened(error.message, 300)}"
        return [Warned(type="spec_validation_warning", message=message)]
    return [
        Warned(
            type="input_validation_warning",
            message=f"input is not as input_schema says: {shortened(error.message, 300)}",
            detail={"pointer": pointer(error.absolute_path)},
        )
        for error in errors[:10]
    ]


def _echo(body: RunBody, spec: TaskSpecBody) -> dict[str, Any]:
    """What is answered where a run's input is asked for: as it was sent, without the headers of MCP servers, which hold keys."""
    sent = body.model_dump(mode="json", exclude_none=True, exclude={"mcp_servers": {"__all__": {"headers"}}})
    for name in body.model_extra or ():
        if field_name(name) == "mcp_servers":
            del sent[name]
    if spec.output_schema is not None:
        sent["task_spec"] = spec.model_dump(mode="json", exclude_none=True)
    return sent
