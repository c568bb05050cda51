"""What the steps of a task hand to one another: sub-queries, answers, drafts, plans, grades, finished work."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from research.money.usage import Usage
from research.ports.page import Hit, Passage
from research.records import Record
from research.result.result import Confidence, SourceKind
from research.task.decisions import Asked


class SubQuery(Record):
    """A question that serves some of the output's fields."""

    index: int
    """Its place in the task, from 1; later rounds go on counting."""
    question: str
    fields: tuple[str, ...]
    """Names of top-level output fields."""
    label: str = ""
    """A few words for people: `launch date`."""
    round: int = 1
    """1 for what a plan asks; each later look at the work asks in the next round."""
    edited: bool = False
    """Whether a person wrote the question."""
    agent: str = ""
    """The agent that answers it, where several divide the task."""


class FieldAnswer(Record):
    """What a model says of one field. It names passages by id; it never writes an excerpt.

    `field` is a path. The answers for top-level fields (`key_people`) make the output. An answer for a nested path
    (`key_people.0.name`) adds passages to that part only, and its value is ignored.
    """

    field: str
    value: Any = None
    """A JSON value; None abstains."""
    passages: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    """Ids of passages that say otherwise: a disagreement is kept and shown."""
    reasoning: str = ""
    confidence: Confidence | None = None
    conflicting: bool = False
    """Whether something that was read says otherwise, as far as the model can tell."""


class Draft(Record):
    """What a model returns from an investigation or a synthesis."""

    answers: tuple[FieldAnswer, ...]
    summary: str = ""
    """One or a few sentences for people. May cite: `[p3]`, `[p3, p8]`."""
    report: str | None = None
    """Markdown. Cites in the same way."""
    model: str = ""
    """Which model answered, where that is more than the model's name says."""
    usage: Usage = Usage()
    """What the step used. The step writes it here, from its ledger; a model leaves it alone. The same holds for other answers."""
    cost_usd: float | None = 0.0


class Plan(Record):
    """Sub-queries that together serve every field at least once."""

    subqueries: tuple[SubQuery, ...]
    usage: Usage = Usage()
    cost_usd: float | None = 0.0


FieldGrade = Literal["supported", "thin", "conflicting", "missing"]


class Grade(Record):
    """How well each field stands, and what to ask next. No sub-query: done."""

    fields: dict[str, FieldGrade]
    ask: tuple[SubQuery, ...] = ()
    usage: Usage = Usage()
    cost_usd: float | None = 0.0


class ReadPage(Record):
    """A page that was read: enough to name it as a source."""

    page_hash: str
    url: str
    """The URL by which it was read."""
    title: str
    fetched_at: datetime
    published: str | None = None
    """ISO 8601 date or date-time from the page's own metadata."""
    kind: SourceKind = "unknown"
    suspected_injection: str | None = None
    """Words of the page that look like an instruction to a model, shortened; None if there are none."""


class Investigated(Record):
    """One finished sub-query: what was answered, on which passages, and what was read on the way.

    This is what is kept for resuming. It holds no page text beyond the passages its answers cite: pages are recalled from the
    store by their hash.
    """

    subquery: SubQuery
    answers: tuple[FieldAnswer, ...]
    """Their passage ids are all found in `passages`."""
    passages: tuple[Passage, ...]
    """The passages cited, with ids that are unique over the task: `s2p7`."""
    summary: str
    report: str | None = None
    model: str = ""
    considered: tuple[Hit, ...] = ()
    """Every search hit, best first, without repeats."""
    read: tuple[ReadPage, ...] = ()
    """The pages read, in order."""
    warnings: tuple[str, ...] = ()
    asked: tuple[Asked, ...] = ()
    """What it asked people, with the answers."""
    usage: Usage = Usage()
    cost_usd: float | None = 0.0


class Claim(Record):
    """One value of an answer, and the passages that it cites."""

    field: str
    """The value's path in the answer: `operator`, `key_people.0.name`."""
    value: Any
    passages: tuple[Passage, ...]


class Verdict(Record):
    """Whether one passage bears one value out."""

    field: str
    value: Any
    passage: str
    supports: bool


class Judged(Record):
    """What a model says where code cannot tell."""

    verdicts: tuple[Verdict, ...]
    usage: Usage = Usage()
    cost_usd: float | None = 0.0


class Verified(Record):
    """Which fields failed a second look, by top-level name, and why."""

    doubts: dict[str, str]
    usage: Usage = Usage()
    cost_usd: float | None = 0.0
