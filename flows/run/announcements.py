"""What the world outside is told of a run, once, for others to act on: the names of the events, and what each carries.

The names and the payloads are documented (docs/prefect.md), and other people's automations rest on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from flows.run.events import NOT_TRIED, CellsChanged
from flows.run.outcome import Enrichment
from flows.run.second_look import SecondLook
from research.display.printable import printable
from research.errors import BUDGET_EXHAUSTED
from research.faults import shortened

RUN_FINISHED: Final = "research.run.finished"
ROWS_FAILED: Final = "research.rows.failed"
ROWS_WAITING: Final = "research.rows.waiting"
BUDGET_REACHED: Final = "research.budget.reached"
CELLS_CHANGED: Final = "research.cells.changed"
NAMES: Final = (RUN_FINISHED, ROWS_FAILED, ROWS_WAITING, BUDGET_REACHED, CELLS_CHANGED)

FIRST_ROWS: Final = 5
"""Failed rows, and changed cells, that an event names."""
LONGEST: Final = 300
"""Characters of an error in an event."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One event."""

    name: str
    payload: Mapping[str, Any]
    """JSON. Text of pages and cells in it can be shown anywhere."""


def announcements(done: Enrichment, look: SecondLook, max_cost: float | None) -> Iterator[Announcement]:
    """The events of a run that has ended.

    Args:
        max_cost: the run's cap in US dollars, if it has one.
    """
    run = {"run": done.address, "rows": done.rows, "completed": done.completed}
    money = {"cost_usd": done.cost_usd, "spent_usd": done.spent_usd}
    yield Announcement(
        RUN_FINISHED,
        {
            **run,
            "failed": look.all_failed,
            "left": done.rows - done.completed - look.all_failed,
            **money,
            "seconds": done.seconds,
            "model": done.model,
            "stopped": _shown(done.stopped),
            "doubtful_cells": look.all_doubtful,
        },
    )
    if look.all_failed:
        first = [{"row": each.row, "label": _shown(each.label), "error": _shown(each.error)} for each in look.failed[:FIRST_ROWS]]
        causes = {kind or "unknown": number for kind, number in look.causes.items() if kind not in NOT_TRIED}
        yield Announcement(ROWS_FAILED, {**run, "failed": look.all_failed, "causes": causes, "first": first})
    if unpaid := look.causes.get(BUDGET_EXHAUSTED, 0):
        yield Announcement(BUDGET_REACHED, {**run, "left": unpaid, "max_cost_usd": max_cost, **money})


def of_waiting(done: Enrichment) -> Announcement:
    """The event of a run whose rows wait for people."""
    run = {"run": done.address, "rows": done.rows, "completed": done.completed}
    return Announcement(ROWS_WAITING, {**run, "waiting": done.waiting, "cost_usd": done.cost_usd, "spent_usd": done.spent_usd})


def of_changes(changes: CellsChanged, lines: Iterable[Mapping[str, Any]]) -> Announcement:
    """The event of a refresh that has found other values than the run before it.

    Args:
        lines: of the table `changes`.
    """
    names = ("field", "change", "old_value", "new_value", "new_url")
    first = (line for line in lines if line["change"] != "confirmed")
    return Announcement(
        CELLS_CHANGED,
        {
            "run": str(changes.run),
            "earlier_run": str(changes.earlier_run),
            **changes.counts,
            "first": [
                {"row": line["row_index"], **{name: _shown(line[name]) for name in names}} for line in islice(first, FIRST_ROWS)
            ],
        },
    )


def _shown(text: str | None) -> str | None:
    return None if text is None else shortened(printable(" ".join(text.split()), one_line=True), LONGEST)
