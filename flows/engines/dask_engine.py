"""Orders on the workers of a Dask cluster: one that the run starts on this machine, or the user's own.

Why it is not Prefect's `DaskTaskRunner`: docs/design/runners.md.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

from distributed import Client, Future, LocalCluster, Security
from prefect.context import FlowRunContext
from prefect.settings import PREFECT_API_URL, get_current_settings

from flows.engines import dask_worker
from flows.run.workers.dask_cluster import connected
from flows.run.workers.files import WorkerFiles
from flows.run.workers.order import ShardOrder
from research.errors import SurroundingsFault

LOOK_SECONDS: Final = 5.0
"""How often it is seen whether the cluster has workers."""
_LOOPBACK: Final = "127.0.0.1:0"
"""Where a cluster of ours answers by HTTP. Without an address it would be a known port, which another one may have."""
NO_WORKER_SECONDS: Final = 60.0
"""How long it may have none before an order is given back."""


class DaskEngine:
    """Runs each order as one task of a cluster.

    Args:
        is_ours: whether the cluster was started for this run, and a worker that does not end may be killed.
    """

    def __init__(self, client: Client, *, is_ours: bool) -> None:
        self._client = client
        self._is_ours = is_ours
        self._run = _this_flow_run()
        self._workers_seen_at = asyncio.get_running_loop().time()

    async def run(self, order: ShardOrder) -> str | None:
        document = order.model_dump(mode="json")
        future = self._client.submit(dask_worker.do_order_here, document, order.label, self._run, key=order.name, pure=False)
        ending = asyncio.ensure_future(_end_of(future))
        try:
            return await self._first(ending, asyncio.ensure_future(self._without_workers()))
        except asyncio.CancelledError:
            await future.cancel()
            if self._is_ours:
                _kill_worker(order)
            raise
        finally:
            future.release()

    async def _first(self, *waiting: asyncio.Future[str | None]) -> str | None:
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for each in waiting:
                each.cancel()
            await asyncio.wait(waiting)

    async def _without_workers(self) -> str:
        """Returns once the cluster has had no worker for too long."""
        clock = asyncio.get_running_loop().time
        while True:
            with suppress(OSError):  # its scheduler is lost: the order's future ends with that
                if await self._client.nthreads():
                    self._workers_seen_at = clock()
            if clock() - self._workers_seen_at > NO_WORKER_SECONDS:
                return "the Dask cluster has no workers any more"
            await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def own_cluster(workers: int) -> AsyncIterator[DaskEngine]:
    """A cluster on this machine for as long as the block lasts. Nobody else can use it: its connections need a key of this run's.

    Raises:
        SurroundingsFault: it cannot be started.
    """
    with _quiet():
        settings = get_current_settings().to_environment_variables(exclude_unset=True)
        try:
            cluster = await LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                asynchronous=True,
                dashboard_address=_LOOPBACK,
                worker_dashboard_address=_LOOPBACK,
                security=Security.temporary(),
                memory_limit=0,  # it would kill workers at a share of the machine's memory that is no bound of ours
                env={name: value for name, value in settings.items() if value is not None},
                preload=[dask_worker.__name__],
            )
        except (OSError, RuntimeError) as error:
            raise SurroundingsFault(f"The Dask workers cannot be started: {error}") from error
        async with cluster, Client(cluster, asynchronous=True, set_as_default=False) as client:
            yield DaskEngine(client, is_ours=True)


@asynccontextmanager
async def cluster_at(address: str) -> AsyncIterator[tuple[DaskEngine, int]]:
    """The cluster with this scheduler for as long as the block lasts, and how many workers it has.

    Raises:
        InvalidInput: it cannot be used.
    """
    async with connected(address) as client:
        yield DaskEngine(client, is_ours=False), len(await client.nthreads())


@contextmanager
def _quiet() -> Iterator[None]:
    """In this block, Dask logs warnings and above only: a cluster of ours tells of each process and connection."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)


async def _end_of(future: Future[str | None]) -> str | None:
    try:
        why: str | None = await future
    except Exception as error:  # noqa: BLE001 - whatever ends a task, the coordinator goes on without it
        return f"{type(error).__name__}: {error}"
    return why


def _this_flow_run() -> dask_worker.FlowRunName:
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or context.flow is None:
        raise RuntimeError("there is no flow run")
    return {"id": str(context.flow_run.id), "flow": context.flow.name, "api_url": PREFECT_API_URL.value()}


def _kill_worker(order: ShardOrder) -> None:
    state = WorkerFiles(Path(order.run) / ".state").order(order.name).state()
    if state is not None and state.host == socket.gethostname():
        with suppress(ProcessLookupError):
            os.kill(state.pid, signal.SIGKILL)
