"""Plan: divide a task into sub-queries that together serve every field."""

from __future__ import annotations

from research.money.usage_ledger import UsageLedger
from research.ports.work import Plan, SubQuery
from research.ports.world import World
from research.steps.row_cells import without_withheld
from research.task.task import Task


def whole(task: Task) -> SubQuery:
    """The one sub-query of a task that is not divided."""
    return SubQuery(index=1, question=task.task, fields=tuple(f.name for f in task.output_schema.fields), label="everything")


async def plan(task: Task, world: World, ledger: UsageLedger) -> Plan:
    """Ask the model to divide the task, and hold its plan to the contract: at most `max_subqueries` of them (and no more than
    there are pages to read), numbered from 1, only fields that exist, every field served."""
    limit = min(task.max_subqueries, task.max_fetches)
    proposed = await world.model.plan(task, limit, ledger)
    names = [f.name for f in task.output_schema.fields]
    subqueries = [
        SubQuery(index=0, question=q.question, fields=fields, label=q.label)
        for q in without_withheld(proposed.subqueries[:limit], task, world.search)
        if (fields := tuple(name for name in names if name in q.fields)) and q.question.strip()
    ]
    left = tuple(name for name in names if not any(name in q.fields for q in subqueries))
    if left and len(subqueries) < limit:
        subqueries.append(SubQuery(index=0, question=task.task, fields=left, label=", ".join(left)[:60]))
    elif left:
        last = subqueries[-1]
        subqueries[-1] = last.changed(fields=(*last.fields, *left))
    numbered = tuple(q.changed(index=index) for index, q in enumerate(subqueries, start=1))
    return Plan(subqueries=numbered, usage=ledger.usage, cost_usd=ledger.cost_usd)
