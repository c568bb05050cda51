"""Composes the steps into one task's research. The only place where their order is known."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial, wraps
from typing import Final, ParamSpec, Protocol, TypeVar

from research.concurrency.outages import counted_as
from research.errors import (
    ContextOverflow,
    Fault,
    Interruption,
    InvalidAnswer,
    InvalidTask,
    ModelRefused,
    PageUnreadable,
    ResearchError,
    StoppedByPerson,
)
from research.evidence.conclusion import conclude, passages_by_id, refuse_invalid
from research.identity import content_key
from research.money.usage import Usage
from research.money.usage_ledger import UsageLedger
from research.ports.fetcher import Guarded
from research.ports.model import Asks, Reviewer
from research.ports.waiting import PlanWaits, QuestionsAsked
from research.ports.work import Claim, Draft, Grade, Investigated, Judged, Plan, SubQuery, Verdict, Verified
from research.ports.world import World
from research.result.result import Result, utc_now
from research.steps.agents import agent_warnings, agents_of, assigned, refuse_unread
from research.steps.approval import along, approved, asked_of
from research.steps.draft_checks import claims_of, undecided
from research.steps.grade import grade
from research.steps.investigate import investigate
from research.steps.plan import plan, whole
from research.steps.review import judge, second_look, verify, with_second_look
from research.steps.synthesize import sole, synthesize
from research.task.decisions import Asked, Decided
from research.task.task import Task

NOTHING_DECIDED: Final = Decided()


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps as async functions. The engine's own, or wrapped: shown as task runs, or their results stored."""

    plan: Callable[[Task, World, UsageLedger], Awaitable[Plan]] = plan
    investigate: Callable[[Task, SubQuery, World, int, UsageLedger], Awaitable[Investigated]] = investigate
    grade: Callable[[Task, Sequence[Investigated], World, int, UsageLedger], Awaitable[Grade]] = grade
    synthesize: Callable[[Task, Sequence[Investigated], World, UsageLedger], Awaitable[Draft]] = synthesize
    verify: Callable[[Task, Sequence[Claim], World, UsageLedger], Awaitable[Verified]] = verify
    judge: Callable[[Task, Sequence[Claim], World, UsageLedger], Awaitable[Judged]] = judge
    decided: Decided = NOTHING_DECIDED
    """What people have decided about the task."""


ENGINE = Steps()


class Finished(Protocol):
    """A step's result. Of one that was stored by an earlier invocation, only this says what it cost."""

    @property
    def usage(self) -> Usage: ...
    @property
    def cost_usd(self) -> float | None: ...


F = TypeVar("F", bound=Finished)


@dataclass(slots=True)
class Progress:
    """The work and the usage of a task so far, which its result reports even if the task fails."""

    ledger: UsageLedger
    work: list[Investigated] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    plan: tuple[Asked, ...] = ()
    """The sub-queries of a plan that people were shown."""

    @property
    def asked(self) -> tuple[Asked, ...]:
        """What was put to people, but for questions that are still open."""
        return (*self.plan, *(each for done in self.work for each in done.asked))

    async def count(self, step: Callable[[UsageLedger], Awaitable[F]]) -> F:
        """Do a step, and count what it used, however it ends."""
        used = UsageLedger(self.ledger.budget)
        counted: Finished = used
        try:
            counted = done = await step(used)
            return done
        finally:
            self.ledger.add(counted.usage, counted.cost_usd)

    async def count_all(self, steps: Sequence[Callable[[UsageLedger], Awaitable[F]]]) -> list[F | BaseException]:
        """Do steps side by side until all have ended, and count what they used, in their order: sums of floats depend on it."""
        ledgers = [UsageLedger(self.ledger.budget) for _ in steps]
        ended = await asyncio.gather(*(step(used) for step, used in zip(steps, ledgers, strict=True)), return_exceptions=True)
        for done, used in zip(ended, ledgers, strict=True):
            counted = used if isinstance(done, BaseException) else done
            self.ledger.add(counted.usage, counted.cost_usd)
        return ended


async def research(task: Task, world: World, steps: Steps = ENGINE) -> Result:
    """Research one task.

    Returns:
        A `completed` result; an `action_required` one if a person has to decide first; a `cancelled` one if a person stopped it;
        or a `failed` one for any other ResearchError; each with the usage so far. A bug (another exception) is raised.

    Raises:
        Interruption: something around the work failed (a service that answers nobody, a full disk). The task is unfinished.
    """
    with counted_as(object()):
        return await _research(task, world, steps)


async def _research(task: Task, world: World, steps: Steps) -> Result:
    created = utc_now()
    progress = Progress(UsageLedger(world.budget))
    base = Result(
        task_id=task_id_of(task, world.identity),
        status="failed",
        task=task.task,
        processor=task.processor,
        model=world.model.name,
        metadata=task.metadata,
        fields=[f.name for f in task.output_schema.fields],
        output_schema=dict(task.output_schema.schema),
        created_at=created,
        modified_at=created,
    )
    try:
        refuse_unread(task)
        refuse_named_pages(task, world)
        if task.allow_questions and not (isinstance(world.model, Asks) and world.model.asks):
            progress.warnings.append(f"allow_questions: {world.model.name} never asks anybody")
        draft = await _draft(task, world, steps, progress)
        draft = await _verified(task, draft, world, steps, progress)
        refuse_invalid(task.output_schema, draft)  # before a judgement is paid for
        verdicts = await _judged(task, draft, world, steps, progress)
        conclusion = conclude(task.output_schema, draft, progress.work, verdicts, task.task)
        html_dump = await _html_dump(task, world, progress)
    except Interruption:
        raise
    except (PlanWaits, QuestionsAsked) as waits:
        open_ = waits.asked if isinstance(waits, QuestionsAsked) else ()
        ended = base.changed(
            status="action_required", action=waits.action, warnings=progress.warnings, asked=(*progress.asked, *open_)
        )
    except StoppedByPerson as stopped:
        ended = base.changed(status="cancelled", error=str(stopped), error_kind=stopped.kind, asked=progress.asked)
    except ResearchError as error:
        ended = base.changed(error=f"{error.kind}: {error}", error_kind=error.kind, asked=progress.asked)
    else:
        warnings = [
            *_clamped(task, world),
            *world.warnings,
            *_without_servers(task, world),
            *agent_warnings(task, keyless=world.model.keyless),
            *progress.warnings,
            *conclusion.warnings,
        ]
        ended = base.concluded(replace(conclusion, warnings=warnings)).changed(
            status="completed",
            model=draft.model or world.model.name,
            tiers=[task.processor],
            html_dump=html_dump,
            asked=progress.asked,
        )
    now = utc_now()
    return ended.changed(
        agents=agents_of(task, (done.subquery for done in progress.work)),
        usage=progress.ledger.usage,
        cost_usd=progress.ledger.cost_usd,
        modified_at=now,
        completed_at=None if ended.status == "action_required" else now,
    )


def task_id_of(task: Task, world_identity: str) -> str:
    """The caller's id, or else what the work is known by."""
    return task.task_id or content_key("task", task=task.identity(), world=world_identity)[:32]


def is_one_investigation(task: Task, world: World) -> bool:
    """Whether one investigation answers a task, without a plan and without a second look."""
    return not (_is_divided(task, world) or task.verify_loops or task.mode == "plan")


def _is_divided(task: Task, world: World) -> bool:
    return world.processors[task.processor].agentic or world.model.keyless


def refuse_named_pages(task: Task, world: World) -> None:
    """Refuse a task that names pages or MCP servers which may not be asked, before anything is spent.

    Raises:
        InvalidTask: says which, and why.
    """
    reader = world.attached or world.fetcher
    faults: list[Fault] = []
    if isinstance(reader, Guarded):
        named = [("/start_url", task.start_url)] if task.start_url else []
        named += [(f"/files/{place}", file.source) for place, file in enumerate(task.files) if file.is_web]
        faults += [Fault(pointer, reason) for pointer, url in named if (reason := reader.refusal(url)) is not None]
    if world.tool_servers is not None:
        refusals = enumerate(map(world.tool_servers.refusal, task.mcp_servers))
        faults += [Fault(f"/mcp_servers/{place}/url", reason) for place, reason in refusals if reason is not None]
    if faults:
        raise InvalidTask("The task names addresses that may not be asked:", faults)


async def _html_dump(task: Task, world: World, progress: Progress) -> str | None:
    """The HTML of the last page that was read and is one."""
    if not task.include_html_dump:
        return None
    why = "no page of HTML was read"
    for page in (page for done in reversed(progress.work) for page in reversed(done.read)):
        try:
            html = (await asyncio.to_thread(world.fetcher.recall, page.page_hash)).html
        except PageUnreadable as lost:  # an answer is not lost for the want of its dump
            why = str(lost)
            continue
        if html is not None:
            return html
    progress.warnings.append(f"include_html_dump: {why}")
    return None


async def _draft(task: Task, world: World, steps: Steps, progress: Progress) -> Draft:
    processor = world.processors[task.processor]
    divided = _is_divided(task, world)
    subqueries: tuple[SubQuery, ...] = ()
    if divided or task.mode == "plan":
        subqueries = await _planned(task, world, steps, progress)
    if not divided:
        one = along(task, subqueries, whole(task)) if subqueries else whole(task)
        await _investigate(task, (one,), world, steps, progress, task.max_fetches)
        return sole(progress.work[0])

    for round_number in range(1, processor.max_rounds + 1):
        await _investigate(task, subqueries, world, steps, progress, task.max_fetches - progress.ledger.usage.pages_fetched)
        queries_left = task.max_subqueries - len(progress.work)
        fetches_left = task.max_fetches - progress.ledger.usage.pages_fetched
        if round_number == processor.max_rounds or queries_left <= 0 or fetches_left <= 0:
            break
        grading = partial(steps.grade, task, tuple(progress.work), world, min(queries_left, fetches_left))
        graded = await _optional(grading, progress, "grade: the work could not be graded, so nothing more was asked")
        if graded is None or not graded.ask:
            break
        subqueries = graded.ask
    return await progress.count(partial(steps.synthesize, task, tuple(progress.work), world))


async def _planned(task: Task, world: World, steps: Steps, progress: Progress) -> tuple[SubQuery, ...]:
    """The sub-queries to carry out: in mode `plan`, those that a person has approved.

    Raises:
        PlanWaits, StoppedByPerson: see `approved`.
    """
    plan: Plan = await progress.count(partial(steps.plan, task, world))
    if task.mode != "plan":
        return plan.subqueries
    decision = steps.decided.plan
    auto = "auto" if task.auto_execute_plan else None
    progress.plan = asked_of(plan.subqueries, auto if decision is None else decision.decision)
    subqueries = approved(task, plan, decision)
    progress.plan = asked_of(subqueries, "auto" if decision is None else decision.decision)
    return subqueries


async def _verified(task: Task, draft: Draft, world: World, steps: Steps, progress: Progress) -> Draft:
    """The draft after `verify_loops` second looks: each checks every field against its evidence, and what fails is researched
    again, inside the fetches that are left."""
    if task.verify_loops and not isinstance(world.model, Reviewer):
        progress.warnings.append(f"verify_loops: {world.model.name} has no second look; code checks its evidence all the same")
        return draft
    for _ in range(task.verify_loops):
        claims = claims_of(task.output_schema, draft, passages_by_id(progress.work))
        checked: Verified | None = Verified(doubts={})
        if claims:
            verifying = partial(steps.verify, task, claims, world)
            checked = await _optional(verifying, progress, "verify_loops: the fields could not be checked again")
        if checked is None:
            break
        again = second_look(task, draft, checked.doubts, progress.work)
        if again is None:
            break
        fetches_left = task.max_fetches - progress.ledger.usage.pages_fetched
        if fetches_left <= 0:
            progress.warnings.append(f"verify_loops: no fetch was left to look again for {', '.join(again.fields)}")
            return with_second_look(task, draft, None, checked.doubts)
        await _investigate(task, (again,), world, steps, progress, fetches_left)
        draft = with_second_look(task, draft, progress.work[-1], checked.doubts)
    return draft


async def _judged(task: Task, draft: Draft, world: World, steps: Steps, progress: Progress) -> Sequence[Verdict]:
    """What a model says of the values that stand in none of their passages: one call for all of them, if there are any."""
    if not isinstance(world.model, Reviewer):
        return ()
    claims = undecided(task.output_schema, draft, passages_by_id(progress.work))
    if not claims:
        return ()
    judging = partial(steps.judge, task, claims, world)
    judged = await _optional(judging, progress, "judge: values that no passage states were judged by code alone")
    return () if judged is None else judged.verdicts


async def _optional(step: Callable[[UsageLedger], Awaitable[F]], progress: Progress, without: str) -> F | None:
    """What a step says of work that can do without it. None, with a warning, if the model has no answer: what was found stays."""
    try:
        return await progress.count(step)
    except (InvalidAnswer, ModelRefused, ContextOverflow) as error:
        progress.warnings.append(f"{without} ({' '.join(str(error).split())})")
        return None


def _clamped(task: Task, world: World) -> list[str]:
    allowed = world.processors[task.processor].steps(task.max_steps)
    if task.max_steps is None or task.max_steps <= allowed:
        return []
    return [f"max_steps: {task.processor} allows {allowed}, so {task.max_steps} was taken as {allowed}"]


def _without_servers(task: Task, world: World) -> list[str]:
    if not task.mcp_servers or not world.model.keyless:
        return []
    return [f"mcp_servers: {world.model.name} calls no tools of servers; a model that is asked with a key does"]


async def _investigate(
    task: Task, subqueries: Sequence[SubQuery], world: World, steps: Steps, progress: Progress, fetches: int
) -> None:
    """Investigate sub-queries side by side, each with a fair share of the fetches that are left.

    All of them end before the first failure is raised, so that what was finished is kept and need not be paid for again.
    """
    subqueries = [assigned(subquery, task) for subquery in subqueries]
    shares = [fetches // len(subqueries) + (place < fetches % len(subqueries)) for place in range(len(subqueries))]
    ended = await progress.count_all(
        [partial(steps.investigate, task, subquery, world, share) for subquery, share in zip(subqueries, shares, strict=True)]
    )
    progress.work.extend(done for done in ended if isinstance(done, Investigated))
    failures = [done for done in ended if isinstance(done, BaseException) and not isinstance(done, QuestionsAsked)]
    if failures:  # what interrupts the task leaves it unfinished, whatever else failed
        raise next((failure for failure in failures if isinstance(failure, Interruption)), failures[0])
    if asking := [done for done in ended if isinstance(done, QuestionsAsked)]:
        raise QuestionsAsked(
            [question for each in asking for question in each.action.questions], [one for each in asking for one in each.asked]
        )


P = ParamSpec("P")
T = TypeVar("T")

Stop = Callable[[ResearchError], None]


def with_stop(steps: Steps, stop: Stop) -> Steps:
    """Steps that call `stop` with an error whose `stops_run` is true, and raise it all the same."""
    listening = {each.name: _listening(getattr(steps, each.name), stop) for each in fields(steps) if each.name != "decided"}
    return replace(steps, **listening)  # type: ignore[arg-type]  # none of them is `decided`


def _listening(step: Callable[P, Awaitable[T]], stop: Stop) -> Callable[P, Awaitable[T]]:
    @wraps(step)
    async def done(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await step(*args, **kwargs)
        except ResearchError as error:
            if error.stops_run:
                stop(error)
            raise

    return done
