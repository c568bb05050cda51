"""Serves over standard input and output, or over Streamable HTTP on loopback, where every request shows a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi.requests import HTTPConnection
from fastapi.responses import JSONResponse

from flows.mcp_server.server import OWNER
from flows.serve.errors import ServiceError
from flows.serve.http.access import Access
from flows.serve.http.routing import answer_to

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer
    from starlette.types import ASGIApp, Receive, Scope, Send

HOST: Final = "127.0.0.1"
"""Only this machine: who serves others puts a proxy with TLS before it."""


async def serve_http(server: MCPServer[Any], port: int, access: Access) -> None:
    """Serve until the process is told to stop.

    Args:
        port: 0 takes a free one.
        access: whose keys let callers in, and how often.
    """
    import uvicorn

    await uvicorn.Server(uvicorn.Config(http_app(server, access), host=HOST, port=port, log_level="warning")).serve()


def http_app(server: MCPServer[Any], access: Access) -> ASGIApp:
    """The server as an ASGI app. It answers at `/mcp`; Host and Origin must be this machine's, so that no web page reaches it."""
    return _with_key(server.streamable_http_app(host=HOST), access)


def _with_key(app: ASGIApp, access: Access) -> ASGIApp:
    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                scope[OWNER] = access.owner_of(HTTPConnection(scope))
            except ServiceError as error:
                await answer_to(error, _refusal)(scope, receive, send)
                return
        await app(scope, receive, send)

    return guarded


def _refusal(error: Exception) -> JSONResponse:
    """An error before the protocol begins, in the form of `research serve`: `detail` is a sentence."""
    status = error.http_status if isinstance(error, ServiceError) else 500
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"detail": str(error)}, status, headers)
