"""The double of an MCP server: the official SDK's own, on loopback, with tools that you write, and faults on the wire.

with McpDouble([McpTool("lookup", lambda arguments: f"{arguments['name']} was founded in 1999.")]) as server:
    task = {"task": "…", "mcp_servers": [{"name": "crm", "url": server.url}]}
"""

from __future__ import annotations

import asyncio
import inspect
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from mcp.types import CallToolResult
    from starlette.types import ASGIApp, Receive, Scope, Send

ANYTHING: Final[dict[str, Any]] = {"type": "object", "properties": {}}
ENDING: Final = 30.0
"""Seconds in which its thread must end."""


@dataclass(frozen=True, slots=True)
class McpTool:
    """A tool.

    `answer`: a function of its arguments, also an async one. It returns a text, a JSON object (structured content), or a result
    of the SDK's own; an exception is a result that says so.
    """

    name: str
    answer: Callable[[dict[str, Any]], Any]
    description: str = ""
    arguments: Any = field(default_factory=lambda: ANYTHING)
    returns: Mapping[str, Any] | None = None
    """What it says to return: a JSON Schema."""


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """An answer in place of the SDK's. A body of pieces comes with a pause before each, and may have no end."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""
    delay: float = 0.0
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A request, as it came. Names of headers are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def asks(self) -> str:
        """The method of the protocol: `tools/call`; "" if it is no such request."""
        try:
            said = json.loads(self.body)
        except ValueError:
            return ""
        return str(said.get("method", "")) if isinstance(said, dict) else ""


class McpDouble:
    """Serves tools at `url` while it is entered, in a thread of its own.

    Args:
        tools: those it lists; a function is asked for them each time, so that a list can change.
        interfere: may answer a request itself, before the SDK sees it.
        json_response: answers with JSON instead of event streams.
    """

    def __init__(
        self,
        tools: Sequence[McpTool] | Callable[[], Sequence[McpTool]],
        *,
        interfere: Callable[[WireRequest], WireAnswer | None] | None = None,
        json_response: bool = False,
    ) -> None:
        self._tools = tools if callable(tools) else lambda: tools
        self._interfere = interfere
        self._json_response = json_response
        self._port: int | None = None
        self._thread: threading.Thread | None = None
        self._server: Any = None
        self.requests: list[WireRequest] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        """Each call of a tool: its name and arguments."""

    @property
    def url(self) -> str:
        return f"http://{self.host}/mcp"

    @property
    def host(self) -> str:
        """Host and port: what a setting must allow."""
        if self._port is None:
            raise RuntimeError("the server is not running: enter it first (`with McpDouble(...) as server:`)")
        return f"127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        import uvicorn

        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer's body waits 40 ms for its head
        self._port = int(listener.getsockname()[1])
        config = uvicorn.Config(self._app(), log_config=None, lifespan="on", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        # The socket listens already: who connects before the server is up waits for it.
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="McpDouble", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._server is not None:
            self._server.should_exit = self._server.force_exit = True
        if self._thread is not None:
            self._thread.join(ENDING)
        self._port = None

    def _app(self) -> ASGIApp:
        from mcp.server import Server
        from mcp.types import ListToolsResult, Tool

        async def listed(_context: Any, _params: Any) -> ListToolsResult:
            # Not validated: what a server says of its tools need not be true, or sound.
            tools = [
                Tool.model_construct(
                    name=tool.name,
                    description=tool.description,
                    input_schema=tool.arguments,
                    output_schema=None if tool.returns is None else dict(tool.returns),
                )
                for tool in self._tools()
            ]
            return ListToolsResult(tools=tools)

        async def called(_context: Any, params: Any) -> CallToolResult:
            arguments = dict(params.arguments or {})
            self.calls.append((params.name, arguments))
            tool = next((tool for tool in self._tools() if tool.name == params.name), None)
            if tool is None:
                return _failed(f"there is no tool {params.name}")
            try:
                answer = tool.answer(arguments)
                return _result(await answer if inspect.isawaitable(answer) else answer)
            except Exception as error:  # noqa: BLE001 - what a tool of a test raises is its answer
                return _failed(str(error))

        server: Server[Any] = Server("double", on_list_tools=listed, on_call_tool=called)
        return self._watched(server.streamable_http_app(json_response=self._json_response))

    def _watched(self, app: ASGIApp) -> ASGIApp:
        """The SDK's app, behind what records each request and may answer it."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            body = await _body(receive)
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            request = WireRequest(scope["method"], scope["path"], headers, body)
            self.requests.append(request)
            answer = self._interfere(request) if self._interfere is not None else None
            if answer is not None:
                await _send(answer, receive, send)
                return
            pending = [{"type": "http.request", "body": body, "more_body": False}]

            async def again() -> Any:
                return pending.pop() if pending else await receive()

            await app(scope, again, send)

        return watched


def _result(answer: Any) -> CallToolResult:
    from mcp.types import CallToolResult, TextContent

    if isinstance(answer, CallToolResult):
        return answer
    if isinstance(answer, str):
        return CallToolResult(content=[TextContent(type="text", text=answer)])
    return CallToolResult(content=[], structured_content=answer)


def _failed(why: str) -> CallToolResult:
    return _result(why).model_copy(update={"is_error": True})


async def _body(receive: Callable[[], Awaitable[Any]]) -> bytes:
    pieces = []
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)


async def _gone(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(answer: WireAnswer, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """Answer, until the client has gone."""
    gone = asyncio.ensure_future(_gone(receive))
    await asyncio.wait([gone], timeout=answer.delay)
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    pieces = [answer.body] if isinstance(answer.body, bytes) else answer.body
    for piece in pieces:
        await asyncio.sleep(answer.pause)
        if gone.done():
            return
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    gone.cancel()
    await send({"type": "http.response.body", "body": b"", "more_body": False})
