"""The budget's file: keeps what a run has paid, call by call, because money that is spent counts, whatever became of its row.

One charge a line, as JSON: `{"usd": 0.0031, "counted_usd": 0.0031, "purpose": "investigate"}`. null: not known.
"""

from __future__ import annotations

import json
from pathlib import Path

from research.money.amounts import total
from research.money.budget import Budget, Charge

FILE = "spending.jsonl"


class ChargeFile:
    """The charges of one run folder, over all invocations of the run.

    Args:
        state: the run folder's `.state`.
    """

    def __init__(self, state: Path) -> None:
        self._file = state / FILE
        text = self._file.read_text("utf-8") if self._file.exists() else ""
        self._torn = bool(text) and not text.endswith("\n")
        charges = [charge for line in text.splitlines() if (charge := _charge(line)) is not None]
        self._known = sum(charge.usd for charge in charges if charge.usd is not None)
        self._unknown = sum(charge.usd is None for charge in charges)
        self.counted_usd = total(charge.counted_usd for charge in charges)
        """What counted against a cap before this invocation; None: calls were made whose price is not known."""
        self.charged = False
        """Whether this invocation has paid anything, or may have."""

    def bind(self, budget: Budget, max_cost_usd: float | None) -> None:
        """Let an empty budget continue where the last invocation stopped, and keep its charges here.

        Raises:
            RuntimeError: the budget is bound already, or has paid for a call.
        """
        budget.bind(max_cost_usd, self.counted_usd, self.record)

    @property
    def usd(self) -> float | None:
        """All that was paid; None if the cost of any call is not known."""
        return None if self._unknown else self._known

    def record(self, charge: Charge) -> None:
        self.charged = self.charged or charge.counted_usd != 0
        line = json.dumps(charge._asdict(), ensure_ascii=False) + "\n"
        if self._torn:  # a machine that lost its power left half a line
            line, self._torn = "\n" + line, False
        with self._file.open("a", encoding="utf-8") as file:
            file.write(line)
        if charge.usd is None:
            self._unknown += 1
        else:
            self._known += charge.usd


def _charge(line: str) -> Charge | None:
    """A line as a charge; None for half a line."""
    try:
        return Charge(**json.loads(line))
    except (ValueError, TypeError):
        return None
