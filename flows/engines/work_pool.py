"""Orders as flow runs of a deployment on a Prefect work pool: on any machine whose worker reaches the run folder."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import State, WorkerStatus
from prefect.deployments.flow_runs import arun_deployment
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.logging import get_logger
from prefect.settings import get_current_settings
from prefect.states import Cancelled, Cancelling

from flows.engines.shards_flow import FLOW
from flows.run.workers.files import OrderFiles, WorkerFiles
from flows.run.workers.order import ShardOrder
from flows.server import PrefectUnavailable, is_temporary
from research.display.printable import printable
from research.errors import InvalidInput

POLL_SECONDS: Final = 1.0
"""Between two looks how a flow run does."""
UNBEGUN_SECONDS: Final = 30.0
"""How long a flow run may wait for a worker before that is told."""
END_SECONDS: Final = 4.0
"""How long flow runs may take to end, once their orders have."""
RETRY_SECONDS: Final = 5.0
"""After a flow run that could not be made, before the next is."""
FAILURES: Final = (httpx.HTTPError, PrefectException)
"""What Prefect's client raises where the server does not do what it is asked."""


class PoolDeployment(NamedTuple):
    """The deployment of the flow of shards on a work pool."""

    id: UUID
    workers: int
    """Most orders at once."""


async def pool_deployment(pool: str, workers: int | None) -> PoolDeployment:
    """See that a work pool can be used.

    Args:
        workers: most orders at once; None: as many as there are workers online.

    Raises:
        InvalidInput: it is not there, or nothing would come of what it is handed. Says what is to be done.
        PrefectUnavailable: the server does not answer.
    """
    if is_temporary(str(get_current_settings().api.url)):
        raise InvalidInput(
            f"The workers of pool {pool!r} need a Prefect server that runs by itself: start one (`prefect server start`) and set "
            "PREFECT_API_URL to its address, here and for them."
        )
    try:
        async with get_client() as client:
            return await _find(client, pool, workers)
    except FAILURES as error:
        why = printable(str(error), one_line=True)
        raise PrefectUnavailable(f"Prefect's server did not say whether work pool {pool!r} can be used: {why}") from error


async def _find(client: PrefectClient, name: str, workers: int | None) -> PoolDeployment:
    try:
        pool = await client.read_work_pool(name)
    except ObjectNotFound:
        raise InvalidInput(
            f"Prefect's server has no work pool {name!r}: make it with `prefect work-pool create {name} --type process`."
        ) from None
    if pool.is_paused:
        raise InvalidInput(f"Work pool {name!r} is paused: let it go on with `prefect work-pool resume {name}`.")
    deployments = await client.read_deployments(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW])),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[name])),
    )
    if not deployments:
        raise InvalidInput(
            f"Work pool {name!r} has no deployment of the flow {FLOW!r}: make it with "
            f"`prefect deploy --name shards --pool {name}` in the folder of prefect.yaml."
        )
    if pool.is_push_pool or pool.is_managed_pool:
        if workers is None:
            raise InvalidInput(
                f"Work pool {name!r} has no workers of its own: say with --workers how many there are to be at once."
            )
        return PoolDeployment(deployments[0].id, workers)
    online = [worker for worker in await client.read_workers_for_work_pool(name) if worker.status is WorkerStatus.ONLINE]
    if not online:
        raise InvalidInput(
            f"Work pool {name!r} has no worker online: start one on each machine with `prefect worker start --pool {name}`."
        )
    return PoolDeployment(deployments[0].id, workers or len(online))


class WorkPoolEngine:
    """Orders on one work pool, each a flow run below the coordinator's.

    A flow run is handed the path of its order and nothing else.

    Args:
        made: is told of each task run that Prefect makes, in the coordinator's flow run, to show a flow run below it.
    """

    def __init__(self, pool: str, deployment: UUID, made: Callable[[], None]) -> None:
        self._pool = pool
        self._deployment = deployment
        self._made = made
        self._held = AsyncExitStack()
        self._told_of_waiting = False
        self._ending: set[UUID] = set()
        """Flow runs whose orders have ended, and that may not have."""
        self._cancelled: set[UUID] = set()

    async def __aenter__(self) -> WorkPoolEngine:
        self._client = await self._held.enter_async_context(get_client())
        return self

    async def __aexit__(self, *_exception: object) -> None:
        try:
            await self._see_them_end()
        finally:
            await self._held.aclose()

    async def run(self, order: ShardOrder) -> str | None:
        files = WorkerFiles(Path(order.run) / ".state").order(order.name)
        path = await asyncio.to_thread(files.put, order)
        try:
            flow_run = await arun_deployment(
                self._deployment,
                client=self._client,
                parameters={"order": str(path)},
                flow_run_name=order.label,
                timeout=0,
            )
        except FAILURES as error:
            await asyncio.sleep(RETRY_SECONDS)
            return f"Prefect's server accepted no flow run for it: {printable(str(error), one_line=True)}"
        self._made()
        try:
            return await self._ended(flow_run.id, files)
        except asyncio.CancelledError:
            self._cancelled.add(flow_run.id)
            await self._cancel(flow_run.id)
            raise
        finally:
            self._ending.add(flow_run.id)

    async def _ended(self, flow_run: UUID, files: OrderFiles) -> str | None:
        """Wait until a worker has reported, or its flow run has ended without. Returns why, if so."""
        began = time.monotonic()
        while True:
            state = await self._state(flow_run)
            if await asyncio.to_thread(files.report) is not None:  # its flow run only waits for Prefect's database yet
                return None
            if state is not None and state.is_final():
                ended = f"its flow run is {state.name}"
                return printable(f"{ended}: {state.message}" if state.message else ended, one_line=True)
            waits = state is not None and (state.is_scheduled() or state.is_pending())
            if waits and not self._told_of_waiting and time.monotonic() - began > UNBEGUN_SECONDS:
                self._told_of_waiting = True
                get_logger("enrich").warning(
                    "no worker has begun %s for %.0f s: all workers of pool %s are busy, or away. More help at once: "
                    "prefect worker start --pool %s",
                    files.folder.name,
                    UNBEGUN_SECONDS,
                    self._pool,
                    self._pool,
                )
            await asyncio.sleep(POLL_SECONDS)

    async def _state(self, flow_run: UUID) -> State | None:
        """None: the server does not answer. The run folder tells of the order meanwhile."""
        try:
            return (await self._client.read_flow_run(flow_run)).state
        except FAILURES as error:
            get_logger("enrich").debug("flow run %s: %s", flow_run, error)
            return None

    async def _cancel(self, flow_run: UUID, *, at_once: bool = False) -> None:
        """Cancel a worker's flow run.

        Args:
            at_once: no worker is waited for: it is lost.
        """
        state: State = Cancelled(message="Its worker was lost.") if at_once else Cancelling()
        try:
            await self._client.set_flow_run_state(flow_run, state, force=at_once)
        except FAILURES as error:
            get_logger("enrich").warning("flow run %s could not be cancelled: %s", flow_run, error)

    async def _see_them_end(self) -> None:
        """Wait for flow runs that are about to end. One that was cancelled, and whose worker does not answer, is ended here."""
        deadline = time.monotonic() + END_SECONDS
        while self._ending:
            for flow_run in list(self._ending):
                state = await self._state(flow_run)
                if state is None or state.is_final():
                    self._ending.discard(flow_run)
            if time.monotonic() > deadline:
                break
            if self._ending:
                await asyncio.sleep(POLL_SECONDS)
        for flow_run in self._ending & self._cancelled:
            await self._cancel(flow_run, at_once=True)
