"""Enrich the same table with each runner: `python tests/benchmarks/runners_bench.py [--rows 1000] [--runners local dask]`.

Prints for each runner, without a model key and with the double of the service, rows a second of the whole command (the start of
workers included), and whether its tables equal the first runner's. Exits with 1 if they do not.

Against a running server with PREFECT_API_URL, otherwise on the temporary one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[2]))

from research.tables.run_folder.reader import open_run
from research.testing import ModelServer
from tests.models.faulty_run import SCHEMA, page_text, researcher

PAGES = 50
VARYING = {"cost_usd", "completed_at", "seconds", "accessed_at", "tokens_cache_read", "tokens_cache_write"}
"""Columns that differ between two runs of the same work."""


def enrich(folder: Path, out: str, runner: str, model: str, url: str) -> float:
    """Seconds of the whole command."""
    command = [
        *(sys.executable, "-m", "flows.cli", "enrich", "table.parquet", "--schema", "schema.json", "--corpus", "corpus"),
        *("--objective", "When was {station} launched, and who runs it? ({id})", "--processor", "base", "--model", model),
        *("--runner", runner, "--concurrency", "32", "--shard-size", "25", "--out", out),
    ]
    environment = {**os.environ, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "test", "DO_NOT_TRACK": "1"}
    environment |= {"RESEARCH_CACHE_DIR": str(folder / "cache")}
    began = time.monotonic()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return time.monotonic() - began


def answers(run: Path) -> dict[str, list[str]]:
    opened = open_run(run)
    tables: dict[str, list[dict[str, Any]]] = {name: opened.table(name).to_pylist() for name in ("results", "basis")}
    return {
        name: [json.dumps({k: v for k, v in row.items() if k not in VARYING}, default=str) for row in rows]
        for name, rows in tables.items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds before the double answers")
    parser.add_argument("--runners", nargs="+", default=["local", "processes", "dask"])
    asked = parser.parse_args()
    equal = True
    with tempfile.TemporaryDirectory() as name, ModelServer(researcher, latency=asked.latency, record=False) as server:
        folder = Path(name)
        (folder / "corpus").mkdir()
        for number in range(PAGES):
            (folder / "corpus" / f"{number}.md").write_text(page_text(number), "utf-8")
        rows = {"station": [f"Station {row % PAGES}" for row in range(asked.rows)], "id": list(range(asked.rows))}
        pq.write_table(pa.table(rows), folder / "table.parquet")
        (folder / "schema.json").write_text(json.dumps(SCHEMA), "utf-8")
        for model in ("extractive", "claude"):
            for runner in asked.runners:
                seconds = enrich(folder, f"{model}-{runner}", runner, model, server.url)
                same = answers(folder / f"{model}-{runner}") == answers(folder / f"{model}-{asked.runners[0]}")
                equal = equal and same
                verdict = "equal" if same else "DIFFER"
                print(
                    f"{model:10} {runner:10} {asked.rows / seconds:8.1f} rows/s ({seconds:.1f} s), tables {verdict}", flush=True
                )
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
