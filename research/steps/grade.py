"""Grade: which fields are still without support, and what to ask next."""

from __future__ import annotations

from collections.abc import Sequence

from research.money.usage_ledger import UsageLedger
from research.ports.work import Grade, Investigated
from research.ports.world import World
from research.steps.agents import assigned
from research.steps.row_cells import without_withheld
from research.steps.server_tools import plannable_tools
from research.task.task import Task


async def grade(task: Task, work: Sequence[Investigated], world: World, max_subqueries: int, ledger: UsageLedger) -> Grade:
    """Ask the model to judge the work, and hold what it asks for to the contract: fields that exist, at most `max_subqueries`
    more, numbered after those that are done, no question asked before."""
    judged = await world.model.grade(task, work, max_subqueries, ledger, await plannable_tools(task, world))
    names = [f.name for f in task.output_schema.fields]
    asked = {(done.subquery.question, done.subquery.fields) for done in work}
    wanted = [
        q.changed(fields=fields)
        for q in without_withheld(judged.ask, task, world.search)
        if (fields := tuple(name for name in names if name in q.fields)) and (q.question, fields) not in asked
    ]
    last = max((done.subquery.index for done in work), default=0)
    of_round = max((done.subquery.round for done in work), default=0) + 1
    numbered = (
        assigned(q.changed(index=last + place, round=of_round), task) for place, q in enumerate(wanted[:max_subqueries], start=1)
    )
    return judged.changed(ask=tuple(numbered), usage=ledger.usage, cost_usd=ledger.cost_usd)
