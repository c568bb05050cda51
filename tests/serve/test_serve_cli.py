"""`research serve`, `research worker` and `research keys` as commands."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from flows.cli import main
from flows.cli.terminal import Exit
from flows.serve.http.keys import FILE, Keys
from flows.serve.http.listener import listen
from flows.serve.running import prefect_beside, until_answers
from flows.server import PrefectUnavailable
from research.testing.web_server import WebServer


def test_a_key_is_shown_once_listed_without_it_and_revoked_by_its_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--folder", str(tmp_path)]
    assert main(["keys", "add", "alice", "--secret", "CRM_TOKEN", "--secret", "OTHER", *at]) == 0
    shown = capsys.readouterr().out.strip()
    owner = Keys(tmp_path / FILE).owner_of(shown)
    assert (owner.id, owner.secrets) == ("alice", ("CRM_TOKEN", "OTHER"))
    assert main(["keys", "add", "alice", "--secret", "../x", *at]) == 2
    assert "no name of a secret" in capsys.readouterr().err
    assert main(["keys", "list", "--json", *at]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert (listed["owner"], listed["revoked_at"]) == ("alice", None)
    assert main(["keys", "revoke", listed["id"], *at]) == 0
    assert main(["keys", "list", *at]) == 0
    assert shown not in (table := capsys.readouterr().out)
    assert listed["id"] in table
    assert main(["keys", "revoke", "k_none", *at]) == 2


def test_a_taken_port_and_a_foreign_database_are_refused_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["serve", "--in-process", "--folder", str(tmp_path), "--port", port]) == 2
    assert f"nothing can listen at 127.0.0.1:{port}" in capsys.readouterr().err
    assert main(["serve", "--folder", str(tmp_path), "--database", "mysql://host/name"]) == 2
    assert "SQLite or PostgreSQL" in capsys.readouterr().err
    assert main(["serve", "--folder", str(tmp_path), "--port", "0", "--corpus", str(tmp_path / "nowhere")]) == 2
    assert "there is no such folder or file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variables", "options", "told"),
    [
        ({}, ["--model", "gpt-4"], 'model: "gpt-4" is none of Anthropic\'s service: use one of claude-opus-'),
        ({}, ["--model", "claude-opus-5"], "needs a key: set ANTHROPIC_API_KEY"),
        ({}, ["--search", "bing"], "there is no search provider 'bing'. There are: local"),
        ({}, ["--search", "brave"], "needs BRAVE_API_KEY"),
        ({}, ["--max-cost", "nan"], "--max-cost. Must be > 0"),
        ({}, ["--concurrency", "0"], "--concurrency. Must be >= 1"),
        ({}, ["--database", "sqlite:////proc/none/x.sqlite"], "cannot be made"),
        ({"RESEARCH_CACHE_DIR": "/dev/null/cache"}, [], "nothing can be written to /dev/null/cache"),
        ({"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}, ["--model", "mine", "--max-cost", "5"], "no price is known for mine"),
        ({"RESEARCH_AGENTS_DIR": "nowhere"}, [], "no folder of agents' profiles: correct RESEARCH_AGENTS_DIR"),
        ({"RESEARCH_WEBHOOK_SECRET": "short"}, [], "no secret of Standard Webhooks"),
        ({"RESEARCH_PROCESSORS": "nowhere.toml"}, [], "nowhere.toml cannot be read"),
    ],
)
def test_what_a_worker_would_end_for_is_refused_before_anything_starts(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    options: list[str],
    told: str,
) -> None:
    for name, value in {"RESEARCH_CACHE_DIR": str(tmp_path / "cache"), **variables}.items():
        monkeypatch.setenv(name, value)
    for name in {"ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "BRAVE_API_KEY"} - {*variables}:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "page.md").write_text("# Bell Rock\n\nFirst lit in 1811.\n", "utf-8")
    corpus = ["--corpus", str(tmp_path / "pages")]
    assert main(["serve", "--folder", str(tmp_path / "served"), "--port", "0", *corpus, *options]) == 2
    assert told in " ".join(capsys.readouterr().err.split())
    assert not list((tmp_path / "served").glob("*"))


async def test_prefects_own_server_is_not_started_where_nothing_can_be_written() -> None:
    """It would end with a traceback, be started again, and end again."""
    with (
        temporary_settings({PREFECT_HOME: Path("/dev/null/home")}, restore_defaults={PREFECT_API_URL}),
        pytest.raises(PrefectUnavailable, match=r"nothing can be written to /dev/null/home.*PREFECT_HOME"),
    ):
        async with prefect_beside():
            raise AssertionError("it was started")


def test_a_key_that_cannot_be_kept_is_a_fault_of_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "keys"):
        assert main(["keys", "add", "alice", "--folder", str(folder)]) == Exit.LIMIT
        told = capsys.readouterr()
        assert f"the folder of keys {folder} (chosen with --folder) cannot be written" in told.err
        assert not told.out


def test_a_worker_asks_for_the_prefect_server_of_its_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with temporary_settings(restore_defaults={PREFECT_API_URL}):  # another test of this process may have set one
        assert main(["worker", "--folder", str(tmp_path)]) == 2
    assert "PREFECT_API_URL" in capsys.readouterr().err


async def test_nothing_is_asked_of_the_services_own_prefect_server_before_it_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    waiting = asyncio.create_task(until_answers(f"http://127.0.0.1:{port}/api"))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    with WebServer({"/api/health": "true"}, port=port):
        await asyncio.wait_for(waiting, 10)


def test_the_body_of_an_answer_does_not_wait_for_its_head_to_be_acknowledged() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
