"""`kill -9` of the whole command while its batch is under way, then the same command again: paid once, and proved."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect.settings import get_current_settings

from flows.enrichment import enrich
from flows.run.runtime import BatchPolling, Runtime, use_runtime
from research.tables.audit.verify import verify
from research.tables.run_folder.reader import open_run
from research.testing import Batches, ModelServer, Request, WebPage, WebServer, structured, web_search

ROWS = 6
OBJECTIVE = "How many antennas has {name}?"


def page_of(number: int) -> str:
    return f"<html><body><h1>Probe {number}</h1><p>Probe {number} has {number + 2} antennas, and it is grey.</p></body></html>"


def answering(web: WebServer) -> Any:
    def answer(request: Request) -> Any:
        number = next(n for n in range(ROWS) if f"Probe {n}" in request.text)
        url, words = f"{web.url}/{number}", f"Probe {number} has {number + 2} antennas"
        found = {"field": "antennas", "reasoning": "It says so.", "value": number + 2, "passages": ["p1"], "against": []}
        said = {
            "quotes": [{"id": "p1", "url": url, "quote": words}],
            "answers": [{**found, "confidence": "high"}],
            "not_found": [],
            "summary": f"{number + 2} antennas [p1].",
        }
        return web_search(f"Probe {number}", WebPage(url, f"Probe {number}", words)) + structured(said)

    return answer


@pytest.mark.usefixtures("prefect_server")
async def test_a_batch_of_a_command_that_was_killed_is_picked_up_by_the_same_call_and_paid_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call from Python is the same run as the command, and may look at the batch sooner."""
    pd.DataFrame({"name": [f"Probe {n}" for n in range(ROWS)]}).to_csv(tmp_path / "probes.csv", index=False)
    (tmp_path / "probe.json").write_text(json.dumps({"antennas": "integer"}))
    with (
        WebServer({f"/{n}": page_of(n) for n in range(ROWS)}) as web,
        ModelServer(answering(web), batches=Batches(polls=10**6)) as server,
    ):
        monkeypatch.chdir(tmp_path)
        environment = {
            "ANTHROPIC_API_KEY": "test",
            "ANTHROPIC_BASE_URL": server.url,
            "RESEARCH_CACHE_DIR": str(tmp_path / "cache"),
            "RESEARCH_WEB_ALLOW_PRIVATE_HOSTS": "127.0.0.1",
            "RESEARCH_WEB_HOST_DELAY_SECONDS": "0",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        start = "from flows.cli import main; raise SystemExit(main())"
        options = ["--schema", "probe.json", "--objective", OBJECTIVE, "--processor", "base", "--batch"]
        command = [sys.executable, "-c", start, "enrich", "probes.csv", *options, "--out", "run"]

        killed = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, "PREFECT_API_URL": str(get_current_settings().api.url)}
        )
        journal = tmp_path / "run" / ".state" / "batches.jsonl"
        while not (journal.exists() and '"made"' in journal.read_text()):
            assert killed.returncode is None, "it ended before its batch was made"
            await asyncio.sleep(0.05)
        killed.send_signal(signal.SIGKILL)
        assert await killed.wait() == -signal.SIGKILL
        assert web.requests == [], "nothing was read yet"

        server._batches._polls = 1  # the service has got on with it meanwhile
        with use_runtime(Runtime(polling=BatchPolling(gather=0.1, first_look=0.01, longest_look=0.05))):
            done = await enrich(
                "probes.csv", output_schema="probe.json", objective=OBJECTIVE, processor="base", batch=True, out="run"
            )
        assert (done.completed, done.failed) == (ROWS, 0)
        assert len(server.requests) == ROWS, "no row was asked twice"

    results = open_run(tmp_path / "run").results()
    assert list(results["antennas"]) == [n + 2 for n in range(ROWS)]
    assert verify(tmp_path / "run").ok
    payments = (tmp_path / "run" / ".state" / "spending.jsonl").read_text().splitlines()
    assert len(payments) == ROWS
    basis = open_run(tmp_path / "run").table("basis").to_pylist()
    assert {line["support"] for line in basis} == {"stated"}
    assert all(line["url"].startswith("http://127.0.0.1:") for line in basis)
