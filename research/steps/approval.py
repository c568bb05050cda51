"""Approval: what a person makes of a plan."""

from __future__ import annotations

from collections.abc import Sequence

from research.errors import StoppedByPerson
from research.ports.waiting import PlanWaits
from research.ports.work import Plan, SubQuery
from research.steps.plan import serving_all
from research.task.decisions import Asked, PlanDecision
from research.task.task import Task


def approved(task: Task, plan: Plan, decision: PlanDecision | None) -> tuple[SubQuery, ...]:
    """The sub-queries to carry out.

    Raises:
        PlanWaits: nobody has decided.
        StoppedByPerson: it was decided that the plan is not carried out.
    """
    if decision is None:
        if task.auto_execute_plan:
            return plan.subqueries
        raise PlanWaits(plan.subqueries)
    if decision.decision == "stop":
        raise StoppedByPerson("its plan was not approved")
    return plan.subqueries if decision.subqueries is None else _edited(task, plan, decision.subqueries)


def asked_of(subqueries: Sequence[SubQuery], answer: str | None) -> tuple[Asked, ...]:
    """A plan, as something that was put to a person."""
    return tuple(
        Asked(id=f"p{place}", kind="plan", text=each.question, fields=each.fields, answer=answer)
        for place, each in enumerate(subqueries, start=1)
    )


def along(task: Task, subqueries: Sequence[SubQuery], one: SubQuery) -> SubQuery:
    """The one sub-query of a tier that investigates once, with the plan that it follows."""
    steps = "\n".join(f"{each.index}. {each.question} ({', '.join(each.fields)})" for each in subqueries)
    edited = any(each.edited for each in subqueries)
    return one.changed(question=f"{task.task}\n\nThe approved plan, which you follow:\n\n{steps}", edited=edited)


def _edited(task: Task, plan: Plan, questions: Sequence[str]) -> tuple[SubQuery, ...]:
    """The sub-queries that a person wrote. One that the plan has keeps its fields; of as many as it has, each takes over those of
    its place; any other serves every field."""
    names = tuple(field.name for field in task.output_schema.fields)
    of_plan = {each.question: each for each in plan.subqueries}
    at_place = plan.subqueries if len(questions) == len(plan.subqueries) else ()
    found = []
    for place, question in enumerate(dict.fromkeys(questions)):
        known = of_plan.get(question)
        fields = known.fields if known is not None else at_place[place].fields if place < len(at_place) else names
        label = known.label if known is not None else ""
        found.append(SubQuery(index=0, question=question, fields=fields, label=label, edited=known is None))
    return serving_all(task, found, len(found))
