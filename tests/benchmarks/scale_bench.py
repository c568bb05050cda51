"""Enrich a large table, and measure what grows with it: `python tests/benchmarks/scale_bench.py --rows 100000`.

Prints one line: wall and CPU seconds, the command's peak memory, the most files that the run folder held for each shard that was
open or committed, the size of the folder and of Prefect's database, the task runs that Prefect has recorded in a final state and
in any other (asked of its API after the command has ended), and the seconds that the same command takes once all is done.

    --model keyless   three tiny pages, and no service
    --model double    a service on loopback, in a process of its own, without latency, which finds nothing in one call a step
    --processor       base: one call a row; research: a plan, three sub-queries, a grade and a synthesis
    --server          running: one that was started before; temporary: the command's own
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from research.testing import Answer, Request, structured

SCHEMA = {
    "type": "object",
    "properties": {
        "ceo": {"type": "string", "description": "chief executive"},
        "hq": {"type": "string", "description": "headquarters"},
        "founded": {"type": "integer", "description": "year founded"},
    },
}
FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
SHARD_SIZE = 100


def answer(request: Request) -> Answer:
    """The rule of the double: every step ends in one call, and nothing is found."""
    parts = set((request.schema or {}).get("properties", {}))
    if "subqueries" in parts:
        return structured({"subqueries": [{"question": f"{field}?", "fields": [field], "label": field} for field in FIELDS]})
    if "ask" in parts:
        return structured({"fields": [{"field": field, "grade": "missing"} for field in FIELDS], "ask": []})
    missing = [{"field": field, "reasoning": "no page says"} for field in FIELDS if field in json.dumps(request.schema)]
    report = {"report": "Nothing was found."} if "report" in parts else {}
    return structured({"answers": [], "not_found": missing, "summary": "nothing", **report})


FIELDS = tuple(SCHEMA["properties"])  # type: ignore[arg-type]


def make_case(folder: Path, rows: int) -> None:
    (folder / "corpus").mkdir()
    for number in range(3):
        facts = (f"Chief executive: Jane Doe {number}", f"Headquarters: City {number}", f"Founded: {1900 + number}")
        text = "\n\n".join((f"# Company {number}", *facts))
        (folder / "corpus" / f"{number}.md").write_text(text, "utf-8")
    companies = [f"Company {number}" for number in range(rows)]
    pq.write_table(pa.table({"company": companies}), folder / "in.parquet")
    (folder / "schema.json").write_text(json.dumps(SCHEMA), "utf-8")


@contextmanager
def double() -> Iterator[str]:
    """The address of the double, in a process of its own."""
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "research.testing.serve", "--rule", "scale_bench:answer"]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        yield server.stdout.readline().strip()
        server.stdin.close()


@contextmanager
def running_server() -> Iterator[str]:
    """The address of a Prefect server of the same home, which ends with the block."""
    script = Path(__file__).parents[1] / "flows" / "flows_with_server.py"
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.kill()


async def task_runs(url: str) -> dict[str, int]:
    """How many task runs Prefect has in each state, by its API."""
    import httpx

    counts = {}
    async with httpx.AsyncClient(base_url=url, timeout=600) as client:
        for state in (*FINAL, "PENDING", "RUNNING", "SCHEDULED"):
            body = {"task_runs": {"state": {"type": {"any_": [state]}}}}
            counts[state] = (await client.post("/task_runs/count", json=body)).json()
    return {state: count for state, count in counts.items() if count}


class Watch(threading.Thread):
    """Counts the files of a run folder, once in a while, until it is told to stop."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder = folder
        self.most = 0.0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(2.0):
            files = sum(len(names) for _, _, names in os.walk(self.folder))
            shards = len(list((self.folder / "results").glob("*.parquet"))) if self.folder.exists() else 0
            self.most = max(self.most, files / (shards + 4))

    def stop(self) -> None:
        self._ended.set()
        self.join()


def size(folder: Path) -> float:
    """MB of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def timed(command: list[str], cwd: Path, environment: dict[str, str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak MB of a command alone, without what it starts and leaves to others to wait for."""
    began = time.monotonic()
    with (cwd / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=log, stderr=log)
        _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit((cwd / "log").read_text("utf-8")[-3000:])
    return time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def measure(asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    make_case(folder, asked.rows)
    os.environ |= {"PREFECT_HOME": str(folder / "prefect"), "RESEARCH_CACHE_DIR": str(folder / "cache"), "DO_NOT_TRACK": "1"}
    os.environ.pop("PREFECT_API_URL", None)
    command = [
        *(sys.executable, "-m", "flows.cli", "enrich", "in.parquet", "--schema", "schema.json", "--corpus", "corpus"),
        *("--objective", "Facts about the company {company}", "--processor", asked.processor, "--out", "run"),
        *("--concurrency", "32", "--shard-size", str(SHARD_SIZE), *asked.option),
    ]
    if asked.task_runs:
        command += ["--task-runs", asked.task_runs]

    def work(environment: dict[str, str]) -> dict[str, Any]:
        watch = Watch(folder / "run")
        watch.start()
        wall, cpu, peak = timed(command, folder, environment)
        watch.stop()
        again, *_ = timed(command, folder, environment)
        return {
            "wall_s": round(wall, 1),
            "cpu_s": round(cpu, 1),
            "peak_mb": round(peak),
            "files_per_shard": round(watch.most, 1),
            "files_at_end": sum(1 for file in (folder / "run").rglob("*") if file.is_file()),
            "folder_mb": round(size(folder / "run"), 1),
            "again_s": round(again, 1),
        }

    def with_model(environment: dict[str, str]) -> dict[str, Any]:
        if asked.model == "keyless":
            return work({**environment, "ANTHROPIC_API_KEY": ""} if "ANTHROPIC_API_KEY" in environment else environment)
        with double() as url:
            return work({**environment, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "test"})

    if asked.server == "running":
        with running_server() as url:
            figures = with_model({**os.environ, "PREFECT_API_URL": url})
            figures["recorded"] = asyncio.run(task_runs(url))
    else:
        figures = with_model(dict(os.environ))
        with running_server() as url:
            figures["recorded"] = asyncio.run(task_runs(url))
    return figures | {"prefect_mb": round(size(folder / "prefect"), 1)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--model", choices=("keyless", "double"), default="double")
    parser.add_argument("--processor", default="base")
    parser.add_argument("--server", choices=("running", "temporary"), default="running")
    parser.add_argument("--task-runs", choices=("steps", "rows", "shards", "auto"))
    parser.add_argument("--option", action="append", default=[], help="one more argument of the command, as --option=--limit=5")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        figures = measure(asked, Path(scratch))
    print(json.dumps({**vars(asked), **figures}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
