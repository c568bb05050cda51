"""A worker's order as a Prefect task: the same work, in whichever process Prefect runs it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.prefect_workarounds import quiet_task_runs
from flows.recording_gate import RecordingGate
from flows.run.runner import Runner
from flows.run.runtime import Runtime
from flows.run.workers.order import ShardOrder
from flows.run.workers.worker import do_order
from flows.secret_blocks import secrets_with_blocks
from flows.tasks import PrefectRunner, make_logs_printable
from research.stored_results.store import ResultStore


@task(name="shards", task_run_name="{label}", cache_policy=NO_CACHE, persist_result=False)
async def shards_task(label: str, order: dict[str, Any]) -> None:
    """Do an order as a task run: its rows are task runs of the same flow run. The coordinator watches Prefect's database."""
    gate = RecordingGate(_nothing, most_unrecorded=sys.maxsize)
    await do_in_task_runs(ShardOrder.model_validate(order), gate, lambda: gate.finished)


async def do_in_task_runs(order: ShardOrder, gate: RecordingGate, reported: Callable[[], int]) -> None:
    """Do an order. Its rows are task runs of the flow run that is under way here.

    Args:
        reported: how many of them the coordinator waits for.
    """
    make_logs_printable()
    runtime = Runtime(secrets=secrets_with_blocks)

    def make_runner(store: ResultStore) -> Runner:
        return PrefectRunner(store, gate, order.task_runs, runtime.retry_delays)

    with quiet_task_runs():
        await do_order(order, runtime, make_runner, reported)


async def _nothing() -> int:
    return 0
