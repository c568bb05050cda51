"""A run's orders on a Prefect work pool, whose worker is a coroutine here: what is handed over, what comes back, what is refused.

Real workers, one of which is lost: `tests/benchmarks/pool_bench.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from flows_stations import CALLS, EQUAL, ROWS, Stations, answers_of
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
)
from prefect.client.schemas.objects import FlowRun
from prefect.flow_engine import run_flow_async
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Crashed, Running
from prefect.types.entrypoint import EntrypointType

from flows.engines import work_pool
from flows.engines.shards_flow import research_shards
from flows.engines.work_pool import WorkPoolEngine, pool_deployment
from flows.run.options import EnrichOptions
from flows.run.workers.choice import runner_of
from flows.run.workers.files import WorkerFiles
from flows.run.workers.order import OrderedShard, OrderReport, ShardOrder
from flows.server import server_url
from research.errors import InvalidInput
from research.testing import ModelServer

pytestmark = pytest.mark.usefixtures("prefect_server")


async def make_pool(client: PrefectClient, name: str) -> None:
    await client.create_work_pool(WorkPoolCreate(name=name, type="process"))


async def deploy(pool: str) -> UUID:
    deployment = await research_shards.ato_deployment(pool, work_pool_name=pool, entrypoint_type=EntrypointType.MODULE_PATH)
    return await deployment.aapply()


async def usable_pool(client: PrefectClient, name: str) -> UUID:
    await make_pool(client, name)
    deployment = await deploy(name)
    await client.send_worker_heartbeat(name, "worker", heartbeat_interval_seconds=600)
    return deployment


@asynccontextmanager
async def worker(client: PrefectClient, pool: str) -> AsyncIterator[list[FlowRun]]:
    """A worker of a pool: does each flow run that it finds. Yields those that it has begun, which have ended after the block."""
    begun: list[FlowRun] = []
    ended = asyncio.Event()

    async def work() -> None:
        async with asyncio.TaskGroup() as doing:
            while not ended.is_set():
                for found in await client.get_scheduled_flow_runs_for_work_pool(pool):
                    if all(found.flow_run.id != known.id for known in begun):
                        begun.append(found.flow_run)
                        doing.create_task(do(await client.read_flow_run(found.flow_run.id)))
                await asyncio.sleep(0.2)

    async def do(flow_run: FlowRun) -> None:
        await run_flow_async(research_shards, flow_run, parameters=flow_run.parameters)

    working = asyncio.create_task(work())
    try:
        yield begun
    finally:
        ended.set()
        await working


async def test_the_workers_of_a_pool_make_the_tables_of_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flow run is handed the path of its order, and nothing else: the worker has its keys from its own environment."""
    monkeypatch.setattr(work_pool, "POLL_SECONDS", 0.1)
    stations = Stations(tmp_path)
    with ModelServer(stations.answer) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
        await stations.enrich("local")
        async with get_client() as client:
            await usable_pool(client, "stations")
            async with worker(client, "stations") as begun:
                done = await stations.enrich("pool", runner="workers:stations", task_runs="shards")
            runs = [await client.read_flow_run(flow_run.id) for flow_run in begun]
    assert (done.completed, done.failed) == (ROWS, 0)
    assert len(server.requests) == 2 * (ROWS - EQUAL) * CALLS
    assert answers_of(tmp_path / "pool") == answers_of(tmp_path / "local")
    orders = tmp_path / "pool" / ".state" / "workers" / "orders"
    assert {Path(run.parameters.pop("order")).parents[1] for run in runs} == {orders}
    assert not any(run.parameters for run in runs)
    assert {run.state_name for run in runs} == {"Completed"}
    assert all(run.parent_task_run_id for run in runs)
    assert not orders.exists()


PATIENCE_SECONDS = 60
PLACE = ".state/workers/orders/a-0001/order.json"


def an_order(run: Path) -> ShardOrder:
    shards = (OrderedShard(index=3, row_start=9),)
    return ShardOrder(run=str(run), name="a-0001", coordinator="a", shards=shards, concurrency=2)


@contextmanager
def engine_of(pool: str, deployment: UUID, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkPoolEngine]:
    with monkeypatch.context() as quick:
        quick.setattr(work_pool, "POLL_SECONDS", 0.05)
        quick.setattr(work_pool, "END_SECONDS", 0.2)
        yield WorkPoolEngine(pool, deployment, lambda _count=1: None)


async def flow_run_of(client: PrefectClient, deployment: UUID) -> FlowRun:
    mine = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment]))
    for _ in range(600):
        if found := await client.read_flow_runs(flow_run_filter=mine):
            return found[0]
        await asyncio.sleep(0.05)
    raise AssertionError("no flow run was made")


async def test_an_order_whose_flow_run_crashes_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with get_client() as client:
        deployment = await usable_pool(client, "crashing")
        with engine_of("crashing", deployment, monkeypatch) as opened:
            async with opened as engine:
                running = asyncio.create_task(engine.run(an_order(tmp_path)))
                flow_run = await flow_run_of(client, deployment)
                await client.set_flow_run_state(flow_run.id, Crashed(message="Process exited with status code -9"), force=True)
                assert (
                    await asyncio.wait_for(running, PATIENCE_SECONDS)
                    == "its flow run is Crashed: Process exited with status code -9"
                )
    assert flow_run.name == "shard 3"


async def test_an_order_has_ended_with_its_report_while_its_flow_run_still_waits_for_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with get_client() as client:
        deployment = await usable_pool(client, "reporting")
        with engine_of("reporting", deployment, monkeypatch) as opened:
            async with opened as engine:
                running = asyncio.create_task(engine.run(an_order(tmp_path)))
                flow_run = await flow_run_of(client, deployment)
                await client.set_flow_run_state(flow_run.id, Running(), force=True)
                WorkerFiles(tmp_path / ".state").order("a-0001").end(OrderReport(committed=(3,)))
                assert await asyncio.wait_for(running, PATIENCE_SECONDS) is None
        state = (await client.read_flow_run(flow_run.id)).state
    assert state is not None
    assert state.is_running()  # and is left alone


@pytest.mark.parametrize("begun", [True, False], ids=["its worker is lost", "no worker has begun it"])
async def test_a_cancelled_order_leaves_no_flow_run_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    async with get_client() as client:
        pool = f"cancelling-{begun}"
        deployment = await usable_pool(client, pool)
        with engine_of(pool, deployment, monkeypatch) as opened:
            async with opened as engine:
                running = asyncio.create_task(engine.run(an_order(tmp_path)))
                flow_run = await flow_run_of(client, deployment)
                if begun:
                    await client.set_flow_run_state(flow_run.id, Running(), force=True)
                running.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await running
        assert (await client.read_flow_run(flow_run.id)).state_name == "Cancelled"


async def test_a_flow_run_on_a_machine_without_the_run_folder_says_so_and_one_that_was_taken_back_does_nothing(
    tmp_path: Path,
) -> None:
    elsewhere = await research_shards(str(tmp_path / "run" / PLACE), return_state=True)
    assert elsewhere.is_failed()
    assert f"The run folder {tmp_path / 'run'} is not on this machine" in str(elsewhere.message)
    taken_back = await research_shards(str(tmp_path / PLACE), return_state=True)
    assert (taken_back.name, taken_back.message) == ("Completed", "The order was taken back.")


async def test_a_pool_that_cannot_be_used_is_refused_with_the_command_that_helps() -> None:
    async with get_client() as client:
        await refused("lab", "no work pool 'lab': make it with `prefect work-pool create lab --type process`")
        await make_pool(client, "lab")
        await refused(
            "lab", "no deployment of the flow 'research-shards': make it with `prefect deploy --name shards --pool lab`"
        )
        await deploy("lab")
        await refused("lab", "no worker online: start one on each machine with `prefect worker start --pool lab`")
        await client.send_worker_heartbeat("lab", "mine", heartbeat_interval_seconds=600)
        assert (await pool_deployment("lab", None)).workers == 1
        assert (await pool_deployment("lab", 3)).workers == 3
        await client.update_work_pool("lab", WorkPoolUpdate(is_paused=True))
        await refused("lab", "is paused: let it go on with `prefect work-pool resume lab`")


async def refused(pool: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await pool_deployment(pool, None)
    assert words in str(refusal.value)


async def test_a_temporary_server_has_no_pool() -> None:
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        temporary = server_url()
    with temporary_settings({PREFECT_API_URL: temporary}):
        await refused("lab", "start one (`prefect server start`) and set PREFECT_API_URL to its address")


async def test_a_refused_run_asks_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stations = Stations(tmp_path)
    with ModelServer(stations.answer) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
        with pytest.raises(InvalidInput, match="no work pool 'nowhere'"):
            await stations.enrich("run", runner="workers:nowhere", pilot=3)
    assert not server.requests


def test_a_pool_needs_a_name() -> None:
    assert runner_of(EnrichOptions("table.csv", runner="workers:a pool")).pool == "a pool"
    for runner in ("workers", "workers:"):
        with pytest.raises(InvalidInput, match="workers:POOL"):
            runner_of(EnrichOptions("table.csv", runner=runner))
