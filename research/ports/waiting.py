"""What a task that waits for people leaves behind, so that it goes on from where it stood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from research.errors import ActionRequired
from research.money.usage import Usage
from research.ports.page import Hit
from research.ports.work import SubQuery
from research.records import Record
from research.task.decisions import Action, Asked, PlannedQuery, Question


class ReadAt(NamedTuple):
    """A page, and an address by which it was read."""

    url: str
    page_hash: str


class ToolsState(Record):
    """Where the tools of an investigation stand."""

    read: tuple[ReadAt, ...] = ()
    """In reading order, since that is what passages are numbered by."""
    shown: tuple[str, ...] = ()
    """The ids of the passages that were handed over."""
    searches: int = 0
    """Of the pages that were read, for the passages that matter."""
    considered: tuple[Hit, ...] = ()
    guessed: tuple[str, ...] = ()
    """Addresses that were read although nobody wrote them."""
    tool_calls: int = 0
    fetches: int = 0
    at_hand: int = 0
    warnings: tuple[str, ...] = ()
    refused_reads: tuple[str, ...] = ()
    refused_columns: dict[str, int] = {}  # noqa: RUF012  # pydantic copies it


class Suspended(Record):
    """An investigation that has asked people, as it is stored until they have answered."""

    subquery: SubQuery
    questions: tuple[Question, ...]
    """Which it waits for."""
    asked: tuple[Asked, ...] = ()
    """What it had asked before, with the answers."""
    model: dict[str, Any] = {}  # noqa: RUF012  # pydantic copies it
    """JSON of the model's own: its conversation so far."""
    tools: ToolsState = ToolsState()
    usage: Usage = Usage()
    """What it has used so far."""
    cost_usd: float | None = 0.0

    def with_answers(self, answers: Mapping[str, str]) -> tuple[Asked, ...]:
        """All that was asked, with what was answered."""
        return (*self.asked, *(asked(each, answers.get(each.id)) for each in self.questions))


class Standing(Protocol):
    """Where the state of one investigation is stored while it waits."""

    is_counted: bool
    """Whether what it had used when it asked is in the ledger: an investigation that is tried again counts it once."""

    @property
    def answers(self) -> Mapping[str, str]:
        """What people have answered so far, by the ids of the questions."""
        ...

    async def load(self) -> Suspended | None:
        """The state in which it asked last; None: it has not asked yet."""
        ...

    async def save(self, state: Suspended) -> None:
        """Store the state in which it asks."""
        ...


class Resumed(NamedTuple):
    """What a model goes on from that has asked before."""

    state: Mapping[str, Any]
    """What the model handed over when it asked."""
    questions: Sequence[Question]
    answers: Mapping[str, str]
    """To each of the questions, by its id."""


class PlanWaits(ActionRequired):
    """A plan is made, and nobody has approved it yet."""

    def __init__(self, subqueries: Sequence[SubQuery]) -> None:
        super().__init__("the plan waits to be approved")
        self.action = Action(kind="plan", plan=tuple(planned(each) for each in subqueries))


class QuestionsAsked(ActionRequired):
    """An investigation, or several of a task, wait for answers."""

    def __init__(self, questions: Sequence[Question], asked: Sequence[Asked] = ()) -> None:
        super().__init__("; ".join(each.text for each in questions))
        self.action = Action(kind="questions", questions=tuple(questions))
        self.asked = tuple(asked)
        """What was asked, with these questions."""


def planned(subquery: SubQuery) -> PlannedQuery:
    """A sub-query of a plan, as people are shown it."""
    return PlannedQuery(question=subquery.question, fields=subquery.fields, label=subquery.label)


def asked(question: Question, answer: str | None) -> Asked:
    """A question, with its answer."""
    return Asked(
        id=question.id, kind="question", text=question.text, choices=question.choices, fields=question.fields, answer=answer
    )
