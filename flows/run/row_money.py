"""Which rows may begin under a cap on the cost: as many as what is left pays for, so that rows are finished rather than begun.

Without it, every free place begins a row, the rows spend the last of the money side by side, and none comes to its end. A row is
expected to cost what the completed ones did on average; before there is one, what the plan's estimate says.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from flows.run.estimate import Estimate, task_estimate
from flows.run.prepared_run import PreparedRun
from research.money.budget import Budget
from research.output_schema.output_spec import OutputSpec

ROW_CHARACTERS: Final = 500.0
"""Of a row that has not been read: its question and cells."""


class RowMoney:
    """The rows of one run, or of one worker's lease. Belongs to one event loop.

    Args:
        budget: that pays for the rows.
        expected_usd: of one row; None: not known, so that any number begins until one is completed.
    """

    def __init__(self, budget: Budget, expected_usd: float | None) -> None:
        self._budget = budget
        self._expected = expected_usd
        self._begun = 0
        self._paid = 0.0
        self._rows_paid = 0
        self._changed = asyncio.Event()
        self._is_released = False

    @asynccontextmanager
    async def for_row(self) -> AsyncIterator[None]:
        """Wait until there is money for a row beside those that are under way. One is always let in: it finds out itself."""
        while self._begun and not self._is_released and not self._pays_for_another():
            self._changed.clear()
            await self._changed.wait()
        self._begun += 1
        try:
            yield
        finally:
            self._begun -= 1
            self._changed.set()

    def completed(self, cost_usd: float | None) -> None:
        """A row was researched to its end."""
        if cost_usd:
            self._paid += cost_usd
            self._rows_paid += 1
            self._changed.set()

    def release(self) -> None:
        """Nobody waits any more: the run is being stopped."""
        self._is_released = True
        self._changed.set()

    def _pays_for_another(self) -> bool:
        cap, spent = self._budget.max_cost_usd, self._budget.spent_usd
        expected = self._paid / self._rows_paid if self._rows_paid else self._expected
        if cap is None or spent is None or expected is None:
            return True
        # What rows under way have spent already is counted twice: near the cap, too few begin rather than too many.
        return spent + (self._begun + 1) * expected <= cap or self._budget.refusal is not None


def expected_row_usd(prepared: PreparedRun) -> float | None:
    """What a row of a run is likely to cost, in US dollars; None: not known, or the rows wait for a batch together."""
    if prepared.in_batches:
        return None
    guess = run_estimate(prepared, prepared.request.spec, 1, ROW_CHARACTERS)
    return None if guess is None else guess.likely.usd


def run_estimate(prepared: PreparedRun, spec: OutputSpec, rows: int, row_characters: float) -> Estimate | None:
    """What rows of a run will cost; None: nothing."""
    return task_estimate(
        prepared.request.sample,
        prepared.world,
        prepared.settings.providers,
        spec=spec,
        rows=rows,
        row_characters=row_characters,
        in_batches=prepared.in_batches,
    )
