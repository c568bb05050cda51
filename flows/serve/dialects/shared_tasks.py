"""`/v1/tasks` at the root, which two dialects share: a request is answered in the dialect it is written in, a task in the dialect
that made it."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.responses import JSONResponse

from flows.serve.dialects import browser, tasks
from flows.serve.dialects.browser import BrowserTask
from flows.serve.dialects.task_shapes import Refused, TaskList, TaskShape, shape
from flows.serve.errors import KeyRevoked, NotAuthenticated, OverLimit
from flows.serve.http.access import CurrentOwner, current_owner
from flows.serve.http.http_tasks import IdempotencyKey, documented_body
from flows.serve.http.routing import answer_to, dialect_router
from flows.serve.records.task_records import TaskRecord
from flows.serve.service.service import MOST_OF_PAGE, Service
from research.errors import ResearchError
from research.result.result import Status

NAME: Final = ""
AT_ROOT: Final = True


def errors(error: Exception) -> Response:
    """In the words of the dialect `tasks`. Whoever shows no key is answered before the body is read, which tells the two apart:
    in the words of both."""
    answer = tasks.errors(error)
    if not isinstance(error, NotAuthenticated | KeyRevoked | OverLimit):
        return answer
    both = json.loads(bytes(answer.body)) | json.loads(bytes(browser.errors(error).body))
    return JSONResponse(both, answer.status_code)


def _shape(record: TaskRecord) -> TaskShape | BrowserTask:
    return browser.shape(record) if record.dialect == browser.NAME else shape(record)


def router(service: Service) -> APIRouter:
    """`/v1/tasks` in two dialects."""
    routes = dialect_router(errors, responses=tasks.REFUSALS)

    @routes.post(
        "/v1/tasks",
        response_model=TaskShape,
        responses={
            201: {"model": browser.Accepted, "description": "Accepted on behalf of an end user"},
            400: {
                "model": Refused | browser.Refused,
                "description": "The body is no JSON, or a request on behalf of an end user is wrong",
            },
            **{code: {"model": Refused | browser.Refused} for code in (401, 403, 409, 429)},
        },
        openapi_extra=documented_body({"anyOf": [tasks.REQUEST_SCHEMA, browser.REQUEST_SCHEMA]}),
    )
    async def create_task(
        request: Request,
        body: Annotated[dict[str, Any], Body()],
        idempotency_key: IdempotencyKey = None,
    ) -> Response | TaskShape:
        """Start a task. A body with `endUserId`, `sessionId`, `startUrl` or `maxSteps` runs on behalf of an end user."""
        if not browser.OWN_NAMES & body.keys():
            return await tasks.create(service, current_owner(request), body, idempotency_key)
        try:
            accepted = await browser.submit(service, current_owner(request), body, idempotency_key)
        except ResearchError as error:
            return answer_to(error, browser.errors)
        return JSONResponse(accepted.model_dump(mode="json"), 201)

    @routes.get("/v1/tasks")
    async def list_tasks(
        owner: CurrentOwner,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_OF_PAGE)] = 50,
        status: Status | None = None,
    ) -> TaskList:
        """Your tasks that are on behalf of no end user, the latest first. Those that are: `/browser/v1/tasks`."""
        return await tasks.listed(service, owner, cursor, limit, status)

    @routes.get("/v1/tasks/{task_id}", responses=tasks.UNKNOWN)
    async def get_task(task_id: str, owner: CurrentOwner) -> TaskShape | BrowserTask:
        """A task as it is now, in the dialect that made it."""
        return _shape(await service.get(owner, task_id))

    @routes.post("/v1/tasks/{task_id}/cancel", responses=tasks.UNKNOWN)
    async def cancel_task(task_id: str, owner: CurrentOwner) -> TaskShape | BrowserTask:
        """Cancel a task. One that is final stays as it is."""
        return _shape(await service.cancel(owner, task_id))

    tasks.add_event_routes(routes, service)
    return routes
