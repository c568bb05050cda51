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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))

from flows_stations import CALLS, CONCURRENCY, ROWS, Stations, answers_of
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.objects import WorkerStatus
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from flows.engines.shards_flow import FLOW
from flows.server import DEFAULTS, TemporaryServer
from research.testing import ModelServer

ROOT = Path(__file__).parents[2]
POOL = "stations"
WORKERS = 2
PREFECT = (sys.executable, "-m", "prefect")


class PoolStations(Stations):
    """Kills the flow run's process and the worker that has started it, as the loss of their machine does."""

    def kill(self, worker: int) -> None:
        parent = int(subprocess.check_output(["ps", "-o", "ppid=", "-p", str(worker)]))
        for process in (parent, worker):
            os.kill(process, signal.SIGKILL)


@contextmanager
def worker(log: Path) -> Iterator[None]:
    """A worker as the documentation starts it, but that it looks for work every second."""
    environment = {**os.environ, "PREFECT_WORKER_QUERY_SECONDS": "1", "PYTHONPATH": str(ROOT)}
    command = (*PREFECT, "worker", "start", "--pool", POOL)
    with log.open("a") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=log.parent, start_new_session=True)
    try:
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def prefect(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*PREFECT, *command, cwd=ROOT, stdout=subprocess.DEVNULL)
    if await process.wait():
        raise SystemExit(f"prefect {' '.join(command)} has failed")


async def both_online() -> None:
    async with get_client() as client:
        for _ in range(240):
            workers = await client.read_workers_for_work_pool(POOL)
            if sum(each.status is WorkerStatus.ONLINE for each in workers) == WORKERS:
                return
            await asyncio.sleep(0.25)
    raise SystemExit("the workers have not begun")


async def measure(folder: Path) -> bool:
    stations = PoolStations(folder)
    with ModelServer(stations.answer, latency=0.02) as server, ExitStack() as held:
        os.environ |= {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "test"}
        for _ in range(WORKERS):
            held.enter_context(worker(folder / "log"))
        await stations.enrich("local")
        once = len(server.requests)
        await both_online()
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
                await prefect("work-pool", "create", POOL, "--type", "process")
                await prefect("deploy", "--name", "shards", "--pool", POOL)
                with temporary_settings({PREFECT_API_URL: url}):
                    equal = await measure(folder)
            finally:
                server.end()
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
