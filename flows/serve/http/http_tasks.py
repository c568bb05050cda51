"""A request that came over HTTP, as a submission. Whoever asks may name no file of the service's own disk: not even whether it is
there is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Annotated, Any, Final

from fastapi import Header
from pydantic import AfterValidator

from flows.serve.records.task_records import Owner, Submission
from flows.serve.service.service import Service
from research.errors import Fault, InvalidTask
from research.faults import pointer
from research.task.dialects import field_name
from research.task.task import Task
from research.task.urls import is_web
from research.task.webhook import STATUS_EVENTS

MOST_FILES: Final = 1_000
"""Files of one task. The service checks each before it accepts the task, and answers no other request meanwhile."""


def _stated(key: str | None) -> str | None:
    return (key or "").strip() or None


IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", max_length=256), AfterValidator(_stated)]
"""A parameter of a route: what makes a request that is sent again the same one. An empty one is none."""


def submission_of(
    request: Mapping[str, Any],
    *,
    dialect: str,
    echo: Mapping[str, Any] | None = None,
    session_id: str | None = None,
    idempotency_key: str | None = None,
    warnings: Sequence[str] = (),
) -> Submission:
    """What a request of any spelling asks for.

    Args:
        request: fields of a task.
        dialect: the dialect's name.
        echo: what the dialect wants to see again in the record.
        session_id: the session that the task begins or goes on from.
        warnings: what the dialect has to say about the request.

    Raises:
        InvalidTask: with every fault, each by its JSON Pointer into the request.
    """
    if faults := [*_refused_files(request)]:
        raise InvalidTask("The task cannot be accepted:", faults)
    task = Task.model_validate(request)
    if task.webhook is not None and STATUS_EVENTS["action_required"] in task.webhook.event_types:
        waits = STATUS_EVENTS["action_required"]
        warnings = [*warnings, f"webhook: {waits} is not told by this service; the task's own events say it"]
    return Submission(
        task=task,
        dialect=dialect,
        request=dict(echo or {}),
        session_id=session_id,
        idempotency_key=idempotency_key,
        webhook=None if task.webhook is None else task.webhook.url,
        handoff=task.handoff,
        enable_events=task.enable_events,
        warnings=list(warnings),
    )


def documented_body(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What says in the OpenAPI document what a body holds that a route takes as any object: `openapi_extra` of the route."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": dict(schema)}}}}


async def has_seen_end(service: Service, owner: Owner, task_id: str, last: int) -> bool:
    """Whether a task is final, and who has seen the event of this sequence has seen all of its stream: the task's events, and one
    that follows them with the task itself.

    Raises:
        UnknownTask: this owner has no such task.
    """
    if not (await service.get(owner, task_id)).is_final or last == 0:
        return False
    async with aclosing(service.events(owner, task_id=task_id, after=last - 1, follow=False)) as left:
        return [event async for event in left] == []


def _refused_files(request: Mapping[str, Any]) -> Iterator[Fault]:
    for spelling, value in request.items():
        name = field_name(spelling)
        if name == "output_schema" and isinstance(value, str) and not value.lstrip().startswith("{"):
            yield Fault(pointer([spelling]), "must be an object: no file of the service's own disk is read")
        elif name == "task_spec" and isinstance(value, Mapping):
            for fault in _refused_files(value):
                yield Fault(pointer([spelling]) + fault.pointer, fault.message)
        elif name == "files" and isinstance(value, list) and len(value) > MOST_FILES:
            yield Fault(pointer([spelling]), f"has {len(value):,} files; a task over HTTP has at most {MOST_FILES:,}")
        elif name == "files" and isinstance(value, list):
            for place, file in enumerate(value):
                source = file.get("source") if isinstance(file, Mapping) else file
                if isinstance(source, str) and not is_web(source):
                    yield Fault(pointer([spelling, place]), "must be a URL: no file of the service's own disk is read")
