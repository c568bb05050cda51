"""The tools of MCP servers in one investigation: which the task may use, and what it was given by them.

What a tool returns may hold what it was asked with, so it makes nothing sayable to others: no word of it may be put into a
search query for that reason, and no page of a host that the arguments of a call named can be read because a tool said so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from research.errors import ToolRefused
from research.faults import nearest
from research.identity import canonical_json
from research.ports.page import Page
from research.ports.tool_servers import OfferedTools, ServerTool
from research.ports.world import World
from research.steps.agents import as_agent_sees
from research.task.mcp_servers import McpServer
from research.task.task import Task
from research.task.urls import host_of

SCHEME: Final = "mcp://"
_URL: Final = re.compile(r"https?://[^\s<>\"'`|¦{}\\^]+", re.I)
_END: Final = ".,;:!?)]}'\"…"


class ServerTools:
    """The tools of the servers that one task names. Servers are asked for them when a model wants to know."""

    def __init__(self, task: Task, world: World) -> None:
        agents = task.agent_profiles
        self._servers: Mapping[str, McpServer] = {
            server.name: server for server in task.mcp_servers if all(agent.may(server.name) for agent in agents)
        }
        self._only_searches = task.mode == "chat"
        self._world = world.tool_servers
        self._offered: OfferedTools | None = None

    async def offered(self) -> OfferedTools:
        """The tools, and what is missing."""
        if self._offered is None:
            if not self._servers:
                self._offered = OfferedTools()
            elif self._only_searches:
                self._offered = OfferedTools(warnings=("mcp_servers: in mode chat no tool of a server is called",))
            elif self._world is None:
                self._offered = OfferedTools(warnings=("mcp_servers: no server is asked here",))
            else:
                self._offered = await self._world.offered(tuple(self._servers.values()))
        return self._offered

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Page:
        """What a tool returned.

        Args:
            name: as it is offered.
            arguments: JSON.

        Raises:
            ToolRefused: there is no such tool, or it may not be called so; or it failed.
            ToolFailed: its server did not answer.
            PageUnreadable: there is nothing to read in what it returned.
        """
        tools = {tool.name: tool for tool in (await self.offered()).tools}
        tool: ServerTool | None = tools.get(name)
        if tool is None or self._world is None:
            raise ToolRefused(f"there is no tool {name!r:.80}{nearest(name, tools)}")
        return await self._world.call(self._servers[tool.server], tool.tool, arguments)


async def plannable_tools(task: Task, world: World) -> tuple[ServerTool, ...]:
    """The tools that at least one of the investigations will have. What is missing is a warning of theirs. A keyless model calls
    none, so no server is asked for its list."""
    if world.model.keyless:
        return ()
    offered = [await ServerTools(as_agent_sees(task, agent), world).offered() for agent in task.agent_profiles or (None,)]
    return tuple({tool.name: tool for each in offered for tool in each.tools}.values())


def is_answer(url: str) -> bool:
    """Whether an address is that of a tool's answer. No address calls a tool."""
    return url.startswith(SCHEME)


def new_addresses(text: str, arguments: Mapping[str, Any]) -> Iterator[str]:
    """Addresses in a tool's answer that its server wrote, as far as can be told: not those of hosts that the arguments name."""
    asked = unquote(canonical_json(dict(arguments))).casefold()
    for found in _URL.finditer(text):
        url = found.group().rstrip(_END)
        if (host := host_of(url)) and host not in asked:
            yield url
