"""Lose a worker of a work pool in the middle of a run: `python tests/benchmarks/pool_bench.py`. It takes four minutes.

On a Prefect server of its own: a process work pool, the deployment as `prefect.yaml` has it, two workers, a table of 24 rows with
the double of the service. One worker and the flow run that it does are ended by SIGKILL. Prints what came of it, and exits with 1
unless every row is there, the tables equal those of one process, at most what was in flight was asked for twice, and no flow run
is left under way.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))

from flows_stations import CALLS, CONCURRENCY, ROWS, Stations, answers_of
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings
from work_pool_here import POOL, all_online, make_pool, worker

from flows.engines.shards_flow import FLOW
from flows.server import DEFAULTS, TemporaryServer
from research.testing import ModelServer

WORKERS = 2


class PoolStations(Stations):
    """Kills the flow run's process and the worker that has started it, as the loss of their machine does."""

    def kill(self, worker: int) -> None:
        parent = int(subprocess.check_output(["ps", "-o", "ppid=", "-p", str(worker)]))
        for process in (parent, worker):
            os.kill(process, signal.SIGKILL)


async def measure(folder: Path) -> bool:
    stations = PoolStations(folder)
    with ModelServer(stations.answer, latency=0.02) as server, ExitStack() as held:
        os.environ |= {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "test"}
        for _ in range(WORKERS):
            held.enter_context(worker(folder / "log"))
        await stations.enrich("local")
        once = len(server.requests)
        await all_online(WORKERS)
        stations.kill_in = folder / "pool"
        began = time.monotonic()
        done = await stations.enrich("pool", runner=f"workers:{POOL}")
        seconds = time.monotonic() - began
        twice = len(server.requests) - 2 * once
    async with get_client() as client:
        runs = await client.read_flow_runs(flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW])))
    states = Counter(run.state_name for run in runs)
    same = answers_of(folder / "pool") == answers_of(folder / "local")
    print(
        f"{len(stations.killed)} worker lost, {done} in {seconds:.0f} s, tables {'equal' if same else 'DIFFER'}, "
        f"{twice} of {once} calls twice, flow runs: {dict(states)}"
    )
    ended = states.keys() <= {"Completed", "Cancelled"}
    return done.completed == ROWS and same and ended and len(stations.killed) == 1 and twice <= CONCURRENCY // WORKERS * CALLS


async def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ |= {"PREFECT_HOME": str(folder / "prefect"), "RESEARCH_CACHE_DIR": str(folder / "cache"), "DO_NOT_TRACK": "1"}
        with temporary_settings({PREFECT_HOME: folder / "prefect"}, set_defaults=DEFAULTS):
            server = TemporaryServer()
            url = await server.start()
            os.environ["PREFECT_API_URL"] = url
            try:
                await make_pool()
                with temporary_settings({PREFECT_API_URL: url}):
                    equal = await measure(folder)
            finally:
                server.end()
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
