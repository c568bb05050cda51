"""`McpServers`: the tools of the servers that tasks name, for one world. Its connections serve all rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
from pydantic import SecretStr

from research.documents.readers import Readers
from research.errors import ToolFailed, ToolRefused
from research.faults import shortened
from research.identity import canonical_json
from research.mcp.asked_server import AskedServer
from research.mcp.settings import SETTING, McpSettings
from research.ports.page import Page
from research.ports.tool_servers import OfferedTools, ServerTool
from research.task.mcp_servers import McpServer
from research.web.connections import Resolver
from research.web.guard import Guard
from research.web.transport import guarded_transport

CONNECTIONS: Final = 64
"""Servers of one world at most: those that were not asked for longest are left first."""

Keep = Callable[[Page], Awaitable[None]]
"""Stores a page for the row that reads it."""


@asynccontextmanager
async def open_servers(
    settings: McpSettings,
    readers: Readers,
    keep: Keep,
    *,
    secrets: Mapping[str, SecretStr] | None = None,
    resolver: Resolver | None = None,
) -> AsyncIterator[McpServers]:
    """The servers of a world. None is asked before a task names it.

    Args:
        settings: which may be asked, and how much each may take.
        readers: read what tools return.
        keep: stores the pages.
        secrets: those that the tasks' headers refer to.
        resolver: looks up names. None: as this machine does.

    Raises:
        InvalidInput: an entry of `allow_private_hosts` or `allow_ports` cannot be read.
    """
    guard = Guard(settings.allow_private_hosts, settings.allow_ports, SETTING)
    transport = guarded_transport(guard, resolver, connect_timeout=settings.connect_seconds)
    servers = McpServers(settings, guard, transport, readers, keep, secrets or {})
    try:
        yield servers
    finally:
        await servers.close()
        await transport.aclose()


class McpServers:
    """A `ToolServers`. Belongs to one event loop. Made by `open_servers`."""

    def __init__(
        self,
        settings: McpSettings,
        guard: Guard,
        transport: httpx.AsyncBaseTransport,
        readers: Readers,
        keep: Keep,
        secrets: Mapping[str, SecretStr],
    ) -> None:
        self._settings = settings
        self._guard = guard
        self._transport = transport
        self._readers = readers
        self._keep = keep
        self._secrets = secrets
        self._servers: dict[tuple[Any, ...], AskedServer] = {}

    def refusal(self, server: McpServer) -> str | None:
        return self._guard.refusal(server.url)

    async def offered(self, servers: Sequence[McpServer]) -> OfferedTools:
        listed = await asyncio.gather(*(self._offered(server) for server in servers))
        tools: list[ServerTool] = []
        warnings = [warning for each in listed for warning in each.warnings]
        size = left_out = 0
        for tool in (tool for each in listed for tool in each.tools):
            size += len(tool.name) + len(tool.described) + len(canonical_json(tool.arguments))
            if size <= self._settings.max_listed:
                tools.append(tool)
            else:
                left_out += 1
        if left_out:
            warnings.append(
                f"mcp_servers: {left_out} tools are not offered, because their descriptions take too much room; name those that "
                "matter in allowed_tools"
            )
        return OfferedTools(tools=tuple(tools), warnings=tuple(warnings))

    async def _offered(self, server: McpServer) -> OfferedTools:
        try:
            async with self._asked(server) as asked:
                return await asked.offered(server.allowed_tools)
        except ToolFailed as error:
            return OfferedTools(warnings=(f"mcp_servers: the tools of {server.name} are not used: {error}",))

    async def call(self, server: McpServer, tool: str, arguments: Mapping[str, Any]) -> Page:
        async with self._asked(server) as asked:
            if not server.allows(tool):
                raise ToolRefused(f"the tool {shortened(tool, 80)!r} of {server.name} is not among its allowed_tools")
            page = await asked.call(tool, arguments)
        await self._keep(page)
        return page

    async def close(self) -> None:
        """End all connections."""
        servers = tuple(self._servers.values())
        self._servers.clear()
        await asyncio.gather(*(server.close() for server in servers))

    @asynccontextmanager
    async def _asked(self, server: McpServer) -> AsyncIterator[AskedServer]:
        """The one connection to a server, whatever a task allows of it, while it is used."""
        try:
            headers = server.sent_headers(self._secrets)
        except KeyError as error:
            raise ToolFailed(
                f"the secret {error.args[0]!r}, which headers of {server.name} refer to, is not known here"
            ) from None
        key = server.name, server.url, tuple(sorted((name, value.get_secret_value()) for name, value in headers.items()))
        asked = self._servers.pop(key, None) or AskedServer(
            server, headers, self._secrets, self._transport, self._settings, self._readers
        )
        self._servers[key] = asked  # used last
        asked.users += 1
        try:
            yield asked
        finally:
            asked.users -= 1
            idle = [each for each, held in self._servers.items() if not held.users]
            for each in idle[: max(0, len(self._servers) - CONNECTIONS)]:
                await self._servers.pop(each).close()
