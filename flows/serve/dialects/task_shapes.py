"""The shapes of task-create and task-get: a task as they answer it, its events, its lists, its errors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from flows.serve.records.task_records import TaskRecord
from research.money.limits import ProcessorName
from research.result.result import Citation, FieldBasis, Finding, Result, Source, SourceKind, Status, UtcTime

QUALITY: Final[Mapping[SourceKind, str]] = {"official": "high", "reference": "high", "news": "medium", "forum": "low"}
"""This dialect's word for a source's quality. A source of an unknown kind has none."""


class Shape(BaseModel):
    """Something that is answered."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class CitationShape(Shape):
    """A page that a value rests on."""

    url: str
    title: str
    excerpts: list[str]


class BasisShape(Shape):
    """Why a field has its value."""

    field: str
    citations: list[CitationShape]
    reasoning: str
    confidence: str | None


class TokensShape(Shape):
    """Model tokens. null is unknown."""

    input: int | None
    output: int | None


class UsageShape(Shape):
    """What the task used."""

    tool_calls: int
    search_queries: int
    pages_fetched: int
    tokens: TokensShape
    planner_calls: int
    grader_calls: int
    synth_calls: int
    scratchpad_mode: str | None
    scratchpad_chunks_indexed: int
    scratchpad_chunks_used: int
    scratchpad_searches: int
    scratchpad_tool_turns: int


class FindingShape(Shape):
    """What one sub-query brought."""

    subquery: str
    answer: str
    citations: list[CitationShape]
    confidence: str | None
    evidence: str


class SourceShape(Shape):
    """One page that the task considered."""

    index: int
    url: str
    title: str
    domain: str
    fetched: UtcTime | None
    quality: str | None
    first_seen_subquery: str | None


class TaskShape(Shape):
    """A task: as far as it is while it runs, whole once it has ended."""

    task_id: str
    run_id: str
    """The same as `task_id`."""
    status: Status
    task: str
    """The objective."""
    query: str
    """The same as `task`."""
    credits: int | None
    """What it cost, in US cents, rounded up. null: a price is not known."""
    processor: ProcessorName = "core"
    metadata: dict[str, str] | None = None
    fields: list[str]
    """The names of the output's fields."""
    output_schema: Any = None
    """The output schema, as it was requested."""
    output: Any = None
    """An object; text where text was asked for; null until completed."""
    basis: list[BasisShape] = []
    usage: UsageShape | None = None
    answer: str = ""
    sources: list[str] = []
    read: list[str] = []
    considered: list[str] = []
    error: str | None = None
    createdAt: UtcTime | None = None
    completedAt: UtcTime | None = None
    report: str | None = None
    """Of the tier `research`: Markdown with [N]."""
    findings: list[FindingShape] | None = None
    """Of the tier `research`."""
    sources_detailed: list[SourceShape] | None = None
    """Of the tier `research`."""


class TaskList(Shape):
    """A page of tasks, the latest first."""

    tasks: list[TaskShape]
    next_cursor: str | None
    """null: there are no more."""


class EventShape(Shape):
    """Something that happened to a task."""

    type: Literal["status", "progress", "task"]
    """`task` is the last one: its data is the whole task."""
    task_id: str
    sequence: int
    at: UtcTime
    data: dict[str, Any]


class FaultShape(Shape):
    """One thing that is wrong with a request."""

    type: str
    loc: list[str | int]
    msg: str
    input: Any = None


class Unprocessable(Shape):
    """What is wrong with a request."""

    detail: list[FaultShape]


class Refused(Shape):
    """Why a request is not answered."""

    detail: str


def shape(record: TaskRecord) -> TaskShape:
    """A record as this dialect answers it."""
    task, result = record.task, record.result
    known = {} if result is None else _of_result(result, is_report=task.processor == "research")
    return TaskShape(
        task_id=record.id,
        run_id=record.id,
        status=record.status,
        task=task.task,
        query=task.task,
        processor=task.processor,
        metadata=task.metadata or None,
        fields=list(task.output_schema.names),
        output_schema=record.request.get("output_schema"),
        error=None if record.error is None else record.error.message,
        createdAt=record.created_at,
        completedAt=record.completed_at,
        **{"credits": 0, **known},
    )


def _of_result(result: Result, *, is_report: bool) -> dict[str, Any]:
    usage = result.usage.model_dump()
    known: dict[str, Any] = {
        "credits": None if result.cost_usd is None else math.ceil(round(result.cost_usd * 100, 6)),
        "output": result.output,
        "basis": [_basis(each) for each in result.basis],
        "usage": UsageShape.model_validate(usage),
        "answer": result.answer,
        "sources": result.sources,
        "read": result.read,
        "considered": result.considered,
    }
    if is_report:
        known["report"] = result.report
        known["findings"] = [_finding(each) for each in result.findings]
        known["sources_detailed"] = [_source(each) for each in result.sources_detailed]
    return known


def _citations(citations: list[Citation]) -> list[CitationShape]:
    return [
        CitationShape(url=each.url, title=each.title, excerpts=[excerpt.text for excerpt in each.excerpts]) for each in citations
    ]


def _basis(basis: FieldBasis) -> BasisShape:
    return BasisShape(
        field=basis.field,
        citations=_citations(basis.citations),
        reasoning=basis.reasoning,
        confidence=basis.confidence,
    )


def _finding(finding: Finding) -> FindingShape:
    return FindingShape(
        subquery=finding.subquery,
        answer=finding.answer,
        citations=_citations(finding.citations),
        confidence=finding.confidence,
        evidence=finding.evidence,
    )


def _source(source: Source) -> SourceShape:
    return SourceShape(
        index=source.index,
        url=source.url,
        title=source.title,
        domain=source.domain,
        fetched=source.fetched,
        quality=None if source.quality is None else QUALITY.get(source.quality.kind),
        first_seen_subquery=source.first_seen_subquery,
    )
