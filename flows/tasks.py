"""The engine's steps as Prefect tasks: the same functions, watched and kept. No logic of their own.

A task's only parameter is a `Call`. Prefect walks through every parameter it is given, looking for futures, and compares its
parts with earlier results by their `id()`; a `Call` is opaque to both, so no time is lost and no false dependency is drawn.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from prefect import Task as PrefectTask
from prefect import task as prefect_task
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.transactions import CommitMode, atransaction

from flows.gate import Gate
from flows.results import Sealed
from flows.run.runtime import RETRY_DELAYS
from flows.run.task_labels import subquery_label
from research.errors import ModelUnavailable, TransientError
from research.pipeline import ENGINE, Steps
from research.ports.work import Claim, Draft, Grade, Investigated, Judged, Plan, SubQuery, Verified
from research.ports.world import World
from research.steps.keys import Keys
from research.task.task import Task

T = TypeVar("T")


class Call(Generic[T]):
    """One piece of work: what a person calls it, the key it is kept under (None: it is not kept), and how it is done."""

    __slots__ = ("_work", "called", "key", "label")

    def __init__(self, label: str, key: str | None, work: Callable[[], Awaitable[T]]) -> None:
        self.label = label
        self.key = key
        self.called = False
        """True once the work was really done here, rather than found."""
        self._work = work

    def __str__(self) -> str:
        return self.label

    async def do(self) -> T:
        self.called = True
        return await self._work()


def _key(_context: TaskRunContext, parameters: dict[str, Any]) -> str | None:
    key: str | None = parameters["call"].key
    return key


Doer = Callable[[Call[Any]], Awaitable[Sealed[Any]]]
"""What does a call: a Prefect task, when there is a Prefect."""


@dataclass(frozen=True)
class Tasks:
    """The Prefect tasks of a run. One set for each run, because a task carries its retries."""

    shard: Doer
    row: Doer
    plan: Doer
    investigate: Doer
    grade: Doer
    synthesize: Doer
    verify: Doer
    judge: Doer


def _task(name: str, **options: Any) -> PrefectTask[Any, Any]:
    async def work(call: Call[Any]) -> Sealed[Any]:
        return Sealed(await call.do())

    options.setdefault("cache_key_fn", _key)
    return prefect_task(name=name, task_run_name="{call}", cache_result_in_memory=False, **options)(work)


def make_tasks(retry_delays: Sequence[float] = RETRY_DELAYS) -> Tasks:
    return Tasks(
        shard=_task("shard", cache_key_fn=None, persist_result=False),
        row=_task("row"),
        plan=_task("plan"),
        investigate=_task(
            "sub-query",
            retries=len(retry_delays),
            retry_delay_seconds=list(retry_delays),
            retry_condition_fn=is_transient,
        ),
        grade=_task("grade"),
        synthesize=_task("synthesize"),
        verify=_task("verify"),
        judge=_task("judge"),
    )


def batch_task() -> Doer:
    """What does a batch: a task run that is not kept; the journal of batches knows what it did."""
    return _task("batch", cache_key_fn=None, persist_result=False)


async def run_task(task: Doer, call: Call[T], gate: Gate) -> T:
    """Do a call as a task run on this event loop, and count it for the gate however it ends."""
    try:
        done: Sealed[T] = await task(call)
        return done.value
    finally:
        gate.task_run_finished()


async def run_kept(task: Doer, call: Call[T], gate: Gate) -> T:
    """Do a call inside which results are kept as they come. Prefect keeps a nested task's result only when the outermost task
    ends, unless it is told to keep each at once."""
    async with atransaction(commit_mode=CommitMode.EAGER):
        return await run_task(task, call, gate)


def watched(tasks: Tasks, gate: Gate, keys: Keys) -> Steps:
    """The engine's steps for one task, each call of them a task run that is kept under the key of its content."""

    async def plan(task: Task, world: World) -> Plan:
        return await run_task(tasks.plan, Call("plan", keys.plan(), partial(ENGINE.plan, task, world)), gate)

    async def investigate(task: Task, subquery: SubQuery, world: World, max_fetches: int) -> Investigated:
        work = partial(ENGINE.investigate, task, subquery, world, max_fetches)
        key = keys.investigate(subquery, max_fetches)
        return await run_task(tasks.investigate, Call(subquery_label(subquery), key, work), gate)

    async def grade(task: Task, work: Sequence[Investigated], world: World, max_subqueries: int) -> Grade:
        key = keys.grade(work, max_subqueries)
        return await run_task(tasks.grade, Call("grade", key, partial(ENGINE.grade, task, work, world, max_subqueries)), gate)

    async def synthesize(task: Task, work: Sequence[Investigated], world: World) -> Draft:
        call = Call("synthesize", keys.synthesize(work), partial(ENGINE.synthesize, task, work, world))
        return await run_task(tasks.synthesize, call, gate)

    async def verify(task: Task, claims: Sequence[Claim], world: World) -> Verified:
        call = Call("verify", keys.verify(claims), partial(ENGINE.verify, task, claims, world))
        return await run_task(tasks.verify, call, gate)

    async def judge(task: Task, claims: Sequence[Claim], world: World) -> Judged:
        return await run_task(tasks.judge, Call("judge", keys.judge(claims), partial(ENGINE.judge, task, claims, world)), gate)

    return Steps(plan=plan, investigate=investigate, grade=grade, synthesize=synthesize, verify=verify, judge=judge)


def is_transient(_task: PrefectTask[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether a failed task run may be tried again: its exception's type decides, and nothing else.

    A model that did not answer was asked again for as long as its time budget lasts; to begin anew would only multiply that.
    """
    error = getattr(state.data, "result", state.data)
    return isinstance(error, TransientError) and not isinstance(error, ModelUnavailable)
