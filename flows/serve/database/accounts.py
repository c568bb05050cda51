"""What the service and each owner have spent, and may spend.

A task takes what it may spend out of what its owner and the service have left, before it calls anything, and what it does not
spend comes back when it ends. So tasks side by side, on any number of workers, never pass a cap together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flows.serve.database.database import Database, uninterrupted
from flows.serve.database.schema import accounts, charges, reservations, tasks
from research.errors import BudgetExhausted
from research.money.amounts import dollars
from research.money.budget import Charge

SERVICE: Final = "service"
RESERVED_SECONDS: Final = 60.0
"""How long what a call reserves is its own, unless it is renewed."""
_NAMES: Final = {SERVICE: "the service"}


class MoneyIsOut(Exception):
    """All that is left is in the hands of other tasks, which may give some back."""


@dataclass(frozen=True, slots=True)
class Share:
    """What a task may spend from now on, in US dollars. None: there is no cap."""

    usd: float | None
    is_guess: bool = False
    """Whether it is what the task is likely to need at most, and not all that it may have: it can ask for more."""


class Accounts:
    """The accounts of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._caps: dict[str, float | None] = {}

    @uninterrupted
    async def cap(self, scope: str, max_usd: float | None) -> None:
        """Say what an account may spend. None: no cap."""
        if scope in self._caps and self._caps[scope] == max_usd:
            return
        async with self._database.writing() as connection:
            await self._open(connection, scope)
            await connection.execute(update(accounts).where(accounts.c.scope == scope).values(max_usd=max_usd))
        self._caps[scope] = max_usd

    @uninterrupted
    async def take(self, number: int, owner: str, most_usd: float | None, likely_usd: float | None = None) -> Share:
        """Take a task's share.

        Args:
            most_usd: the most that the task may still spend; None: no cap of its own.
            likely_usd: what it will hardly need more than: its share of what it has in common with others. None: not known, and
                it takes all that is left: others wait for what it gives back.

        Raises:
            BudgetExhausted: nothing is left.
            MoneyIsOut: nothing is left for now.
        """
        async with self._database.writing() as connection:
            shared = await self._shared(connection, owner, number)
            share = min((usd for usd in (most_usd, shared) if usd is not None), default=None)
            is_guess = shared is not None and share is not None and likely_usd is not None and likely_usd < share
            share = likely_usd if is_guess else share
            await connection.execute(update(tasks).where(tasks.c.number == number).values(reserved_usd=share or 0.0))
        return Share(share, is_guess)

    @uninterrupted
    async def reserve(self, owner: str, most_usd: float) -> tuple[int, float]:
        """Set aside what a call may spend that is no task.

        Returns: the number of the reservation, and US dollars.

        Raises:
            BudgetExhausted: nothing is left.
            MoneyIsOut: nothing is left for now.
        """
        async with self._database.writing() as connection:
            shared = await self._shared(connection, owner, None)
            usd = most_usd if shared is None else min(most_usd, shared)
            values = {"owner": owner, "usd": usd, "until": self._database.now() + RESERVED_SECONDS}
            made = await connection.execute(insert(reservations).values(**values).returning(reservations.c.number))
            return int(made.scalar_one()), usd

    @uninterrupted
    async def renew(self, number: int) -> None:
        """A call is still under way."""
        async with self._database.writing() as connection:
            until = self._database.now() + RESERVED_SECONDS
            await connection.execute(update(reservations).where(reservations.c.number == number).values(until=until))

    @uninterrupted
    async def settle(self, number: int, owner: str, charged: Sequence[Charge]) -> None:
        """A call has ended: write down what it has paid."""
        async with self._database.writing() as connection:
            await connection.execute(delete(reservations).where(reservations.c.number == number))
            await self.write(connection, 0, owner, charged)

    async def write(self, connection: AsyncConnection, number: int, owner: str, charged: Sequence[Charge]) -> None:
        """Write charges down, and count them.

        Args:
            number: of the task that they are of; 0: of a call that is no task.
        """
        for charge in charged:
            values = {"task_number": number, "owner": owner, **charge._asdict(), "at": self._database.now()}
            await connection.execute(insert(charges).values(values))
            await self.spent(connection, owner, charge.counted_usd)

    async def spent(self, connection: AsyncConnection, owner: str, counted_usd: float | None) -> None:
        """Count a charge, in the transaction that writes it down. None: its price is not known."""
        for scope in (SERVICE, owner_scope(owner)):
            await self._open(connection, scope)
            added = (
                {"unknown": accounts.c.unknown + 1} if counted_usd is None else {"spent_usd": accounts.c.spent_usd + counted_usd}
            )
            await connection.execute(update(accounts).where(accounts.c.scope == scope).values(**added))

    @uninterrupted
    async def give_back(self, number: int) -> None:
        """A task has ended, or is in nobody's hands."""
        async with self._database.writing() as connection:
            await connection.execute(update(tasks).where(tasks.c.number == number).values(reserved_usd=0.0))

    async def _shared(self, connection: AsyncConnection, owner: str, number: int | None) -> float | None:
        """What is left for an owner's task, or call; None: there is no cap."""
        left = [await self._left(connection, scope, owner, number) for scope in (SERVICE, owner_scope(owner))]
        return min((usd for usd in left if usd is not None), default=None)

    async def _left(self, connection: AsyncConnection, scope: str, owner: str, number: int | None) -> float | None:
        """What an account has left beside what other tasks and calls hold."""
        row = (await connection.execute(select(accounts).where(accounts.c.scope == scope))).one_or_none()
        if row is None or row.max_usd is None:
            return None
        name = _NAMES.get(scope, "you")
        if row.unknown:
            raise BudgetExhausted(f"a call was made whose price is not known, so the cap of {name} cannot be held")
        if row.spent_usd >= row.max_usd:
            raise BudgetExhausted(f"{dollars(row.spent_usd)} are spent, and the cap of {name} is {dollars(row.max_usd)}")
        held = select(func.coalesce(func.sum(tasks.c.reserved_usd), 0.0)).where(
            tasks.c.status.in_(("running", "cancelling")), tasks.c.number != (0 if number is None else number)
        )
        reserved = select(func.coalesce(func.sum(reservations.c.usd), 0.0)).where(reservations.c.until > self._database.now())
        if scope != SERVICE:
            held, reserved = held.where(tasks.c.owner == owner), reserved.where(reservations.c.owner == owner)
        in_hands = [(await connection.execute(chosen)).scalar_one() for chosen in (held, reserved)]
        left = float(row.max_usd - row.spent_usd - sum(in_hands))
        if left <= 0:
            raise MoneyIsOut
        return left

    async def _open(self, connection: AsyncConnection, scope: str) -> None:
        known = (await connection.execute(select(accounts.c.scope).where(accounts.c.scope == scope))).scalar_one_or_none()
        if known is None:
            await connection.execute(insert(accounts).values(scope=scope, max_usd=None, spent_usd=0.0, unknown=0))


def owner_scope(owner: str) -> str:
    """The name of an owner's account."""
    return f"owner:{owner}"
