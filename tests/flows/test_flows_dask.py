"""Dask: a cluster that cannot be used is refused in a sentence, and an order whose worker was lost goes back to the coordinator.

A whole run, with a worker that is killed: `test_flows_processes.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flows.engines.dask_worker import FlowRunName, do_order_here
from flows.run.options import EnrichOptions
from flows.run.workers.choice import RunnerChoice, runner_of
from flows.run.workers.dask_cluster import check_cluster, differing
from flows.run.workers.files import WorkerFiles
from flows.run.workers.order import OrderedShard, ShardOrder, WorkerState
from research.errors import InvalidInput

RUN: FlowRunName = {"id": "00000000-0000-0000-0000-000000000000", "flow": "enrich", "api_url": None}
ADDRESS = "tcp://scheduler:8786"


def options(runner: str, **others: Any) -> EnrichOptions:
    return EnrichOptions("table.csv", output_schema={}, objective="?", runner=runner, **others)


def order(run: Path) -> dict[str, Any]:
    shards = (OrderedShard(index=0, row_start=0),)
    return ShardOrder(run=str(run), name="one", coordinator="me", shards=shards, concurrency=1).model_dump(mode="json")


def versions(python: str, prefect: str | None) -> dict[str, Any]:
    others = dict.fromkeys(("research-flows", "distributed", "cloudpickle"), "1.0")
    return {"packages": {"python": python, "prefect": prefect, **others}}


def test_a_scheduler_is_named_after_the_runner_and_has_as_many_workers_as_it_has() -> None:
    assert runner_of(options(f"dask:{ADDRESS}")) == RunnerChoice("dask", None, scheduler=ADDRESS)
    assert runner_of(options(f"dask:{ADDRESS}", workers=3)) == RunnerChoice("dask", 3, scheduler=ADDRESS)
    assert runner_of(options("dask", workers=3)) == RunnerChoice("dask", 3)


@pytest.mark.parametrize("runner", ["local:here", "dusk", "dask:"])
def test_a_runner_that_there_is_not_is_refused(runner: str) -> None:
    with pytest.raises(InvalidInput, match="The runner is not one of those that there are"):
        runner_of(options(runner))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "scheduler", "tls://127.0.0.1:1"])
async def test_a_scheduler_that_cannot_be_reached_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput, match=f"No Dask scheduler can be reached at {address}: "):
        await check_cluster(address, patience=0.2)


async def test_a_cluster_without_workers_is_refused() -> None:
    from distributed import LocalCluster  # half a second, which every test process would spend at collection

    async with LocalCluster(
        n_workers=0, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0", asynchronous=True
    ) as empty:
        with pytest.raises(InvalidInput, match="has no workers: start some with `dask worker tcp://"):
            await check_cluster(empty.scheduler_address)


def test_workers_of_other_versions_are_named_by_what_differs() -> None:
    workers = {"a": versions("3.11.9.final.0", "3.8.8"), "b": versions("3.13.1.final.0", None), "c": None}
    assert differing(versions("3.11.7.final.0", "3.8.8"), workers) == [
        "python 3.13 there, 3.11 here",
        "prefect missing there, 3.8.8 here",
    ]


def test_an_order_that_dask_repeats_after_the_loss_of_its_worker_is_given_back(tmp_path: Path) -> None:
    files = WorkerFiles(tmp_path / ".state")
    files.begin("me", {})
    files.order("one").begin()
    files.order("one").write_state(WorkerState(beat=1, pid=1, host="elsewhere"))
    assert do_order_here(order(tmp_path), "shard 0", RUN) == "its Dask worker was lost"


def test_a_worker_that_does_not_see_the_run_folder_says_so(tmp_path: Path) -> None:
    why = do_order_here(order(tmp_path), "shard 0", RUN)
    assert why is not None
    assert "a run folder must be on a file system of all workers" in why
