"""Leases: other processes pay from parts of a budget, and the cap holds for all of them together."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from research.errors import BudgetExhausted
from research.money.budget import Budget, Charge
from research.money.charge_file import ChargeFile


async def pay(budget: Budget, max_usd: float | None, usd: float) -> None:
    async with budget.reserve(max_usd) as reservation:
        await asyncio.sleep(0)
        reservation.settle(usd)


def test_what_is_leased_is_not_available_and_what_is_left_comes_back() -> None:
    budget = Budget(10.0)
    first, second = budget.lease(4.0), budget.lease(4.0)
    assert budget.available_usd == pytest.approx(2.0)
    first.give_back(1.5)
    first.give_back(1.5)
    assert (budget.spent_usd, budget.available_usd) == (pytest.approx(1.5), pytest.approx(4.5)), "a lease comes back once"
    second.give_back(None)
    assert (budget.spent_usd, budget.available_usd) == (None, 0.0), "an unknown price makes all of it unknown"


def test_without_a_cap_a_lease_is_only_counted() -> None:
    budget = Budget()
    lease = budget.lease(None)
    assert (lease.usd, budget.available_usd) == (None, None)
    lease.give_back(3.0)
    assert (budget.spent_usd, budget.refusal) == (3.0, None)


def test_what_may_have_been_less_in_a_lease_is_told_as_up_to_so_much() -> None:
    budget = Budget(1.0)
    budget.lease(1.0).give_back(1.0, unsure=True)
    assert str(budget.refusal).startswith("up to $1.00 are spent")


async def test_a_strict_budget_refuses_what_does_not_fit_and_says_that_its_lease_is_used_up() -> None:
    budget = Budget(0.10, strict=True)
    await pay(budget, 0.08, 0.05)
    with pytest.raises(BudgetExhausted, match="does not pay for another call"):
        await pay(budget, 0.08, 0.01)
    assert budget.refusal is not None
    assert budget.spent_usd == pytest.approx(0.05)
    with pytest.raises(BudgetExhausted):
        await pay(Budget(0.10, strict=True), None, 0.01)


async def test_a_call_waits_for_others_of_a_strict_budget_and_is_refused_if_it_still_does_not_fit() -> None:
    budget = Budget(0.10, strict=True)
    ended = await asyncio.gather(*(pay(budget, 0.06, cost) for cost in (0.01, 0.05, 0.02)), return_exceptions=True)
    assert [type(each) for each in ended] == [type(None), type(None), BudgetExhausted]
    assert budget.spent_usd == pytest.approx(0.06)


def test_a_workers_charges_are_taken_over_once_also_when_that_was_interrupted(tmp_path: Path) -> None:
    order = tmp_path / "order"
    order.mkdir()
    worker = ChargeFile(order)
    worker.record(Charge(0.2, 0.2, "plan"))
    worker.record(Charge(None, 0.3, "investigate"))

    run = ChargeFile(tmp_path)
    run.record(Charge(1.0, 1.0, "plan"))
    assert run.take_over("7", order) == pytest.approx(0.5)
    assert run.usd is None
    lines = (tmp_path / "spending.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "spending.jsonl").write_text("".join(lines[:2]))  # as if it had been killed between the two

    again = ChargeFile(tmp_path)
    assert again.take_over("7", order) == pytest.approx(0.3)
    assert again.take_over("7", order) == 0
    assert ChargeFile(tmp_path).counted_usd == pytest.approx(1.5)
    assert ChargeFile(tmp_path).take_over("8", tmp_path / "none") == 0
