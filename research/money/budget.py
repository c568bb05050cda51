"""The budget that a run pays from: a cap that calls made side by side cannot overshoot.

A paid call reserves the most that it can cost, is made, and is settled with what it did cost:

    async with budget.reserve(max_usd=0.12) as reservation:
        message = await call()
        reservation.settle(0.031)

The rules:

1. A call whose maximum fits beside what is spent and reserved starts at once. Otherwise it waits its turn, first come first
   served: calls under way mostly cost less than their maximum.
2. A call whose turn it is, with no other under way, starts while any money is left, even if its maximum does not fit: maxima are
   far above what calls cost, and a small cap shall buy something. So the cap is exceeded by the last call's cost at most.
3. Once the cap is reached, every call is refused with `BudgetExhausted`, including those that wait.
4. Unknown is never 0. A call with unknown maximum cost (None) runs alone. A cost that is not known counts as the call's maximum;
   if that is not known either, the cap cannot be held any more, and every later call is refused.
5. A reservation that is left without being settled is freed, and charges nothing: no call was made. A call that was made and
   failed is settled: with what it cost, or with None.

Without a cap nothing waits and nothing is refused; the budget only counts.

A *lease* is a part of a budget that another process pays from (`Lease`): it is set aside whole, and what is left comes back. The
other process's budget is `strict`: rule 2 does not hold there, and a call whose maximum does not fit is refused. So all leases
together never pass the cap. `docs/design/budget.md` says more.

A world opens before its run's folder is known. So its budget may begin empty, and `bind` gives it the cap, what was spent before
and where charges are recorded, before the first call.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import NamedTuple

from research.errors import BudgetExhausted
from research.money.amounts import dollars


class Charge(NamedTuple):
    """One call that was paid for. US dollars."""

    usd: float | None
    """What it cost; None if that is not known."""
    counted_usd: float | None
    """What counts against the cap: its cost, else its maximum; None if neither is known."""
    purpose: str
    """What it was for (`investigate`, `plan`, …); may be empty."""


class Reservation:
    """What one call may cost, until it is settled."""

    def __init__(self, budget: Budget, max_usd: float | None, purpose: str) -> None:
        self._budget = budget
        self.max_usd = max_usd
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
        self._budget._settle(self, actual_usd)


class Budget:
    """The money of one run, on one event loop.

    Args:
        max_cost_usd: the cap, in US dollars; None: no cap.
        spent_usd: what was spent of it before; None: calls were made whose price is not known.
        record: called with each charge at once, so that it can be kept.
        strict: a call whose maximum does not fit is refused rather than made alone.

    Raises:
        ValueError: an amount is negative or no number.
    """

    def __init__(
        self,
        max_cost_usd: float | None = None,
        spent_usd: float | None = 0.0,
        record: Callable[[Charge], None] | None = None,
        *,
        strict: bool = False,
    ) -> None:
        self._reserved = 0.0
        self._under_way = 0
        self._waiting: deque[tuple[asyncio.Future[None], float | None]] = deque()
        self._empty = True
        """Whether it is bound to nothing and has paid for nothing."""
        self.bind(max_cost_usd, spent_usd, record, strict=strict)
        self._empty = (max_cost_usd, spent_usd, record) == (None, 0.0, None)

    def bind(
        self,
        max_cost_usd: float | None,
        spent_usd: float | None = 0.0,
        record: Callable[[Charge], None] | None = None,
        *,
        strict: bool = False,
        unsure: bool = False,
    ) -> None:
        """Bind an empty budget to a run, before the first call. The other arguments are the constructor's.

        Args:
            unsure: whether some of what was spent is the maximum of a call whose cost is not known.

        Raises:
            ValueError: an amount is negative or no number.
            RuntimeError: it is bound already, or a call was paid from it.
        """
        if not self._empty:
            raise RuntimeError(
                "this budget is bound already, or has paid for a call: open a world for each run, and bind its budget first"
            )
        _refuse_nonsense(max_cost_usd)
        _refuse_nonsense(spent_usd)
        self.max_cost_usd = max_cost_usd
        self._spent = spent_usd
        self._unsure = unsure
        self._record = record
        self._strict = strict
        self._used_up = False
        """Of a strict budget: whether a call was refused because it did not fit."""
        self._empty = False

    @property
    def spent_usd(self) -> float | None:
        """What counts against the cap: every cost that is known, and the maximum of every call whose cost is not. None once
        neither was known of a call."""
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
        if self._used_up:
            return f"what is left of a lease of {dollars(self.max_cost_usd)} does not pay for another call"
        if self._spent >= self.max_cost_usd:
            spent, cap = dollars(self._spent), dollars(self.max_cost_usd)
            at_most = "up to " if self._unsure else ""
            return f"{at_most}{spent} are spent, and the cap is {cap}; with a higher cap the same command goes on"
        return None

    @asynccontextmanager
    async def reserve(self, max_usd: float | None, *, purpose: str = "") -> AsyncIterator[Reservation]:
        """Reserve money for one call; may wait for others' calls to end.

        Args:
            max_usd: the most that the call can cost; None if that is not known.
            purpose: what it is for, kept with the charge.

        Raises:
            BudgetExhausted: the cap is reached.
            ValueError: the amount is negative or no number.
        """
        _refuse_nonsense(max_usd)
        await self._take(max_usd)
        with self._reservation(max_usd, purpose) as reservation:
            yield reservation

    @property
    def available_usd(self) -> float | None:
        """What is neither spent nor reserved; None: there is no cap."""
        if self.max_cost_usd is None:
            return None
        return 0.0 if self._spent is None else max(0.0, self.max_cost_usd - self._spent - self._reserved)

    def lease(self, usd: float | None) -> Lease:
        """Set a part of the budget aside for another process to pay from.

        Args:
            usd: how much; None where there is no cap.
        """
        _refuse_nonsense(usd)
        self._enter(usd or 0.0)
        return Lease(self, usd)

    def fits(self, max_usd: float | None) -> bool:
        """Whether a call could begin now, without waiting."""
        return self.refusal is None and not self._waiting and self._admits(max_usd)

    @contextmanager
    def resume_charge(self, max_usd: float | None, *, purpose: str = "") -> Iterator[Reservation]:
        """A reservation for a call that an earlier invocation made: it never waits and is never refused."""
        _refuse_nonsense(max_usd)
        self._enter(max_usd)
        with self._reservation(max_usd, purpose) as reservation:
            yield reservation

    @contextmanager
    def _reservation(self, max_usd: float | None, purpose: str) -> Iterator[Reservation]:
        reservation = Reservation(self, max_usd, purpose)
        try:
            yield reservation
        finally:
            if not reservation.settled:
                reservation.settled = True
                self._free(max_usd)

    async def _take(self, max_usd: float | None) -> None:
        if (refusal := self.refusal) is not None:
            raise BudgetExhausted(refusal)
        if not self._waiting and self._admits(max_usd):
            self._enter(max_usd)
            return
        if self._never_fits():
            self._used_up = True
            raise BudgetExhausted(str(self.refusal))
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, max_usd))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._free(max_usd)  # its turn came in the moment in which it was cancelled
            else:
                self._advance()
            raise

    def _admits(self, max_usd: float | None) -> bool:
        if self.max_cost_usd is None or (not self._under_way and not self._strict):
            return True
        if max_usd is None or self._spent is None:
            return False
        return self._spent + self._reserved + max_usd <= self.max_cost_usd

    def _never_fits(self) -> bool:
        """Of a call that does not fit now: whether it is of no use to wait, because nothing is under way that may give back."""
        return self._strict and not self._under_way

    def _enter(self, max_usd: float | None) -> None:
        self._empty = False
        self._under_way += 1
        # A call with unknown maximum cost reserves the whole budget.
        self._reserved += math.inf if max_usd is None else max_usd

    def _free(self, max_usd: float | None) -> None:
        self._under_way -= 1
        if self._under_way == 0:
            self._reserved = 0.0  # rather than what is left of sums and differences of floats
        elif max_usd is not None:
            self._reserved -= max_usd
        self._advance()

    def _settle(self, reservation: Reservation, actual_usd: float | None) -> None:
        counted = reservation.max_usd if actual_usd is None else actual_usd
        self._spent = None if self._spent is None or counted is None else self._spent + counted
        self._unsure = self._unsure or actual_usd is None
        try:
            if self._record is not None:
                self._record(Charge(actual_usd, counted, reservation.purpose))
        finally:
            self._free(reservation.max_usd)

    def _take_back(self, leased_usd: float, counted_usd: float | None, unsure: bool) -> None:
        self._unsure = self._unsure or unsure
        self._spent = None if self._spent is None or counted_usd is None else self._spent + counted_usd
        self._free(leased_usd)

    def _advance(self) -> None:
        """Let in, or refuse, those whose turn it is."""
        while self._waiting:
            turn, max_usd = self._waiting[0]
            refusal = self.refusal
            if not turn.done():
                if refusal is None and not self._admits(max_usd):
                    if not self._never_fits():
                        return
                    self._used_up = True
                    refusal = self.refusal
                if refusal is None:
                    self._enter(max_usd)
                    turn.set_result(None)
                else:
                    turn.set_exception(BudgetExhausted(str(refusal)))
            self._waiting.popleft()


class Lease:
    """A part of a budget, in the hands of another process, until it is returned."""

    def __init__(self, budget: Budget, usd: float | None) -> None:
        self._budget = budget
        self.usd = usd
        """None: there is no cap."""
        self._returned = False

    def give_back(self, counted_usd: float | None, *, unsure: bool = False) -> None:
        """Count what was paid from it, and free the rest.

        Args:
            counted_usd: what counts against the cap; None: a call was made for which nothing is known.
            unsure: whether some of it is the maximum of a call whose cost is not known.
        """
        if self._returned:
            return
        self._returned = True
        self._budget._take_back(self.usd or 0.0, counted_usd, unsure)


def _refuse_nonsense(usd: float | None) -> None:
    if usd is not None and not (math.isfinite(usd) and usd >= 0):
        raise ValueError(f"{usd!r} is no amount of money")
