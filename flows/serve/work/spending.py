"""What a task pays from: its share of what is left, and its charges, each written down."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import insert, select

from flows.serve.database.accounts import Accounts
from flows.serve.database.database import Database, uninterrupted
from flows.serve.database.schema import charges
from flows.serve.records.task_records import TaskRecord
from research.errors import BudgetExhausted, InvalidInput
from research.money.amounts import dollars, total
from research.money.budget import Budget, Charge
from research.ports.world import World


class Paying:
    """A task's budget, and its charges that are not written down yet."""

    def __init__(self, database: Database, accounts: Accounts, record: TaskRecord) -> None:
        self._database = database
        self._accounts = accounts
        self._record = record
        self._unwritten: list[Charge] = []
        self.budget = Budget()

    def open(self, max_usd: float | None, spent_usd: float | None, *, strict: bool) -> None:
        """
        Args:
            max_usd: what the task may cost, with what it has spent before.
            spent_usd: that.
            strict: what is left is a share that must not be passed by a single cent.
        """
        self.budget = Budget(max_usd, spent_usd, self._unwritten.append, strict=strict)

    @uninterrupted
    async def write(self) -> None:
        """Write down what was charged since."""
        written, self._unwritten[:] = list(self._unwritten), []
        if not written:
            return
        rows = [
            {
                "task_number": self._record.number,
                "owner": self._record.owner,
                "usd": charge.usd,
                "counted_usd": charge.counted_usd,
                "purpose": charge.purpose,
                "at": time.time(),
            }
            for charge in written
        ]
        async with self._database.writing() as connection:
            await connection.execute(insert(charges), rows)
            for charge in written:
                await self._accounts.spent(connection, self._record.owner, charge.counted_usd)


class Spending:
    """The charges of all tasks.

    Args:
        max_cost_per_task: the cap of one task, in US dollars; None: no cap.
    """

    def __init__(self, database: Database, max_cost_per_task: float | None = None) -> None:
        self._database = database
        self._accounts = Accounts(database)
        self._max_cost_per_task = max_cost_per_task

    @asynccontextmanager
    async def budget_of(self, record: TaskRecord, world: World) -> AsyncIterator[Paying]:
        """The budget that a task pays from: what it has paid before counts.

        Raises:
            BudgetExhausted: nothing is left for it.
            MoneyIsOut: nothing is left for now.
            InvalidInput: there is a cap, and a model whose price is not known.
        """
        paying = Paying(self._database, self._accounts, record)
        before = await self._charged(record.number)
        own_cap = self._max_cost_per_task
        if own_cap is not None and (before is None or before >= own_cap):
            raise BudgetExhausted(f"the task has spent its cap of {dollars(own_cap)}")
        share = await self._accounts.take(record.number, record.owner, None if own_cap is None else own_cap - (before or 0.0))
        if share.usd is not None:
            _refuse_unpriced(record, world)
        shared = share.usd is not None and (own_cap is None or share.usd < own_cap - (before or 0.0))
        paying.open(None if share.usd is None else (before or 0.0) + share.usd, before, strict=shared)
        try:
            yield paying
        finally:
            await paying.write()
            await self._accounts.give_back(record.number)

    @uninterrupted
    async def _charged(self, number: int) -> float | None:
        """What a task has paid before; None: for a call whose price is not known."""
        chosen = select(charges.c.counted_usd).where(charges.c.task_number == number)
        async with self._database.reading() as connection:
            return total((await connection.execute(chosen)).scalars().all())


def _refuse_unpriced(record: TaskRecord, world: World) -> None:
    if unpriced := world.model.unpriced(record.task.processor):
        raise InvalidInput(f"no price is known for {', '.join(unpriced)}, so no cap on the cost can be held")
