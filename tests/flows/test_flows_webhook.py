"""`webhook`: an address is told what a run came to, signed and once."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, planets, reader, runtime
from pydantic import SecretStr

import flows.api
from flows.run.environment import Environment
from flows.run.options import EnrichOptions
from flows.run.prepare import prepare_enrichment
from flows.run.webhooks import receiver_of
from research.errors import InvalidInput
from research.testing import WebhookReceiver
from research.web.settings import WebSettings
from research.webhooks.signing import WebhookSecret

TEXT = "whsec_" + base64.b64encode(bytes(range(32))).decode()
KEPT = Environment(webhook_secret=SecretStr(TEXT), web=WebSettings(allow_private_hosts=("127.0.0.1",)))


@pytest.mark.usefixtures("prefect_server")
async def test_a_webhook_is_told_once_what_a_run_came_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And where its address is kept, neither it nor the secret stands in the run folder."""
    monkeypatch.chdir(tmp_path)
    pd.DataFrame(planets(2)).to_csv("planets.csv", index=False)
    with WebhookReceiver(WebhookSecret(TEXT)) as receiver:
        url = f"{receiver.url}/hook/very-secret-path"
        options = EnrichOptions("planets.csv", output_schema=SCHEMA, objective=OBJECTIVE, webhook=url, out="run")
        for _ in range(2):
            by = replace(runtime(reader()), environment=KEPT)
            async with prepare_enrichment(options, by) as prepared:
                done = await flows.api.run(prepared, by)
    assert done.not_delivered == ()
    (told,) = receiver.accepted
    assert told.event["type"] == "research.run.finished"
    assert {name: told.event["data"][name] for name in ("rows", "completed", "left", "stopped")} == {
        "rows": 2, "completed": 2, "left": 0, "stopped": None,
    }  # fmt: skip
    written = {path.name: path.read_text() for path in texts_in(tmp_path / "run")}
    assert "webhooks.jsonl" in written
    assert not [name for name, text in written.items() if "very-secret-path" in text or TEXT[6:] in text]


def texts_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix in (".json", ".jsonl")]


def test_a_webhook_that_cannot_be_used_is_refused_before_anything_is_spent() -> None:
    asked = EnrichOptions("planets.csv", webhook="http://127.0.0.1:8000/")
    with pytest.raises(InvalidInput, match=r"needs the secret .* RESEARCH_WEBHOOK_SECRET"):
        receiver_of(asked, Environment())
    with pytest.raises(InvalidInput, match=r"address cannot be used: .*allow_private_hosts"):
        receiver_of(asked, Environment(webhook_secret=SecretStr(TEXT)))
    with pytest.raises(InvalidInput, match="RESEARCH_WEBHOOK_SECRET is no secret") as refused:
        receiver_of(asked, Environment(webhook_secret=SecretStr("hunter2")))
    assert "hunter2" not in str(refused.value)
    assert receiver_of(EnrichOptions("planets.csv"), KEPT) is None
