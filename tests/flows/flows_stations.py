"""A table for several workers, one of which is killed in the middle by the service that it asks."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from flows_doubles import tables_of

from flows.enrichment import enrich
from flows.run.outcome import Enrichment
from flows.run.workers.files import WorkerFiles
from research.testing import Answer, Request
from tests.models.faulty_run import SCHEMA, page_text, researcher

ROWS, SHARD, CONCURRENCY = 15, 3, 4
EQUAL = 2
"""Rows that are equal to an earlier one, in another shard."""
KILL_AT = 18
"""The call at which a worker is killed: about half of all."""
CALLS = 3
"""Of a row: search, read, answer."""


class Stations:
    """A table, its pages, and a service that answers; it may kill a worker of a run in the middle."""

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

    def kill(self, worker: int) -> None:
        os.kill(worker, signal.SIGKILL)

    def answer(self, request: Request) -> Answer:
        self._count += 1
        if self.kill_in is not None and self._count == KILL_AT:
            files = WorkerFiles(self.kill_in / ".state")
            worker = next(state for name in files.orders() if (state := files.order(name).state()) is not None)
            self.kill(worker.pid)
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
