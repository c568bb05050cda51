"""Counts what a piece of work uses and costs, while it goes on: so work that fails has still told what it took.

The pipeline opens a ledger for each step and hands it down to the tools, the model and the searches. Whatever makes a call pays
for it from the ledger's budget, and adds what the call used:

    async with ledger.budget.reserve(max_usd=0.12, purpose="plan") as reservation:
        message = await call()
        reservation.settle(0.031)
    ledger.add(Usage(tokens=...), 0.031)

Work that several share (equal queries, equal rows) is counted in the ledger of the one that began it, and in no other.
"""

from __future__ import annotations

from research.money.amounts import total
from research.money.budget import Budget
from research.money.usage import Usage


class UsageLedger:
    """What a step, or all of a task, has used so far.

    Args:
        budget: pays for its calls; None: a budget of its own, without a cap.
    """

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget or Budget()
        self.usage = Usage()
        self.cost_usd: float | None = 0.0
        """US dollars; None once the cost of a part is not known."""

    def add(self, usage: Usage | None = None, cost_usd: float | None = 0.0) -> None:
        """Count what was used, and what it cost in US dollars (None: not known)."""
        if usage is not None:
            self.usage += usage
        self.cost_usd = total((self.cost_usd, cost_usd))
