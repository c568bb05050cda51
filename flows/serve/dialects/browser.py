"""The dialect of browser-task-submit: tasks on behalf of end users, in sessions that belong to the caller."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal
from uuid import uuid4

from fastapi import APIRouter, Body, Query, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from flows.serve.errors import ServiceError
from flows.serve.http.access import CurrentOwner
from flows.serve.http.faults import request_faults, spelled
from flows.serve.http.http_tasks import IdempotencyKey, documented_body, submission_of
from flows.serve.http.routing import dialect_router
from flows.serve.records.task_records import Owner, TaskRecord
from flows.serve.service.service import MOST_OF_PAGE, Service
from research.errors import Fault, InvalidInput, InvalidTask, UnknownSession
from research.faults import shown
from research.money.limits import RANGES
from research.result.result import Status, UtcTime

NAME: Final = "browser"
AT_ROOT: Final = False
OWN_NAMES: Final = frozenset({"endUserId", "sessionId", "startUrl", "maxSteps"})
"""Names that only this dialect writes so: a body that has one of them is in this dialect."""

MOST_STEPS: Final = 25
"""More is clamped. Also what holds where nothing is said."""
LEAST_STEPS: Final = RANGES["max_steps"][0]
LONGEST_USER: Final = 256

Word = Literal["pending", "running", "action_required", "cancelling", "completed", "failed", "cancelled"]
"""This dialect's words for a status: `pending` is queued."""


class _Shape(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Accepted(_Shape):
    """A task that was accepted."""

    taskId: str
    sessionId: str
    """The one that was named, or a new one."""
    status: Word
    createdAt: UtcTime


class BrowserTask(Accepted):
    """A task as it is now."""

    endUserId: str
    task: str
    startUrl: str | None
    maxSteps: int
    result: str | None
    """The answer as text; null until completed."""
    structured_content: Any
    """The answer in the form of `schema`; null until completed, and where no schema was given."""
    html_dump: str | None
    """The HTML of the last page that was read, where `include_html_dump` asked for it."""
    sources: list[str]
    """Addresses of pages that were read."""
    error: str | None
    warnings: list[str]
    completedAt: UtcTime | None


class BrowserTasks(_Shape):
    """A page of tasks, the latest first."""

    tasks: list[BrowserTask]
    nextCursor: str | None


class ErrorShape(_Shape):
    """Why a request is not answered."""

    code: str
    message: str


class Refused(_Shape):
    """Why a request is not answered."""

    error: ErrorShape


REQUEST_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["endUserId", "task"],
    "properties": {
        "endUserId": {"type": "string", "minLength": 1, "maxLength": LONGEST_USER, "description": "Your name for the user."},
        "task": {"type": "string", "minLength": 1, "pattern": r"\S", "description": "The objective."},
        "sessionId": {"type": "string", "description": "Of an earlier task of the same user, to go on from it."},
        "startUrl": {"type": "string", "description": "A page to read first."},
        "schema": {"type": "object", "description": "The form of `structured_content`."},
        "maxSteps": {"type": "number", "minimum": LEAST_STEPS, "default": MOST_STEPS, "description": "At most 25 count."},
        "include_html_dump": {"type": "boolean", "default": False},
    },
    "examples": [{"endUserId": "alice", "task": "When was the Eddystone Lighthouse first lit?"}],
}
"""What a body holds. Every other field of docs/contract.md may be in it, too, in any accepted spelling."""
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": Refused, "description": "The request is wrong"},
    401: {"model": Refused, "description": "No key, or none that is known"},
    403: {"model": Refused, "description": "A key that was revoked, or a session that is not this user's"},
    409: {"model": Refused, "description": "The same id was used for another task"},
    413: {"description": "The body is too large"},
    429: {"model": Refused, "description": "Too many requests or open tasks; `Retry-After` says when to ask again"},
}
UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {404: {"model": Refused, "description": "You have no such task"}}


_NAMES: Final = {"start_url": "startUrl", "session_id": "sessionId", "end_user_id": "endUserId"}


def errors(error: Exception) -> Response:
    """An error in this dialect's codes: a request that is wrong is a 400, a session of somebody else a 403."""
    status, message = 500, str(spelled(error, _NAMES) if isinstance(error, InvalidInput) else error)
    if isinstance(error, UnknownSession):
        status = 403
    elif isinstance(error, InvalidInput):
        status = 400
    elif isinstance(error, RequestValidationError):
        status, message = 400, "The request is wrong: " + "; ".join(map(str, request_faults(error)))
    elif isinstance(error, HTTPException):
        status, message = error.status_code, str(error.detail)
    elif isinstance(error, ServiceError):
        status = error.http_status
    code = HTTPStatus(status).phrase.lower().replace(" ", "_")
    return JSONResponse({"error": {"code": code, "message": message}}, status)


def shape(record: TaskRecord) -> BrowserTask:
    """A record as this dialect answers it."""
    result = record.result
    is_done = record.status == "completed" and result is not None
    output = result.output if is_done and result is not None else None
    return BrowserTask(
        taskId=record.id,
        sessionId=record.session_id or "",
        endUserId=record.task.end_user_id or "",
        status=_word(record.status),
        task=record.task.task,
        startUrl=record.task.start_url,
        maxSteps=record.task.max_steps or MOST_STEPS,
        result=result.answer if is_done and result is not None else None,
        structured_content=output if isinstance(output, dict) and record.request.get("has_schema") else None,
        html_dump=None if result is None else result.html_dump,
        sources=[] if result is None else result.read,
        error=None if record.error is None else record.error.message,
        warnings=record.all_warnings,
        createdAt=record.created_at,
        completedAt=record.completed_at,
    )


def _word(status: Status) -> Word:
    return "pending" if status == "queued" else status


async def submit(service: Service, owner: Owner, body: Mapping[str, Any], idempotency_key: str | None = None) -> Accepted:
    """Accept the task that a body asks for.

    Raises:
        InvalidTask: it is wrong; `UnknownSession` where only its session is.
    """
    faults = []
    user = body.get("endUserId")
    if not isinstance(user, str) or not user:
        faults.append(Fault("/endUserId", "is required: text that names the user for whom the task runs"))
    elif len(user) > LONGEST_USER:
        faults.append(Fault("/endUserId", f"has at most {LONGEST_USER} characters, not {len(user)}"))
    steps, warning = MOST_STEPS, ""
    if (asked := body.get("maxSteps")) is not None:
        if isinstance(asked, bool) or not isinstance(asked, int | float) or asked < LEAST_STEPS or asked != asked // 1:
            faults.append(Fault("/maxSteps", f"must be a whole number from {LEAST_STEPS}, not {shown(asked)}"))
        elif asked > MOST_STEPS:
            warning = f"maxSteps: {asked} is more than a task may take; {MOST_STEPS} hold"
        else:
            steps = int(asked)
    if faults:
        raise InvalidTask("The task cannot be accepted:", faults)
    session = body.get("sessionId") or None
    submission = submission_of(
        {**body, "maxSteps": steps},
        dialect=NAME,
        echo={"has_schema": body.get("schema") is not None},
        session_id=session if isinstance(session, str) else str(uuid4()),
        idempotency_key=idempotency_key,
        warnings=[warning] if warning else [],
    )
    record = await service.submit(owner, submission)
    return Accepted(taskId=record.id, sessionId=record.session_id or "", status="pending", createdAt=record.created_at)


def router(service: Service) -> APIRouter:
    """`/v1/tasks` in this dialect."""
    routes = dialect_router(errors, responses=REFUSALS)

    @routes.post("/v1/tasks", status_code=201, openapi_extra=documented_body(REQUEST_SCHEMA))
    async def submit_task(
        body: Annotated[dict[str, Any], Body()],
        owner: CurrentOwner,
        idempotency_key: IdempotencyKey = None,
    ) -> Accepted:
        """Submit a task on behalf of an end user."""
        return await submit(service, owner, body, idempotency_key)

    @routes.get("/v1/tasks")
    async def list_tasks(
        owner: CurrentOwner, cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=MOST_OF_PAGE)] = 50
    ) -> BrowserTasks:
        """Your tasks of this dialect, the latest first."""
        page = await service.page(owner, cursor=cursor, limit=limit, dialect=NAME)
        return BrowserTasks(tasks=[shape(record) for record in page.tasks], nextCursor=page.next_cursor)

    @routes.get("/v1/tasks/{taskId}", responses=UNKNOWN)
    async def get_task(taskId: str, owner: CurrentOwner) -> BrowserTask:
        """A task as it is now."""
        return shape(await service.get(owner, taskId))

    @routes.post("/v1/tasks/{taskId}/cancel", responses=UNKNOWN)
    async def cancel_task(taskId: str, owner: CurrentOwner) -> BrowserTask:
        """Cancel a task. One that is final stays as it is."""
        return shape(await service.cancel(owner, taskId))

    return routes
