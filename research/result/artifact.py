"""`CompletionArtifact`: everything about a finished task in one document, to be kept or handed over."""

from __future__ import annotations

from typing import Any, Final, Literal, Self

from research.records import PublishedRecord
from research.result.progress import ProgressEvent
from research.result.result import Result, UtcTime, utc_now
from research.task.task import Task

_NOT_HANDED_OVER: Final = {"webhook"}
"""Fields of a request that stay here: an address may be a secret."""


class CompletionArtifact(PublishedRecord):
    """A task's request, its result and what it reported. As JSON, it is what `handoff` hands over."""

    type: Literal["research.completion_artifact"] = "research.completion_artifact"
    version: Literal["1"] = "1"
    task_id: str
    session_id: str | None
    project_id: str | None
    visibility: str
    request: dict[str, Any]
    """The task as it was asked, under the names of `Task`, without its webhook."""
    result: Result
    events: tuple[ProgressEvent, ...] = ()
    """What it reported, where its progress was recorded."""
    created_at: UtcTime

    @classmethod
    def of(cls, task: Task, result: Result, events: tuple[ProgressEvent, ...] = ()) -> Self:
        return cls(
            task_id=result.task_id,
            session_id=result.session_id,
            project_id=task.project_id,
            visibility=task.visibility,
            request=task.model_dump(mode="json", exclude=_NOT_HANDED_OVER, exclude_defaults=True),
            result=result,
            events=events,
            created_at=result.completed_at or utc_now(),
        )
