"""A worker's order as a Prefect flow, for a deployment on a work pool: any machine that reaches the run folder does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Completed, Failed

from flows.engines.shard_task import do_in_task_runs
from flows.prefect_workarounds import recorded_task_runs
from flows.recording_gate import RecordingGate
from flows.run.workers.files import OrderFiles

FLOW: Final = "research-shards"


@flow(name=FLOW, persist_result=False)
async def research_shards(order: str) -> State[Any]:
    """Research some shards of a table's run, whose coordinator asks for it. Nobody else needs to start this.

    What the run is, is in its folder. Keys and settings are those of this process's environment.

    Args:
        order: the path of the order, in the run folder.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("there is no flow run")
    files = OrderFiles(Path(order).parent)
    if not (run := run_of(files)).is_dir():
        return Failed(
            message=f"The run folder {run} is not on this machine: give --out a folder that all workers reach by the same path."
        )
    if (ordered := files.order()) is None:
        return Completed(message="The order was taken back.")
    gate = RecordingGate(recorded_task_runs(context.flow_run.id))
    await do_in_task_runs(ordered, gate, _of_this_flow_run)
    await gate.drain()
    return Completed(message=f"{ordered.label} of {run}")


def run_of(files: OrderFiles) -> Path:
    """The run folder of an order."""
    return files.folder.parents[3]  # <run>/.state/workers/orders/<name>


def _of_this_flow_run() -> int:
    """All task runs are this flow run's, which waits for them itself."""
    return 0
