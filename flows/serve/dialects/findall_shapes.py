"""What the dialect of find-all takes and answers: an objective with match conditions, a run, its candidates, its events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from flows.serve.dialects.parallel_request import PROCESSORS, WebhookBody
from flows.serve.dialects.parallel_shapes import RunBasis
from flows.serve.records.task_records import TaskRecord
from research.errors import Fault, InvalidInput, InvalidTask
from research.faults import shown
from research.finding.find import Enriching, FindRequest, FoundNames, JudgedName
from research.finding.names import name_key
from research.finding.wording import read_condition, read_objective
from research.output_schema.output_spec import OutputSpec
from research.ports.conditions import MAX_CONDITIONS, Condition, FindPlan, field_name
from research.result.result import ACTIVE, Citation, Excerpt, FieldBasis, Status, UtcTime
from research.task.webhook import ANY_STATUS, STATUS_EVENTS

Generator = Literal["base", "core", "pro", "preview"]
TIERS: Final[Mapping[str, str]] = {"preview": "base", "base": "base", "core": "core", "pro": "ultra"}
"""The processor that judges candidates for each generator."""
PREVIEW_CANDIDATES: Final = 10
Labels = dict[str, str | bool | int | float]

RUN_EVENTS: Final = {f"findall.run.{status}": STATUS_EVENTS[status] for status in ("completed", "failed", "cancelled")}
"""What a webhook may be told, and what a task calls it."""


class Shape(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class MatchCondition(Shape):
    """What a candidate has to meet."""

    name: str = Field(min_length=1, max_length=200)
    description: str = Field(min_length=1, max_length=500)


class Excluded(Shape):
    """What is no candidate."""

    name: str
    url: str = ""


class FindAllBody(Shape):
    """A find-all run as it is asked for."""

    model_config = ConfigDict(extra="forbid")

    objective: str = Field(min_length=1)
    entity_type: str = Field(max_length=500)
    match_conditions: list[MatchCondition] = Field(min_length=1, max_length=MAX_CONDITIONS)
    generator: Generator = "core"
    match_limit: int = Field(ge=1, le=1_000)
    exclude_list: list[Excluded] | None = Field(default=None, max_length=10_000)
    metadata: Labels | None = None
    webhook: WebhookBody | None = None
    """Is told of the end of the run, and of what it is extended by: `findall.run.completed`, `.failed` and `.cancelled`."""

    def told(self) -> dict[str, Any] | None:
        """The webhook as a task has it.

        Raises:
            InvalidTask: it wants events that are not told; names those that are.
        """
        if self.webhook is None:
            return None
        names = self.webhook.event_types or []
        faults = [
            Fault(f"/webhook/event_types/{place}", f"{shown(name)} is not told to webhooks; there are: {', '.join(RUN_EVENTS)}")
            for place, name in enumerate(names)
            if name not in (*RUN_EVENTS, ANY_STATUS)
        ]
        if faults:
            raise InvalidTask("The run cannot be accepted:", faults)
        return {"url": self.webhook.url, "event_types": [RUN_EVENTS.get(name, name) for name in names]}

    def names(self, asked: FindRequest) -> dict[str, str]:
        """What the caller calls each condition, by its field: what is looked up is called as pages call it."""
        return {field.name: each.name for field, each in zip(asked.plan.conditions, self.match_conditions, strict=True)}

    def asked(self) -> FindRequest:
        """The find that the body asks for.

        Raises:
            InvalidTask: the conditions cannot be used; says which.
        """
        conditions: list[Condition] = []
        for place, each in enumerate(self.match_conditions):
            try:
                read = read_condition(each.description)
            except InvalidTask as error:
                fault = Fault(f"/match_conditions/{place}/description", str(error))
                raise InvalidTask("The conditions cannot be used:", [fault]) from error
            conditions.append(read.changed(name=field_name(read.name, (condition.name for condition in conditions))))
        return FindRequest(
            plan=FindPlan(kind=self.entity_type.strip(), conditions=tuple(conditions)),
            limit=self.match_limit,
            candidates=PREVIEW_CANDIDATES if self.generator == "preview" else max(200, 2 * self.match_limit),
            exclude=tuple(each.name for each in self.exclude_list or ()),
        )


class IngestBody(Shape):
    """An objective whose conditions are wanted."""

    model_config = ConfigDict(extra="forbid")

    objective: str = Field(min_length=1, max_length=5_000)


class ExtendBody(Shape):
    """How many more are wanted."""

    model_config = ConfigDict(extra="forbid")

    additional_match_limit: int = Field(ge=1, le=1_000)


class JsonSchemaBody(Shape):
    """An output schema."""

    json_schema: dict[str, Any]
    type: Literal["json"] = "json"


class EnrichBody(Shape):
    """What else is wanted of the candidates that match."""

    model_config = ConfigDict(extra="forbid")

    output_schema: JsonSchemaBody
    processor: str | None = None

    def enriching(self) -> Enriching:
        """What else is to be researched of each match.

        Raises:
            InvalidSchema: the schema is none; each fault by its place.
        """
        spec = OutputSpec.parse(self.output_schema.json_schema)
        processor = None if self.processor is None else PROCESSORS.get(self.processor, self.processor)
        return Enriching(output_schema=dict(spec.schema), processor=processor)


class EnrichShape(Shape):
    output_schema: JsonSchemaBody
    processor: str | None = None


class FindAllSchema(Shape):
    """What is looked for."""

    objective: str
    entity_type: str
    match_conditions: list[MatchCondition]
    generator: Generator | None = None
    match_limit: int | None = None
    enrichments: list[EnrichShape] | None = None

    @classmethod
    def ingested(cls, objective: str) -> FindAllSchema:
        """The conditions that the words of an objective make. One that names none is a condition as a whole."""
        try:
            plan = read_objective(objective)
        except InvalidInput:
            name = field_name(objective) or "matches"
            return cls(
                objective=objective, entity_type="", match_conditions=[MatchCondition(name=name, description=objective[:500])]
            )
        conditions = [MatchCondition(name=each.name, description=each.description) for each in plan.conditions]
        return cls(objective=objective, entity_type=plan.kind, match_conditions=conditions)


class Metrics(Shape):
    """How many candidates there are."""

    generated_candidates_count: int | None = None
    matched_candidates_count: int | None = None


class FindAllStatus(Shape):
    """How a run stands."""

    status: Status
    is_active: bool
    metrics: Metrics
    termination_reason: str | None = None


class FindAllRun(Shape):
    """A find-all run."""

    findall_id: str
    status: FindAllStatus
    generator: Generator
    metadata: Labels | None = None
    created_at: UtcTime
    modified_at: UtcTime


class Candidate(Shape):
    """A candidate, with what was found of each condition."""

    candidate_id: str
    name: str
    url: str
    description: str | None = None
    match_status: Literal["generated", "matched", "unmatched", "discarded"]
    output: dict[str, Any] | None = None
    """By the conditions' names `{value, type, is_matched}`; by the names of enrichment fields `{value, type}`."""
    basis: list[RunBasis] | None = None
    """The excerpts that each value rests on."""


class FindAllResult(Shape):
    """A snapshot of a run."""

    run: FindAllRun
    candidates: list[Candidate]
    last_event_id: str | None = None


class FindAllRuns(Shape):
    """Some runs, the latest first."""

    runs: list[FindAllRun]
    next_cursor: str | None


def found_of(record: TaskRecord) -> FoundNames:
    """What a record's find has come to; nothing, while it has not ended."""
    if record.result is None or record.status != "completed":
        return FoundNames()
    return FoundNames.model_validate(record.result.output)


def run_of(id: str, first: TaskRecord, last: TaskRecord, found: FoundNames) -> FindAllRun:
    """A run as this dialect answers it.

    Args:
        first, last: the records of the run: what was asked for first, and what was last.
        found: what it has come to so far.
    """
    there = bool(found.candidates)
    reason: str | None = None
    if last.status == "completed":
        reason = found.ended
    elif last.status in ("failed", "cancelled"):
        reason = "user_cancelled" if last.status == "cancelled" else "error_occurred"
    metrics = Metrics(
        generated_candidates_count=len(found.candidates) if there else None,
        matched_candidates_count=found.matched if there else None,
    )
    return FindAllRun(
        findall_id=id,
        status=FindAllStatus(status=last.status, is_active=last.status in ACTIVE, metrics=metrics, termination_reason=reason),
        generator=first.request.get("generator", "core"),
        metadata=first.request.get("metadata"),
        created_at=first.created_at,
        modified_at=last.modified_at,
    )


def schema_of(record: TaskRecord) -> FindAllSchema:
    """What the latest record of a run looks for."""
    asked = record.find
    if asked is None:
        raise TypeError(f"{record.id} is no find")
    enrichments = None
    if asked.enrich is not None:
        enrichments = [
            EnrichShape(output_schema=JsonSchemaBody(json_schema=asked.enrich.output_schema), processor=asked.enrich.processor)
        ]
    return FindAllSchema(
        objective=record.task.task,
        entity_type=asked.plan.kind,
        match_conditions=[
            MatchCondition(name=_name(record, each.name), description=each.description) for each in asked.plan.conditions
        ],
        generator=record.request.get("generator"),
        match_limit=asked.limit,
        enrichments=enrichments,
    )


def _name(record: TaskRecord, field: str) -> str:
    """What the caller calls a condition."""
    return str(record.request.get("names", {}).get(field, field))


def candidates_of(record: TaskRecord, found: FoundNames) -> Iterator[Candidate]:
    for each in found.candidates:
        yield candidate_of(record, each)


def candidate_of(record: TaskRecord, each: JudgedName) -> Candidate:
    """A candidate as this dialect answers it.

    Args:
        record: of its run: it knows what the caller calls each condition.
    """
    output: dict[str, Any] = {}
    basis: list[RunBasis] = []
    if each.judgement is not None:
        for match in each.judgement.matches:
            output[_name(record, match.condition)] = {
                "value": match.value,
                "type": "match_condition",
                "is_matched": match.verdict == "met",
            }
            citations = [
                Citation(
                    url=found.url,
                    title=found.title,
                    excerpts=[
                        Excerpt(text=found.excerpt, page_hash=found.page_hash, start=found.start, end=found.end, support="stated")
                    ],
                )
                for found in match.evidence
            ]
            part = FieldBasis(field=match.condition, citations=citations, reasoning=match.reasoning, confidence=match.confidence)
            basis.append(RunBasis.of(part))
    for name, value in (each.enriched or {}).items():
        output[name] = {"value": value, "type": "enrichment"}
    basis += [RunBasis.of(part) for part in each.enriched_basis]
    return Candidate(
        candidate_id=f"candidate_{name_key(each.candidate.name)[:200]}",
        name=each.candidate.name,
        url=each.candidate.url,
        description=each.candidate.mention or None,
        match_status=each.status,
        output=output or None,
        basis=basis or None,
    )


def changed_candidates(before: FoundNames, now: FoundNames) -> Sequence[JudgedName]:
    """The candidates of which something is known that was not before."""
    known = {each.candidate.key: each for each in before.candidates}
    return [each for each in now.candidates if known.get(each.candidate.key) != each]
