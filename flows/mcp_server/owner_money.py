"""What callers over HTTP pay from: what the owner of their key has left, in the accounts that `research serve` keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from sqlalchemy.exc import DBAPIError

from flows.serve.database.accounts import RESERVED_SECONDS, Accounts, MoneyIsOut, owner_scope
from flows.serve.database.database import Database
from flows.serve.records.task_records import Owner
from research.errors import BudgetExhausted
from research.money.budget import Charge


@dataclass(frozen=True, slots=True)
class CallShare:
    """What one call may spend, and what it has spent."""

    usd: float
    charges: list[Charge] = field(default_factory=list)


class OwnerMoney:
    """The accounts, for calls.

    Args:
        database: that of the service: a cap of an owner counts what its tasks and its calls cost together.
    """

    def __init__(self, database: Database) -> None:
        self._accounts = Accounts(database)

    @asynccontextmanager
    async def share(self, owner: Owner, most_usd: float) -> AsyncIterator[CallShare]:
        """What a call of an owner's may spend. What it has not spent in the end is free again.

        Args:
            most_usd: the most that the call may cost.

        Raises:
            BudgetExhausted: nothing is left, or all that is left is in the hands of others.
        """
        await self._accounts.cap(owner_scope(owner.id), owner.max_cost_usd)
        try:
            number, usd = await self._accounts.reserve(owner.id, most_usd)
        except MoneyIsOut:
            raise BudgetExhausted("all that you have left is reserved by what is under way: try again later") from None
        share = CallShare(usd)
        renewing = asyncio.create_task(self._renew(number))
        try:
            yield share
        finally:
            renewing.cancel()
            await self._accounts.settle(number, owner.id, share.charges)

    async def _renew(self, number: int) -> None:
        while True:
            await asyncio.sleep(RESERVED_SECONDS / 4)
            with suppress(DBAPIError, OSError):  # a database that is away for a moment
                await self._accounts.renew(number)
