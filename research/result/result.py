"""What comes back: one `Result` a task, with the basis of every field.

`SCHEMA_VERSION` names the form; `docs/contract.md` says what counts as a breaking change to it.
"""

# ruff: noqa: RUF012 (pydantic gives every instance a default of its own)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, computed_field, model_validator

from research.display import html
from research.money.usage import Usage
from research.records import PublishedRecord
from research.task.decisions import Action, Asked

SCHEMA_VERSION: Final = "1"

Status = Literal["queued", "running", "action_required", "cancelling", "completed", "failed", "cancelled"]
Confidence = Literal["high", "medium", "low"]
Support = Literal["stated", "inferred", "none", "against"]
SourceKind = Literal["official", "reference", "news", "forum", "unknown"]

ACTIVE: Final[frozenset[Status]] = frozenset({"queued", "running", "cancelling"})
CONFIDENCE_ORDER: Final[tuple[Confidence, ...]] = ("low", "medium", "high")


def lowest(confidences: list[Confidence | None]) -> Confidence | None:
    """The lowest of several confidences; None (no evidence) is lower than `low`. None for an empty list."""
    if not confidences or None in confidences:
        return None
    return min((c for c in confidences if c is not None), key=CONFIDENCE_ORDER.index)


def utc_now() -> datetime:
    return datetime.now(UTC)


UtcTime = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]
"""A moment; RFC 3339 in UTC (`2026-01-31T09:15:00Z`) as JSON."""


class _Part(PublishedRecord):
    # NaN has no JSON form, so a result that holds one would not come back as it went.
    model_config = ConfigDict(allow_inf_nan=False)


class Excerpt(_Part):
    """Text copied from a page: `page.text[start:end] == text`, in Unicode code points."""

    text: str
    page_hash: str
    start: int
    end: int
    support: Support
    """`stated`: the value stands in the excerpt. `inferred`: it follows from it. `against`: it says otherwise. `none`: it does
    not support the value."""


class Citation(_Part):
    """One page that a value rests on, and what it says."""

    url: str
    title: str
    excerpts: list[Excerpt]


class FieldBasis(_Part):
    """Why a field has its value."""

    field: str
    """The field's path: `name`, `key_people.0.name`."""
    citations: list[Citation] = []
    reasoning: str = ""
    confidence: Confidence | None = None
    """None: nothing supports a value, and the field is null."""
    checked_at: UtcTime | None = None
    """Of a result that was taken over from an earlier run: when the field was researched, or its pages were last seen to say the
    same. None: when the result was completed."""


class FieldWarning(_Part):
    """A warning about one field."""

    field: str
    text: str


class Finding(_Part):
    """What one sub-query brought."""

    subquery: str
    answer: str
    citations: list[Citation] = []
    confidence: Confidence | None = None
    evidence: str = ""


class SourceQuality(_Part):
    """What is known of a source's worth, for judging it: nothing here is evidence."""

    domain: str
    """The registered domain: `bbc.co.uk` of `news.bbc.co.uk`. Empty for a document that is not of the web."""
    kind: SourceKind = "unknown"
    """`official`: of a public body, or an organisation's own page. `reference`: encyclopaedias, registers, scholarly works.
    `forum`: where anybody posts."""
    age_days: int | None = None
    """Days from the page's own date to when it was read; null if it has none."""
    agrees: int = 0
    """Output fields whose value it supports together with a source of another domain."""
    disagrees: int = 0
    """Output fields on which it contradicts the value, or supports one that another source contradicts."""
    suspected_injection: str | None = None
    """Words of the page that look like an instruction to a model, shortened; null if there are none."""


class Source(_Part):
    """One page that the task considered."""

    index: int
    """The `[N]` of the report. From 1."""
    url: str
    title: str
    domain: str
    fetched: UtcTime | None
    """When it was read; None if it was only considered."""
    quality: SourceQuality | None = None
    """None if it was only considered: a page that was not read has no quality."""
    first_seen_subquery: str | None = None
    read: bool = False
    page_hash: str | None = None
    """The stored page; None if it was only considered."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a result answers, and what that rests on."""

    output: dict[str, Any] | str | None
    basis: list[FieldBasis]
    answer: str = ""
    report: str | None = None
    findings: list[Finding] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    field_warnings: list[FieldWarning] = field(default_factory=list)


SECOND_NAMES: Final = frozenset({"run_id", "query", "is_active", "interaction_id", "createdAt", "completedAt"})
"""What a result's JSON says twice, for readers who know it by another name."""


class Result(_Part):
    """One task, done or failed.

    `Result.model_validate_json(result.model_dump_json()) == result`.
    """

    task_id: str
    status: Status
    task: str
    processor: str
    tiers: list[str] = []
    """The processors that answered, in order: one, or two where some fields were researched again."""
    agents: list[str] = []
    """The agents that researched it, by the names of their profiles."""
    model: str
    """Which model answered: its own name, or `extractive` for the keyless one."""
    metadata: dict[str, str] = {}
    fields: list[str] = []
    output_schema: dict[str, Any] = {}
    """The JSON Schema that the output was checked against."""
    output: dict[str, Any] | str | None = None
    """An object for json and auto schemas, text for text schemas; None until completed."""
    basis: list[FieldBasis] = []
    usage: Usage = Usage()
    credits: int | None = None
    cost_usd: float | None = None
    """US dollars; None if a price is not known."""
    answer: str = ""
    """The output as text a person can read."""
    report: str | None = None
    findings: list[Finding] = []
    sources_detailed: list[Source] = []
    sources: list[str] = []
    read: list[str] = []
    considered: list[str] = []
    warnings: list[str] = []
    field_warnings: list[FieldWarning] = []
    """Those of `warnings` that are about one field."""
    error: str | None = None
    error_kind: str | None = None
    """What kind of error it is: `budget_exhausted`, or the error's name (`InvalidAnswer`). `error` is for people."""
    action: Action | None = None
    """What it waits for, if its status is `action_required`."""
    asked: tuple[Asked, ...] = ()
    """What was put to a person, with the answers: the sub-queries of a plan in mode `plan`, and questions."""
    html_dump: str | None = None
    session_id: str | None = None
    taskgroup_id: str | None = None
    created_at: UtcTime = Field(default_factory=utc_now)
    modified_at: UtcTime = Field(default_factory=utc_now)
    completed_at: UtcTime | None = None
    schema_version: str = SCHEMA_VERSION

    @computed_field  # type: ignore[prop-decorator]
    @property
    def run_id(self) -> str:
        """The same as `task_id`."""
        return self.task_id

    @computed_field  # type: ignore[prop-decorator]
    @property
    def query(self) -> str:
        """The same as `task`."""
        return self.task

    @computed_field  # type: ignore[prop-decorator]
    @property
    def is_active(self) -> bool:
        """Whether its status may still change: queued, running or cancelling."""
        return self.status in ACTIVE

    @computed_field  # type: ignore[prop-decorator]
    @property
    def interaction_id(self) -> str | None:
        """The same as `session_id`."""
        return self.session_id

    @computed_field  # type: ignore[prop-decorator]
    @property
    def createdAt(self) -> UtcTime:
        """The same as `created_at`."""
        return self.created_at

    @computed_field  # type: ignore[prop-decorator]
    @property
    def completedAt(self) -> UtcTime | None:
        """The same as `completed_at`."""
        return self.completed_at

    @model_validator(mode="before")
    @classmethod
    def _without_second_names(cls, data: Any) -> Any:
        """What is only another name for a field is written and not read, so that what was written can be read."""
        if not isinstance(data, Mapping):
            return data
        return {name: value for name, value in data.items() if name not in SECOND_NAMES}

    @property
    def confidence(self) -> Confidence | None:
        """The lowest confidence of its fields."""
        return lowest([b.confidence for b in self.basis])

    def _repr_html_(self) -> str:
        """What a notebook shows: each field's value, how sure it is, and its first page."""
        values = self.output if isinstance(self.output, Mapping) else {} if self.output is None else {"answer": self.output}
        basis = {each.field: each for each in self.basis}
        rows = []
        for name, value in values.items():
            own = basis.get(name) or next(
                (each for each in self.basis if each.field.startswith(f"{name}.")), FieldBasis(field=name)
            )
            page = next((html.link(each.url, each.title) for each in own.citations), html.muted(own.reasoning))
            rows.append((html.strong(name), value, html.confidence(own.confidence), page))
        cost = None if self.cost_usd is None else f"${self.cost_usd:,.4f}"
        found = [html.table(("field", "value", "confidence", "source"), rows)] if rows else []
        return html.card(self.task or self.task_id, (self.status, self.error, self.processor, self.model, cost), *found)

    def concluded(self, conclusion: Conclusion) -> Result:
        """The same result with this answer."""
        read = [source.url for source in conclusion.sources if source.read]
        return self.changed(
            output=conclusion.output,
            basis=conclusion.basis,
            answer=conclusion.answer,
            report=conclusion.report,
            findings=conclusion.findings,
            sources_detailed=conclusion.sources,
            sources=read[:SAMPLE_OF_SOURCES],
            read=read,
            considered=[source.url for source in conclusion.sources],
            warnings=conclusion.warnings,
            field_warnings=conclusion.field_warnings,
        )


SAMPLE_OF_SOURCES: Final = 10
"""How many of the URLs read are named in `Result.sources`."""


def as_text(output: Mapping[str, Any]) -> str:
    """The output as one line a person can read."""
    return "; ".join(f"{name}: {_value(value)}" for name, value in output.items() if value is not None)


def _value(value: Any) -> str:
    return ", ".join(map(_value, value)) if isinstance(value, list) else str(value)
