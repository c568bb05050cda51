"""A table researched by worker processes: the same tables as in one process, also when one of them is killed."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from flows_doubles import tables_of

from flows.enrichment import enrich
from flows.run.outcome import Enrichment
from flows.run.workers.files import WorkerFiles
from research.testing import Answer, ModelServer, Request
from tests.models.faulty_run import SCHEMA, page_text, researcher

pytestmark = [
    pytest.mark.usefixtures("prefect_server"),
    pytest.mark.skipif(sys.platform == "win32", reason="signals"),
]
ROWS, SHARD, CONCURRENCY = 24, 3, 4
EQUAL = 2
"""Rows that are equal to an earlier one, in another shard."""
KILL_AT = 30
"""The call at which a worker is killed: about half of all."""
CALLS = 3
"""Of a row: search, read, answer."""


class Stations:
    """A table, its pages, and a service that answers; it may kill the worker process that asks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kill_in: Path | None = None
        """The run folder whose worker is to be killed."""
        self.killed: list[int] = []
        self._count = 0
        (folder / "corpus").mkdir()
        for number in range(ROWS):
            (folder / "corpus" / f"{number}.md").write_text(page_text(number), "utf-8")
        pq.write_table(
            pa.table({"station": [f"Station {number % (ROWS - EQUAL)}" for number in range(ROWS)]}), folder / "table.parquet"
        )

    def answer(self, request: Request) -> Answer:
        self._count += 1
        if self.kill_in is not None and self._count == KILL_AT:
            files = WorkerFiles(self.kill_in / ".state")
            (worker,) = [state for name in files.orders()[:1] if (state := files.order(name).state()) is not None]
            os.kill(worker.pid, signal.SIGKILL)
            self.killed.append(worker.pid)
        return researcher(request)

    async def enrich(self, out: str, **options: Any) -> Enrichment:
        self._count = 0
        return await enrich(
            str(self.folder / "table.parquet"),
            output_schema=SCHEMA,
            objective="When was {station} launched, and who runs it?",
            corpus=str(self.folder / "corpus"),
            processor="base",
            out=str(self.folder / out),
            shard_size=SHARD,
            concurrency=CONCURRENCY,
            **options,
        )


def answers_of(run: Path) -> dict[str, Any]:
    """The tables of a run, without what the service's prompt cache makes of the order of its calls."""
    cache = ("cost_usd", "tokens_cache_read", "tokens_cache_write")
    return {
        name: [{column: cell for column, cell in row.items() if column not in cache} for row in rows]
        for name, rows in tables_of(run).items()
    }


async def test_a_shard_of_a_killed_worker_is_done_by_another_and_the_tables_are_those_of_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is paid for twice but what the killed worker had in flight; an equal row is paid for once."""
    stations = Stations(tmp_path)
    with ModelServer(stations.answer, latency=0.02) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
        await stations.enrich("local")
        once = len(server.requests)
        stations.kill_in = tmp_path / "processes"
        done = await stations.enrich("processes", runner="processes", workers=2)
        calls = Counter(str(request.messages) for request in server.requests[once:])
    assert len(stations.killed) == 1
    assert (done.completed, done.failed) == (ROWS, 0)
    assert once == (ROWS - EQUAL) * CALLS
    assert sum(calls.values()) - once <= CONCURRENCY // 2 * CALLS
    assert answers_of(tmp_path / "processes") == answers_of(tmp_path / "local")
    assert not (tmp_path / "processes" / ".state" / "workers").exists()
    assert done.spent_usd is not None
