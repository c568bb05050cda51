"""Enrich the same table with each runner: `python tests/benchmarks/runners_bench.py [--rows 1000] [--runners local dask]`.

Prints for each runner, without a model key and with the double of the service, rows a second of the whole command (the start of
workers included), and whether its tables equal the first runner's. Exits with 1 if they do not. `pool` is `workers:POOL` with two
workers of a process work pool; `s3` is the local runner with its run folder on an S3 server on loopback.

On a Prefect server of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[2]))

from prefect.settings import PREFECT_API_URL, temporary_settings
from scale_bench import running_server
from work_pool_here import POOL, all_online, make_pool, worker

from research.tables.run_folder.reader import open_run
from research.testing import ModelServer
from tests.models.faulty_run import SCHEMA, page_text, researcher
from tests.storage.s3_server import object_storage

PAGES = 50
RUNNERS = {"pool": f"workers:{POOL}", "s3": "local"}
VARYING = {"cost_usd", "completed_at", "seconds", "accessed_at", "tokens_cache_read", "tokens_cache_write"}
"""Columns that differ between two runs of the same work."""


def enrich(folder: Path, out: str, runner: str, model: str) -> float:
    """Seconds of the whole command."""
    command = [
        *(sys.executable, "-m", "flows.cli", "enrich", "table.parquet", "--schema", "schema.json", "--corpus", "corpus"),
        *("--objective", "When was {station} launched, and who runs it? ({id})", "--processor", "base", "--model", model),
        *("--runner", RUNNERS.get(runner, runner), "--concurrency", "32", "--shard-size", "25", "--out", out),
    ]
    began = time.monotonic()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{runner}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return time.monotonic() - began


def answers(run: str | Path) -> dict[str, list[str]]:
    opened = open_run(run)
    tables: dict[str, list[dict[str, Any]]] = {name: opened.table(name).to_pylist() for name in ("results", "basis")}
    return {
        name: [json.dumps({k: v for k, v in row.items() if k not in VARYING}, default=str) for row in rows]
        for name, rows in tables.items()
    }


def start_pool(held: ExitStack, folder: Path) -> None:
    """A pool, and two workers that live as long as the stack."""

    async def made() -> None:
        await make_pool()
        for _ in range(2):
            held.enter_context(worker(folder / "worker.log"))
        await all_online(2)

    with temporary_settings({PREFECT_API_URL: os.environ["PREFECT_API_URL"]}):
        asyncio.run(made())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds before the double answers")
    parser.add_argument("--runners", nargs="+", default=["local", "processes", "dask", "pool", "s3"])
    asked = parser.parse_args()
    equal, first = True, dict[str, list[str]]()
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
        server = held.enter_context(ModelServer(researcher, latency=asked.latency, record=False))
        storage = held.enter_context(object_storage())
        os.environ |= {"PREFECT_HOME": str(folder / "prefect"), "RESEARCH_CACHE_DIR": str(folder / "cache"), "DO_NOT_TRACK": "1"}
        os.environ |= {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "test"}
        os.environ["PREFECT_API_URL"] = held.enter_context(running_server())
        if "pool" in asked.runners:
            start_pool(held, folder)
        (folder / "corpus").mkdir()
        for number in range(PAGES):
            (folder / "corpus" / f"{number}.md").write_text(page_text(number), "utf-8")
        rows = {"station": [f"Station {row % PAGES}" for row in range(asked.rows)], "id": list(range(asked.rows))}
        pq.write_table(pa.table(rows), folder / "table.parquet")
        (folder / "schema.json").write_text(json.dumps(SCHEMA), "utf-8")
        for model in ("extractive", "claude"):
            for runner in asked.runners:
                out = f"s3://{storage.bucket()}/{model}" if runner == "s3" else str(folder / f"{model}-{runner}")
                seconds = enrich(folder, out, runner, model)
                first = first if runner != asked.runners[0] else answers(out)
                same = answers(out) == first
                equal = equal and same
                verdict = "equal" if same else "DIFFER"
                print(
                    f"{model:10} {runner:10} {asked.rows / seconds:8.1f} rows/s ({seconds:.1f} s), tables {verdict}", flush=True
                )
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
