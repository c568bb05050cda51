"""A table researched by worker processes: the same tables as in one process, also when one of them is killed."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest
from flows_stations import CALLS, CONCURRENCY, EQUAL, ROWS, Stations, answers_of

from research.testing import ModelServer

pytestmark = [
    pytest.mark.usefixtures("prefect_server"),
    pytest.mark.skipif(sys.platform == "win32", reason="signals"),
]


async def test_a_shard_of_a_killed_worker_is_done_by_another_and_the_tables_are_those_of_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is paid for twice but what the killed worker had in flight; an equal row is paid for once. Dask makes the same
    tables."""
    stations = Stations(tmp_path)
    with ModelServer(stations.answer, latency=0.02) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
        await stations.enrich("local")
        once = len(server.requests)
        stations.kill_in = tmp_path / "workers"
        done = await stations.enrich("workers", runner="processes", workers=2)
        calls = Counter(str(request.messages) for request in server.requests[once:])
        stations.kill_in = None
        await stations.enrich("dask", runner="dask", workers=1)
    assert len(stations.killed) == 1
    assert (done.completed, done.failed) == (ROWS, 0)
    assert once == (ROWS - EQUAL) * CALLS
    assert sum(calls.values()) - once <= CONCURRENCY // 2 * CALLS
    assert answers_of(tmp_path / "workers") == answers_of(tmp_path / "dask") == answers_of(tmp_path / "local")
    assert not (tmp_path / "workers" / ".state" / "workers").exists()
    assert done.spent_usd is not None
