"""The engine's steps, wrapped: each call gets its content key and goes through a function that may find or show its result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Literal, Protocol, TypeVar

from research.money.usage_ledger import UsageLedger
from research.pipeline import ENGINE, Steps
from research.ports.work import Claim, Draft, Grade, Investigated, Judged, Plan, SubQuery, Verified
from research.ports.world import World
from research.steps.keys import Keys
from research.steps.labels import subquery_label
from research.stored_results.store import Done, ResultStore
from research.task.task import Task

T = TypeVar("T")

StepName = Literal["plan", "investigate", "grade", "synthesize", "verify", "judge"]


class DoStep(Protocol):
    """Does one step, or finds its result.

    Args:
        step: which.
        label: what a person calls it.
        work: does it.
        key: its content key.
    """

    async def __call__(self, step: StepName, label: str, work: Callable[[], Awaitable[T]], key: str, /) -> Done[T]: ...


def wrap_steps(do: DoStep, keys: Keys) -> Steps:
    """The engine's steps for one task.

    Args:
        do: is handed every call.
        keys: the task's.
    """

    async def plan(task: Task, world: World, ledger: UsageLedger) -> Plan:
        return (await do("plan", "plan", partial(ENGINE.plan, task, world, ledger), keys.plan())).result

    async def investigate(task: Task, subquery: SubQuery, world: World, max_fetches: int, ledger: UsageLedger) -> Investigated:
        call = partial(ENGINE.investigate, task, subquery, world, max_fetches, ledger)
        return (await do("investigate", subquery_label(subquery), call, keys.investigate(subquery, max_fetches))).result

    async def grade(task: Task, work: Sequence[Investigated], world: World, max_subqueries: int, ledger: UsageLedger) -> Grade:
        call = partial(ENGINE.grade, task, work, world, max_subqueries, ledger)
        return (await do("grade", "grade", call, keys.grade(work, max_subqueries))).result

    async def synthesize(task: Task, work: Sequence[Investigated], world: World, ledger: UsageLedger) -> Draft:
        call = partial(ENGINE.synthesize, task, work, world, ledger)
        return (await do("synthesize", "synthesize", call, keys.synthesize(work))).result

    async def verify(task: Task, claims: Sequence[Claim], world: World, ledger: UsageLedger) -> Verified:
        return (await do("verify", "verify", partial(ENGINE.verify, task, claims, world, ledger), keys.verify(claims))).result

    async def judge(task: Task, claims: Sequence[Claim], world: World, ledger: UsageLedger) -> Judged:
        return (await do("judge", "judge", partial(ENGINE.judge, task, claims, world, ledger), keys.judge(claims))).result

    return Steps(plan=plan, investigate=investigate, grade=grade, synthesize=synthesize, verify=verify, judge=judge)


def resuming_steps(store: ResultStore, keys: Keys) -> Steps:
    """The engine's steps for one task, whose finished work is stored, and found by the same task later."""

    async def do(step: StepName, label: str, work: Callable[[], Awaitable[T]], key: str) -> Done[T]:
        return await store.find_or_do(key, work)

    return wrap_steps(do, keys)
