"""A task's finished steps in the database, so that any worker on any machine goes on from where another one stood."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from pydantic import BaseModel
from sqlalchemy import insert, select, update

from flows.serve.database.database import Database, uninterrupted
from flows.serve.database.schema import steps
from flows.serve.work.claims import Claim, Claims
from research.pipeline import NOTHING_DECIDED, Steps
from research.steps.keys import Keys
from research.stored_results.steps import StepName, wrap_steps
from research.stored_results.store import STORED_TYPES, Done
from research.task.decisions import Decided

T = TypeVar("T")


class StoredSteps:
    """The steps of one claimed task: found if they were done before, stored as soon as they are done.

    Args:
        tells: whether each step is told as an event of progress.
        finished: is awaited after a step was done, before it counts as stored.
    """

    def __init__(
        self, database: Database, claims: Claims, claim: Claim, *, tells: bool, finished: Callable[[], Awaitable[None]]
    ) -> None:
        self._database = database
        self._claims = claims
        self._claim = claim
        self._tells = tells
        self._finished = finished

    def wrapped(self, keys: Keys, decided: Decided = NOTHING_DECIDED) -> Steps:
        """The engine's steps, stored.

        Args:
            decided: what people have decided about the task.
        """
        return wrap_steps(self._do, keys, self, decided)

    async def get(self, key: str) -> BaseModel | None:
        """What is stored of an investigation that waits for answers."""
        return await self._find(key)

    async def put(self, key: str, result: object) -> None:
        await self._store(key, cast(BaseModel, result))

    async def _do(self, step: StepName, label: str, work: Callable[[], Awaitable[T]], key: str) -> Done[T]:
        if (found := await self._find(key)) is not None:
            return Done(cast(T, found), found=True)
        await self._tell({"step": step, "message": label, "state": "started"})
        state = "stopped"
        try:
            result = await work()
            state = "finished"
        finally:
            await self._finished()  # what was paid is written down, however the step ends
            if state == "stopped":
                await self._tell({"step": step, "message": label, "state": state})
        await self._store(key, cast(BaseModel, result))
        await self._tell({"step": step, "message": label, "state": state})
        return Done(result, found=False)

    @uninterrupted
    async def _find(self, key: str) -> BaseModel | None:
        chosen = select(steps.c.value).where(steps.c.task_number == self._claim.number, steps.c.key == key)
        async with self._database.reading() as connection:
            value = (await connection.execute(chosen)).scalar_one_or_none()
        try:
            return None if value is None else STORED_TYPES[key.partition("-")[0]].model_validate_json(value)
        except ValueError:  # of a version that had other fields: it is done again
            return None

    @uninterrupted
    async def _store(self, key: str, result: BaseModel) -> None:
        value = result.model_dump_json(exclude=set(type(result).model_computed_fields))
        async with self._database.writing() as connection:
            mine = (steps.c.task_number == self._claim.number, steps.c.key == key)
            if (await connection.execute(update(steps).where(*mine).values(value=value))).rowcount == 0:
                await connection.execute(insert(steps).values(task_number=self._claim.number, key=key, value=value))

    async def _tell(self, data: dict[str, Any]) -> None:
        if self._tells:
            await self._claims.progress(self._claim, data)
