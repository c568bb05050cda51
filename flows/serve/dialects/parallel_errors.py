"""How the dialect of task runs answers an error; search and extract answer the same way."""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

from fastapi import Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from flows.serve.dialects.parallel_shapes import ErrorBody, ErrorObject
from flows.serve.errors import ServiceError
from flows.serve.http.faults import request_faults, spelled
from research.errors import Fault, InvalidInput, LimitReached, TransientError


class RunNotCompleted(ServiceError):
    """A run has no result: it failed, was cancelled, or waits for a person."""

    http_status = 404


class StillActive(ServiceError):
    """A run has no result yet, and the time for which its caller wanted to wait is over."""

    http_status = 408


_NAMES: Final = {"session_id": "previous_interaction_id"}


def errors(error: Exception) -> Response:
    """The answer to an error: `{"type": "error", "error": {"ref_id", "message", "detail"}}`."""
    faults: list[Fault] = []
    message = str(error)
    if isinstance(error, RequestValidationError):
        status = 422
        faults = request_faults(error)
        message = "\n".join(["The request cannot be read:", *(f"  {fault}" for fault in faults)])
    elif isinstance(error, HTTPException):
        status, message = error.status_code, str(error.detail)
    else:
        status = status_of(error)
        if isinstance(error, InvalidInput):
            named = spelled(error, _NAMES)
            faults, message = list(named.faults), str(named)
    detail: dict[str, Any] | None = None
    if faults:
        detail = {"errors": [{"pointer": fault.pointer, "message": fault.message} for fault in faults]}
    body = ErrorBody(error=ErrorObject(ref_id=uuid4().hex, message=message, detail=detail))
    # Their SDK tries conflicts again, which cannot help.
    headers = {"x-should-retry": "false"} if status == 409 else None
    return JSONResponse(body.model_dump(mode="json"), status, headers)


def status_of(error: Exception) -> int:
    """The HTTP status of an error of ours."""
    if isinstance(error, ServiceError):
        return error.http_status
    if isinstance(error, InvalidInput):
        return 422
    if isinstance(error, LimitReached):
        return 402
    return 503 if isinstance(error, TransientError) else 502


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": description}
    for status, description in {
        400: "The body is no JSON.",
        401: "There is no key, or none that is known.",
        403: "The key is not accepted any more.",
        409: "The idempotency key was used for something else.",
        413: "The body is too large.",
        422: "The request is wrong; `detail.errors` names each place.",
        429: "Too many requests or open tasks.",
    }.items()
}
"""What every route may answer beside what it is for."""


def also(**described: str) -> dict[int | str, dict[str, Any]]:
    """`RESPONSES`, and these: `also(s404="There is no such run.")`."""
    return RESPONSES | {
        int(name[1:]): {"model": ErrorBody, "description": description} for name, description in described.items()
    }
