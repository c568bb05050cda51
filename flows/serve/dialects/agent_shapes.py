"""The shapes of agent-task-create: a task as it answers it, what a task waits for, its events, its artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from flows.serve.records.task_records import TaskEvent, TaskRecord
from research.result.artifact import CompletionArtifact
from research.result.progress import ProgressEvent
from research.result.result import Citation, FieldBasis, Status, UtcTime


class Shape(BaseModel):
    """Something that is answered."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Acknowledged(Shape):
    """A task that was accepted."""

    task_id: str
    status: Status
    session_id: str | None
    """A later task that names it goes on from this one."""
    created_at: UtcTime
    warnings: list[str]


class Part(Shape):
    """A part of a message."""

    type: Literal["text"]
    text: str


class Message(Shape):
    """What the task says."""

    role: Literal["assistant"]
    parts: list[Part]


class PlannedShape(Shape):
    """One sub-query of a plan."""

    question: str
    fields: list[str]
    label: str


class QuestionShape(Shape):
    """A question to a person."""

    id: str
    text: str
    choices: list[str]
    fields: list[str]


class ActionShape(Shape):
    """What a task that is `action_required` waits for: `POST …/approve` of its plan, or `POST …/answer` to its questions."""

    kind: Literal["plan", "questions"]
    plan: list[PlannedShape] = []
    questions: list[QuestionShape] = []


class ErrorShape(Shape):
    """What went wrong."""

    code: str
    message: str
    details: list[dict[str, str]] = []
    """Of a request that is wrong: each place, as a JSON Pointer, and what is wrong there."""


class Refused(Shape):
    """Why a request is not answered."""

    error: ErrorShape


class AgentTask(Acknowledged):
    """A task as it is now."""

    task: str
    """The objective."""
    mode: str
    visibility: str
    project_id: str | None
    agent_ids: list[str]
    processor: str
    model: str | None
    """Which model answered; null until one has."""
    message: Message | None
    """The answer; null until completed."""
    output: Any
    """The answer in the form of the output schema; null until completed."""
    report: str | None
    basis: list[FieldBasis]
    """Why each field of the output has its value."""
    citations: list[Citation]
    """Every page that the answer rests on."""
    action: ActionShape | None
    error: ErrorShape | None
    cost_usd: float | None
    """null: not known, or not yet."""
    metadata: dict[str, str]
    modified_at: UtcTime
    completed_at: UtcTime | None


class AgentTasks(Shape):
    """A page of tasks, the latest first."""

    tasks: list[AgentTask]
    next_cursor: str | None
    """null: there are no more."""


class Artifact(Shape):
    """Something that a task has brought."""

    id: str
    type: Literal["completion"]
    media_type: str
    created_at: UtcTime
    content: dict[str, Any]
    """The completion artifact, as schemas/contract/completion_artifact.schema.json has it."""


class Artifacts(Shape):
    """What a task hands over. Nothing until it has ended, or where `completion_handoff` asked for no artifact."""

    task_id: str
    artifacts: list[Artifact]


def acknowledged(record: TaskRecord) -> Acknowledged:
    """What a new task is answered with."""
    return Acknowledged(
        task_id=record.id,
        status=record.status,
        session_id=record.session_id,
        created_at=record.created_at,
        warnings=record.warnings,
    )


def shape(record: TaskRecord, *, is_own: bool = True) -> AgentTask:
    """A record as this dialect answers it.

    Args:
        is_own: whether it is answered to its owner. To others, its labels and its session are not told.
    """
    task, result = record.task, record.result
    is_done = record.status == "completed" and result is not None
    basis = [] if result is None else result.basis
    return AgentTask(
        task_id=record.id,
        status=record.status,
        session_id=record.session_id if is_own else None,
        created_at=record.created_at,
        warnings=record.all_warnings,
        task=task.task,
        mode=task.mode,
        visibility=task.visibility,
        project_id=task.project_id if is_own else None,
        agent_ids=list(task.agent_names),
        processor=task.processor,
        model=None if result is None else result.model,
        message=Message(role="assistant", parts=[Part(type="text", text=result.answer)]) if result and is_done else None,
        output=result.output if result and is_done else None,
        report=None if result is None else result.report,
        basis=basis,
        citations=_citations(basis),
        action=None if record.action is None else ActionShape.model_validate(record.action.model_dump()),
        error=None if record.error is None else ErrorShape(code=record.error.kind, message=record.error.message),
        cost_usd=None if result is None else result.cost_usd,
        metadata=task.metadata if is_own else {},
        modified_at=record.modified_at,
        completed_at=record.completed_at,
    )


def artifacts(record: TaskRecord, events: Sequence[TaskEvent]) -> Artifacts:
    """What a record hands over by `completion_handoff: artifact`."""
    kept: list[Artifact] = []
    if record.handoff == "artifact" and record.is_final and record.result is not None and record.completed_at is not None:
        told = [ProgressEvent.model_validate(event.model_dump(include=set(ProgressEvent.model_fields))) for event in events]
        whole = CompletionArtifact.of(record.task, record.result, tuple(told))
        kept.append(
            Artifact(
                id=f"{record.id}/completion",
                type="completion",
                media_type="application/json",
                created_at=record.completed_at,
                content=whole.model_dump(mode="json"),
            )
        )
    return Artifacts(task_id=record.id, artifacts=kept)


def _citations(basis: list[FieldBasis]) -> list[Citation]:
    """The pages of all fields, each once, in the order in which they are first cited."""
    pages: dict[str, Citation] = {}
    for citation in (citation for each in basis for citation in each.citations):
        known = pages.get(citation.url)
        excerpts = [*(known.excerpts if known else ()), *citation.excerpts]
        pages[citation.url] = citation.changed(excerpts=list(dict.fromkeys(excerpts)))
    return list(pages.values())
