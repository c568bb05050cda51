"""One connection to one server: kept open for all rows, and opened again where the server has forgotten it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx
from pydantic import SecretStr, ValidationError

from research.errors import FetchRefused, ToolFailed
from research.faults import first_line, first_of_group, shortened
from research.mcp.bounded_transport import BoundedTransport, Trace, traced
from research.mcp.settings import McpSettings
from research.task.mcp_servers import McpServer

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult, Tool

T = TypeVar("T")

PAGES: Final = 20
"""Pages of a list of tools that are asked for."""
CLOSING_SECONDS: Final = 2.0
"""Seconds for telling a server that its session is over."""
FORGOTTEN: Final = 404
"""What a server answers that does not know a session any more."""
_SHOWN: Final = 200
"""Characters of a server's own words in a message."""


class Connection:
    """A server, met when it is first asked. Belongs to one event loop.

    Args:
        server: its name and address.
        headers: sent with every request.
        inner: the transport of all connections, which reaches only what the guard allows.
        settings: how long, how much, how many.
    """

    def __init__(
        self, server: McpServer, headers: Mapping[str, SecretStr], inner: httpx.AsyncBaseTransport, settings: McpSettings
    ) -> None:
        self._server = server
        self._headers = headers
        self._inner = inner
        self._settings = settings
        self._opening = asyncio.Lock()
        self._turns = asyncio.Semaphore(settings.at_once)
        self._open: _Open | None = None
        self._failed: tuple[float, ToolFailed] | None = None
        """When the server failed to meet us, and how."""

    async def tools(self) -> tuple[list[Tool], bool]:
        """The server's tools, and whether that is all of them.

        Raises:
            ToolFailed: it did not list them.
            FetchRefused: its address may not be asked.
        """
        return await self._ask(self._listed, self._settings.list_seconds)

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
        """What a tool returned, which may be that it failed.

        Raises:
            ToolFailed: there is no answer, or one that is none.
            FetchRefused: the server's address may not be asked.
        """
        # Not `Client.call_tool`, which checks the answer against a schema of the server's own: its patterns may take for ever.
        from mcp.types import CallToolRequest, CallToolRequestParams, CallToolResult

        request = CallToolRequest(params=CallToolRequestParams(name=tool, arguments=dict(arguments)))

        async def called(client: Client) -> CallToolResult:
            return await client.session.send_request(request, CallToolResult)

        async with self._turns:
            return await self._ask(called, self._settings.call_seconds)

    async def close(self) -> None:
        """End the connection. Harmless on one that is not open."""
        async with self._opening:
            open_, self._open = self._open, None
        if open_ is not None:
            await open_.close()

    async def _listed(self, client: Client) -> tuple[list[Tool], bool]:
        found: list[Tool] = []
        cursor = None
        for _ in range(PAGES):
            page = await client.list_tools(cursor=cursor)
            found += page.tools
            cursor = page.next_cursor
            if not cursor or len(found) > self._settings.max_tools:
                break
        return found, not cursor

    async def _ask(self, what: Callable[[Client], Awaitable[T]], seconds: float) -> T:
        """Ask the server something, once more where it has forgotten who we are."""
        for is_last in (False, True):
            open_ = await self._opened()
            with traced(seconds) as trace:
                try:
                    async with asyncio.timeout(seconds):
                        return await what(open_.client)
                except (_sdk_error(), ValidationError, RuntimeError, TimeoutError) as error:
                    failure = self._failure(error, trace)
                    if trace.status != FORGOTTEN and not open_.is_over:
                        raise failure from error
            await self._drop(open_)
            if is_last:
                raise failure
        raise AssertionError("unreachable")

    async def _opened(self) -> _Open:
        async with self._opening:
            if self._open is not None and not self._open.is_over:
                return self._open
            now = asyncio.get_running_loop().time()
            if self._failed is not None and now < self._failed[0] + self._settings.retry_seconds:
                raise ToolFailed(str(self._failed[1]))
            open_ = _Open(self._server, self._headers, self._inner, self._settings)
            try:
                await open_.start()
            except FetchRefused:
                raise
            except Exception as error:
                if not isinstance(error, (_sdk_error(), ValidationError, RuntimeError, TimeoutError, OSError)):
                    raise
                failure = self._failure(error, open_.trace)
                if isinstance(failure, ToolFailed):
                    self._failed = now, failure
                raise failure from error
            self._open, self._failed = open_, None
            return open_

    async def _drop(self, open_: _Open) -> None:
        async with self._opening:
            if self._open is open_:
                self._open = None
        await open_.close()

    def _failure(self, error: BaseException, trace: Trace | None) -> ToolFailed | FetchRefused:
        """What went wrong, in our words; of what a server says itself, the beginning."""
        name = f"the MCP server {self._server.name!r}"
        if trace is not None and trace.refused:
            return FetchRefused(f"{name} may not be asked: {trace.failure}")
        if trace is not None and trace.failure:
            return ToolFailed(f"{name}: {trace.failure}")
        if isinstance(error, TimeoutError):
            return ToolFailed(f"{name} did not answer in time")
        if isinstance(error, ValidationError):
            return ToolFailed(f"{name} answered what is no answer of the protocol")
        status = f" (HTTP status {trace.status})" if trace is not None and trace.status not in (None, 200) else ""
        return ToolFailed(f"{name} answered with an error{status}: {shortened(first_line(error), _SHOWN)}")


class _Open:
    """The SDK's client, entered and left in a task of its own, as its task groups need it."""

    def __init__(
        self, server: McpServer, headers: Mapping[str, SecretStr], inner: httpx.AsyncBaseTransport, settings: McpSettings
    ) -> None:
        self._server = server
        self._headers = headers
        self._inner = inner
        self._settings = settings
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._client: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self.trace: Trace | None = None
        """Of the first requests."""

    @property
    def client(self) -> Client:
        return self._client.result()

    @property
    def is_over(self) -> bool:
        return self._task is None or self._task.done()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._hold(), name=f"mcp {self._server.name}")
        try:
            await asyncio.shield(self._client)
        except asyncio.CancelledError:
            await self.close()
            if self._client.done():
                self._client.exception()  # nobody else asks for it
            raise

    async def close(self) -> None:
        self._stop.set()
        if self._task is None:
            return
        done, _ = await asyncio.wait([self._task], timeout=CLOSING_SECONDS + 1)
        if not done:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _hold(self) -> None:
        _quiet_sdk()
        import httpx2
        from mcp import Client
        from mcp.client.streamable_http import streamable_http_client

        settings = self._settings
        url = httpx2.URL(self._server.url)
        transport = BoundedTransport(self._inner, url.host, self._headers, settings)
        try:
            async with AsyncExitStack() as stack:
                http = await stack.enter_async_context(
                    httpx2.AsyncClient(transport=transport, trust_env=False, timeout=None, max_redirects=2)
                )
                streams = streamable_http_client(self._server.url, http_client=http, max_sse_event_size=settings.max_bytes)
                with traced(settings.list_seconds) as self.trace:
                    async with asyncio.timeout(settings.list_seconds):
                        client = Client(streams, read_timeout_seconds=settings.call_seconds, cache=None)
                        await stack.enter_async_context(client)
                self._client.set_result(client)
                await self._stop.wait()
                with traced(CLOSING_SECONDS):
                    await stack.aclose()
        except (Exception, BaseExceptionGroup, asyncio.CancelledError) as error:
            if not self._client.done():
                first = first_of_group(error)
                is_known = self.trace is not None and bool(self.trace.failure)  # what the SDK raises then follows from it
                ended = is_known or isinstance(first, asyncio.CancelledError)
                self._client.set_exception(RuntimeError("the connection ended") if ended else first)
            elif isinstance(error, asyncio.CancelledError):
                raise
            # Otherwise the connection is over; whoever asks next opens another one.


@cache
def _sdk_error() -> type[Exception]:
    from mcp import MCPError  # the SDK takes a while to import

    return MCPError


@cache
def _quiet_sdk() -> None:
    """What goes wrong is told where the tool was called. The SDK would also log it, in the words of servers."""
    for name in ("mcp.client", "mcp.shared", "client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
