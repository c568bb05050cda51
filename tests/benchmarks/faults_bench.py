"""Research rows with Claude's own loop against a service that fails: `python tests/benchmarks/faults_bench.py [--flow]`.

Five in a hundred requests each meet 429, 529, 500, no answer, a cut body, a cut stream, or bring an answer that breaks the
schema (`tests/models/faulty_run.py`). Prints for each seed: rows right, requests that came sooner than their `retry-after`
allowed, calls made, calls that a service without faults needs, and how often each fault was served. Exits with 1 unless every
row is right and no request came early.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from faulty_run import SCHEMA, faulty_claude, faulty_run, page_text, truth

from research.tables.run_folder.reader import open_run
from research.testing import ModelServer

CALLS_PER_ROW = 3
"""Search, read, answer."""


async def through_the_flow(rows: int, seed: int, at_once: int) -> tuple[int, Counter[str], ModelServer]:
    """The same through `flows.enrich`: rows right, the others' errors, and the server."""
    from flows import enrich

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "corpus").mkdir()
        for number in range(rows):
            (folder / "corpus" / f"{number}.md").write_text(page_text(number), "utf-8")
        table = folder / "stations.parquet"
        pq.write_table(pa.table({"station": [f"Station {number}" for number in range(rows)]}), table)
        async with faulty_claude(seed, patience=2.0) as (server, model):
            await enrich(
                table,
                model=model,
                output_schema=SCHEMA,
                objective="When was {station} launched, and who runs it?",
                corpus=str(folder / "corpus"),
                out=str(folder / "run"),
                concurrency=at_once,
            )
        found = open_run(folder / "run").table("results").to_pylist()
        right = sum({name: row[name] for name in truth(number)} == truth(number) for number, row in enumerate(found))
        return right, Counter(row["error"] for row in found if row["error"]), server


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--seed", type=int, action="append", help="default: 1 2 3")
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--flow", action="store_true", help="through flows.enrich, on Prefect, with a corpus on disk")
    asked = parser.parse_args()
    good = True
    for seed in asked.seed or (1, 2, 3):
        began = time.perf_counter()
        if asked.flow:
            right, errors, server = asyncio.run(through_the_flow(asked.rows, seed, asked.at_once))
            calls, early, served = len(server.requests), len(server.early_retries()), dict(server.faults_served)
        else:
            outcome = asyncio.run(faulty_run(asked.rows, seed, at_once=asked.at_once, patience=2.0))
            right, errors = outcome.right, outcome.errors
            calls, early, served = outcome.calls, outcome.early, outcome.faults
        print(
            f"seed {seed}: {right} of {asked.rows} right, {early} early; "
            f"{calls} calls ({asked.rows * CALLS_PER_ROW} without faults), {time.perf_counter() - began:.0f} s; "
            + ", ".join(f"{kind} {count}" for kind, count in sorted(served.items())),
            flush=True,
        )
        for error, count in errors.most_common(5):
            print(f"    {count} × {error[:300]}")
        good = good and right == asked.rows and early == 0
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
