"""The dialect of chat completions, as OpenAI's SDK speaks it: the last message is researched, and answered with its sources.

`chat_shapes` has what is sent and answered. What an answer rests on stands beside it, in `basis` and in the message's
`annotations`; fields of a request that mean nothing here are named in `warnings`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from flows.serve.dialects.chat_request import MODELS, ChatBody, submission_of
from flows.serve.dialects.chat_shapes import ChatError, ChatErrorBody, Completion, Model, Models, chunks_of, completion_of
from flows.serve.dialects.parallel_errors import status_of
from flows.serve.errors import ServiceError
from flows.serve.http.access import CurrentOwner
from flows.serve.http.faults import request_faults
from flows.serve.http.routing import dialect_router
from flows.serve.http.streaming import SentEvent, event_stream
from flows.serve.records.task_records import Owner, TaskRecord
from flows.serve.service.service import Service
from research.errors import Fault, InvalidInput
from research.faults import nearest, shown, unpointer

NAME: Final = "chat"
AT_ROOT: Final = True
LOOK_SECONDS: Final = 2.0
"""How often it is seen whether whoever waits for an answer is still there."""
DONE: Final = "[DONE]"


class AnswerFailed(ServiceError):
    """The research failed, or was cancelled."""

    http_status = 502


def errors(error: Exception) -> Response:
    """The answer to an error: `{"error": {"message", "type", "param", "code"}}`."""
    param: str | None = None
    if isinstance(error, RequestValidationError):
        status = 400
        faults = request_faults(error)
        param = _param(faults[0])
        message = "\n".join(f"{each.pointer or 'the body'}: {each.message}" for each in faults)
    elif isinstance(error, HTTPException):
        status, message = error.status_code, str(error.detail)
    else:
        status, message = status_of(error), str(error)
        if isinstance(error, InvalidInput):
            status = 400
            param = _param(error.faults[0]) if error.faults else None
    # A failed answer was paid for: the SDK would ask and pay for the same again.
    headers = {"x-should-retry": "false"} if status == 409 or isinstance(error, AnswerFailed) else None
    return JSONResponse(_error(status, message, param).model_dump(mode="json"), status, headers)


def _param(fault: Fault) -> str | None:
    return ".".join(unpointer(fault.pointer)) or None


def _error(status: int, message: str, param: str | None = None) -> ChatErrorBody:
    kinds = {
        400: "invalid_request_error",
        401: "authentication_error",
        403: "permission_error",
        404: "invalid_request_error",
        429: "rate_limit_error",
    }
    code = {401: "invalid_api_key", 429: "rate_limit_exceeded"}.get(status)
    return ChatErrorBody(error=ChatError(message=message, type=kinds.get(status, "api_error"), param=param, code=code))


RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": ChatErrorBody, "description": description}
    for status, description in {
        400: "The request is wrong; `param` names the place.",
        401: "There is no key, or none that is known.",
        402: "A limit of the key's is reached.",
        403: "The key is not accepted any more.",
        413: "The body is too large.",
        429: "Too many requests or open tasks.",
        502: "The research failed.",
        503: "A service that the research needs does not answer.",
    }.items()
}


def router(service: Service) -> APIRouter:
    """The routes of the dialect."""
    api = dialect_router(errors)
    chat = _Chat(service)
    answered = RESPONSES | {
        200: {"description": "An answer; of a stream, its pieces as server-sent events.", "model": Completion}
    }
    for path in ("/chat/completions", "/v1/chat/completions", "/v1beta/chat/completions"):
        api.add_api_route(path, chat.create, methods=["POST"], response_model=None, responses=answered)
    api.add_api_route("/v1/models", chat.models, response_model=Models, responses={401: RESPONSES[401], 403: RESPONSES[403]})
    one: dict[int | str, dict[str, Any]] = {
        401: RESPONSES[401],
        403: RESPONSES[403],
        404: {"model": ChatErrorBody, "description": "There is no such model."},
    }
    api.add_api_route("/v1/models/{model}", chat.model, response_model=Model, responses=one)
    return api


class _Chat:
    """Answers messages."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def models(self, _owner: CurrentOwner) -> Models:
        """What may stand in `model`."""
        return Models(data=[Model(id=name) for name in MODELS])

    async def model(self, model: str, _owner: CurrentOwner) -> Model:
        """One of them."""
        if model not in MODELS:
            raise HTTPException(404, f"there is no model {shown(model)}; there are {', '.join(MODELS)}{nearest(model, MODELS)}")
        return Model(id=model)

    async def create(self, body: ChatBody, owner: CurrentOwner, request: Request) -> Response:
        """Research the last message, and answer it. With `stream`, in pieces, as soon as the research has ended."""
        record = await self._service.submit(owner, submission_of(body))
        if body.stream:
            usage = body.stream_options is not None and body.stream_options.include_usage
            return event_stream(self._streamed(owner, record, usage=usage))
        while not _has_ended(record):
            if await request.is_disconnected():
                await self._service.cancel(owner, record.id)
                raise AnswerFailed("nobody waits for the answer any more")
            record = await self._service.wait(owner, record.id, LOOK_SECONDS)
        return JSONResponse(completion_of(_completed(record)).model_dump(mode="json"))

    async def _streamed(self, owner: Owner, record: TaskRecord, *, usage: bool) -> AsyncGenerator[SentEvent]:
        try:
            while not _has_ended(record):
                record = await self._service.wait(owner, record.id, LOOK_SECONDS)
            for chunk in chunks_of(_completed(record), usage=usage):
                yield SentEvent(data=chunk)
        except AnswerFailed as error:
            yield SentEvent(data=_error(error.http_status, str(error)).model_dump(mode="json"))
        finally:
            if not _has_ended(record):  # the caller has gone
                await self._service.cancel(owner, record.id)
        yield SentEvent(data=DONE, is_text=True)


def _has_ended(record: TaskRecord) -> bool:
    return record.is_final or record.status == "action_required"


def _completed(record: TaskRecord) -> TaskRecord:
    """The record, which has an answer.

    Raises:
        AnswerFailed: the record has no answer.
    """
    if record.status == "completed" and record.result is not None:
        return record
    if record.status == "failed" and record.error is not None:
        raise AnswerFailed(f"the research failed: {record.error.message}")
    raise AnswerFailed(f"there is no answer: the task {record.id} is {record.status}")
