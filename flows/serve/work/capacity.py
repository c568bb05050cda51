"""How many hands there are, and how many background tasks are on their way to them.

What Prefect holds of a background task that no worker has received is in its server's memory: bounded, and lost when that server
ends. So only so many are handed to it as workers can soon begin. A worker counts what it receives, and where hands are free
although background tasks should be on their way, those are taken for lost.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import delete, func, insert, select, update

from flows.serve.database.database import Database, uninterrupted
from flows.serve.database.schema import dispatched, tasks, workers
from flows.serve.work.claims import claimable

SEEN_SECONDS: Final = 20.0
"""How long a worker counts as there after it was last heard of."""
LOST_SECONDS: Final = 10.0
"""How long free hands wait for background tasks before these are taken for lost."""
AHEAD: Final = 8
"""Background tasks for each pair of hands: those in them, and those that they begin before the next look at the records."""
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
            now = (await connection.execute(select(self._database.now()))).scalar_one()
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
            now = float((await connection.execute(select(self._database.now()))).scalar_one())
            waiting = select(func.count()).select_from(tasks).where(claimable(now))
            there = select(workers.c.name).where(workers.c.seen_at >= now - SEEN_SECONDS)
            slots = select(func.coalesce(func.sum(workers.c.slots), 0)).where(workers.c.name.in_(there))
            active = tasks.c.status.in_(("running", "cancelling"))
            busy = select(func.count()).select_from(tasks).where(active, tasks.c.claim.is_not(None), tasks.c.worker.in_(there))
            row = (await connection.execute(select(dispatched))).one()
            counts = [int((await connection.execute(chosen)).scalar_one()) for chosen in (waiting, slots, busy)]
        return Demand(counts[0], counts[1], counts[2], max(0, row.issued - row.begun), now - row.changed_at)

    async def issued(self, count: int) -> None:
        """Background tasks were handed to Prefect."""
        await self._count(issued=dispatched.c.issued + count)

    async def begun(self) -> None:
        """A background task has arrived."""
        await self._count(begun=dispatched.c.begun + 1)

    async def lost(self) -> None:
        """Those on their way will not arrive."""
        await self._count(begun=dispatched.c.issued)

    @uninterrupted
    async def _count(self, **values: object) -> None:
        async with self._database.writing() as connection:
            await connection.execute(update(dispatched).values(changed_at=self._database.now(), **values))
