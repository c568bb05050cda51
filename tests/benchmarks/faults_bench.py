"""Research rows with Claude's own loop against a service that fails: `python tests/benchmarks/faults_bench.py [--rows N] …`.

Five in a hundred requests each meet 429, 529, 500, no answer, a cut body, a cut stream, or bring an answer that breaks the
schema (`tests/models/faulty_run.py`). Prints for each seed: rows right, requests that came sooner than their `retry-after`
allowed, calls made, calls that a service without faults needs, and how often each fault was served. Exits with 1 unless every
row is right and no request came early.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from faulty_run import faulty_run

CALLS_PER_ROW = 3
"""Search, read, answer."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--seed", type=int, action="append", help="default: 1 2 3")
    parser.add_argument("--at-once", type=int, default=32)
    asked = parser.parse_args()
    good = True
    for seed in asked.seed or (1, 2, 3):
        began = time.perf_counter()
        outcome = asyncio.run(faulty_run(asked.rows, seed, at_once=asked.at_once, patience=2.0))
        faults = ", ".join(f"{kind} {count}" for kind, count in sorted(outcome.faults.items()))
        print(
            f"seed {seed}: {outcome.right} of {asked.rows} right, {outcome.early} early; "
            f"{outcome.calls} calls ({asked.rows * CALLS_PER_ROW} without faults), {time.perf_counter() - began:.0f} s; {faults}",
            flush=True,
        )
        for error, count in outcome.errors.most_common(5):
            print(f"    {count} × {error[:300]}")
        good = good and outcome.right == asked.rows and outcome.early == 0
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
