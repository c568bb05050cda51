"""One find in one process, without a run folder: what the service does for a caller. Its steps are stored by whoever runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from pydantic import Field

from research.errors import BUDGET_EXHAUSTED, ResearchError
from research.finding.admission import Judgement
from research.finding.candidate import Candidate
from research.finding.candidate_search import judging_world
from research.finding.collecting import collect
from research.finding.discovery import discover
from research.finding.found_tables import judgement_of
from research.finding.names import name_key
from research.money.amounts import total
from research.money.usage import Usage
from research.money.usage_ledger import UsageLedger
from research.pipeline import Steps, research, with_stop
from research.ports.conditions import FindPlan
from research.ports.world import World
from research.records import Record
from research.result.result import Confidence, FieldBasis, Result, utc_now
from research.task.task import Task

AT_ONCE: Final = 4
"""Candidates that are judged side by side."""

StepsOf = Callable[[Task], Steps]
"""The engine's steps for a task, which find what was finished before."""
Ended = Literal["match_limit_met", "candidates_exhausted", "insufficient_funds"]


class Enriching(Record):
    """What else is researched of each row that is found."""

    output_schema: dict[str, Any]
    processor: str | None = None


class FindRequest(Record):
    """What is looked for."""

    plan: FindPlan
    limit: int = Field(default=20, ge=1, le=10_000)
    candidates: int = Field(default=200, ge=1, le=10_000)
    confidence: Confidence = "medium"
    exclude: tuple[str, ...] = ()
    """Names that are no candidates."""
    enrich: Enriching | None = None
    earlier: str | None = None
    """The record of the find that this one goes on with: its candidates and judgements are taken over."""


class JudgedName(Record):
    """A candidate and what it came to."""

    candidate: Candidate
    judgement: Judgement | None = None
    """None: it was not judged."""
    enriched: dict[str, Any] | None = None
    enriched_basis: tuple[FieldBasis, ...] = ()

    @property
    def status(self) -> Literal["generated", "matched", "unmatched"]:
        if self.judgement is None:
            return "generated"
        return "matched" if self.judgement.is_admitted else "unmatched"


class FoundNames(Record):
    """What a find has come to: the output of its result."""

    candidates: tuple[JudgedName, ...] = ()
    ended: Ended = "candidates_exhausted"

    @property
    def matched(self) -> int:
        return sum(each.status == "matched" for each in self.candidates)


async def find(task: Task, asked: FindRequest, world: World, steps_of: StepsOf, earlier: FoundNames | None = None) -> Result:
    """Find what is looked for. The result's output is a `FoundNames`.

    Args:
        task: its objective, and the tier and the source policy of every candidate's task.
        steps_of: of every task that this makes.
        earlier: what an earlier find of the same objective came to; nothing of it is done again.

    Raises:
        NothingDiscovered: the model found no candidate.
        Interruption: something around the work failed. The same call goes on, with what the steps have stored.
    """
    began, work = utc_now(), _Work(task, asked, world, steps_of)
    there = list(earlier.candidates) if earlier is not None else [JudgedName(candidate=each) for each in await work.candidates()]
    there = await work.judged(there)
    if asked.enrich is not None:
        there = await work.enriched(there, asked.enrich)
    found = FoundNames(candidates=tuple(there))
    if found.matched >= asked.limit:
        found = found.changed(ended="match_limit_met")
    elif work.is_broke:
        found = found.changed(ended="insufficient_funds")
    ended = utc_now()
    return Result(
        task_id=task.task_id or "",
        status="completed",
        task=task.task,
        processor=task.processor,
        model=world.model.name,
        metadata=task.metadata,
        output=found.model_dump(mode="json"),
        usage=work.usage,
        cost_usd=work.cost_usd,
        warnings=work.warnings,
        created_at=began,
        modified_at=ended,
        completed_at=ended,
    )


class _Work:
    """The work of one find, and what it used."""

    def __init__(self, task: Task, asked: FindRequest, world: World, steps_of: StepsOf) -> None:
        self._task = task
        self._asked = asked
        self._world = world
        self._steps_of = steps_of
        self.usage = Usage()
        self.cost_usd: float | None = 0.0
        self.warnings: list[str] = []
        self.is_broke = False
        """Whether the budget ended it."""

    async def candidates(self) -> list[Candidate]:
        asked, world, plan = self._asked, self._world, self._asked.plan
        ledger = UsageLedger(world.budget)
        if world.model.keyless:
            found = await collect(self._task.task, plan, world, ledger=ledger, policy=self._task.source_policy)
            self._count(ledger.usage, ledger.cost_usd)
        else:
            found, warnings = await discover(
                self._task.task, plan, world, most=asked.candidates, steps_of=self._steps_of, options=self._options()
            )
            self.warnings += warnings
        left_out = {name_key(name) for name in asked.exclude}
        return [candidate for candidate in found if candidate.key not in left_out][: asked.candidates]

    async def judged(self, there: Sequence[JudgedName]) -> list[JudgedName]:
        """The candidates, judged in their order until enough are found."""
        done = list(there)
        matched = sum(each.status == "matched" for each in done)
        names = frozenset(each.candidate.key for each in done)
        waiting = [place for place, each in enumerate(done) if each.judgement is None]
        while waiting and matched < self._asked.limit and not self.is_broke:
            places, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
            results = await asyncio.gather(*(self._judge(done[place].candidate, names) for place in places))
            for place, result in zip(places, results, strict=True):
                if result.error_kind == BUDGET_EXHAUSTED:
                    self.is_broke = True
                    continue
                judgement = judgement_of(self._asked.plan, result, self._asked.confidence, done[place].candidate.name, names)
                done[place] = done[place].changed(judgement=judgement)
                matched += judgement.is_admitted
        return done

    async def enriched(self, there: Sequence[JudgedName], enrich: Enriching) -> list[JudgedName]:
        """The candidates; those that match with what else was asked of them."""
        done = list(there)
        for place, each in enumerate(done):
            if each.status != "matched" or each.enriched is not None or self.is_broke:
                continue
            options = self._options() | ({} if enrich.processor is None else {"processor": enrich.processor})
            name = each.candidate.name
            fields = {"task": name, "input": {"name": name}, "output_schema": enrich.output_schema, **options}
            result = await self._research(Task.model_validate(fields))
            if result.error_kind == BUDGET_EXHAUSTED:
                self.is_broke = True
            elif result.status == "completed" and isinstance(result.output, dict):
                done[place] = each.changed(enriched=result.output, enriched_basis=tuple(result.basis))
        return done

    def _of(self, candidate: Candidate) -> Task:
        plan = self._asked.plan
        of_kind = f" ({plan.kind})" if plan.kind else ""
        about = f"Find out of {candidate.name}{of_kind} whether it is what is looked for: {self._task.task}"
        return Task.model_validate(
            {
                "task": candidate.name if self._world.model.keyless else about,
                "input": {"name": candidate.name},
                "output_schema": plan.output_schema(),
                **self._options(),
            }
        )

    def _options(self) -> dict[str, Any]:
        policy = self._task.source_policy
        return {"processor": self._task.processor} | ({} if policy is None else {"source_policy": policy})

    async def _judge(self, candidate: Candidate, names: frozenset[str]) -> Result:
        return await self._research(self._of(candidate), judging_world(self._world, candidate, names))

    async def _research(self, task: Task, world: World | None = None) -> Result:
        refusals: list[ResearchError] = []
        result = await research(task, world or self._world, with_stop(self._steps_of(task), refusals.append))
        self._count(result.usage, result.cost_usd)
        if refusals and result.status == "failed":
            raise refusals[0]
        return result

    def _count(self, usage: Usage, cost_usd: float | None) -> None:
        self.usage += usage
        self.cost_usd = total((self.cost_usd, cost_usd))
