"""The purse that a run pays from: a cap that calls made side by side cannot overshoot.

Whoever makes a paid call reserves what it may cost at worst, makes it, and settles what it did cost:

    async with purse.reserve(worst_usd=0.12) as reservation:
        message = await call()
        reservation.settle(0.031)

The rules:

1. A call goes at once if its worst fits beside what is spent and reserved. Otherwise it waits its turn, first come first
   served: calls under way mostly cost less than their worst.
2. A call whose turn it is, with no other under way, goes while any money is left, though its worst does not fit: worsts are
   far above what calls cost, and a small cap shall buy something. So the cap is exceeded by the last call's cost at most.
3. Once the cap is reached, every call is refused with `BudgetExhausted`, those that wait too.
4. Unknown is never 0. A call whose worst is not known (None) goes only by itself. A cost that is not known is taken to be the
   call's worst; if that is not known either, the cap cannot be held any more, and every later call is refused.
5. A reservation that is left without being settled is freed, and charges nothing: no call was made. A call that was made and
   failed is settled: with what it cost, or with None.

Without a cap nothing waits and nothing is refused; the purse only counts.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import NamedTuple, Protocol, Self, runtime_checkable

from research.errors import BudgetExhausted
from research.money.amounts import dollars
from research.money.processors import ProcessorName


class Charge(NamedTuple):
    """One call that was paid for. US dollars."""

    usd: float | None
    """What it cost; None if that is not known."""
    counted_usd: float | None
    """What counts against the cap: its cost, else its worst; None if neither is known."""
    purpose: str
    """What it was for (`investigate`, `plan`, …); empty if nobody said."""


class Reservation:
    """What one call may cost, until it is settled."""

    def __init__(self, purse: Budget, worst_usd: float | None, purpose: str) -> None:
        self._purse = purse
        self.worst_usd = worst_usd
        self.purpose = purpose
        self.settled = False

    def settle(self, actual_usd: float | None) -> None:
        """Say what the call cost, in US dollars; None if that is not known. Once.

        Raises:
            ValueError: it is settled already, or the cost is no amount of money.
        """
        if self.settled:
            raise ValueError("this reservation is settled already, or was left")
        _refuse_nonsense(actual_usd)
        self.settled = True
        self._purse._settle(self, actual_usd)


class Budget:
    """The money of one run, on one event loop.

    Args:
        max_cost_usd: the cap, in US dollars; None: no cap.
        spent_usd: what was spent of it before; None: calls were made whose price is not known.
        record: is told of each payment at once, so that it can be kept.

    Raises:
        ValueError: an amount is negative or no number.
    """

    def __init__(
        self,
        max_cost_usd: float | None = None,
        spent_usd: float | None = 0.0,
        record: Callable[[Charge], None] | None = None,
    ) -> None:
        _refuse_nonsense(max_cost_usd)
        _refuse_nonsense(spent_usd)
        self.max_cost_usd = max_cost_usd
        self._spent = spent_usd
        self._reserved = 0.0
        self._under_way = 0
        self._waiting: deque[tuple[asyncio.Future[None], float | None]] = deque()
        self._record = record

    @property
    def spent_usd(self) -> float | None:
        """What counts against the cap: every cost that is known, and the worst of every call whose cost is not. None once neither
        was known of a call."""
        return self._spent

    @property
    def refusal(self) -> str | None:
        """Why every further call is refused; None while money is left."""
        if self.max_cost_usd is None:
            return None
        if self._spent is None:
            return (
                f"a call was made whose price is not known, so the cap of {dollars(self.max_cost_usd)} cannot be held; "
                "give the model's prices, or no cap"
            )
        if self._spent >= self.max_cost_usd:
            spent, cap = dollars(self._spent), dollars(self.max_cost_usd)
            return f"{spent} are spent, and the cap is {cap}; with a higher cap the same command goes on"
        return None

    @asynccontextmanager
    async def reserve(self, worst_usd: float | None, *, purpose: str = "") -> AsyncIterator[Reservation]:
        """Reserve money for one call; may wait for others' calls to end.

        Args:
            worst_usd: the most that the call can cost; None if that is not known.
            purpose: what it is for, kept with the payment.

        Raises:
            BudgetExhausted: the cap is reached.
            ValueError: the amount is negative or no number.
        """
        _refuse_nonsense(worst_usd)
        await self._take(worst_usd)
        reservation = Reservation(self, worst_usd, purpose)
        try:
            yield reservation
        finally:
            if not reservation.settled:
                reservation.settled = True
                self._free(worst_usd)

    def fits(self, worst_usd: float | None) -> bool:
        """Whether a call could begin now, without waiting."""
        return self.refusal is None and not self._waiting and self._admits(worst_usd)

    @contextmanager
    def owed(self, worst_usd: float | None, *, purpose: str = "") -> Iterator[Reservation]:
        """A reservation for a call that was made already, by an earlier invocation: nothing is asked and nothing refused."""
        _refuse_nonsense(worst_usd)
        self._enter(worst_usd)
        reservation = Reservation(self, worst_usd, purpose)
        try:
            yield reservation
        finally:
            if not reservation.settled:
                reservation.settled = True
                self._free(worst_usd)

    async def _take(self, worst_usd: float | None) -> None:
        if (refusal := self.refusal) is not None:
            raise BudgetExhausted(refusal)
        if not self._waiting and self._admits(worst_usd):
            self._enter(worst_usd)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, worst_usd))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._free(worst_usd)  # its turn came in the moment in which it was cancelled
            else:
                self._advance()
            raise

    def _admits(self, worst_usd: float | None) -> bool:
        if self.max_cost_usd is None or not self._under_way:
            return True
        if worst_usd is None or self._spent is None:
            return False
        return self._spent + self._reserved + worst_usd <= self.max_cost_usd

    def _enter(self, worst_usd: float | None) -> None:
        self._under_way += 1
        # Beside a call that may cost anything nothing else fits.
        self._reserved += math.inf if worst_usd is None else worst_usd

    def _free(self, worst_usd: float | None) -> None:
        self._under_way -= 1
        if self._under_way == 0:
            self._reserved = 0.0  # rather than what is left of sums and differences of floats
        elif worst_usd is not None:
            self._reserved -= worst_usd
        self._advance()

    def _settle(self, reservation: Reservation, actual_usd: float | None) -> None:
        counted = reservation.worst_usd if actual_usd is None else actual_usd
        self._spent = None if self._spent is None or counted is None else self._spent + counted
        try:
            if self._record is not None:
                self._record(Charge(actual_usd, counted, reservation.purpose))
        finally:
            self._free(reservation.worst_usd)

    def _advance(self) -> None:
        """Let in, or refuse, those whose turn it is."""
        while self._waiting:
            turn, worst_usd = self._waiting[0]
            refusal = self.refusal
            if not turn.done():
                if refusal is None and not self._admits(worst_usd):
                    return
                if refusal is None:
                    self._enter(worst_usd)
                    turn.set_result(None)
                else:
                    turn.set_exception(BudgetExhausted(refusal))
            self._waiting.popleft()


@runtime_checkable
class Paying(Protocol):
    """A model that reserves what its calls may cost. Whoever runs it gives it the purse; one that was given none has no cap."""

    def paid_from(self, purse: Budget) -> Self:
        """The same model, whose calls are paid from this purse."""
        ...


@runtime_checkable
class Priced(Protocol):
    """A model that knows which of its prices it does not know."""

    def unpriced(self, processor: ProcessorName) -> tuple[str, ...]:
        """The models of a tier whose calls have no known price, by their ids."""
        ...


def _refuse_nonsense(usd: float | None) -> None:
    if usd is not None and not (math.isfinite(usd) and usd >= 0):
        raise ValueError(f"{usd!r} is no amount of money")
