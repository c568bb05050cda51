"""The dialect of agent-task-create: `/api/v1/tasks`, answered with a stream unless JSON is asked for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Annotated, Any, Final, Literal
from uuid import uuid4

from fastapi import APIRouter, Body, Header, Query, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

from flows.serve.dialects.agent_request import FORMATS, accepts_json, read_request
from flows.serve.dialects.agent_shapes import (
    Acknowledged,
    AgentTask,
    AgentTasks,
    Artifacts,
    ErrorShape,
    Refused,
    acknowledged,
    artifacts,
    shape,
)
from flows.serve.errors import ServiceError, TaskConflict
from flows.serve.http.access import CurrentOwner
from flows.serve.http.faults import request_faults
from flows.serve.http.http_tasks import IdempotencyKey, documented_body, has_seen_end, submission_of
from flows.serve.http.routing import dialect_router
from flows.serve.http.streaming import DOCUMENTED, SentEvent, event_stream
from flows.serve.records.task_records import Owner, Submission, TaskRecord
from flows.serve.service.service import MOST_OF_PAGE, Service
from research.errors import InvalidInput
from research.money.limits import RANGES
from research.result.result import Status
from research.task.decisions import Answers, PlanDecision

NAME: Final = "agent"
APPROVED: Final = PlanDecision()
AT_ROOT: Final = True
PATH: Final = "/api/v1/tasks"
MOST_SEQUENCE: Final = 2**53
"""Of an event: what JSON's numbers can say."""

REQUEST_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "message": {
            "type": "object",
            "properties": {
                "parts": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "type": {"enum": ["text", "file"]},
                            "text": {"type": "string"},
                            "url": {"type": "string"},
                        },
                        "required": ["type"],
                    },
                }
            },
            "description": "Its texts are the objective, its files are searched and cited like any source.",
        },
        "input": {"type": "string", "description": "The objective, where the message has no text."},
        "files": {"type": "array", "items": {"type": "string"}, "description": "URLs of documents."},
        "task_id": {"type": "string", "description": "Of a new task; of one that has ended, to go on from it."},
        "mode": {"enum": ["agent", "chat", "plan"], "default": "agent"},
        "auto_execute_plan": {"type": "boolean", "default": False},
        "allow_questions": {"type": "boolean", "default": False},
        "max_steps": {"type": "integer", "minimum": RANGES["max_steps"][0], "maximum": RANGES["max_steps"][1]},
        "max_verification_loops": {
            "type": "integer",
            "minimum": RANGES["verify_loops"][0],
            "maximum": RANGES["verify_loops"][1],
            "description": "None in the modes agent and chat, and one in the mode plan, where nothing is said.",
        },
        "model": {"type": "string", "default": "auto"},
        "agent_id": {"type": "string"},
        "agent_ids": {"type": "array", "items": {"type": "string"}},
        "secrets": {"type": "array", "items": {"type": "string"}, "description": "Names."},
        "completion_handoff": {"enum": ["webhook", "artifact"]},
        "ephemeral": {"type": "boolean", "default": False},
        "project_id": {"type": "string"},
        "visibility": {"enum": ["private", "team", "unlisted", "public"], "default": "private"},
        "response_format": {"enum": list(FORMATS)},
    },
    "examples": [{"input": "When was the Eddystone Lighthouse first lit?", "response_format": "json"}],
}
"""What a body holds. Every other field of docs/contract.md may be in it, too, in any accepted spelling."""
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": Refused, "description": "The request is wrong"},
    401: {"model": Refused, "description": "No key, or none that is known"},
    403: {"model": Refused, "description": "A key that was revoked"},
    409: {"model": Refused, "description": "The task of this id is another one, or waits for no such decision"},
    413: {"description": "The body is too large"},
    429: {"model": Refused, "description": "Too many requests or open tasks; `Retry-After` says when to ask again"},
}
UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {404: {"model": Refused, "description": "There is no such task"}}

STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: DOCUMENTED,
    204: {"description": "The task is final, and its last event was received"},
    **UNKNOWN,
}


def errors(error: Exception) -> Response:
    """An error of this dialect: its name, a sentence, and where a request is wrong."""
    status, code, details = 500, getattr(error, "kind", "InternalError"), []
    message = str(error)
    if isinstance(error, InvalidInput):
        status, code = 400, "invalid_request"
        details = [{"pointer": fault.pointer, "message": fault.message} for fault in error.faults]
    elif isinstance(error, RequestValidationError):
        status, code, message = 400, "invalid_request", "The request is wrong."
        details = [{"pointer": fault.pointer, "message": fault.message} for fault in request_faults(error)]
    elif isinstance(error, HTTPException):
        status, code, message = error.status_code, "http_error", str(error.detail)
    elif isinstance(error, ServiceError):
        status = error.http_status
    return JSONResponse(Refused(error=ErrorShape(code=code, message=message, details=details)).model_dump(), status)


async def create(
    service: Service, owner: Owner, fields: Mapping[str, Any], warnings: list[str], idempotency_key: str | None = None
) -> TaskRecord:
    """Accept a task. The id of one that has ended makes it the next task of that one's session, with an id of its own.

    Raises:
        InvalidTask: it is wrong.
        TaskConflict: the task of this id asks for something else, and has not ended or has no session.
    """
    try:
        return await service.submit(owner, _submission(fields, warnings, idempotency_key))
    except TaskConflict:
        if "task_id" not in fields:
            raise
        earlier = await service.get(owner, str(fields["task_id"]))
        if not earlier.is_final or earlier.session_id is None or earlier.task.ephemeral:
            raise
        told = f"task_id: {earlier.id!r} has ended; this task goes on from it, and has an id of its own"
        follow_up = {name: value for name, value in fields.items() if name != "task_id"}
        own = {"session_id": earlier.session_id, "end_user_id": earlier.task.end_user_id}
        return await service.submit(owner, _submission({**follow_up, **own}, [*warnings, told], idempotency_key))


def _submission(fields: Mapping[str, Any], warnings: list[str], idempotency_key: str | None) -> Submission:
    session = fields.get("session_id")
    if not session and fields.get("ephemeral") is not True:
        session = str(uuid4())
    return submission_of(
        fields,
        dialect=NAME,
        session_id=session if isinstance(session, str) else None,
        idempotency_key=idempotency_key,
        warnings=warnings,
    )


async def news(service: Service, owner: Owner, task_id: str, after: int) -> AsyncGenerator[SentEvent]:
    """What happens to a task until it has ended or waits for a person; in the end the task, or what it waits for."""
    async with aclosing(service.events(owner, task_id=task_id, after=after)) as events:
        async for event in events:
            after = event.sequence
            data = {"task_id": task_id, "at": event.at.isoformat(), **event.data}
            if event.data.get("status") == "action_required":
                record = await service.get(owner, task_id)
                if record.status == "action_required":
                    action = shape(record).model_dump(mode="json")["action"]
                    yield SentEvent(event="action_required", id=str(after), data={**data, "action": action})
                    return
            yield SentEvent(event=event.type, id=str(after), data=data)
    whole = shape(await service.get(owner, task_id)).model_dump(mode="json")
    yield SentEvent(event="result", id=str(after + 1), data=whole)


async def _begun(record: TaskRecord, events: AsyncGenerator[SentEvent]) -> AsyncGenerator[SentEvent]:
    """A stream that begins with the task that was accepted."""
    yield SentEvent(event="task", data=acknowledged(record).model_dump(mode="json"))
    async with aclosing(events):
        async for event in events:
            yield event


def router(service: Service) -> APIRouter:
    """`/api/v1/tasks`."""
    routes = dialect_router(errors, prefix=PATH, responses=REFUSALS)

    @routes.post(
        "",
        response_class=StreamingResponse,
        responses={200: DOCUMENTED, 202: {"model": Acknowledged, "description": "Accepted, where JSON is asked for"}},
        openapi_extra=documented_body(REQUEST_SCHEMA),
    )
    async def create_task(
        body: Annotated[dict[str, Any], Body()],
        owner: CurrentOwner,
        accept: Annotated[str, Header()] = "",
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Start a task, or go on from one that has ended. Answered with a stream of events, which ends where the task ends or
        waits for a person; or, by `response_format` or `Accept`, with its id. The task runs on, whoever listens."""
        request = read_request(body)
        record = await create(service, owner, request.fields, request.warnings, idempotency_key)
        if request.response_format == "json" or (request.response_format is None and accepts_json(accept)):
            return JSONResponse(acknowledged(record).model_dump(mode="json"), 202)
        return event_stream(_begun(record, news(service, owner, record.id, 0)))

    @routes.get("")
    async def list_tasks(
        owner: CurrentOwner,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_OF_PAGE)] = 50,
        status: Status | None = None,
        visibility: Literal["public"] | None = None,
    ) -> AgentTasks:
        """Your tasks of this dialect, the latest first; with `visibility=public`, the public ones of everybody."""
        if visibility == "public":
            page = await service.public_page(cursor=cursor, limit=limit, dialect=NAME)
        else:
            page = await service.page(owner, cursor=cursor, limit=limit, status=status, dialect=NAME)
        shown = [shape(record, is_own=record.owner == owner.id) for record in page.tasks]
        return AgentTasks(tasks=shown, next_cursor=page.next_cursor)

    @routes.get("/{task_id}", responses=UNKNOWN)
    async def get_task(task_id: str, owner: CurrentOwner) -> AgentTask:
        """A task as it is now: yours, or another's that its `visibility` lets you read."""
        record = await service.readable(owner, task_id)
        return shape(record, is_own=record.owner == owner.id)

    @routes.get("/{task_id}/events", response_class=StreamingResponse, responses=STREAM)
    async def task_events(
        task_id: str, owner: CurrentOwner, last_event_id: Annotated[int, Header(ge=0, le=MOST_SEQUENCE)] = 0
    ) -> Response:
        """What happens to a task, after the event of `Last-Event-ID`."""
        if await has_seen_end(service, owner, task_id, last_event_id):
            return Response(status_code=204)  # which tells a browser not to connect again
        return event_stream(news(service, owner, task_id, last_event_id))

    @routes.get("/{task_id}/artifacts", responses=UNKNOWN)
    async def task_artifacts(task_id: str, owner: CurrentOwner) -> Artifacts:
        """What a task with `completion_handoff: artifact` hands over."""
        record = await service.get(owner, task_id)
        return artifacts(record, [event async for event in service.events(owner, task_id=task_id, follow=False)])

    @routes.post("/{task_id}/approve", responses=UNKNOWN)
    async def approve_plan(task_id: str, owner: CurrentOwner, decision: Annotated[PlanDecision, Body()] = APPROVED) -> AgentTask:
        """Approve the plan that a task waits with, edited or not, or stop the task. It goes on from where it stood."""
        return shape(await service.decide(owner, task_id, decision))

    @routes.post("/{task_id}/answer", responses=UNKNOWN)
    async def answer_questions(task_id: str, owner: CurrentOwner, answers: Answers) -> AgentTask:
        """Answer the questions that a task waits with. It goes on from where it stood."""
        return shape(await service.decide(owner, task_id, answers))

    @routes.post("/{task_id}/cancel", responses=UNKNOWN)
    async def cancel_task(task_id: str, owner: CurrentOwner) -> AgentTask:
        """Cancel a task. One that is final stays as it is."""
        return shape(await service.cancel(owner, task_id))

    return routes
