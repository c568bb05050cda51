"""What a run comes to: how many rows it has, whether it failed as a whole, and what stopped it before its end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from research.display.figures import count
from research.errors import InvalidTask, ResearchError

_FAIL_OVER: Final = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<share>%)?")


class Enrichment(BaseModel):
    """What a finished run says of itself."""

    model_config = ConfigDict(frozen=True)

    run: Path
    """The run folder; of one by URL its working copy on this machine."""
    url: str | None = None
    """Of a run folder on object storage."""
    rows: int
    """Rows of the table."""
    completed: int
    failed: int
    """Rows that were tried in vain."""
    left: int = 0
    """Rows that were not tried: after a pilot, over the cap, or when it was stopped."""
    beyond_retry: int = 0
    """Of the failed rows those that running again cannot mend, such as one without an objective: the table is to be corrected."""
    cost_usd: float | None
    """US dollars that the rows cost as they stand, whenever they were researched; None if a price is not known."""
    spent_usd: float | None
    """US dollars paid for this run folder so far, calls that came to nothing included; None if a price is not known."""
    model: str
    seconds: float
    waiting: int = 0
    """Rows that wait for people: for the approval of a plan, or for answers."""
    stopped: str | None = None
    """Why rows are left; the same call goes on with them, after a limit once that is higher. None: none are left."""
    stopped_kind: str | None = None
    """The same as an `error_kind`, where there is one: `budget_exhausted`, `stopped_after_pilot`."""
    refused: bool = False
    """Whether what stopped it is an error that every row would meet (a key, a model's id), before any row was completed or
    anything was paid. A run folder that was made for it is gone again."""
    escalated: int = 0
    """Rows that were researched again on a dearer tier."""
    not_escalated: int = 0
    """Rows that could not be, and stay as they were: the same call tries them again."""

    exported: Path | None = None
    """The file that was written at the end."""
    not_exported: str | None = None
    """Why it could not be: the same call writes it."""

    not_delivered: tuple[str, ...] = ()
    """What a webhook did not accept, and why."""

    @property
    def place(self) -> str:
        """Where the run folder is, for people."""
        return self.url or str(self.run)

    @property
    def address(self) -> str:
        """Where the run folder is, for whoever is told of it elsewhere: its URL, or the whole path."""
        return self.url or str(self.run.absolute())

    def __str__(self) -> str:
        failed = f", {self.failed:,} failed" if self.failed else ""
        waiting = f", {self.waiting:,} waiting for people" if self.waiting else ""
        return f"{self.completed:,} of {count(self.rows, 'row')}{failed}{waiting}"


class Found(Enrichment):
    """What a finished find says of itself. Its rows are candidates."""

    found: int = 0
    """Candidates that meet every condition, each with an excerpt."""
    judged: int = 0
    """Candidates that were judged so far."""
    table: Path | None = None
    """What was found, as Parquet; beside it the same as CSV, and what was not, with the reasons."""
    is_enough: bool = False
    """Whether it ended because enough rows were found."""
    enriched: Enrichment | None = None
    """The run by which the rows that were found were researched further."""

    def __str__(self) -> str:
        return f"{self.found:,} found among {self.judged:,} of {self.rows:,} candidates"


class StopCause(Enum):
    """What ended a run before its last row, beside its own limits."""

    INTERRUPTED = "Ctrl-C"
    TERMINATED = "SIGTERM"
    CANCELLED = "Cancel in Prefect"
    TASK_CANCELLED = "the cancellation of its task"


class RunStopped(ResearchError):
    """A run was stopped by a person or by its surroundings. What was finished stands in its folder, and the same call goes on."""

    def __init__(self, cause: StopCause, enrichment: Enrichment | None) -> None:
        self.cause = cause
        self.enrichment = enrichment
        """None: it was stopped before it came to the rows."""
        came_to = f"{enrichment}. The same call goes on from there" if enrichment else "no row was begun"
        super().__init__(f"stopped by {cause.value}: {came_to}")


class RunFailed(ResearchError):
    """A run came to its end and is of no use as a whole: no row could be researched, or more rows failed than `fail_over`
    allows. Its tables are written all the same."""

    def __init__(self, why: str, enrichment: Enrichment) -> None:
        self.enrichment = enrichment
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class FailOver:
    """How many rows may fail before the run as a whole does."""

    text: str
    number: float
    is_share: bool
    """Whether the number is a percentage of the rows."""

    @classmethod
    def parse(cls, text: str) -> FailOver:
        """`5%`, or a number of rows.

        Raises:
            InvalidTask: it is neither.
        """
        found = _FAIL_OVER.fullmatch(text.strip())
        if found is None or (found["share"] and float(found["number"]) > 100) or (not found["share"] and "." in found["number"]):
            raise InvalidTask(f"fail_over is {text!r}: give a share of the rows, as `5%`, or a number of rows, as `20`.")
        return cls(text.strip(), float(found["number"]), bool(found["share"]))

    def exceeded(self, failed: int, rows: int) -> bool:
        return failed > (self.number / 100 * rows if self.is_share else self.number)


def failure(done: Enrichment, fail_over: FailOver | None) -> RunFailed | None:
    """Why a run that came to its end failed as a whole; None: it did not. A run that a limit stopped is not judged by its share
    of failed rows: they were not even begun."""
    if done.rows and not done.completed and not done.waiting:
        why = f": {done.stopped}" if done.stopped else ""
        return RunFailed(f"no row could be researched, {done}{why}", done)
    if fail_over is not None and done.stopped is None and fail_over.exceeded(done.failed, done.rows):
        return RunFailed(f"{done}: more than --fail-over {fail_over.text} allows", done)
    return None
