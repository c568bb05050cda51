"""The port to tools of servers that a task names, and the data it exchanges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from research.ports.page import Page
from research.records import Record
from research.task.mcp_servers import McpServer


class ServerTool(Record):
    """A tool of a server, as a model is offered it."""

    name: str
    """By which a model calls it: `mcp__crm__lookup`. No tool of ours has such a name."""
    server: str
    tool: str
    """As its server calls it."""
    described: str
    """What the server says of the tool and of its arguments. Untrusted, and shortened."""
    arguments: dict[str, Any]
    """A JSON Schema of its arguments: names and types of the server's, and none of its prose."""


class OfferedTools(Record):
    """The tools of several servers."""

    tools: tuple[ServerTool, ...] = ()
    warnings: tuple[str, ...] = ()
    """Servers that could not list their tools, and tools that were left out."""


class ToolServers(Protocol):
    """Asks servers for their tools, and calls them. It enforces `allowed_tools`, and reaches only servers that the task names."""

    def refusal(self, server: McpServer) -> str | None:
        """Why a server may not be asked, as far as its address tells; None if it may. Nothing is looked up."""
        ...

    async def offered(self, servers: Sequence[McpServer]) -> OfferedTools:
        """The tools of these servers. Never raises for what a server does: that is a warning. Servers are asked once."""
        ...

    async def call(self, server: McpServer, tool: str, arguments: Mapping[str, Any]) -> Page:
        """Call a tool. What it returns is stored as a page, whose address is `mcp://server/tool?…`.

        Raises:
            ToolRefused: the tool may not be called, or not with these arguments; or it says itself that it failed.
            ToolFailed: its server did not answer, or not as it must.
            PageUnreadable: there is nothing to read in what it returned.
        """
        ...
