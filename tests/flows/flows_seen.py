"""What Prefect's database holds of a flow run."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterName,
)
from prefect.client.schemas.objects import Artifact, FlowRun, TaskRun
from prefect.client.schemas.sorting import FlowRunSort, TaskRunSort


async def task_runs(flow_run_name: str) -> tuple[FlowRun, list[TaskRun]]:
    """The newest flow run of a name as the database has it, and all its task runs."""
    async with get_client() as client:
        by_name = FlowRunFilter(name=FlowRunFilterName(any_=[flow_run_name]))
        found = await client.read_flow_runs(flow_run_filter=by_name, sort=FlowRunSort.START_TIME_DESC, limit=1)
        of_flow_run = FlowRunFilter(id=FlowRunFilterId(any_=[found[0].id]))
        runs: list[TaskRun] = []
        while page := await client.read_task_runs(
            flow_run_filter=of_flow_run, sort=TaskRunSort.NAME_ASC, limit=200, offset=len(runs)
        ):
            runs += page
        return found[0], runs


async def artifact(flow_run: UUID, key: str) -> Artifact:
    """The artifact of a flow run that has this key."""
    async with get_client() as client:
        (found,) = await client.read_artifacts(
            artifact_filter=ArtifactFilter(
                flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run]), key=ArtifactFilterKey(any_=[key])
            )
        )
        return found


def states(runs: list[TaskRun], kind: str) -> dict[str | None, int]:
    """How many task runs of a kind (`row`, `shard`, `sub-query`, `plan`) ended in which state."""
    return dict(Counter(run.state_name for run in runs if run.name.startswith(kind)))
