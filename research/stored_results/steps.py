"""The engine's steps, wrapped: each call gets its content key and goes through a function that may find or show its result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, Protocol, TypeVar, get_args

from pydantic import BaseModel

from research.money.usage_ledger import UsageLedger
from research.pipeline import ENGINE, NOTHING_DECIDED, Steps
from research.ports.waiting import Suspended
from research.ports.work import Claim, Draft, Grade, Investigated, Judged, Plan, SubQuery, Verified
from research.ports.world import World
from research.result.progress import ProgressRecorder
from research.steps.investigate import investigate as investigate_step
from research.steps.keys import Keys
from research.steps.labels import subquery_label
from research.stored_results.store import Done, ResultStore
from research.task.decisions import Decided
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


class Stored(Protocol):
    """Stores results by their keys: `ResultStore`."""

    async def get(self, key: str, /) -> BaseModel | None: ...
    async def put(self, key: str, result: object, /) -> None: ...


class StoredStanding:
    """Where one investigation stands while it waits for answers, in a store."""

    def __init__(self, store: Stored, keys: Keys, subquery: SubQuery, max_fetches: int, answers: Mapping[str, str]) -> None:
        self.answers = answers
        self.is_counted = False
        self._store = store
        self._key = partial(keys.ask, subquery, max_fetches)

    async def load(self) -> Suspended | None:
        found: Suspended | None = None
        while isinstance(later := await self._store.get(self._key(_number(found))), Suspended):
            found = later
        return found

    async def save(self, state: Suspended) -> None:
        await self._store.put(self._key(len(state.asked)), state)


def _number(state: Suspended | None) -> int:
    return 0 if state is None else len(state.asked) + len(state.questions)


def wrap_steps(do: DoStep, keys: Keys, store: Stored, decided: Decided = NOTHING_DECIDED) -> Steps:
    """The engine's steps for one task.

    Args:
        do: is handed every call.
        keys: the task's.
        store: where investigations that wait for answers are stored.
        decided: what people have decided about the task.
    """

    async def plan(task: Task, world: World, ledger: UsageLedger) -> Plan:
        return (await do("plan", "plan", partial(ENGINE.plan, task, world, ledger), keys.plan())).result

    async def investigate(task: Task, subquery: SubQuery, world: World, max_fetches: int, ledger: UsageLedger) -> Investigated:
        standing = StoredStanding(store, keys, subquery, max_fetches, decided.answers) if task.allow_questions else None
        call = partial(investigate_step, task, subquery, world, max_fetches, ledger, standing)
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

    return Steps(
        plan=plan, investigate=investigate, grade=grade, synthesize=synthesize, verify=verify, judge=judge, decided=decided
    )


def resuming_steps(
    store: ResultStore, keys: Keys, decided: Decided = NOTHING_DECIDED, recorder: ProgressRecorder | None = None
) -> Steps:
    """The engine's steps for one task, whose finished work is stored, and found by the same task later.

    Args:
        recorder: is told of each step that is not found; None: nobody is.
    """

    async def do(step: StepName, label: str, work: Callable[[], Awaitable[T]], key: str) -> Done[T]:
        return await store.find_or_do(key, work if recorder is None else partial(recorder.during, step, label, work))

    return wrap_steps(do, keys, store, decided)


def recorded_steps(recorder: ProgressRecorder) -> Steps:
    """The engine's steps, of which each is recorded and none is stored."""

    def recorded(name: StepName) -> Callable[..., Awaitable[Any]]:
        step: Callable[..., Awaitable[Any]] = getattr(ENGINE, name)

        async def done(*args: Any) -> Any:
            label = next((subquery_label(each) for each in args if isinstance(each, SubQuery)), name)
            return await recorder.during(name, label, partial(step, *args))

        return done

    shown: dict[str, Any] = {name: recorded(name) for name in get_args(StepName)}
    return replace(ENGINE, **shown)
