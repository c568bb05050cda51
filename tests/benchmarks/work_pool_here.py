"""A work pool of this machine with its deployment and workers, as the documentation sets them up."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import WorkerStatus

ROOT: Final = Path(__file__).parents[2]
POOL: Final = "stations"
PREFECT: Final = (sys.executable, "-m", "prefect")


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


async def make_pool() -> None:
    """The pool and the deployment, in Prefect's server."""
    await prefect("work-pool", "create", POOL, "--type", "process")
    await prefect("deploy", "--name", "shards", "--pool", POOL)


async def all_online(workers: int) -> None:
    async with get_client() as client:
        for _ in range(240):
            known = await client.read_workers_for_work_pool(POOL)
            if sum(each.status is WorkerStatus.ONLINE for each in known) == workers:
                return
            await asyncio.sleep(0.25)
    raise SystemExit("the workers have not begun")
