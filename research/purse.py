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
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from research.errors import BudgetExhausted


class Reservation:
    """What one call may cost, until it is settled."""

    def __init__(self, purse: Purse, worst_usd: float | None) -> None:
        self._purse = purse
        self.worst_usd = worst_usd
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


class Purse:
    """The money of one run, on one event loop.

    Args:
        max_cost_usd: the cap, in US dollars; None: no cap.
        spent_usd: what was spent of it before.
        record: is told what each call cost (None: not known), at once, so that it can be kept.

    Raises:
        ValueError: an amount is negative or no number.
    """

    def __init__(
        self, max_cost_usd: float | None = None, spent_usd: float = 0.0, record: Callable[[float | None], None] | None = None
    ) -> None:
        _refuse_nonsense(max_cost_usd)
        _refuse_nonsense(spent_usd)
        self.max_cost_usd = max_cost_usd
        self._spent = spent_usd
        self._reserved = 0.0
        self._under_way = 0
        self._unknown = 0
        self._lost_count = False
        self._waiting: deque[tuple[asyncio.Future[None], float | None]] = deque()
        self._record = record

    @property
    def spent_usd(self) -> float:
        """What counts against the cap: every cost that is known, and the worst of every call whose cost is not."""
        return self._spent

    @property
    def unknown(self) -> int:
        """Calls whose cost is not known."""
        return self._unknown

    @property
    def exhausted(self) -> bool:
        """Whether every further call is refused."""
        return self._refusal is not None

    @property
    def _refusal(self) -> str | None:
        if self.max_cost_usd is None:
            return None
        if self._lost_count:
            return (
                f"a call was made whose price is not known, so the cap of ${self.max_cost_usd:.2f} cannot be held; "
                "give the model's prices, or no cap"
            )
        if self._spent >= self.max_cost_usd:
            return f"${self._spent:.4f} of ${self.max_cost_usd:.2f} are spent; with a higher cap the work goes on"
        return None

    def require_money(self) -> None:
        """Refuse work that would need a call, when none can be paid any more.

        Raises:
            BudgetExhausted: the cap is reached.
        """
        if (refusal := self._refusal) is not None:
            raise BudgetExhausted(refusal)

    @asynccontextmanager
    async def reserve(self, worst_usd: float | None) -> AsyncIterator[Reservation]:
        """Reserve money for one call; may wait for others' calls to end.

        Args:
            worst_usd: the most that the call can cost; None if that is not known.

        Raises:
            BudgetExhausted: the cap is reached.
            ValueError: the amount is negative or no number.
        """
        _refuse_nonsense(worst_usd)
        await self._take(worst_usd)
        reservation = Reservation(self, worst_usd)
        try:
            yield reservation
        finally:
            if not reservation.settled:
                reservation.settled = True
                self._free(worst_usd)

    async def _take(self, worst_usd: float | None) -> None:
        self.require_money()
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
        return worst_usd is not None and self._spent + self._reserved + worst_usd <= self.max_cost_usd

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
        charged = actual_usd
        if actual_usd is None:
            self._unknown += 1
            charged = reservation.worst_usd
        if charged is None:
            self._lost_count = True
        else:
            self._spent += charged
        if self._record is not None:
            self._record(actual_usd)
        self._free(reservation.worst_usd)

    def _advance(self) -> None:
        """Let in, or refuse, those whose turn it is."""
        while self._waiting:
            turn, worst_usd = self._waiting[0]
            refusal = self._refusal
            if not turn.done():
                if refusal is None and not self._admits(worst_usd):
                    return
                if refusal is None:
                    self._enter(worst_usd)
                    turn.set_result(None)
                else:
                    turn.set_exception(BudgetExhausted(refusal))
            self._waiting.popleft()


def _refuse_nonsense(usd: float | None) -> None:
    if usd is not None and not (math.isfinite(usd) and usd >= 0):
        raise ValueError(f"{usd!r} is no amount of money")
