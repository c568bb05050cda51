"""Results of rows that could not be researched: refused, not started, or met by a bug."""

from __future__ import annotations

from typing import Any, NamedTuple

from flows.run.request import Request
from research.display.printable import printable
from research.errors import InvalidInput
from research.identity import content_key
from research.ports.world import World
from research.result.result import Result, utc_now
from research.task.task import Task


class NotStarted(NamedTuple):
    """Why a run starts no row any more."""

    kind: str
    """The rows' `error_kind`."""
    reason: str


class FailedRows:
    """Makes the failed results of one run's rows."""

    def __init__(self, request: Request, world: World) -> None:
        self._request = request
        self._model = world.model.name
        self._world_identity = world.identity

    def refused(self, row: int, error: InvalidInput) -> Result:
        """A row whose task cannot be made."""
        return self._failure(
            task_id=content_key("refused row", request=dict(self._request.content), row=row)[:32],
            task="",
            processor=str(self._request.options.get("processor", "core")),
            error_kind=error.kind,
            error=f"{error.kind}: {error}",
        )

    def not_started(self, task: Task, why: NotStarted) -> Result:
        """A row that the run does not start any more."""
        return self._failure(**self._of(task), error_kind=why.kind, error=f"{why.kind}: {why.reason}")

    def broken(self, task: Task, bug: Exception) -> Result:
        """A row that met a bug. What it cost is not known."""
        error = printable(f"a bug, please report it: {type(bug).__name__}: {bug}")
        return self._failure(**self._of(task), error_kind="bug", error=error, cost_usd=None)

    def _of(self, task: Task) -> dict[str, Any]:
        return {
            "task_id": content_key("task", task=task.identity(), world=self._world_identity)[:32],
            "task": task.task,
            "processor": task.processor,
            "metadata": task.metadata,
        }

    def _failure(self, **parts: Any) -> Result:
        now = utc_now()
        return Result(
            status="failed",
            model=self._model,
            fields=[field.name for field in self._request.spec.fields],
            output_schema=dict(self._request.spec.schema),
            created_at=now,
            modified_at=now,
            completed_at=now,
            **{"cost_usd": 0.0, **parts},
        )
