"""How many hands there are, and how many background tasks are on their way to them.

What Prefect holds of a background task that no worker has received is in its server's memory: bounded, and lost when that server
ends. So only so many are handed to it as workers can soon begin. A worker writes down which of them have begun. They begin in the
order in which they were handed over, so one that has not although many later ones have was lost with the worker or the server
that had it; and where hands are free although background tasks should be on their way, all of those are.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import delete, func, insert, select, update

from flows.serve.database.database import Database, uninterrupted
from flows.serve.database.schema import handed_over, tasks, workers
from flows.serve.work.claims import claimable

SEEN_SECONDS: Final = 20.0
"""How long a worker counts as there after it was last heard of."""
LOST_SECONDS: Final = 10.0
"""How long free hands wait for background tasks before these are taken for lost."""
AHEAD: Final = 8
"""Background tasks for each pair of hands: those in them, and those that they begin before the next look at the records."""
REMEMBERED: Final = 1_000
"""Background tasks that are remembered after they have begun or were lost."""
OUT_OF_ORDER: Final = 16
"""By how many a background task may overtake another one: they are handed over side by side, and Prefect's client tries again
when one was refused for a moment."""
FEWEST: Final = 10
"""Background tasks that may wait in Prefect while no worker is there."""


class Demand(NamedTuple):
    """What the records know of work and of hands."""

    waiting: int
    """Tasks that can be claimed."""
    slots: int
    """Tasks that the workers can have at once."""
    busy: int
    """Tasks that they have."""
    on_their_way: int
    """Background tasks that were handed to Prefect and have not begun."""
    unchanged_seconds: float
    """Since a background task was handed over, or has begun."""

    @property
    def wanted(self) -> int:
        """How many background tasks to hand over now."""
        return max(0, min(self.waiting, max(FEWEST, AHEAD * self.slots)) - self.on_their_way)

    @property
    def are_lost(self) -> bool:
        """Whether those that should be on their way are not."""
        return self.waiting > 0 and self.on_their_way > 0 and self.busy < self.slots and self.unchanged_seconds > LOST_SECONDS


class Capacity:
    """The workers and the background tasks of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @uninterrupted
    async def seen(self, worker: str, slots: int) -> int:
        """A worker is there. Returns how many are, this one included."""
        async with self._database.writing() as connection:
            now = await self._database.read_clock(connection)
            values = {"slots": slots, "seen_at": now}
            renewed = await connection.execute(update(workers).where(workers.c.name == worker).values(**values))
            if renewed.rowcount == 0:
                await connection.execute(insert(workers).values(name=worker, **values))
            await connection.execute(delete(workers).where(workers.c.seen_at < now - 10 * SEEN_SECONDS))
            there = select(func.count()).select_from(workers).where(workers.c.seen_at >= now - SEEN_SECONDS)
            return int((await connection.execute(there)).scalar_one())

    @uninterrupted
    async def left(self, worker: str) -> None:
        """A worker is not there any more."""
        async with self._database.writing() as connection:
            await connection.execute(delete(workers).where(workers.c.name == worker))

    @uninterrupted
    async def demand(self) -> Demand:
        async with self._database.reading() as connection:
            now = await self._database.read_clock(connection)
            waiting = select(func.count()).select_from(tasks).where(claimable(now))
            there = select(workers.c.name).where(workers.c.seen_at >= now - SEEN_SECONDS)
            slots = select(func.coalesce(func.sum(workers.c.slots), 0)).where(workers.c.name.in_(there))
            active = tasks.c.status.in_(("running", "cancelling"))
            busy = select(func.count()).select_from(tasks).where(active, tasks.c.claim.is_not(None), tasks.c.worker.in_(there))
            begun = select(func.coalesce(func.max(handed_over.c.number), 0)).where(handed_over.c.begun_at.is_not(None))
            not_lost = handed_over.c.number > begun.scalar_subquery() - OUT_OF_ORDER
            coming = select(func.count()).select_from(handed_over).where(handed_over.c.begun_at.is_(None), not_lost)
            counts = [int((await connection.execute(chosen)).scalar_one()) for chosen in (waiting, slots, busy, coming)]
            newest = select(func.max(handed_over.c.at), func.max(handed_over.c.begun_at))
            changes = [at for at in (await connection.execute(newest)).one() if at is not None]
        return Demand(counts[0], counts[1], counts[2], counts[3], now - max(changes, default=0.0))

    @uninterrupted
    async def announce(self, count: int) -> list[int]:
        """So many background tasks will be handed to Prefect now. Returns their numbers."""
        async with self._database.writing() as connection:
            newest = (await connection.execute(select(func.max(handed_over.c.number)))).scalar_one() or 0
            await connection.execute(delete(handed_over).where(handed_over.c.number < newest - REMEMBERED))
            rows = [{"at": self._database.now()} for _ in range(count)]
            announced = insert(handed_over).values(rows).returning(handed_over.c.number)
            return list((await connection.execute(announced)).scalars())

    @uninterrupted
    async def handed(self, number: int, task_run_id: str) -> None:
        """Prefect has answered: an announced background task is this one of its task runs."""
        this = handed_over.c.task_run_id == task_run_id
        async with self._database.writing() as connection:
            early = delete(handed_over).where(this).returning(handed_over.c.begun_at)  # it began before the answer was here
            begun_at = (await connection.execute(early)).scalar_one_or_none()
            answered = update(handed_over).where(handed_over.c.number == number)
            await connection.execute(answered.values(task_run_id=task_run_id, begun_at=begun_at))

    @uninterrupted
    async def begun(self, task_run_id: str) -> None:
        """A background task has arrived."""
        this = handed_over.c.task_run_id == task_run_id
        async with self._database.writing() as connection:
            now = self._database.now()
            arrived = await connection.execute(update(handed_over).where(this).values(begun_at=now))
            if arrived.rowcount == 0:
                await connection.execute(insert(handed_over).values(task_run_id=task_run_id, at=now, begun_at=now))

    @uninterrupted
    async def lost(self) -> None:
        """Those on their way will not arrive."""
        async with self._database.writing() as connection:
            await connection.execute(delete(handed_over).where(handed_over.c.begun_at.is_(None)))
