"""A Prefect server that we start ourselves outlives the Ctrl-C that ends the run: the run still has to tell it how it ended."""

from __future__ import annotations

import os

import pytest
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.server import ServerApart, own_server


def test_the_server_that_prefect_starts_for_us_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SubprocessASGIServer, "_instances", {})  # those of this test process belong to other tests
    with temporary_settings(restore_defaults={PREFECT_API_URL}), own_server():
        ours = SubprocessASGIServer()
        assert isinstance(ours, ServerApart)


def test_it_is_in_a_session_of_its_own_where_a_terminals_ctrl_c_does_not_reach() -> None:
    server = ServerApart(port=8999)
    process = server._run_uvicorn_command()
    try:
        assert os.getsid(process.pid) == process.pid != os.getsid(0)
    finally:
        process.kill()
        process.wait()
        server.stop()
