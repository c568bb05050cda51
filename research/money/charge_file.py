"""The budget's file: keeps what a run has paid, call by call, because money that is spent counts, whatever became of its row.

One charge a line, as JSON: `{"usd": 0.0031, "counted_usd": 0.0031, "purpose": "investigate"}`. null: not known. A worker process
has a file of its own, whose charges are taken over when it has ended, with one more member: `"order": "<the worker's order>"`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from research.durable.lines import append
from research.durable.surroundings import surroundings_fault
from research.errors import SurroundingsFault
from research.money.amounts import total
from research.money.budget import Budget, Charge

FILE = "spending.jsonl"


class ChargeFile:
    """The charges of one run folder, over all invocations of the run.

    Args:
        state: the run folder's `.state`, or the folder of one worker's order.
    """

    def __init__(self, state: Path) -> None:
        self._file = state / FILE
        text = self._file.read_text("utf-8") if self._file.exists() else ""
        self._torn = bool(text) and not text.endswith("\n")
        documents = [document for line in text.splitlines() if (document := _document(line)) is not None]
        self._of_orders = Counter(document["order"] for document in documents if "order" in document)
        charges = [charge for document in documents if (charge := _charge(document)) is not None]
        self._known = sum(charge.usd for charge in charges if charge.usd is not None)
        self._unknown = sum(charge.usd is None for charge in charges)
        self.counted_usd = total(charge.counted_usd for charge in charges)
        """What counted against a cap before this invocation; None: calls were made whose price is not known."""
        self.charged = False
        """Whether this invocation has paid anything, or may have."""
        self.on_fault: Callable[[SurroundingsFault], None] | None = None
        """Is told that a charge could not be written; it is written with the next one. None: that is raised."""
        self._unwritten = b""

    def bind(self, budget: Budget, max_cost_usd: float | None, *, strict: bool = False) -> None:
        """Let an empty budget continue where the last invocation stopped, and keep its charges here.

        Raises:
            RuntimeError: the budget is bound already, or has paid for a call.
        """
        budget.bind(max_cost_usd, self.counted_usd, self.record, strict=strict, unsure=self._unknown > 0)

    def take_over(self, order: str, folder: Path) -> float | None:
        """Take over the charges of a worker that has ended, each once, also if this was interrupted before.

        Args:
            order: the name of its order.
            folder: where its own file is, if it has paid anything.

        Returns: what counts against the cap of all that it paid; None: a call was made whose price is not known.
        """
        file = folder / FILE
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        documents = [document for line in lines if (document := _document(line)) is not None]
        charges = [charge for document in documents if (charge := _charge(document)) is not None]
        fresh = charges[self._of_orders[order] :]
        self._write(fresh, order=order)
        self._of_orders[order] = len(charges)
        return total(charge.counted_usd for charge in fresh)

    @property
    def usd(self) -> float | None:
        """All that was paid; None if the cost of any call is not known."""
        return None if self._unknown else self._known

    def record(self, charge: Charge) -> None:
        self._write([charge])

    def _write(self, charges: Sequence[Charge], **more: str) -> None:
        for charge in charges:
            self.charged = self.charged or charge.counted_usd != 0
            if charge.usd is None:
                self._unknown += 1
            else:
                self._known += charge.usd
        text = "".join(json.dumps({**charge._asdict(), **more}, ensure_ascii=False) + "\n" for charge in charges)
        self._unwritten += text.encode()
        self.write_rest()

    def write_rest(self) -> None:
        """Write the charges that could not be written before.

        Raises:
            SurroundingsFault: they cannot be, and nobody is told.
        """
        if not self._unwritten:
            return
        try:
            append(self._file, b"\n" * self._torn + self._unwritten)  # a machine that lost its power left half a line
        except OSError as error:
            fault = surroundings_fault(error, self._file)
            if self.on_fault is None:
                raise fault from error
            self.on_fault(fault)
        else:
            self._torn, self._unwritten = False, b""


def _document(line: str) -> dict[str, Any] | None:
    """A line as JSON; None for half a line."""
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _charge(document: dict[str, Any]) -> Charge | None:
    try:
        return Charge(**{name: part for name, part in document.items() if name != "order"})
    except TypeError:
        return None
