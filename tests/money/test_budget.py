"""The budget: many pay side by side, and the cap holds."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from research.errors import BudgetExhausted
from research.money.budget import Budget, Charge, Reservation
from research.money.charge_file import ChargeFile

CENT = 1e-9
"""What sums of floats may be off by."""


@dataclass
class Payers:
    """Rows that pay call after call until they are done or refused."""

    budget: Budget
    costs: list[float] = field(default_factory=list)
    refused: int = 0
    finished: int = 0
    random: random.Random = field(default_factory=lambda: random.Random(0))

    async def row(self, calls: list[tuple[float, float]]) -> None:
        try:
            for cost, worst in calls:
                async with self.budget.reserve(worst) as reservation:
                    for _ in range(self.random.randrange(3)):
                        await asyncio.sleep(0)
                    self.costs.append(cost)
                    reservation.settle(cost)
        except BudgetExhausted:
            self.refused += 1
        else:
            self.finished += 1


@given(seed=st.integers(0, 2**32), honest=st.booleans())
def test_64_rows_with_random_costs_never_exceed_the_cap_by_more_than_one_call(seed: int, honest: bool) -> None:
    """`honest`: what a call may cost at most is above what it costs, as with a model; otherwise it is known exactly."""
    draw = random.Random(seed)
    cap = draw.uniform(0.01, 20)
    payers = Payers(Budget(cap), random=draw)
    rows = []
    for _ in range(64):
        costs = [draw.expovariate(5) for _ in range(draw.randrange(1, 6))]
        rows.append([(cost, cost * draw.uniform(1, 20) if honest else cost) for cost in costs])

    async def all_of_them() -> None:
        async with asyncio.timeout(60):
            await asyncio.gather(*(payers.row(calls) for calls in rows))

    asyncio.run(all_of_them())
    assert payers.finished + payers.refused == 64
    assert sum(payers.costs) == pytest.approx(payers.budget.spent_usd)
    assert sum(payers.costs) < cap + max(payers.costs)
    assert sum(payers.costs[:-1]) < cap + CENT, "only the last call may exceed it"
    if payers.refused:
        assert sum(payers.costs) >= cap, "nobody is refused while money is left"
    else:
        assert len(payers.costs) == sum(map(len, rows))


async def test_a_call_that_fits_does_not_wait() -> None:
    budget = Budget(1.0)
    async with budget.reserve(0.5), budget.reserve(0.5):
        pass
    assert budget.spent_usd == 0


async def test_a_call_that_does_not_fit_waits_until_money_is_freed() -> None:
    budget, order = Budget(1.0), []

    async def second() -> None:
        async with budget.reserve(0.5) as reservation:
            order.append("second")
            reservation.settle(0.5)

    async with budget.reserve(0.6) as first:
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        order.append("first")
        first.settle(0.1)
    await waiting
    assert order == ["first", "second"]
    assert budget.spent_usd == pytest.approx(0.6)


async def test_a_small_cap_still_buys_one_call_after_another() -> None:
    """Maxima are far above what calls cost. With a cap below one call's worst, calls go one at a time until it is reached."""
    payers = Payers(Budget(0.10))
    await asyncio.gather(*(payers.row([(0.03, 5.0)]) for _ in range(10)))
    assert payers.costs == [0.03] * 4


async def test_those_who_wait_are_refused_as_soon_as_the_cap_is_reached() -> None:
    budget = Budget(1.0)
    async with budget.reserve(1.0) as first:
        waiting = [asyncio.create_task(_pay(budget, 0.1)) for _ in range(5)]
        await asyncio.sleep(0)
        first.settle(1.0)
        refused = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in refused] == [BudgetExhausted] * 5
    assert budget.refusal is not None
    assert "$1.00" in str(refused[0])


async def test_what_was_spent_before_counts() -> None:
    with pytest.raises(BudgetExhausted, match="with a higher cap the same command goes on"):
        await _pay(Budget(1.0, spent_usd=1.0), 0.1)
    await _pay(Budget(1.1, spent_usd=1.0), 0.1)


async def test_a_cancelled_call_and_a_cancelled_wait_are_freed() -> None:
    budget = Budget(1.0)
    under_way = asyncio.create_task(_pay(budget, 1.0, never_ends=True))
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(_pay(budget, 0.5)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    under_way.cancel()
    ended = await asyncio.wait_for(asyncio.gather(under_way, *waiting, return_exceptions=True), timeout=5)
    assert [type(e) for e in ended] == [asyncio.CancelledError, asyncio.CancelledError, type(None), type(None)]
    assert budget.spent_usd == pytest.approx(1.0), "the two that went on; nothing for those that were cancelled"


async def test_a_turn_that_comes_in_the_moment_of_a_cancellation_is_passed_on() -> None:
    budget = Budget(1.0)
    async with budget.reserve(1.0) as first:
        lost = asyncio.create_task(_pay(budget, 1.0))
        last = asyncio.create_task(_pay(budget, 0.2))
        await asyncio.sleep(0)
        first.settle(0.0)
        lost.cancel()
    await asyncio.wait_for(last, timeout=5)
    with pytest.raises(asyncio.CancelledError):
        await lost
    assert budget.spent_usd == pytest.approx(0.2)


async def test_a_cost_that_is_not_known_counts_as_the_calls_maximum() -> None:
    told: list[Charge] = []
    budget = Budget(1.0, record=told.append)
    async with budget.reserve(0.7, purpose="plan") as reservation:
        reservation.settle(None)
    assert (budget.spent_usd, told) == (0.7, [Charge(None, 0.7, "plan")])
    assert budget.refusal is None


async def test_a_cap_that_calls_of_unknown_cost_have_filled_is_not_told_as_spent(tmp_path: Path) -> None:
    """A connection that broke off may have cost nothing. What counts for it is its maximum, and is said to be one, also later."""
    budget = Budget()
    ChargeFile(tmp_path).bind(budget, 1.0)
    async with budget.reserve(0.9) as reservation:
        reservation.settle(None)
    await _pay(budget, 0.2)
    again = Budget()
    ChargeFile(tmp_path).bind(again, 1.0)
    for each in (budget, again):
        assert (each.refusal or "").startswith("up to $1.10 are spent, and the cap is $1.00")
    known = Budget(1.0, spent_usd=1.1)
    assert (known.refusal or "").startswith("$1.10 are spent")


async def test_a_call_of_unknown_maximum_goes_alone_and_its_known_cost_is_charged() -> None:
    budget = Budget(1.0)
    async with budget.reserve(None) as reservation:
        other = asyncio.create_task(_pay(budget, 0.1))
        await asyncio.sleep(0)
        assert budget.spent_usd == 0, "the other waits"
        reservation.settle(0.2)
    await other
    assert budget.spent_usd == pytest.approx(0.3)


async def test_where_neither_maximum_nor_cost_is_known_the_cap_refuses_every_later_call() -> None:
    budget = Budget(1.0)
    async with budget.reserve(None) as reservation:
        reservation.settle(None)
    assert budget.spent_usd is None
    with pytest.raises(BudgetExhausted, match="price is not known"):
        await _pay(budget, 0.1)
    with pytest.raises(BudgetExhausted, match="price is not known"):
        await _pay(Budget(5.0, spent_usd=None), 0.1)


async def test_without_a_cap_nothing_waits_and_everything_is_counted() -> None:
    budget = Budget()
    async with budget.reserve(None) as one, budget.reserve(1e9) as other:
        other.settle(2.0)
        assert budget.spent_usd == 2.0
        one.settle(None)
    assert (budget.spent_usd, budget.refusal) == (None, None)


async def test_a_call_is_settled_once_and_with_an_amount_of_money() -> None:
    budget = Budget(1.0)
    async with budget.reserve(0.1) as reservation:
        for nonsense in (-1.0, float("nan"), float("inf")):
            with pytest.raises(ValueError, match="no amount of money"):
                reservation.settle(nonsense)
        reservation.settle(0.1)
        with pytest.raises(ValueError, match="settled already"):
            reservation.settle(0.1)
    async with budget.reserve(0.1) as left:
        pass
    with pytest.raises(ValueError, match="was left"):
        left.settle(0.1)
    with pytest.raises(ValueError, match="no amount of money"):
        Budget(float("nan"))


async def test_an_empty_budget_is_bound_to_a_run_before_its_first_call() -> None:
    charges: list[Charge] = []
    budget = Budget()
    budget.bind(1.0, 0.9, charges.append)
    await _pay(budget, 0.2)
    assert (budget.spent_usd, charges) == (pytest.approx(1.1), [Charge(0.2, 0.2, "")])
    assert budget.refusal is not None


async def test_a_budget_that_paid_for_a_call_or_is_bound_cannot_be_bound_again() -> None:
    paid, bound = Budget(), Budget()
    await _pay(paid, 0.0)
    bound.bind(None)
    for budget in (paid, bound, Budget(1.0), Budget(spent_usd=0.5)):
        with pytest.raises(RuntimeError, match="open a world for each run"):
            budget.bind(2.0)


async def _pay(budget: Budget, usd: float, *, never_ends: bool = False) -> None:
    async with budget.reserve(usd) as reservation:
        if never_ends:
            await asyncio.Event().wait()
        reservation.settle(usd)


class AnyOrder(RuleBasedStateMachine):
    """Reserve, settle, leave, cancel in any order: the cap holds, and whoever can go has gone."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.budget = Budget(10.0)
        self.tasks: list[asyncio.Task[None]] = []
        self.under_way: list[tuple[Reservation, asyncio.Event]] = []
        self.last = 0.0

    def teardown(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*self.tasks, return_exceptions=True))
        self.loop.close()
        assert not self.budget._waiting, "a caller still waits although its call fits"
        assert self.budget._under_way == 0

    def _turns(self) -> None:
        async def some() -> None:
            for _ in range(8):
                await asyncio.sleep(0)

        self.loop.run_until_complete(some())

    @rule(worst=st.none() | st.floats(0, 12))
    def reserve(self, worst: float | None) -> None:
        async def call() -> None:
            ended = asyncio.Event()
            async with self.budget.reserve(worst) as reservation:
                self.under_way.append((reservation, ended))
                try:
                    await ended.wait()
                finally:
                    self.under_way.remove((reservation, ended))

        self.tasks.append(self.loop.create_task(call()))
        self._turns()

    @precondition(lambda self: self.under_way)
    @rule(place=st.integers(0), share=st.none() | st.floats(0, 1), not_told=st.booleans())
    def end(self, place: int, share: float | None, not_told: bool) -> None:
        reservation, ended = self.under_way[place % len(self.under_way)]
        worst = 3.0 if reservation.max_usd is None else reservation.max_usd
        if share is not None:
            self.last = worst * share
            reservation.settle(self.last)
        elif not_told:
            self.last = worst
            reservation.settle(None)
        ended.set()
        self._turns()

    @precondition(lambda self: self.tasks)
    @rule(place=st.integers(0))
    def cancel(self, place: int) -> None:
        self.tasks[place % len(self.tasks)].cancel()
        self._turns()

    @invariant()
    def the_cap_holds(self) -> None:
        if self.budget.spent_usd is None:
            return
        assert self.budget.spent_usd <= 10.0 + self.last + CENT
        worsts = [reservation.max_usd for reservation, _ in self.under_way]
        if len(worsts) > 1:
            assert self.budget.spent_usd + sum(w for w in worsts if w is not None) <= 10.0 + CENT
            assert None not in worsts

    @invariant()
    def nobody_waits_for_nobody(self) -> None:
        waiting = sum(not task.done() for task in self.tasks) - len(self.under_way)
        if waiting:
            assert self.under_way
            assert self.budget.refusal is None


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestAnyOrder = AnyOrder.TestCase


@given(st.lists(st.floats(0, 1), max_size=20))
def test_what_was_recorded_gives_the_budget_again(costs: list[float]) -> None:
    """A run that goes on counts what earlier invocations of it paid."""
    told: list[Charge] = []

    async def pay() -> Budget:
        budget = Budget(1e6, record=told.append)
        for cost in costs:
            await _pay(budget, cost)
        return budget

    assert asyncio.run(pay()).spent_usd == pytest.approx(sum(paid.counted_usd or 0.0 for paid in told))
