"""What a Dask worker does with an order. Dask loads this module in the workers that a run starts for itself (`dask_setup`).

An order that comes a second time is not done: its first worker was lost, Dask hands its task to another by itself, and what
becomes of it is the coordinator's to decide.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final, TypedDict
from uuid import UUID

import httpx
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.context import hydrated_context
from prefect.events.worker import EventsWorker
from prefect.exceptions import PrefectException
from prefect.results import ResultStore
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.engines.shard_task import shards_task
from flows.run.workers.files import WorkerFiles

SEND_SECONDS: Final = 10.0
"""How long it may take to send what Prefect's database lacks."""
_one_order = threading.Lock()
"""A worker may have several threads. Orders are sized for a process."""


class FlowRunName(TypedDict):
    """What a worker needs to take part in a flow run, and no secret."""

    id: str
    flow: str
    api_url: str | None
    """The Prefect server of the coordinator, for workers whose own environment names none."""


def dask_setup(_worker: Any) -> None:
    """Make a worker of a run's own cluster one that only the coordinator ends, and that prints nothing among the run's output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)


def do_order_here(order: dict[str, Any], label: str, run: FlowRunName) -> str | None:
    """Do an order as a task run of a flow run. Returns why that failed, if it did."""
    with _one_order:
        files = WorkerFiles(Path(order["run"]) / ".state")
        if files.order(order["name"]).state() is not None:
            return "its Dask worker was lost"
        if files.state() is None:
            return f"{order['run']} is not there on {socket.gethostname()}: a run folder must be on a file system of all workers"
        settings = nullcontext() if PREFECT_API_URL.value() else temporary_settings({PREFECT_API_URL: run["api_url"]})
        with settings:
            try:
                return _do(order, label, run)
            except Exception as error:  # noqa: BLE001 - whatever it is, the coordinator goes on without it
                return f"{type(error).__name__}: {error}"
            finally:
                EventsWorker.drain_all(timeout=SEND_SECONDS)


def _do(order: dict[str, Any], label: str, run: FlowRunName) -> str | None:
    try:
        with get_client(sync_client=True) as client:
            flow_run = client.read_flow_run(UUID(run["id"]))
    except (httpx.HTTPError, PrefectException) as error:
        return (
            f"a Dask worker on {socket.gethostname()} does not find the flow run at {PREFECT_API_URL.value()} ({error}): set "
            "PREFECT_API_URL in the environment of the workers to the server that the command uses"
        )
    context = {
        "flow": Flow(_nothing, name=run["flow"]),
        "flow_run": flow_run,
        "parameters": {},
        "result_store": ResultStore(),
        "persist_result": False,
    }
    with hydrated_context({"flow_run_context": context}):
        asyncio.run(shards_task(label, order))
    return None


def _nothing() -> None:
    """The function of a flow that runs elsewhere."""
