"""What a task may wait for, and what people decide: the approval of a plan, the answers to questions."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from research.errors import NotWaiting
from research.money.limits import RANGES
from research.records import PublishedRecord

__all__ = [
    "Action",
    "Answers",
    "Asked",
    "Decided",
    "Decision",
    "PlanDecision",
    "PlannedQuery",
    "Question",
    "refuse_unfit",
]

MOST_CHARACTERS: Final = 4_000
"""Of a sub-query or an answer that a person writes."""
MOST_SUBQUERIES: Final = RANGES["max_subqueries"][1]


def _written(text: str) -> str:
    if not (trimmed := text.strip()):
        raise ValueError("must not be empty")
    if len(trimmed) > MOST_CHARACTERS:
        raise ValueError(f"has at most {MOST_CHARACTERS} characters, not {len(trimmed)}")
    return trimmed


Written = Annotated[str, AfterValidator(_written)]


class PlannedQuery(PublishedRecord):
    """One sub-query of a plan, as people are shown it."""

    question: str
    fields: tuple[str, ...] = ()
    """Names of the output's fields that it serves."""
    label: str = ""
    """A few words for people: `launch date`."""


class Question(PublishedRecord):
    """What a task asks a person."""

    id: str
    """Unique in its task: `s2q1`, the first question of sub-query 2."""
    text: str
    choices: tuple[str, ...] = ()
    """Answers that are proposed; another one may be given."""
    fields: tuple[str, ...] = ()
    """Names of the output's fields that wait for the answer."""


class Action(PublishedRecord):
    """What has to be done before a task that is `action_required` goes on."""

    kind: Literal["plan", "questions"]
    """`plan`: a `PlanDecision` is waited for. `questions`: `Answers` to all of them."""
    plan: tuple[PlannedQuery, ...] = ()
    questions: tuple[Question, ...] = ()


class PlanDecision(PublishedRecord):
    """Whether a plan is carried out, and with which sub-queries."""

    decision: Literal["approve", "stop"] = "approve"
    subqueries: Annotated[tuple[Written, ...], Field(min_length=1, max_length=MOST_SUBQUERIES)] | None = None
    """The sub-queries to carry out, in their order; None: those of the plan. One that the plan has keeps its fields."""


class Answers(PublishedRecord):
    """What people answer, by the ids of the questions."""

    answers: Annotated[dict[str, Written], Field(min_length=1)]


Decision = PlanDecision | Answers


class Decided(PublishedRecord):
    """All that people have decided about a task so far."""

    action: Action | None = None
    """What it waits for now."""
    plan: PlanDecision | None = None
    answers: dict[str, str] = {}  # noqa: RUF012  # pydantic copies it

    def with_decision(self, decision: Decision) -> Decided:
        """The same, with one decision more. The last one about a thing counts."""
        if isinstance(decision, PlanDecision):
            return self.changed(plan=decision, action=None)
        return self.changed(answers={**self.answers, **decision.answers}, action=None)


def refuse_unfit(action: Action | None, decision: Decision) -> None:
    """See that a decision is one about what a task waits for.

    Raises:
        NotWaiting: it is not; says what is waited for.
    """
    if action is None:
        raise NotWaiting("the task waits for no decision.")
    if isinstance(decision, PlanDecision):
        if action.kind != "plan":
            raise NotWaiting("the task waits for answers to its questions, and for no decision about a plan.")
        return
    if action.kind != "questions":
        raise NotWaiting("the task waits for a decision about its plan, and has asked no question.")
    known = [each.id for each in action.questions]
    unknown = [each for each in decision.answers if each not in known]
    if unknown:
        raise NotWaiting(f"the task has no open question {', '.join(unknown)}; open are: {', '.join(known)}.")


class Asked(PublishedRecord):
    """One thing that a task put to a person, and what came of it."""

    id: str
    """Unique in its task: `s2q1` for a question, `p2` for the second sub-query of a plan."""
    kind: Literal["plan", "question"]
    text: str
    """The question; or the sub-query, as it was edited."""
    choices: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    answer: str | None = None
    """A question's answer. Of a plan `approve` or `stop`, or `auto` if it was carried out unasked. None: it is waited for."""
