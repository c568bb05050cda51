"""Secrets in a table's run: only the tools get their values, and nothing that the run leaves behind holds one."""

from __future__ import annotations

import base64
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from prefect.blocks.system import Secret
from pydantic import SecretStr

import flows.api
from flows.run.environment import Environment
from flows.run.events import Event
from flows.run.options import EnrichOptions
from flows.run.prepare import prepare_enrichment
from flows.run.runtime import Runtime
from flows.secret_blocks import secrets_with_blocks
from research.errors import InvalidTask
from research.mcp.settings import McpSettings
from research.search.settings import SearchSettings
from research.testing import (
    ModelServer,
    Reply,
    Request,
    SearchServer,
    WebhookReceiver,
    WebPage,
    WebServer,
    call,
    researcher,
    tool_calls,
)
from research.testing.mcp_server import McpDouble, McpTool
from research.web.settings import WebSettings
from research.webhooks.signing import WebhookSecret

VALUES = {name: f"{name}-value-Zq7%41x" for name in ("brave", "exa", "model", "unused", "crm")}
WEBHOOK = "whsec_" + base64.b64encode(b"a webhook's own secret, 32 bytes").decode()
TOLD = (*VALUES.values(), WEBHOOK.removeprefix("whsec_"))


@pytest.mark.usefixtures("prefect_server")
async def test_no_value_of_a_secret_is_left_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Keys of search providers (one from a variable, one from a Prefect block), the header of an MCP server that repeats it, the
    model's key and the webhook's secret are used: no file of the run or of Prefect, no event, log, prompt or error holds one."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESEARCH_SECRET_BRAVE_API_KEY", VALUES["brave"])
    monkeypatch.setenv("RESEARCH_SECRET_UNUSED", VALUES["unused"])
    monkeypatch.setenv("RESEARCH_SECRET_CRM_TOKEN", VALUES["crm"])
    await Secret(value=VALUES["exa"]).save("research-secret-exa-api-key", overwrite=True)
    pd.DataFrame({"name": ["Voyager 1", "Voyager 2"]}).to_csv("probes.csv", index=False)
    heard: list[Event] = []
    site = {"/v1": "<h1>Voyager 1</h1><p>Operator: NASA</p>", "/v2": "<h1>Voyager 2</h1><p>Operator: NASA</p>"}
    with (
        WebServer(site) as web,
        McpDouble([McpTool("look", lambda _: _echo(crm)), McpTool("fail", lambda _: 1 / int(_echo(crm)))]) as crm,
        ModelServer(_calls_the_server_first, models=None, api_keys=[VALUES["model"]]) as model,
        SearchServer(_hits(web), key=VALUES["brave"]) as brave,
        SearchServer(_hits(web), key=VALUES["exa"]) as exa,
        WebhookReceiver(WebhookSecret(WEBHOOK)) as receiver,
    ):
        environment = Environment(
            cache_dir=tmp_path / "cache",
            api_key=SecretStr(VALUES["model"]),
            base_url=model.url,
            webhook_secret=SecretStr(WEBHOOK),
            mcp=McpSettings(allow_private_hosts=("127.0.0.1",)),
            web=WebSettings(allow_private_hosts=("127.0.0.1",), obey_robots=False, host_delay_seconds=0),
            providers=SearchSettings(brave_url=brave.urls["brave_url"], exa_url=exa.urls["exa_url"]),
        )
        runtime = Runtime(listener=heard.append, environment=environment, retry_delays=())
        options = EnrichOptions(
            "probes.csv",
            objective="Who operates {name}?",
            output_schema={"operator": "string"},
            search=["brave", "exa"],
            secrets=["BRAVE_API_KEY", "EXA_API_KEY", "UNUSED", "CRM_TOKEN"],
            mcp_servers=[{"name": "crm", "url": crm.url, "headers": {"Authorization": "Bearer ${secrets.CRM_TOKEN}"}}],
            webhook=f"{receiver.url}/hook",
            out="run",
        )
        runtime = replace(runtime, secrets=secrets_with_blocks)
        async with prepare_enrichment(options, runtime) as prepared:
            done = await flows.api.run(prepared, runtime)
        assert (done.completed, done.failed) == (2, 0)
        assert brave.asked["brave"]
        assert exa.asked["exa"]
        assert not done.not_delivered
        assert _echo(crm) == f"You sent Bearer {VALUES['crm']}"
        assert "You sent Bearer [secret CRM_TOKEN]" in str([each.params for each in model.requests])
        left = {"prompts": str([(each.params, each.headers) for each in model.requests]), "webhook": str(receiver.accepted)}
    left |= {"events": repr(heard), "log": caplog.text, "outcome": repr(done)}
    left |= {name: repr(vars(record)) for name, record in enumerate(caplog.records) if record.args}  # type: ignore[misc]
    left |= {str(path): path.read_bytes().decode("latin-1") for path in _files(tmp_path, Path(os.environ["PREFECT_HOME"]))}
    assert any(name.endswith("prefect.db") for name in map(str, left))
    assert [(name, value) for name, text in left.items() for value in TOLD if value in text] == []


def _echo(crm: McpDouble) -> str:
    return f"You sent {crm.requests[-1].headers['authorization']}"


def _calls_the_server_first(request: Request) -> Reply:
    if "mcp__crm__look" in request.tools and not request.tool_results:
        return tool_calls(call("mcp__crm__look"), call("mcp__crm__fail"), call("search", query="Who operates Voyager"))
    return researcher(request)


def _hits(web: WebServer) -> list[WebPage]:
    return [WebPage(f"{web.url}/v{number}", f"Voyager {number}", "Who operates Voyager", None) for number in (1, 2)]


def _files(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.is_file())


async def test_an_unknown_secret_is_refused_with_those_that_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESEARCH_SECRET_CRM_TOKEN", VALUES["unused"])
    table = tmp_path / "probes.csv"
    pd.DataFrame({"name": ["Voyager 1"]}).to_csv(table, index=False)
    options = EnrichOptions(str(table), search=["brave"], secrets=["BRAVE_API_KEY", "CRM_TOKEN"], out=str(tmp_path / "run"))
    with pytest.raises(InvalidTask, match="There are: CRM_TOKEN") as refused:
        async with prepare_enrichment(options, Runtime(environment=Environment(cache_dir=tmp_path))):
            pass
    assert "no secret 'BRAVE_API_KEY'" in str(refused.value)
    assert VALUES["unused"] not in str(refused.value)
    assert not (tmp_path / "run").exists()
