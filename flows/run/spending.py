"""Keeps what a run has paid, call by call, in its run folder: money that is spent counts, whatever became of the row it was for.

`.state/spending.jsonl`, one payment a line: `{"usd": 0.0031, "counted_usd": 0.0031, "purpose": "investigate"}`. null: not known.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from research.errors import InvalidInput
from research.money.amounts import total
from research.money.budget import Budget, Charge, Paying, Priced
from research.money.processors import ProcessorName
from research.ports.world import World

FILE = "spending.jsonl"


class Spending:
    """The payments of one run folder, over all invocations of the run.

    Args:
        state: the run folder's `.state`.
    """

    def __init__(self, state: Path) -> None:
        self._file = state / FILE
        text = self._file.read_text("utf-8") if self._file.exists() else ""
        self._torn = bool(text) and not text.endswith("\n")
        payments = [paid for line in text.splitlines() if (paid := _payment(line)) is not None]
        self._known = sum(paid.usd for paid in payments if paid.usd is not None)
        self._unknown = sum(paid.usd is None for paid in payments)
        self.counted_usd = total(paid.counted_usd for paid in payments)
        """What counted against a cap before this invocation; None: calls were made whose price is not known."""
        self.paid = False
        """Whether this invocation has paid anything, or may have."""

    def purse(self, max_cost_usd: float | None) -> Budget:
        """A purse that goes on where the last one stopped, and whose payments are kept here."""
        return Budget(max_cost_usd, self.counted_usd, self.record)

    @property
    def usd(self) -> float | None:
        """All that was paid; None if the cost of any call is not known."""
        return None if self._unknown else self._known

    def record(self, paid: Charge) -> None:
        self.paid = self.paid or paid.counted_usd != 0
        line = json.dumps(paid._asdict(), ensure_ascii=False) + "\n"
        if self._torn:  # a machine that lost its power left half a line
            line, self._torn = "\n" + line, False
        with self._file.open("a", encoding="utf-8") as file:
            file.write(line)
        if paid.usd is None:
            self._unknown += 1
        else:
            self._known += paid.usd


def paying(world: World, purse: Budget, *processors: ProcessorName) -> World:
    """The same world, whose model and search pay from the purse.

    Args:
        processors: the tiers that rows will be researched on.

    Raises:
        InvalidInput: there is a cap, and the model does not say what a call may cost before it makes it, or has no price.
    """
    if purse.max_cost_usd is not None and isinstance(world.model, Priced):
        names = dict.fromkeys(name for processor in processors for name in world.model.unpriced(processor))
        if names:
            raise InvalidInput(
                f"no price is known for {', '.join(names)}, so a cap on the cost cannot be held: give its prices in a processors "
                "file (0 for a server of your own), or leave the cap out"
            )
    if isinstance(world.search, Paying):
        world = replace(world, search=world.search.paid_from(purse))
    if isinstance(world.model, Paying):
        return replace(world, model=world.model.paid_from(purse))
    if purse.max_cost_usd is not None and not world.model.keyless:
        raise InvalidInput(
            f"the model {world.model.name} does not say what its calls may cost before it makes them, so no cap can be held: "
            "leave max_cost out, or give the model a `paid_from` (research.money.budget.Paying)"
        )
    return world


def _payment(line: str) -> Charge | None:
    """A line as a payment; None for half a line."""
    try:
        return Charge(**json.loads(line))
    except (ValueError, TypeError):
        return None
