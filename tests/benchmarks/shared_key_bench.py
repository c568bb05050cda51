"""Runs that share an account keep to its limits together: `python tests/benchmarks/shared_key_bench.py`.

One run alone, then two at once with the same key, then two at once of which one is killed after a while, all against a search
provider on loopback. Prints how many queries it was asked for each second, while all of them were under way, beside the limit.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from scale_bench import running_server

from research.search.rate import RATES
from research.testing import SearchServer, WebPage

KEY = "test"


def start(folder: Path, number: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """A run of its own: no run finds another's answers."""
    log = (folder / f"{number}.log").open("wb")
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "flows.cli", "enrich", str(folder / "table.parquet"), "--search", "brave"),
            *("--objective", "Facts about {station}", "--schema", '{"launched": "year it was launched"}'),
            *("--model", "extractive", "--processor", "base", "--out", str(folder / f"run{number}")),
        ],
        env=environment | {"RESEARCH_CACHE_DIR": str(folder / f"cache{number}")},
        cwd=folder,
        stdout=log,
        stderr=log,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="for which each case is watched, after twenty to settle")
    asked = parser.parse_args()
    pages = [WebPage(f"https://example.org/{number}", f"Station {number}", f"Station {number}") for number in range(10)]
    with tempfile.TemporaryDirectory() as name, SearchServer(pages, key=KEY) as server:
        folder = Path(name)
        table = pa.table({"station": [f"Station {number}" for number in range(5000)]})
        pq.write_table(table, folder / "table.parquet")
        os.environ |= {"PREFECT_HOME": str(folder / "prefect"), "DO_NOT_TRACK": "1"}
        environment = {
            **os.environ,
            "BRAVE_API_KEY": KEY,
            "RESEARCH_PROVIDERS_BRAVE_URL": server.urls["brave_url"],
            "RESEARCH_WEB_ALLOW_PRIVATE_HOSTS": "127.0.0.1",
        }
        number = 0
        with running_server() as url:
            environment["PREFECT_API_URL"] = url
            for case, runs, killed in (("one run", 1, 0), ("two runs", 2, 0), ("two runs, one of them killed", 2, 1)):
                under_way = [start(folder, number := number + 1, environment) for _ in range(runs)]
                time.sleep(40)
                for process in under_way[:killed]:
                    process.send_signal(signal.SIGKILL)
                time.sleep(80 if killed else 0)
                began, before = time.monotonic(), len(server.queries)
                time.sleep(asked.seconds)
                rate = (len(server.queries) - before) / (time.monotonic() - began)
                times = [query.arrived for query in server.queries[before:]]
                gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
                limit = RATES["brave"].per_second
                print(f"{case}: {rate:.2f} queries a second of {limit:g}; median gap {statistics.median(gaps):.2f} s", flush=True)
                for process in under_way[killed:]:
                    process.kill()
                    process.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
