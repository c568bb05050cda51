"""The service over HTTP: the dialects mounted, keys asked for, bodies bounded, requests named, the OpenAPI page."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Protocol
from uuid import uuid4

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from flows.serve.errors import ServiceError
from flows.serve.http.access import Access
from flows.serve.http.unrouted import Unrouted
from flows.serve.service.service import Service
from research.errors import InvalidInput, ResearchError

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of a request's body, unless the service says otherwise: 1,000 runs of one request are in it."""
BODY_SECONDS: Final = 30.0
"""How long the next piece of a body may take: a client that stops in the middle would hold its connection for ever."""
REQUEST_ID: Final = "x-request-id"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Dialect(Protocol):
    """A module of `flows.serve.dialects`."""

    NAME: str
    """Under which it is also mounted alone: `/NAME/v1/…`. Empty: it is mounted at the root only."""
    AT_ROOT: bool
    """Whether its paths are also mounted without its name."""

    def errors(self, error: Exception, /) -> Response:
        """Its answer to an error."""
        ...

    def router(self, service: Service, /) -> APIRouter: ...


def create_app(
    service: Service,
    access: Access,
    dialects: Sequence[Dialect] = (),
    *,
    running: Callable[[], AbstractAsyncContextManager[None]] | None = None,
    most_bytes: int = MOST_BYTES,
    body_seconds: float = BODY_SECONDS,
) -> FastAPI:
    """The application.

    Args:
        service: what the dialects speak for.
        access: who may ask.
        dialects: the modules that are mounted, the first one first where paths are equal.
        running: is entered while the application runs.
        most_bytes: of a request's body.
        body_seconds: how long the next piece of one may take.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with (running or _nothing)():
            yield

    app = FastAPI(
        title="research-flows",
        summary="Web research with the evidence for every value.",
        version=importlib.metadata.version("research-flows"),
        lifespan=lifespan,
    )
    app.state.access = access
    unrouted = Unrouted()
    at_root = [(dialect, "") for dialect in dialects if dialect.AT_ROOT]
    alone = [(dialect, f"/{dialect.NAME}") for dialect in dialects if dialect.NAME]
    for dialect, prefix in (*at_root, *alone):
        router = dialect.router(service)
        app.include_router(router, prefix=prefix, tags=[dialect.NAME or "tasks"])
        unrouted.add(router, prefix, dialect.errors)
    unrouted.mount(app)

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def about() -> dict[str, str]:
        """What this is, for whoever opens the address in a browser. Needs no key."""
        return {
            "service": f"{app.title} {app.version}",
            "about": "Research with the evidence for every value. Requests need a key: `Authorization: Bearer KEY`.",
            "docs": "/docs",
            "openapi": "/openapi.json",
            "health": "/health",
        }

    @app.get("/health", tags=["service"])
    async def health() -> dict[str, str]:
        """Whether the service answers. Needs no key."""
        return {"status": "ok"}

    app.add_exception_handler(ResearchError, _answer)
    app.add_middleware(_Bounds, most_bytes=most_bytes, body_seconds=body_seconds)
    _document_keys(app)
    return app


async def _answer(_request: Request, error: Exception) -> Response:
    """An error that no dialect has answered, in the form of our own: `detail` is a sentence."""
    status = error.http_status if isinstance(error, ServiceError) else 400 if isinstance(error, InvalidInput) else 500
    return JSONResponse({"detail": str(error)}, status)


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


def _document_keys(app: FastAPI) -> None:
    """Say in the OpenAPI document how a key is shown."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
        schemes["bearer"] = {"type": "http", "scheme": "bearer", "description": "A key of `research keys add`."}
        schemes["x-api-key"] = {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same key."}
        document["security"] = [{"bearer": []}, {"x-api-key": []}]
        return document

    app.openapi = openapi  # type: ignore[method-assign] # as FastAPI's documentation extends the document


class _Bounds:
    """Gives each request an id, which its answer names, and refuses a body that is too large, or does not come."""

    def __init__(self, app: App, most_bytes: int, body_seconds: float) -> None:
        self._app = app
        self._most_bytes = most_bytes
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(REQUEST_ID.encode(), b"")
        id = given if given.isalnum() and len(given) <= 64 else uuid4().hex.encode()
        seen = 0
        began = is_whole = False
        refusal: _BodyRefused | None = None

        async def bounded() -> MutableMapping[str, Any]:
            nonlocal seen, is_whole, refusal
            if is_whole:  # what comes now is that the client has gone, whenever it goes
                return await receive()
            try:
                async with asyncio.timeout(self._body_seconds):
                    message = await receive()
            except TimeoutError:
                refusal = _BodyRefused(408, "TooSlow", f"nothing of the body has come for {self._body_seconds:g} seconds")
                raise refusal from None
            seen += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if seen > self._most_bytes:
                refusal = self._too_large()
                raise refusal
            return message

        async def named(message: MutableMapping[str, Any]) -> None:
            nonlocal began
            if refusal is not None and not began:
                return  # whoever reads the body may take the refusal for a fault of its own, and answer it
            if message["type"] == "http.response.start":
                began = True
                message["headers"] = [*message.get("headers", ()), (REQUEST_ID.encode(), id)]
            await send(message)

        length = headers.get(b"content-length", b"0")
        try:
            if length.isdigit() and int(length) > self._most_bytes:
                raise self._too_large()
            await self._app(scope, bounded, named)
        except _BodyRefused as error:
            refusal = error
        if refusal is not None and not began:
            answer, refusal = refusal, None
            await answer.send(named)

    def _too_large(self) -> _BodyRefused:
        return _BodyRefused(413, "TooLarge", f"the body is larger than {self._most_bytes:,} bytes")


class _BodyRefused(Exception):
    """A body that is not read to its end."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self._status = status
        self._kind = kind

    async def send(self, send: Send) -> None:
        """Answer so, in words that clients of every dialect look for."""
        error = {"type": self._kind, "message": str(self)}
        body = json.dumps({"error": error, "detail": str(self)}).encode()
        length = str(len(body)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
