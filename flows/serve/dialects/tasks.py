"""The dialect of task-create and task-get: `/v1/tasks` with list, get, events (SSE and WebSocket) and cancel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Header, Query, Response, WebSocket, WebSocketDisconnect
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

from flows.serve.cursors import InvalidCursor
from flows.serve.dialects.task_shapes import EventShape, Refused, TaskList, TaskShape, Unprocessable, shape
from flows.serve.errors import ServiceError
from flows.serve.http.access import CurrentOwner, current_owner
from flows.serve.http.http_tasks import IdempotencyKey, documented_body, has_seen_end, submission_of
from flows.serve.http.routing import dialect_router
from flows.serve.http.streaming import DOCUMENTED, SentEvent, event_stream
from flows.serve.records.task_records import Owner
from flows.serve.service.service import MOST_OF_PAGE, Service
from research.errors import Fault, InvalidInput, ResearchError
from research.faults import unpointer
from research.money.limits import PROCESSOR_NAMES, RANGES
from research.result.result import Status
from research.task.task import METADATA_KEY, METADATA_VALUE

NAME: Final = "tasks"
AT_ROOT: Final = False

MOST_SEQUENCE: Final = 2**53
"""Of an event: what JSON's numbers can say."""
REQUEST_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["task"],
    "properties": {
        "task": {"type": "string", "minLength": 1, "pattern": r"\S", "description": "The objective."},
        "output_schema": {
            "type": ["object", "null"],
            "description": "`{type, json_schema, description}`, a bare JSON Schema, or `{field: type or description}`.",
        },
        "processor": {"enum": list(PROCESSOR_NAMES), "default": "core"},
        **{
            name: {"type": ["integer", "null"], "minimum": RANGES[name][0], "maximum": RANGES[name][1]}
            for name in ("max_subqueries", "max_fetches")
        },
        "metadata": {
            "type": ["object", "null"],
            "propertyNames": {"maxLength": METADATA_KEY},
            "additionalProperties": {"type": "string", "maxLength": METADATA_VALUE},
        },
        "webhook": {"type": ["string", "null"], "description": "Is told of the end of the task."},
    },
    "examples": [{"task": "Who built the Eddystone Lighthouse, and when was it lit?", "output_schema": {"builder": "string"}}],
}
"""What a body holds. Every other field of docs/contract.md may be in it, too, in any accepted spelling."""
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": Refused, "description": "The body is no JSON"},
    401: {"model": Refused, "description": "No key, or none that is known"},
    403: {"model": Refused, "description": "A key that was revoked"},
    409: {"model": Refused, "description": "The same id, or the same idempotency key, was used for another task"},
    413: {"description": "The body is too large"},
    422: {"model": Unprocessable, "description": "The request is wrong"},
    429: {"model": Refused, "description": "Too many requests or open tasks; `Retry-After` says when to ask again"},
}
UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {404: {"model": Refused, "description": "You have no such task"}}
LAST_EVENT: Final = "The `id` of the last event that was received: the stream goes on after it."


def errors(error: Exception) -> Response:
    """An error as FastAPI shapes it: `detail` is a list of faults for a request that is wrong, and else a sentence."""
    if isinstance(error, RequestValidationError):
        faults = [{name: fault[name] for name in ("type", "loc", "msg", "input") if name in fault} for fault in error.errors()]
        return JSONResponse({"detail": jsonable_encoder(faults)}, 422)
    if isinstance(error, InvalidInput):
        part = "query" if isinstance(error, InvalidCursor) else "body"
        return JSONResponse({"detail": [_fault(part, fault) for fault in error.faults or (Fault("", str(error)),)]}, 422)
    if isinstance(error, HTTPException):
        return JSONResponse({"detail": error.detail}, error.status_code)
    return JSONResponse({"detail": str(error)}, error.http_status if isinstance(error, ServiceError) else 500)


def _fault(part: str, fault: Fault) -> dict[str, Any]:
    """A fault as FastAPI shapes it.

    Args:
        part: of the request: `body` or `query`.
    """
    return {"type": "value_error", "loc": [part, *unpointer(fault.pointer)], "msg": fault.message}


async def create(service: Service, owner: Owner, body: Mapping[str, Any], idempotency_key: str | None = None) -> TaskShape:
    """Accept the task that a body asks for."""
    echo = {"output_schema": body.get("output_schema")}
    submission = submission_of(body, dialect=NAME, echo=echo, idempotency_key=idempotency_key)
    return shape(await service.submit(owner, submission))


async def listed(service: Service, owner: Owner, cursor: str | None, limit: int, status: Status | None) -> TaskList:
    """A page of the owner's tasks of this dialect."""
    page = await service.page(owner, cursor=cursor, limit=limit, status=status, dialect=NAME)
    return TaskList(tasks=[shape(record) for record in page.tasks], next_cursor=page.next_cursor)


async def news(service: Service, owner: Owner, task_id: str, after: int) -> AsyncGenerator[EventShape]:
    """What happens to a task, until it is final; then the task."""
    async with aclosing(service.events(owner, task_id=task_id, after=after)) as events:
        async for event in events:
            after = event.sequence
            yield EventShape(type=event.type, task_id=task_id, sequence=after, at=event.at, data=event.data)
    record = await service.get(owner, task_id)
    whole = shape(record).model_dump(mode="json")
    yield EventShape(type="task", task_id=task_id, sequence=after + 1, at=record.modified_at, data=whole)


def router(service: Service) -> APIRouter:
    """`/v1/tasks` in this dialect."""
    routes = dialect_router(errors, responses=REFUSALS)

    @routes.post("/v1/tasks", openapi_extra=documented_body(REQUEST_SCHEMA))
    async def create_task(
        body: Annotated[dict[str, Any], Body()],
        owner: CurrentOwner,
        idempotency_key: IdempotencyKey = None,
    ) -> TaskShape:
        """Start a task. It is answered at once, and runs until it is final."""
        return await create(service, owner, body, idempotency_key)

    @routes.get("/v1/tasks")
    async def list_tasks(
        owner: CurrentOwner,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_OF_PAGE)] = 50,
        status: Status | None = None,
    ) -> TaskList:
        """Your tasks of this dialect, the latest first."""
        return await listed(service, owner, cursor, limit, status)

    @routes.get("/v1/tasks/{task_id}", responses=UNKNOWN)
    async def get_task(task_id: str, owner: CurrentOwner) -> TaskShape:
        """A task as it is now."""
        return shape(await service.get(owner, task_id))

    @routes.post("/v1/tasks/{task_id}/cancel", responses=UNKNOWN)
    async def cancel_task(task_id: str, owner: CurrentOwner) -> TaskShape:
        """Cancel a task. One that is final stays as it is."""
        return shape(await service.cancel(owner, task_id))

    add_event_routes(routes, service)
    return routes


def add_event_routes(routes: APIRouter, service: Service) -> None:
    """The two streams of a task."""

    @routes.get(
        "/v1/tasks/{task_id}/events",
        response_class=StreamingResponse,
        responses={200: DOCUMENTED, **UNKNOWN, 204: {"description": "The task is final, and its last event was received"}},
    )
    async def task_events(
        task_id: str,
        owner: CurrentOwner,
        last_event_id: Annotated[int, Header(ge=0, le=MOST_SEQUENCE, description=LAST_EVENT)] = 0,
    ) -> Response:
        """What happens to a task, as server-sent events. The last one, `task`, is the task itself."""
        if await has_seen_end(service, owner, task_id, last_event_id):
            return Response(status_code=204)  # which tells a browser not to connect again
        return event_stream(_sent(news(service, owner, task_id, last_event_id)))

    @routes.websocket("/v1/tasks/{task_id}/ws")
    async def task_socket(
        websocket: WebSocket, task_id: str, last_event_id: Annotated[int, Query(ge=0, le=MOST_SEQUENCE)] = 0
    ) -> None:
        """The same events as messages. The service closes it after the last one."""
        try:
            owner = current_owner(websocket)
            await service.get(owner, task_id)
        except ResearchError as error:
            await websocket.send_denial_response(errors(error))
            return
        await websocket.accept()
        await _until_gone(websocket, _messages(websocket, news(service, owner, task_id, last_event_id)))


async def _sent(events: AsyncGenerator[EventShape]) -> AsyncGenerator[SentEvent]:
    async with aclosing(events):
        async for event in events:
            yield SentEvent(event=event.type, id=str(event.sequence), data=event.model_dump(mode="json"))


async def _messages(websocket: WebSocket, events: AsyncGenerator[EventShape]) -> None:
    async with aclosing(events):
        async for event in events:
            await websocket.send_text(event.model_dump_json())
    await websocket.close()


async def _until_gone(websocket: WebSocket, work: Coroutine[Any, Any, None]) -> None:
    """Work that ends at once when the client closes. What the client sends is not read."""
    gone, working = asyncio.ensure_future(_closed(websocket)), asyncio.ensure_future(work)
    await asyncio.wait({gone, working}, return_when=asyncio.FIRST_COMPLETED)
    for each in (gone, working):
        each.cancel()
    for outcome in await asyncio.gather(gone, working, return_exceptions=True):
        if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect):
            raise outcome


async def _closed(websocket: WebSocket) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
