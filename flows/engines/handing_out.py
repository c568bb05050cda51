"""Hands the shards of a run out to workers, on the engine that its options name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

from flows.recording_gate import RecordingGate
from flows.run.events import Listener
from flows.run.prepared_run import PreparedRun
from flows.run.shards import Shard
from flows.run.workers.choice import RunnerChoice, cores
from flows.run.workers.coordinator import Coordinator, Engine
from flows.run.workers.request import request_for_workers
from flows.run.workers.rows_everywhere import RowsEverywhere
from research.concurrency.outages import Notice
from research.money.charge_file import ChargeFile
from research.tables.run_folder.run_folder import RunFolder


async def through_workers(
    choice: RunnerChoice,
    prepared: PreparedRun,
    folder: RunFolder,
    rows: RowsEverywhere,
    charges: ChargeFile,
    gate: RecordingGate,
    listener: Listener,
    announce: Callable[[Notice], None],
    todo: Iterator[Shard],
    shard_count: int,
) -> Coordinator:
    """Have a run's shards done by workers. What is left then, the coordinator tells.

    Args:
        shard_count: how many shards there are, at most.

    Raises:
        InvalidInput: what the runner needs is not there.
    """
    async with _open_engine(choice, gate, shard_count) as (engine, workers):
        coordinator = Coordinator(
            folder,
            rows.here,
            charges,
            prepared.world,
            engine,
            listener,
            announce,
            workers=workers,
            concurrency=prepared.options.concurrency,
            private=prepared.request.private,
            task_runs=prepared.task_runs,
            ready=gate.open,
            ended=gate.task_run_finished,
        )
        rows.in_workers = coordinator
        await coordinator.run(todo, shard_count, request_for_workers(prepared))
    return coordinator


async def check_engine(choice: RunnerChoice) -> None:
    """See that what a runner needs is there.

    Raises:
        InvalidInput: what the runner needs is not there. Says what is to be done.
        PrefectUnavailable: Prefect's server does not say whether it is there.
    """
    if choice.kind == "workers":
        from flows.engines.work_pool import pool_deployment

        await pool_deployment(choice.pool, choice.workers)


@asynccontextmanager
async def _open_engine(choice: RunnerChoice, gate: RecordingGate, shard_count: int) -> AsyncIterator[tuple[Engine, int]]:
    """What runs the orders of a run, for as long as the block lasts, and how many at once."""
    if choice.kind == "workers":
        from flows.engines.work_pool import WorkPoolEngine, pool_deployment

        pool = await pool_deployment(choice.pool, choice.workers)
        async with WorkPoolEngine(choice.pool, pool.id, gate.task_run_finished) as engine:
            yield engine, pool.workers
        return
    if choice.scheduler:
        from flows.engines.dask_engine import cluster_at

        async with cluster_at(choice.scheduler) as (cluster, there):
            yield cluster, min(choice.workers or there, there)
        return
    workers = choice.workers or cores()
    if choice.kind == "dask":
        from flows.engines.dask_engine import own_cluster

        async with own_cluster(min(workers, max(1, shard_count))) as own:
            yield own, workers
        return
    from flows.engines.processes import ProcessesEngine

    async with ProcessesEngine(workers) as processes:
        yield processes, workers
