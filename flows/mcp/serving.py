"""Serves over standard input and output, or over Streamable HTTP on loopback, where every request shows a key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from flows.serve.errors import KeyRevoked, NotAuthenticated
from flows.serve.http.keys import Keys

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer
    from starlette.types import ASGIApp, Receive, Scope, Send

HOST: Final = "127.0.0.1"
"""Only this machine: who serves others puts a proxy with TLS before it."""


async def serve_http(server: MCPServer[Any], port: int, keys: Keys) -> None:
    """Serve until the process is told to stop.

    Args:
        port: 0 takes a free one.
        keys: those that let callers in.
    """
    import uvicorn

    await uvicorn.Server(uvicorn.Config(http_app(server, keys), host=HOST, port=port, log_level="warning")).serve()


def http_app(server: MCPServer[Any], keys: Keys) -> ASGIApp:
    """The server as an ASGI app. It answers at `/mcp`; Host and Origin must be this machine's, so that no web page reaches it."""
    return _with_key(server.streamable_http_app(host=HOST), keys)


def _with_key(app: ASGIApp, keys: Keys) -> ASGIApp:
    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _is_known(scope, keys):
            body = json.dumps({"error": "a key is wanted: Authorization: Bearer …; `research keys add` makes one"}).encode()
            headers = [(b"content-type", b"application/json"), (b"www-authenticate", b"Bearer")]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        await app(scope, receive, send)

    return guarded


def _is_known(scope: Scope, keys: Keys) -> bool:
    headers = dict(scope["headers"])
    scheme, _, key = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() != "bearer":
        return False
    try:
        keys.owner_of(key.strip())
    except (NotAuthenticated, KeyRevoked):
        return False
    return True
