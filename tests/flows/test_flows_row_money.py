"""Under a tight cap rows are finished one by one, rather than all begun and none completed."""

from __future__ import annotations

import asyncio

import pytest

from flows.run.row_money import RowMoney
from research.errors import BudgetExhausted
from research.money.budget import Budget

CALLS = 5
"""Of one row, 10 cents each."""


async def came_to(cap: float, expected: float | None, rows: int = 16) -> tuple[int, int]:
    """Rows begun and rows completed, of sixteen that may all be in flight at once."""
    budget = Budget(cap)
    money = RowMoney(budget, expected)
    begun = completed = 0

    async def row() -> None:
        nonlocal begun, completed
        async with money.for_row():
            if budget.refusal is not None:
                return
            begun += 1
            for _ in range(CALLS):
                async with budget.reserve(0.15) as reservation:
                    await asyncio.sleep(0)
                    reservation.settle(0.10)
            completed += 1
            money.completed(CALLS * 0.10)

    ended = await asyncio.gather(*(row() for _ in range(rows)), return_exceptions=True)
    assert all(each is None or isinstance(each, BudgetExhausted) for each in ended)
    return begun, completed


@pytest.mark.parametrize(("cap", "completed"), [(0.45, 1), (1.0, 2), (1.6, 3), (2.6, 5)])
async def test_as_many_rows_are_completed_as_the_cap_pays_for(cap: float, completed: int) -> None:
    """The last one may take the last call over the cap, or end within a call of its end."""
    begun, done = await came_to(cap, expected=0.5)
    assert completed - 1 <= done <= completed
    assert done
    assert begun <= done + 2
    assert (await came_to(cap, expected=None))[1] == 0, "all of them begin, and none is completed"


async def test_a_cap_that_suffices_holds_nobody_back() -> None:
    assert await came_to(100.0, expected=0.5) == (16, 16)
    assert await came_to(8.5, expected=0.2) == (16, 16)


async def test_nobody_waits_once_the_run_is_stopped() -> None:
    money = RowMoney(Budget(0.1), 1.0)
    async with money.for_row():
        waiting = asyncio.create_task(money.for_row().__aenter__())
        await asyncio.sleep(0)
        assert not waiting.done()
        money.release()
        await asyncio.wait_for(waiting, 1)
