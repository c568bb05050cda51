"""Synthesize: from the work of all sub-queries to one draft of the output."""

from __future__ import annotations

from collections.abc import Sequence

from research.errors import Fault
from research.money.usage_ledger import UsageLedger
from research.ports.work import Draft, Investigated
from research.ports.world import World
from research.steps.draft_checks import faults_of
from research.task.task import Task


async def synthesize(task: Task, work: Sequence[Investigated], world: World, ledger: UsageLedger) -> Draft:
    """Ask the model to write the output from the work. What it names must stand in the work."""
    known = {passage.id for done in work for passage in done.passages}
    names = {field.name for field in task.output_schema.fields}

    def check(draft: Draft) -> tuple[Fault, ...]:
        return faults_of(draft, task.output_schema, names, known.__contains__)

    draft = await world.model.synthesize(task, work, check, ledger)
    return draft.changed(usage=ledger.usage, cost_usd=ledger.cost_usd)


def sole(work: Investigated) -> Draft:
    """The draft of a task that was not divided: its one investigation ends in the output itself."""
    return Draft(answers=work.answers, summary=work.summary, report=work.report, model=work.model)
