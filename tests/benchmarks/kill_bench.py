"""Kill `research enrich` at random moments, and see what it costs: `python tests/benchmarks/kill_bench.py [--kills 30]`.

A table is enriched once without interruption. Then again and again, each time killed (`kill -9`, by turns the command alone and
its whole process group) at random moments, and gone on with by the same command, until it ends. Prints for each of these runs
whether its tables equal the uninterrupted one's, how many calls were made twice and how many were in flight when it was killed,
and the processes and temporary files that are left. Exits with 1 if any of it is not as it should be.

Against a running server with PREFECT_API_URL, otherwise on the temporary one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from faulty_run import SCHEMA, page_text, researcher

from research.tables.run_folder.reader import open_run
from research.testing import ModelServer, Request

MARK = "RESEARCH_KILL_BENCH"
"""In the environment of every process of a run, which it finds its processes by."""
STORED_SECONDS = 0.25
"""How long after its answer a row still counts as in flight: what follows the answer is being done."""
SERVER_ENDS_SECONDS = 15.0
"""How long the processes of a killed command may still be there."""
COLUMNS = ("row_index", "station", "status", "launched", "operator", "confidence")


class Case:
    """A table, its pages, and a service that answers."""

    def __init__(self, folder: Path, rows: int, latency: float) -> None:
        self.folder = folder
        self.server = ModelServer(researcher, latency=latency)
        self.counted = 0
        """Requests of earlier runs."""
        (folder / "corpus").mkdir()
        for number in range(rows):
            (folder / "corpus" / f"{number}.md").write_text(page_text(number), "utf-8")
        pq.write_table(pa.table({"station": [f"Station {number}" for number in range(rows)]}), folder / "stations.parquet")
        (folder / "schema.json").write_text(json.dumps(SCHEMA), "utf-8")
        (folder / "tmp").mkdir()

    def start(self, out: str, mark: str) -> subprocess.Popen[bytes]:
        """The command, in a process group of its own."""
        command = [
            *(sys.executable, "-m", "flows.cli", "enrich", "stations.parquet", "--schema", "schema.json"),
            *("--objective", "When was {station} launched, and who runs it?", "--corpus", "corpus", "--processor", "base"),
            *("--concurrency", "16", "--shard-size", "25", "--out", out),
        ]
        environment = {
            **os.environ,
            **{MARK: mark, "ANTHROPIC_BASE_URL": self.server.url, "ANTHROPIC_API_KEY": "test", "DO_NOT_TRACK": "1"},
            **{"RESEARCH_CACHE_DIR": str(self.folder / "cache"), "TMPDIR": str(self.folder / "tmp")},
        }
        with (self.folder / f"{out}.log").open("ab") as log:
            return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log, start_new_session=True)

    def in_flight(self, now: float) -> int:
        """Calls of the rows that were under way, or ended so lately that their answers may not have been stored."""
        rows: dict[str, list[Request]] = defaultdict(list)
        for request in self.server.requests[self.counted :]:
            rows[request.messages[0]["content"][0]["text"]].append(request)
        return sum(len(calls) for calls in rows.values() if not _ended(calls[-1], now - STORED_SECONDS))

    def tables(self, out: str) -> dict[str, Any]:
        """What a run says, without what differs by the clock."""
        run = open_run(self.folder / out)
        basis = run.table("basis").to_pylist()
        return {
            "results": run.table("results").select(COLUMNS).sort_by("row_index").to_pylist(),
            "basis": sorted(json.dumps({k: v for k, v in row.items() if k != "accessed_at"}, default=str) for row in basis),
        }

    def temporary(self, out: str) -> list[str]:
        """Temporary files of a run, in its folder and beside it."""
        kinds = (".part", ".tmp", ".wal")
        inside = [str(file) for file in (self.folder / out).rglob("*") if file.suffix in kinds]
        return inside + [str(file) for file in (self.folder / "tmp").iterdir()]


def _ended(call: Request, before: float) -> bool:
    """Whether a row's last call brought its answer, and not another tool call."""
    answered = call.answered
    return (
        answered is not None
        and answered.at < before
        and answered.message is not None
        and answered.message["stop_reason"] == "end_turn"
    )


def marked(mark: str) -> list[str]:
    """The command lines of a run's processes (Linux)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text().replace("\0", " ")[:100])
        except OSError:  # it has ended meanwhile
            continue
    return [line for line in found if line]  # a process that has ended and was not waited for has none


def left_after(mark: str, seconds: float) -> list[str]:
    """The processes of a run that are there after so many seconds."""
    until = time.monotonic() + seconds
    while (found := marked(mark)) and time.monotonic() < until:
        time.sleep(0.5)
    return found


def paid(case: Case) -> Counter[str]:
    """Calls of a run, by what they asked."""
    return Counter(request.key for request in case.server.requests[case.counted :])


def killed_run(case: Case, out: str, moments: list[float]) -> tuple[int, int, list[str]]:
    """Run a command that is killed so many seconds after each start.

    Returns:
        Kills that found it alive, calls that were in flight then, and processes that outlived it.
    """
    kills, in_flight, outlived = 0, 0, []
    for number, moment in enumerate(moments):
        mark = uuid4().hex
        command = case.start(out, mark)
        try:
            command.wait(moment)
            break
        except subprocess.TimeoutExpired:
            waiting = case.in_flight(time.monotonic())
            os.kill(command.pid, signal.SIGKILL) if number % 2 else os.killpg(command.pid, signal.SIGKILL)
            command.wait()
            kills, in_flight = kills + 1, in_flight + waiting
            outlived += left_after(mark, SERVER_ENDS_SECONDS)
    command = case.start(out, mark := uuid4().hex)
    if command.wait(600) != 0:
        raise SystemExit(f"exit {command.returncode}:\n" + (case.folder / f"{out}.log").read_text()[-2000:])
    return kills, in_flight, outlived + left_after(mark, SERVER_ENDS_SECONDS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds of each call (default: 0.2)")
    asked = parser.parse_args()
    dice = random.Random(asked.seed)
    good, kills, run = True, 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        case = Case(Path(scratch), asked.rows, asked.latency)
        with case.server:
            began = time.monotonic()
            killed_run(case, "unbroken", [])
            seconds, calls = time.monotonic() - began, len(case.server.requests)
            wanted = case.tables("unbroken")
            print(f"unbroken: {asked.rows} rows, {calls} calls, {seconds:.1f} s", flush=True)
            while kills < asked.kills:
                run += 1
                case.counted = len(case.server.requests)
                moments = [dice.uniform(0.3, 0.9 * seconds) for _ in range(min(3, asked.kills - kills))]
                began_killing, in_flight, outlived = killed_run(case, f"run{run}", moments)
                kills += began_killing
                again = sum(count - 1 for count in paid(case).values())
                equal = case.tables(f"run{run}") == wanted
                temporary = case.temporary(f"run{run}")
                fine = equal and again <= in_flight and not outlived and not temporary
                good = good and fine
                print(
                    f"run {run}: killed at {', '.join(f'{moment:.1f}' for moment in moments)} s; tables equal: {equal}; "
                    f"calls made twice: {again}, in flight at the kills: {in_flight}; "
                    f"processes left: {outlived or 0}; temporary files left: {temporary or 0}",
                    flush=True,
                )
    print(f"{kills} kills: {'all as it should be' if good else 'NOT as it should be'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
