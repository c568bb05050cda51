"""Tools of real MCP servers (the official SDK's own, on loopback): listed, called, and what they return as pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from research.documents.readers import Readers
from research.errors import ToolFailed, ToolRefused
from research.mcp.servers import McpServers, open_servers
from research.mcp.settings import McpSettings
from research.ports.page import Page
from research.task.mcp_servers import McpServer
from research.testing import McpDouble, McpTool, WireAnswer, WireRequest

LOOKUP = McpTool(
    "lookup",
    lambda arguments: f"Name: {arguments['name']}\nFounded: 1999",
    "Looks up a company.",
    {
        "type": "object",
        "properties": {"name": {"type": "string", "description": "Its name."}, "year": {"type": "integer"}},
        "required": ["name"],
    },
)


class Opened:
    def __init__(self, servers: McpServers, pages: list[Page]) -> None:
        self.servers = servers
        self.pages = pages


@asynccontextmanager
async def opened(*doubles: McpDouble, secrets: dict[str, SecretStr] | None = None, **settings: Any) -> AsyncIterator[Opened]:
    pages: list[Page] = []

    async def keep(page: Page) -> None:
        pages.append(page)

    chosen = McpSettings(allow_private_hosts=tuple(double.host for double in doubles), **settings)
    async with open_servers(chosen, Readers(), keep, secrets=secrets) as servers:
        yield Opened(servers, pages)


def named(double: McpDouble, **fields: Any) -> McpServer:
    return McpServer.model_validate({"name": "crm", "url": double.url, **fields})


@pytest.mark.parametrize("json_response", [False, True])
async def test_what_a_tool_returns_is_a_page_with_an_address_of_its_call(json_response: bool) -> None:
    with McpDouble([LOOKUP], json_response=json_response) as double:
        async with opened(double) as mcp:
            offered = await mcp.servers.offered([named(double)])
            page = await mcp.servers.call(named(double), "lookup", {"year": 7, "name": "Äcme & Co"})
    (tool,) = offered.tools
    assert not offered.warnings
    assert (tool.name, tool.server, tool.tool) == ("mcp__crm__lookup", "crm", "lookup")
    assert tool.arguments["required"] == ["name"]
    assert tool.described == "Looks up a company.\nname: Its name."
    assert page.url == "mcp://crm/lookup?name=%C3%84cme%20%26%20Co&year=7"
    assert page.text == "Name: Äcme & Co\nFounded: 1999"
    assert mcp.pages == [page]


async def test_one_connection_serves_all_rows_and_is_ended_with_the_world() -> None:
    with McpDouble([LOOKUP]) as double:
        async with opened(double) as mcp:
            for name in ("a", "b", "c"):
                await mcp.servers.offered([named(double)])
                await mcp.servers.call(named(double, allowed_tools=["lookup"]), "lookup", {"name": name})
        asked = [request.asks for request in double.requests]
    assert asked.count("tools/list") == 1
    assert asked.count("tools/call") == 3
    assert asked.count("server/discover") + asked.count("initialize") == 1


async def test_a_tool_that_is_not_allowed_is_neither_offered_nor_called() -> None:
    with McpDouble([LOOKUP, McpTool("wipe", lambda _: "wiped")]) as double:
        async with opened(double) as mcp:
            server = named(double, allowed_tools=["lookup", "export"])
            offered = await mcp.servers.offered([server])
            with pytest.raises(ToolRefused, match="not among its allowed_tools"):
                await mcp.servers.call(server, "wipe", {})
    assert [tool.tool for tool in offered.tools] == ["lookup"]
    assert offered.warnings == ("mcp_servers: crm lacks what allowed_tools names: export",)
    assert double.calls == []


async def test_headers_hold_secrets_and_no_text_of_the_server_does() -> None:
    def echo(_: object) -> str:
        return f"You sent {double.requests[-1].headers['authorization']} and {double.requests[-1].headers['x-tenant']}"

    def fail(_: object) -> str:
        raise ValueError(echo(None))

    secrets = {"CRM": SecretStr("s3cr3t-value")}
    with McpDouble([McpTool("echo", echo), McpTool("fail", fail)]) as double:
        server = named(double, headers={"Authorization": "Bearer ${secrets.CRM}", "X-Tenant": "plain-secret"})
        async with opened(double, secrets=secrets) as mcp:
            page = await mcp.servers.call(server, "echo", {})
            with pytest.raises(ToolRefused) as failed:
                await mcp.servers.call(server, "fail", {})
    assert double.requests[0].headers["authorization"] == "Bearer s3cr3t-value"
    assert page.text == "You sent Bearer [secret CRM] and [secret of the header X-Tenant]"
    assert "s3cr3t" not in str(failed.value) + repr(server) + str(server.model_dump(mode="json"))
    assert "plain-secret" not in str(failed.value) + repr(server) + str(server.model_dump(mode="json"))


async def test_data_is_read_as_data() -> None:
    with McpDouble([McpTool("data", lambda _: {"company": {"name": "Acme", "founded": 1999}})]) as double:
        async with opened(double) as mcp:
            page = await mcp.servers.call(named(double), "data", {})
    assert "company.founded: 1999" in page.text


async def test_a_server_that_is_not_public_needs_a_setting_that_names_it() -> None:
    with McpDouble([LOOKUP]) as double:
        async with opened() as mcp:
            assert "RESEARCH_MCP_ALLOW_PRIVATE_HOSTS" in (mcp.servers.refusal(named(double)) or "")
            offered = await mcp.servers.offered([named(double)])
            with pytest.raises(ToolRefused, match="RESEARCH_MCP_ALLOW_PRIVATE_HOSTS"):
                await mcp.servers.call(named(double), "lookup", {"name": "a"})
    assert not offered.tools
    assert "are not used" in offered.warnings[0]
    assert not double.requests


async def test_a_dead_server_is_a_warning_and_is_not_asked_by_every_row() -> None:
    with McpDouble([LOOKUP]) as double:
        server, host = named(double), double.host
    chosen = McpSettings(allow_private_hosts=(host,))

    async def keep(page: Page) -> None: ...

    async with open_servers(chosen, Readers(), keep) as servers:
        offered = await servers.offered([server])
        with pytest.raises(ToolFailed):
            await servers.call(server, "lookup", {"name": "a"})
    assert not offered.tools
    assert "the tools of crm are not used" in offered.warnings[0]


async def test_a_server_that_was_started_anew_is_met_again() -> None:
    """It answers 404 to a session that it does not know."""
    forgotten = [True]

    def forget(request: WireRequest) -> WireAnswer | None:
        return WireAnswer(404) if request.asks == "tools/call" and forgotten and forgotten.pop() else None

    with McpDouble([LOOKUP], interfere=forget) as double:
        async with opened(double) as mcp:
            page = await mcp.servers.call(named(double), "lookup", {"name": "a"})
    assert page.text.startswith("Name: a")
