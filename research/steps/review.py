"""Review: look at an answer's evidence with a model's eyes, where it has them. Judge what code cannot; verify what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from research.money.usage_ledger import UsageLedger
from research.output_schema.field_paths import field_of
from research.ports.model import Reviewer
from research.ports.work import Claim, Draft, FieldAnswer, Investigated, Judged, SubQuery, Verified
from research.ports.world import World
from research.task.task import Task


async def judge(task: Task, claims: Sequence[Claim], world: World, ledger: UsageLedger) -> Judged:
    """Ask which passages bear out what does not stand in them. Verdicts on what was not asked are dropped."""
    judged = await _reviewer(world).judge(task, claims, ledger)
    asked = {(claim.field, passage.id) for claim in claims for passage in claim.passages}
    verdicts = tuple(verdict for verdict in judged.verdicts if (verdict.field, verdict.passage) in asked)
    return Judged(verdicts=verdicts, usage=ledger.usage, cost_usd=ledger.cost_usd)


async def verify(task: Task, claims: Sequence[Claim], world: World, ledger: UsageLedger) -> Verified:
    """Ask which values do not stand. Doubts of what was not asked are dropped."""
    checked = await _reviewer(world).verify(task, claims, ledger)
    names = {field_of(claim.field, task.output_schema.names) for claim in claims}
    doubts = {name: why for name, why in checked.doubts.items() if name in names}
    return Verified(doubts=doubts, usage=ledger.usage, cost_usd=ledger.cost_usd)


def _reviewer(world: World) -> Reviewer:
    if not isinstance(world.model, Reviewer):
        raise TypeError(f"{world.model.name} has no second look")
    return world.model


def second_look(task: Task, draft: Draft, doubts: Mapping[str, str], work: Sequence[Investigated]) -> SubQuery | None:
    """What to research again: the fields that failed, and those without a value. None if every field stands."""
    values = {answer.field: answer.value for answer in draft.answers}
    missing = [field.name for field in task.output_schema.fields if values.get(field.name) is None]
    failed = [field.name for field in task.output_schema.fields if field.name in doubts and field.name not in missing]
    if not failed and not missing:
        return None
    parts = [f"{name}: an earlier answer did not stand ({doubts[name]})" for name in failed]
    parts += [f"{name}: nothing was found yet" for name in missing]
    question = f"{task.task}\n\nLook again, and elsewhere, for these: {'; '.join(parts)}"
    return SubQuery(
        index=max(done.subquery.index for done in work) + 1,
        round=max(done.subquery.round for done in work) + 1,
        question=question,
        fields=(*failed, *missing),
        label="second look",
    )


def with_second_look(task: Task, draft: Draft, again: Investigated | None, doubts: Mapping[str, str]) -> Draft:
    """A draft with what a second look found (None: there was none). A doubted value that it did not replace stays, with low
    confidence."""
    looked = again.answers if again is not None else ()
    found = {answer.field: answer for answer in looked if answer.value is not None}
    names = task.output_schema.names
    parts = [answer for answer in looked if answer.field not in names and field_of(answer.field, names) in found]
    answers: list[FieldAnswer] = []
    for answer in draft.answers:
        name = field_of(answer.field, names) or answer.field
        if name in found:
            answers += [found[name]] if answer.field == name else []
        elif name in doubts and answer.value is not None:
            reasoning = f"{answer.reasoning} A second look doubted this: {doubts[name]}".strip()
            answers.append(answer.changed(confidence="low", reasoning=reasoning))
        else:
            answers.append(answer)
    known = {answer.field for answer in answers}
    added = (answer for name, answer in found.items() if name not in known and name in names)
    return draft.changed(answers=(*answers, *added, *parts))
