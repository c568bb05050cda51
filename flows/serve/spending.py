"""What tasks cost, charge by charge, and the caps that they keep to: a task's own, its owner's, the service's."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy import insert, select

from flows.serve.database import Database, uninterrupted
from flows.serve.records import TaskRecord
from flows.serve.schema import charges
from research.money.amounts import total
from research.money.budget import Budget, Charge
from research.ports.world import World


@dataclass
class Paying:
    """A task's budget, and its charges that are not written down yet."""

    database: Database
    record: TaskRecord
    budget: Budget = field(default_factory=Budget)
    unwritten: list[Charge] = field(default_factory=list)

    @uninterrupted
    async def write(self) -> None:
        """Write down what was charged since."""
        if not self.unwritten:
            return
        written, self.unwritten = self.unwritten, []
        rows = [
            {
                "task_number": self.record.number,
                "owner": self.record.owner,
                "usd": charge.usd,
                "counted_usd": charge.counted_usd,
                "purpose": charge.purpose,
                "at": time.time(),
            }
            for charge in written
        ]
        async with self.database.writing() as connection:
            await connection.execute(insert(charges), rows)


class Spending:
    """The charges of all tasks.

    Args:
        max_cost_per_task: the cap of one task, in US dollars; None: no cap.
    """

    def __init__(self, database: Database, max_cost_per_task: float | None = None) -> None:
        self._database = database
        self._max_cost_per_task = max_cost_per_task

    @asynccontextmanager
    async def budget_of(self, record: TaskRecord, world: World) -> AsyncIterator[Paying]:
        """The budget that a task pays from: what it has paid before counts."""
        paying = Paying(self._database, record)
        before = await self._charged(record.number)
        paying.budget = Budget(self._max_cost_per_task, before, lambda charge: paying.unwritten.append(charge))
        try:
            yield paying
        finally:
            await paying.write()

    @uninterrupted
    async def _charged(self, number: int) -> float | None:
        """What a task has paid before; None: for a call whose price is not known."""
        chosen = select(charges.c.counted_usd).where(charges.c.task_number == number)
        async with self._database.reading() as connection:
            return total((await connection.execute(chosen)).scalars().all())
