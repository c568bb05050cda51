"""The temporary Prefect server outlives the Ctrl-C that ends a run, which still has to report its end, and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import prefect
import pytest
from flows_doubles import SCHEMA
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

import flows.api
from flows import server_watcher
from flows.server import PrefectUnavailable, TemporaryServer, folder_without_room, prefect_server
from tests import prefect_database

LOOKS = 200
"""How often something is looked for that must come about within 20 seconds."""


async def answers(url: str) -> bool:
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(f"{url}/health")).status_code == 200
    except httpx.TransportError:
        return False


async def gone(url: str) -> bool:
    for _ in range(LOOKS):
        if not await answers(url):
            return True
        await asyncio.sleep(0.1)
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="signals of a terminal")
async def test_the_server_outlives_ctrl_c_and_ends_with_its_process_also_when_that_is_killed(
    tmp_path: Path, made_prefect_database: Path
) -> None:
    prefect_database.take(made_prefect_database, tmp_path)
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("flows_with_server.py")),
        env={**environment, "PREFECT_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    os.killpg(process.pid, signal.SIGINT)  # what a terminal sends
    await asyncio.sleep(0.5)
    assert await answers(url)
    process.kill()
    assert await process.wait() == -signal.SIGKILL
    assert await gone(url)


def test_the_watcher_ends_with_the_command_and_as_it_ended() -> None:
    command = [sys.executable, server_watcher.__file__, sys.executable, "-c", "raise SystemExit(7)"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as watcher:
        assert watcher.wait(20) == 7


async def test_a_server_that_does_not_answer_is_an_error_for_people() -> None:
    refused = pytest.raises(PrefectUnavailable, match=r"127\.0\.0\.1:9/api does not answer(.|\n)*unset PREFECT_API_URL")
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}), refused:
        async with prefect_server():
            raise AssertionError


def test_a_full_folder_of_the_temporary_server_is_named(tmp_path: Path) -> None:
    with temporary_settings({PREFECT_HOME: tmp_path}):
        assert folder_without_room(2**62) == (str(tmp_path), "PREFECT_HOME")
        assert folder_without_room(0) is None


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({}, "does not answer as it should.*500"),
        ({"/health": "true", "/admin/version": '"2.20.0"'}, "cannot be used with Prefect 3.*2.20.0"),
        ({"/health": "true", "/admin/version": '"4.0.0"'}, "cannot be used with Prefect 3.*4.0.0"),
        ({"/health": "true", "/admin/version": f'"{prefect.__version__}"'}, "accepted no flow run.*500"),
    ],
)
async def test_a_server_that_cannot_be_used_is_told_before_anything_is_spent(
    tmp_path: Path, answers: dict[str, str], why: str
) -> None:
    """It answers 500 to all, or to all but its health; or it is of another version."""
    table = tmp_path / "planets.csv"
    table.write_text("name\nPlanet 1\n")
    with answering(answers) as url, temporary_settings({PREFECT_API_URL: url}):
        call = flows.api.enrich(table, output_schema=SCHEMA, out=str(tmp_path / "run"), model="keyless", corpus=str(tmp_path))
        with pytest.raises(PrefectUnavailable, match=f"(?s){url} {why}.*unset PREFECT_API_URL"):
            await call
    assert not (tmp_path / "run").exists()


@contextmanager
def answering(answers: dict[str, str]) -> Iterator[str]:
    """A server of Prefect's API that answers some paths, and 500 to all others. Yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answers.get(self.path.removeprefix("/api"))
            self.send_response(500 if body is None else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body or "")))
            self.end_headers()
            self.wfile.write((body or "").encode())

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api"
        finally:
            server.shutdown()


async def test_a_temporary_server_that_cannot_start_says_what_it_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that cannot be opened: the server ends, and its own words are in the message."""
    no_folder = tmp_path / "missing" / "prefect.db"
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", f"sqlite+aiosqlite:///{no_folder}")
    with pytest.raises(PrefectUnavailable, match=r"did not start(.|\n)*database"):
        await TemporaryServer().start()
