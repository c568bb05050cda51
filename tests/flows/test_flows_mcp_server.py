"""`research mcp`, called by the official SDK's own client: in this process, over standard input and output, and over HTTP."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from prefect.settings import get_current_settings

from flows.mcp_server.engine import Engine, variables_of
from flows.mcp_server.owner_money import OwnerMoney
from flows.mcp_server.root import Root
from flows.mcp_server.server import make_server
from flows.mcp_server.serving import http_app
from flows.run.environment import Environment
from flows.serve.database.database import Database, default_url
from flows.serve.http.access import Access
from flows.serve.http.keys import Keys
from flows.serve.http.limits import RequestRate
from flows.serve.records.task_records import Owner
from research.money.budget import Charge

URL = "http://127.0.0.1:8710/mcp"
TOOLS = {"research", "enrich_table", "show_run", "cell_evidence", "verify_run"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "acme.md").write_text("# Acme\n\nFounded: 1935\nHead office: Oslo\n")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "companies.csv").write_text("name\nAcme\n")
    (tmp_path / "secret.csv").write_text("name\nAcme\n")
    (tmp_path / "root" / "link.csv").symlink_to(tmp_path / "secret.csv")
    return tmp_path


def engine(folder: Path) -> Engine:
    environment = Environment(cache_dir=folder / "cache", corpus=str(folder / "pages"), model="extractive")
    return Engine(Root(folder / "root"), 0.5, environment)


async def called(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    return result.structured_content


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return str(getattr(result.content[0], "text", ""))


async def test_a_question_comes_back_with_its_evidence(folder: Path) -> None:
    async with Client(make_server(engine(folder))) as client:
        listed = await client.list_tools()
        answer = await called(client, "research", question="When was Acme founded?", schema={"founded": "integer"})
        wrong = await refused(client, "research", question="When?", schema={"founded": {"type": "strin"}})
    assert {tool.name for tool in listed.tools} == TOOLS
    assert answer["output"] == {"founded": 1935}
    assert answer["basis"][0]["citations"][0]["excerpts"] == ["Founded: 1935"]
    assert "/output_schema/founded" in wrong


async def test_no_path_leads_out_of_the_folder_and_no_call_costs_more_than_it_may(folder: Path) -> None:
    schema = {"founded": "integer"}
    async with Client(make_server(engine(folder))) as client:
        for table in ("../secret.csv", str(folder / "secret.csv"), "link.csv", "s3://bucket/x.csv", "x.duckdb::t", "", "."):
            assert "folder" in await refused(client, "enrich_table", table=table, run="run", schema=schema)
        assert "leads out" in await refused(client, "enrich_table", table="companies.csv", run="../run", schema=schema)
        assert "leads out" in await refused(client, "enrich_table", table="companies.csv", run="run", schema="../../etc/passwd")
        for tool, more in (("show_run", {}), ("verify_run", {}), ("cell_evidence", {"row": 0, "field": "founded"})):
            assert "leads out" in await refused(client, tool, run="..", **more)
            assert "is not a run folder" in await refused(client, tool, run="companies.csv", **more)
        for cap in (0.6, 0, -1):
            assert "max_cost_usd" in await refused(client, "research", question="Who?", max_cost_usd=cap)
    assert not (folder / "run").exists()


async def test_an_argument_that_a_tool_does_not_list_is_refused_and_not_passed_over(folder: Path) -> None:
    """It may be the cap on what the call costs."""
    async with Client(make_server(engine(folder))) as client:
        near = await refused(client, "research", question="Who?", max_cost=0.1)
        missing = await refused(client, "enrich_table", table="companies.csv", schema={"founded": "integer"})
        listed = (await client.list_tools()).tools
    assert "research has no argument 'max_cost' (known: question, schema, processor, start_url, max_cost_usd)" in near
    assert 'did you mean "max_cost_usd"?' in near
    assert "enrich_table needs the argument 'run'" in missing
    assert all(tool.input_schema["additionalProperties"] is False for tool in listed)


@pytest.mark.usefixtures("prefect_server")
async def test_a_table_is_enriched_looked_at_and_proved_over_standard_input_and_output(folder: Path) -> None:
    """The command itself, in a process of its own."""
    variables = {
        **os.environ,
        "PREFECT_API_URL": str(get_current_settings().api.url),
        "RESEARCH_CACHE_DIR": str(folder / "cache"),
        "RESEARCH_CORPUS": str(folder / "pages"),
        "RESEARCH_MODEL": "extractive",
    }
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "flows.cli", "mcp", "--root", str(folder / "root")], env=variables
    )
    request = {
        "table": "companies.csv",
        "run": "runs/companies",
        "schema": {"founded": "integer"},
        "objective": "When was {name} founded?",
    }
    seen: list[tuple[float, float | None]] = []

    async def progress(done: float, rows: float | None, _message: str | None) -> None:
        seen.append((done, rows))

    async with Client(command, read_timeout_seconds=120) as client:
        result = await client.call_tool("enrich_table", request, progress_callback=progress)
        assert not result.is_error, result.content
        ended = result.structured_content
        shown = await called(client, "show_run", run="runs/companies")
        cell = await called(client, "cell_evidence", run="runs/companies", row=0, field="founded")
        assert "it has founded" in await refused(client, "cell_evidence", run="runs/companies", row=0, field="foundd")
        proof = await called(client, "verify_run", run="runs/companies")
    assert isinstance(ended, dict)
    assert (ended["run"], ended["rows"], ended["completed"], ended["exit_code"]) == ("runs/companies", 1, 1, 0)
    assert seen[-1] == (1, 1)
    assert (shown["status"], shown["rows"][0]["founded"]) == ("finished", 1935)
    assert (cell["value"], cell["evidence"][0]["excerpt"]) == (1935, "Founded: 1935")
    assert (proof["ok"], proof["problems"]) == (True, [])


@pytest.fixture
async def database(folder: Path) -> AsyncIterator[Database]:
    """That of a `research serve` beside it."""
    opened = Database(default_url(folder))
    await opened.open()
    yield opened
    await opened.close()


@asynccontextmanager
async def over_http(folder: Path, database: Database, rate: int | None = None) -> AsyncIterator[tuple[Any, Keys]]:
    """The server as an app, running, and its keys."""
    keys = Keys(folder / "keys.jsonl")
    server = make_server(replace(engine(folder), money=OwnerMoney(database)))
    app = http_app(server, Access(keys, RequestRate(rate)))
    async with server.session_manager.run():
        yield app, keys


def http(app: Any, **headers: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), headers=headers, base_url="http://127.0.0.1:8710")


async def test_over_http_every_request_shows_a_key_and_pays_from_its_owners_account(folder: Path, database: Database) -> None:
    question = {"question": "When was Acme founded?", "schema": {"founded": "integer"}}
    async with over_http(folder, database) as (app, keys):
        shown = keys.add("agent", max_cost_usd=0.2)[1]
        transport = streamable_http_client(URL, http_client=http(app, authorization=f"Bearer {shown}"))
        async with Client(transport) as client:
            assert (await called(client, "research", **question))["output"] == {"founded": 1935}
            async with OwnerMoney(database).share(Owner(id="agent", max_cost_usd=0.2), 0.5) as share:
                assert share.usd == 0.2
                assert "try again later" in await refused(client, "research", **question)
                share.charges.append(Charge(0.2, 0.2, "elsewhere"))
            assert "$0.20 are spent, and the cap of you is $0.20" in await refused(client, "research", **question)
        async with http(app) as plain:
            for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {shown}"}):
                answer = await plain.post(URL, json={}, headers=headers)
                assert (answer.status_code, list(answer.json())) == (401, ["detail"]), "as research serve says it"
            elsewhere = {
                "authorization": f"Bearer {shown}",
                "host": "evil.example",
                "accept": "application/json, text/event-stream",
            }
            assert (await plain.post(URL, json={}, headers=elsewhere)).status_code in (403, 421)


async def test_over_http_a_key_asks_no_oftener_than_it_may(folder: Path, database: Database) -> None:
    async with (
        over_http(folder, database) as (app, keys),
        http(app, **{"x-api-key": keys.add("agent", requests_per_minute=1)[1]}) as one,
    ):
        assert (await one.post(URL, json={})).status_code != 429
        refusal = await one.post(URL, json={})
    assert refusal.status_code == 429
    assert int(refusal.headers["retry-after"]) > 0


def test_a_table_run_has_the_secrets_of_its_owners_key_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CRM_TOKEN", "OTHER"):
        monkeypatch.setenv(f"RESEARCH_SECRET_{name}", "a long secret")
    allowed = variables_of(Owner(id="agent", secrets=("CRM_TOKEN",)))
    assert "RESEARCH_SECRET_CRM_TOKEN" in allowed
    assert "RESEARCH_SECRET_OTHER" not in allowed
    assert "RESEARCH_SECRET_OTHER" in variables_of(None)
