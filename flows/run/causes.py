"""Why rows failed, grouped, and what mends each group: running again, a higher limit, or another table."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from flows.run.events import STOPPED_AFTER_PILOT
from research import errors
from research.faults import shortened

ROWS_SHOWN: Final = 5
"""Rows of a group that are named."""
ERROR_SHOWN: Final = 200
"""Characters of a group's first error."""


class Remedy(Enum):
    """What mends a failed row."""

    RUN_AGAIN = "run again"
    RAISE_LIMIT = "raise the limit"
    GO_ON = "go on after the pilot"
    CORRECT_ROW = "correct the row"
    CORRECT_SERVICE = "correct the key, the model or the address"
    OTHER_MODEL = "another model or tier"
    REPORT = "report the bug"


_OF_ERRORS: Final[tuple[tuple[type[errors.ResearchError], Remedy], ...]] = (
    (errors.InvalidInput, Remedy.CORRECT_ROW),
    (errors.LimitReached, Remedy.RAISE_LIMIT),
    (errors.AccessDenied, Remedy.CORRECT_SERVICE),
    (errors.InvalidAnswer, Remedy.OTHER_MODEL),
    (errors.ModelRefused, Remedy.OTHER_MODEL),
    (errors.ContextOverflow, Remedy.OTHER_MODEL),
    (errors.RequestRejected, Remedy.OTHER_MODEL),
)
_OF_KINDS: Final = {errors.BUDGET_EXHAUSTED: Remedy.RAISE_LIMIT, STOPPED_AFTER_PILOT: Remedy.GO_ON, "bug": Remedy.REPORT}
"""Of `error_kind`s that are no error's name."""


def remedy(kind: str | None) -> Remedy:
    """What mends a row with an error of this kind. Of an unknown one: running again."""
    if kind in _OF_KINDS:
        return _OF_KINDS[kind]
    error = getattr(errors, kind or "", None)
    if isinstance(error, type):
        return next((of for parent, of in _OF_ERRORS if issubclass(error, parent)), Remedy.RUN_AGAIN)
    return Remedy.RUN_AGAIN


@dataclass(frozen=True, slots=True)
class Failed:
    """A failed row."""

    row: int
    kind: str | None
    """None: its folder is of a version that did not keep it."""
    error: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """Failed rows with errors of one kind."""

    kind: str
    rows: int
    first: tuple[str, ...]
    """What the first of them are called."""
    error: str
    """Of the first."""
    remedy: str
    command: str | None
    """What to run; None: running again cannot mend it."""


def causes(failed: Iterable[Failed], run: str) -> tuple[Cause, ...]:
    """Failed rows by the kind of their error, the most frequent first.

    Args:
        run: the run folder, as commands are to name it.
    """
    groups: dict[str, list[Failed]] = {}
    for each in failed:
        groups.setdefault(each.kind or "", []).append(each)
    found = [_cause(kind, rows, run) for kind, rows in groups.items()]
    return tuple(sorted(found, key=lambda cause: (-cause.rows, cause.kind)))


def _cause(kind: str, rows: list[Failed], run: str) -> Cause:
    rows = sorted(rows, key=lambda each: each.row)
    mends = remedy(kind or None)
    error = shortened(" ".join(rows[0].error.removeprefix(f"{kind}: ").split()), ERROR_SHOWN)
    first = tuple(each.label or f"row {each.row}" for each in rows[:ROWS_SHOWN])
    return Cause(kind or "unknown", len(rows), first, error, mends.value, _command(mends, run))


def go_on(kind: str | None, run: str) -> str:
    """The command that goes on with a run that was stopped by an error of this kind, or by none."""
    return _command(remedy(kind), run) or f"research resume {shlex.quote(run)}"


def _command(mends: Remedy, run: str) -> str | None:
    resume = f"research resume {shlex.quote(run)}"
    if mends in (Remedy.CORRECT_ROW, Remedy.REPORT):
        return None
    return {Remedy.RAISE_LIMIT: f"{resume} --max-cost USD", Remedy.GO_ON: f"{resume} --yes"}.get(mends, resume)
