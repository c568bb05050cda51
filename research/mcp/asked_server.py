"""`AskedServer`: one server's tools, listed once, and what they return, as pages."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import httpx
from pydantic import SecretStr

from research.documents.readers import Readers
from research.documents.version import EXTRACTION_VERSION
from research.errors import FetchRefused, ToolFailed, ToolRefused
from research.faults import shortened
from research.identity import canonical_json
from research.mcp.addresses import call_address
from research.mcp.answers import answer_bytes, answer_text
from research.mcp.connection import Connection
from research.mcp.settings import McpSettings
from research.mcp.tool_schema import UnusableTool, server_tool
from research.ports.page import Page, page_hash
from research.ports.tool_servers import OfferedTools, ServerTool
from research.result.result import utc_now
from research.secrets import redacted
from research.secrets.known import LEAST
from research.task.mcp_servers import McpServer

if TYPE_CHECKING:
    from mcp.types import Tool

LONGEST_ARGUMENTS: Final = 20_000
"""Characters of the arguments of one call, as JSON."""
_SHOWN: Final = 500
"""Characters of what a tool says of its own failure."""


class AskedServer:
    """A server, by one name and with one set of headers.

    Args:
        server: as a task names it.
        headers: what it is sent with every request.
        secrets: values that no text of it may hold.
    """

    def __init__(
        self,
        server: McpServer,
        headers: Mapping[str, SecretStr],
        secrets: Mapping[str, SecretStr],
        transport: httpx.AsyncBaseTransport,
        settings: McpSettings,
        readers: Readers,
    ) -> None:
        self._name = server.name
        self._settings = settings
        self._readers = readers
        self._secrets = {**secrets, **_parts(headers)}
        self._connection = Connection(server, headers, transport, settings)
        self._listing = asyncio.Lock()
        self._listed: tuple[list[Tool], bool] | None = None
        self.users = 0
        """Who is asking it now."""

    async def offered(self, allowed: Sequence[str] | None) -> OfferedTools:
        """Its tools. Those of the first list stay: a server that says another thing of its tools later is not heard.

        Args:
            allowed: its own names of the tools that may be used; None: all of them.
        """
        try:
            async with self._listing:
                self._listed = self._listed or await self._connection.tools()
        except (ToolFailed, FetchRefused) as error:
            return OfferedTools(warnings=(f"mcp_servers: the tools of {self._name} are not used: {self._clean(str(error))}",))
        listed, is_all = self._listed
        offered: dict[str, ServerTool] = {}
        unusable: list[str] = []
        for tool in listed:
            if tool.name in offered or (allowed is not None and tool.name not in allowed):
                continue
            if len(offered) >= self._settings.max_tools:
                is_all = False
                break
            try:
                described = self._clean(tool.description or "")
                offered[tool.name] = server_tool(self._name, tool.name, described, tool.input_schema)
            except UnusableTool as why:
                unusable.append(f"{shortened(self._clean(tool.name), 40)} ({why})")
        warnings = []
        if unusable:
            shown = "; ".join(unusable[:3])
            warnings.append(f"mcp_servers: {len(unusable)} tools of {self._name} cannot be used: {shown}")
        known = {tool.name for tool in listed}
        if missing := [name for name in allowed or () if name not in known]:
            warnings.append(f"mcp_servers: {self._name} lacks what allowed_tools names: {', '.join(missing[:5])}")
        if not is_all and (allowed is None or missing):
            warnings.append(
                f"mcp_servers: {self._name} has more tools than {len(offered)}; name those that matter in allowed_tools"
            )
        return OfferedTools(tools=tuple(offered.values()), warnings=tuple(warnings))

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Page:
        """What a tool returned, as a page that is not stored yet. See `ToolServers.call`."""
        if len(canonical_json(dict(arguments))) > LONGEST_ARGUMENTS:
            raise ToolRefused(f"the arguments of {tool} have more than {LONGEST_ARGUMENTS:,} characters")
        try:
            result = await self._connection.call(tool, arguments)
        except ToolFailed as error:
            raise ToolFailed(self._clean(str(error))) from None
        except FetchRefused as error:
            raise ToolRefused(str(error)) from error
        if result.is_error:
            words = shortened(self._clean(answer_text(result)), _SHOWN)
            raise ToolRefused(f"the tool {tool} of {self._name} says that it failed: {words}")
        url = call_address(self._name, tool, arguments)
        data, media_type = answer_bytes(result, self._clean, self._settings.max_text)
        read = await self._readers.read(data, url=url, media_type=media_type)
        return Page(
            page_hash=page_hash(read.says.text),
            url=url,
            final_url=url,
            title=f"{tool} ({self._name})",
            media_type=read.says.media_type,
            fetched_at=utc_now(),
            published=None,
            text=read.says.text,
            extraction_version=EXTRACTION_VERSION,
            raw_hash=read.raw_hash,
        )

    async def close(self) -> None:
        await self._connection.close()

    def _clean(self, text: str) -> str:
        """A server's words without the secrets that it was sent."""
        return redacted(text, self._secrets)


def _parts(headers: Mapping[str, SecretStr]) -> dict[str, SecretStr]:
    """What of the headers' values may be secret, by what stands in its place: each value, and what follows a word as `Bearer`."""
    parts = {}
    for name, value in headers.items():
        whole = value.get_secret_value().strip()
        for text in (whole, whole.partition(" ")[2].strip()):
            if len(text) >= LEAST:
                parts[f"of the header {name}" + ("" if text == whole else ", its end")] = SecretStr(text)
    return parts
