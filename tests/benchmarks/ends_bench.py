"""Make the run folder of a large finished run, and measure its ends: `python tests/benchmarks/ends_bench.py --rows 100000`.

The first three rows are researched (keyless model, three tiny pages); the others are copies of their results, committed as a run
commits them, so that every value has its evidence. Each row also stores a page of its own (`--page-size` characters; 0: none).
Prints one line a measurement, the wall seconds and the CPU seconds of the process itself:

    the same command     with a Prefect server that is running (`--temporary`: also with one of its own)
    show, verify         the commands
    results, a view      `open_run(…).results()`, and each view of `research.duckdb` read whole
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from scale_bench import make_case, running_server

from flows.run.options import EnrichOptions
from flows.run.prepare import prepare_enrichment
from flows.run.rows import Rows
from flows.run.runner import Runner
from flows.run.runtime import Runtime, ignore_event
from research.ports.page import Page, page_hash
from research.result.result import Result
from research.stored_results.committed_results import CommittedResults
from research.stored_results.store import ResultStore
from research.tables.inputs.read import json_rows
from research.tables.layout.parts import pages_cited
from research.tables.run_folder.reader import open_run

RESEARCHED = 3
SHARD_SIZE = 100
VIEWS = ("cells", "low_confidence", "unsupported", "failed_rows", "spend", "evidence", "suspicious_sources", "coverage")


async def build(folder: Path, page_size: int) -> None:
    options = EnrichOptions(
        str(folder / "in.parquet"),
        output_schema=str(folder / "schema.json"),
        corpus=str(folder / "corpus"),
        objective="Facts about the company {company}",
        processor="base",
        out=str(folder / "run"),
        shard_size=SHARD_SIZE,
    )
    async with prepare_enrichment(options, Runtime()) as prepared:
        request, world, run = prepared.request, prepared.world, prepared.folder()
        with run.lock():
            rows = Rows(request, world, Runner(ResultStore(run.state / "results")), ignore_event, 8)
            committed = CommittedResults(run.state / "results")
            results: list[Result] = []
            for shard, batch in enumerate(request.table.batches(SHARD_SIZE)):
                start = shard * SHARD_SIZE
                if not results:
                    values = list(json_rows(batch))[:RESEARCHED]
                    done = await asyncio.gather(*(rows.research(row, cells) for row, cells in enumerate(values)))
                    results = [result for result in done if result is not None]
                numbers = range(start, start + batch.num_rows)
                copies = [results[n % len(results)].model_copy(update={"task_id": f"task_{n:024d}"}) for n in numbers]
                pages = [page for n in numbers if (page := own_page(n, page_size)) is not None]
                known = [world.fetcher.recall(h) for h in pages_cited(results)] if shard == 0 else []
                run.write_shard(shard, batch, start, copies, [*known, *pages])
                committed.add(shard, {f"row-{hashlib.sha256(b'%d' % n).hexdigest()}": n for n in numbers})
            run.finish(rows=request.table.row_count)


def own_page(number: int, size: int) -> Page | None:
    if not size:
        return None
    text = f"Page {number}.\n\n" + f"Word {number} of a page. " * (size // 24)
    url = f"https://example.org/{number}"
    return Page(
        page_hash=page_hash(text),
        url=url,
        final_url=url,
        title=f"Page {number}",
        media_type="text/html",
        fetched_at=datetime(2026, 1, 1, tzinfo=UTC),
        published=None,
        text=text,
        extraction_version="1",
    )


def timed(work: Callable[[], Any]) -> dict[str, float]:
    wall, cpu = time.monotonic(), time.process_time()
    work()
    return {"wall_s": round(time.monotonic() - wall, 2), "cpu_s": round(time.process_time() - cpu, 2)}


def timed_command(*words: str, cwd: Path, environment: dict[str, str]) -> dict[str, float]:
    began = time.monotonic()
    with (cwd / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "flows.cli", *words], cwd=cwd, env=environment, stdout=log, stderr=log)
        _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit((cwd / "log").read_text("utf-8")[-3000:])
    cpu = used.ru_utime + used.ru_stime
    return {"wall_s": round(time.monotonic() - began, 2), "cpu_s": round(cpu, 2)}


def measurements(folder: Path, *, temporary: bool) -> Iterator[tuple[str, dict[str, float]]]:
    enrich = (
        *("enrich", str(folder / "in.parquet"), "--schema", str(folder / "schema.json"), "--corpus", str(folder / "corpus")),
        *("--objective", "Facts about the company {company}", "--processor", "base", "--out", str(folder / "run")),
        *("--shard-size", str(SHARD_SIZE)),
    )
    environment = dict(os.environ)
    with running_server() as url:
        for _ in range(2):
            yield "same command", timed_command(*enrich, cwd=folder, environment={**environment, "PREFECT_API_URL": url})
    if temporary:
        yield "same command, temporary server", timed_command(*enrich, cwd=folder, environment=environment)
    run = str(folder / "run")
    for words in (("show", run), ("show", run, "--row", "1999", "--field", "ceo"), ("show", run, "--failed"), ("verify", run)):
        yield " ".join(("research", *words)).replace(run, "RUN"), timed_command(*words, cwd=folder, environment=environment)
    yield "open_run(…).results()", timed(lambda: open_run(run).results())
    with duckdb.connect(folder / "run" / "research.duckdb", read_only=True) as db:
        for view in VIEWS:
            yield f"FROM {view}", timed(db.sql(f"FROM {view}").to_arrow_table)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--page-size", type=int, default=0)
    parser.add_argument("--temporary", action="store_true")
    parser.add_argument("--folder", type=Path, help="where the case is made, or was made before; default: a temporary folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (asked.folder or Path(scratch)).absolute()
        os.environ |= {"PREFECT_HOME": str(folder / "prefect"), "RESEARCH_CACHE_DIR": str(folder / "cache"), "DO_NOT_TRACK": "1"}
        os.environ.pop("PREFECT_API_URL", None)
        os.environ.pop("ANTHROPIC_API_KEY", None)
        if not (folder / "run").exists():
            folder.mkdir(parents=True, exist_ok=True)
            make_case(folder, asked.rows)
            print(json.dumps({"build": timed(lambda: asyncio.run(build(folder, asked.page_size)))}), flush=True)
        for name, figures in measurements(folder, temporary=asked.temporary):
            print(json.dumps({name: figures}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
