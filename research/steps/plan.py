"""Plan: divide a task into sub-queries that together serve every field."""

from __future__ import annotations

from collections.abc import Sequence

from research.money.usage_ledger import UsageLedger
from research.ports.work import Plan, SubQuery
from research.ports.world import World
from research.steps.agents import assigned
from research.steps.row_cells import without_withheld
from research.steps.server_tools import plannable_tools
from research.task.task import Task


def whole(task: Task) -> SubQuery:
    """The one sub-query of a task that is not divided."""
    return SubQuery(index=1, question=task.task, fields=tuple(f.name for f in task.output_schema.fields), label="everything")


async def plan(task: Task, world: World, ledger: UsageLedger) -> Plan:
    """Ask the model to divide the task, and hold its plan to the contract: at most `max_subqueries` of them (and no more than
    there are pages to read), numbered from 1, only fields that exist, every field served, each by an agent of the task."""
    limit = min(task.max_subqueries, task.max_fetches)
    proposed = await world.model.plan(task, limit, ledger, await plannable_tools(task, world))
    names = [f.name for f in task.output_schema.fields]
    subqueries = [
        SubQuery(index=0, question=q.question, fields=fields, label=q.label, agent=q.agent)
        for q in without_withheld(proposed.subqueries[:limit], task, world.search)
        if (fields := tuple(name for name in names if name in q.fields)) and q.question.strip()
    ]
    return Plan(subqueries=serving_all(task, subqueries, limit), usage=ledger.usage, cost_usd=ledger.cost_usd)


def serving_all(task: Task, subqueries: Sequence[SubQuery], limit: int) -> tuple[SubQuery, ...]:
    """Sub-queries, numbered from 1, that together serve every field: one more for what none serves, or the last one if that would
    be more than `limit`."""
    found = list(subqueries)
    names = [f.name for f in task.output_schema.fields]
    left = tuple(name for name in names if not any(name in q.fields for q in found))
    if left and len(found) < limit:
        found.append(SubQuery(index=0, question=task.task, fields=left, label=", ".join(left)[:60]))
    elif left:
        found[-1] = found[-1].changed(fields=(*found[-1].fields, *left))
    return tuple(assigned(q.changed(index=index), task) for index, q in enumerate(found, start=1))
