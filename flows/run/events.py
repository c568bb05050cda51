"""What a run reports while it goes on: a few small facts, in order. The command line draws its progress from them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from flows.run.task_runs import TaskRuns
from research.concurrency.outages import ServicePaused, ServiceResumed
from research.concurrency.traffic import SearchBringsNothing
from research.display.figures import count, duration, share
from research.display.printable import printable
from research.errors import BUDGET_EXHAUSTED
from research.money.amounts import dollars
from research.result.result import Confidence, Status

CONFIDENCES: Final = ("high", "medium", "low", "none")


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The request is sound and its run folder is open; nothing has been spent yet."""

    run: Path | str
    """The run folder, or its URL."""
    rows: int
    kept: int
    """Rows of earlier runs of the same request that are completed and stay as they are."""
    model: str
    task_runs: TaskRuns = "steps"
    """Which pieces of it are task runs."""
    warnings: tuple[str, ...] = ()
    """What reading the table may have got wrong or has left out."""

    def __str__(self) -> str:
        kept = f", {self.kept:,} of them done before" if self.kept else ""
        return f"{count(self.rows, 'row')}{kept}, into {self.run}, by {self.model}; task runs: {self.task_runs}"


STOPPED_AFTER_PILOT: Final = "stopped_after_pilot"
"""The kind of the error of a row that waits for a person's decision after a pilot."""
NOT_TRIED: Final = (BUDGET_EXHAUSTED, STOPPED_AFTER_PILOT)
"""Kinds of errors of rows that nobody has tried to research. They are left for later, and have not failed."""


@dataclass(frozen=True, slots=True)
class RowFinished:
    """One row is done. It is safe from now on, but stands in the run folder only after its shard is committed."""

    row: int
    """Its place in the input, from 0."""
    status: Status
    confidence: Confidence | None
    cost_usd: float | None
    """What this row cost; None if a price is not known; 0 for a row that took over an equal row's result."""
    seconds: float
    cached: bool
    """True if nothing was researched: the result was kept from before, or belongs to an equal row."""
    error: str | None = None
    label: str = ""
    """What a person calls it: its place, and its first cell that reads like a name."""
    error_kind: str | None = None
    """What kind of error it is; `error` is for people."""
    cells: dict[str, int] = field(default_factory=dict)
    """Its fields by their confidence: `high`, `medium`, `low`, `none`."""
    waits_for: tuple[str, ...] = ()
    """What people have to decide before it goes on, if it is `action_required`."""

    @property
    def is_failed(self) -> bool:
        """Whether it was tried in vain."""
        return self.status not in ("completed", "action_required") and self.error_kind not in NOT_TRIED


@dataclass(frozen=True, slots=True)
class RunStopping:
    """The run is being stopped: no row is started any more. Reported each second, until the last row under way has ended; then
    once more, when what is finished is written."""

    cause: str
    """`Ctrl-C`, `SIGTERM`, `Cancel in Prefect`."""
    rows_under_way: int
    seconds_left: int
    """That they have to end."""

    def __str__(self) -> str:
        if not self.rows_under_way:
            return "stopping: no row is under way any more, and what is finished is being written"
        rows = "1 row under way has" if self.rows_under_way == 1 else f"{self.rows_under_way:,} rows under way have"
        return f"stopping: {rows} {self.seconds_left} s to finish"


@dataclass(frozen=True, slots=True)
class ShardCommitted:
    """The rows of one shard stand in the run folder."""

    shard: int
    row_start: int
    rows: int
    failed: int
    left: int = 0
    """Rows that are not in it, because the run was stopped before it had come to them."""
    waiting: int = 0
    """Rows that wait for people."""

    def __str__(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        failed += f", {self.waiting} waiting for people" if self.waiting else ""
        left = f", {self.left} left for the next time" if self.left else ""
        return f"shard {self.shard} committed: rows {self.row_start}-{self.row_start + self.rows - 1}{failed}{left}"


@dataclass(frozen=True, slots=True)
class DamageFound:
    """Shards of the run folder were damaged since they were committed. Their rows are researched again."""

    shards: int
    problems: tuple[str, ...]
    """One a shard."""

    def __str__(self) -> str:
        more = f" (and {self.shards - 3} more)" if self.shards > 3 else ""
        return f"the run folder was damaged: {'; '.join(self.problems[:3])}{more}"


@dataclass(frozen=True, slots=True)
class RunFinished:
    """Every row stands in the run folder."""

    run: Path | str
    rows: int
    completed: int
    failed: int
    """Rows that were tried in vain."""
    cost_usd: float | None
    """US dollars that the rows cost as they stand."""
    seconds: float
    waiting: int = 0
    """Rows that wait for people."""
    left: int = 0
    """Rows that were not tried."""
    spent_usd: float | None = None
    """US dollars paid so far, calls that came to nothing included; None if a price is not known."""
    stopped: str | None = None
    """Why rows are left to go on with; None: none are left."""
    exported: str | None = None
    """The file that was written at the end."""
    not_exported: str | None = None
    """Why it could not be."""


@dataclass(frozen=True, slots=True)
class FieldSample:
    """One field in the completed rows of a pilot."""

    found: int
    """Rows that have a value."""
    high: int
    medium: int
    low: int
    """Of these, by confidence; the others have none."""

    def __add__(self, other: FieldSample) -> FieldSample:
        return FieldSample(self.found + other.found, self.high + other.high, self.medium + other.medium, self.low + other.low)

    def __str__(self) -> str:
        """`high 83 %, low 17 %`: of the values that were found."""
        kinds = {
            "high": self.high,
            "medium": self.medium,
            "low": self.low,
            "none": self.found - self.high - self.medium - self.low,
        }
        return ", ".join(f"{name} {share(number, self.found)}" for name, number in kinds.items() if number) or "nothing found"


@dataclass(frozen=True, slots=True)
class PilotFinished:
    """The first rows are researched. What they came to, and what that means for the rows that are left.

    US dollars; None if a price is not known. Equal rows are paid once, and are expected among the rest as often as here.
    """

    rows: int
    """Rows of the pilot."""
    completed: int
    rows_left: int
    cost_usd_p50: float | None
    cost_usd_p90: float | None
    """Of one row: half of them, and nine in ten, cost no more."""
    seconds_p50: float
    seconds_p90: float
    projected_usd: float | None
    """Of the rows that are left, if they are like these on average."""
    projected_usd_p90: float | None
    """The same, if each were as dear as the dearest tenth begins."""
    projected_seconds: float
    fields: dict[str, FieldSample]
    """The output's fields: how many of the completed rows have a value, and how sure these are."""
    waiting: int = 0
    """Rows of the pilot that wait for people."""

    @property
    def all_fields(self) -> FieldSample:
        """All cells of the completed rows."""
        return sum(self.fields.values(), start=FieldSample(0, 0, 0, 0))

    def __str__(self) -> str:
        not_completed = self.rows - self.completed - self.waiting
        failed = f", {not_completed} failed" if not_completed else ""
        failed += f", {self.waiting} waiting for people" if self.waiting else ""
        left = "the 1 row that is left" if self.rows_left == 1 else f"the {self.rows_left:,} rows that are left"
        cells, whole = self.completed * len(self.fields), self.all_fields
        widest = max((len(printable(name, one_line=True)) for name in self.fields), default=0)
        fields = "".join(
            f"\n    {printable(name, one_line=True):<{widest}}  {share(field.found, self.completed)} of the rows · {field}"
            for name, field in self.fields.items()
        )
        if self.cost_usd_p50 is None or self.cost_usd_p90 is None or self.projected_usd is None or self.projected_usd_p90 is None:
            row, table = "cost unknown", "cost unknown"
        else:
            row = f"{dollars(self.cost_usd_p50)} (p50), {dollars(self.cost_usd_p90)} (p90)"
            table = f"about {dollars(self.projected_usd)}, {dollars(self.projected_usd_p90)} if all cost p90"
        return (
            f"pilot: {count(self.completed, 'row')} completed{failed}\n"
            f"  a row: {row} · {duration(self.seconds_p50)} (p50), {duration(self.seconds_p90)} (p90)\n"
            f"  values: {share(whole.found, cells)} of the cells · {whole}{fields}\n"
            f"  {left}: {table} · about {duration(self.projected_seconds)}"
        )


@dataclass(frozen=True, slots=True)
class RowEscalated:
    """Fields of a completed row were researched again on a dearer tier."""

    row: int
    processor: str
    fields: tuple[str, ...]
    cost_usd: float | None
    """What the second research cost."""
    confidence: Confidence | None
    """Of the row's least sure field now."""
    error: str | None = None
    """Why the row stays as it was; None: it has the better of both answers."""


@dataclass(frozen=True, slots=True)
class BatchSent:
    """Rows wait for a batch: it was sent just now, or by an earlier invocation."""

    number: int
    """From 1, over all invocations of the run."""
    batch: str
    """The service's id of it."""
    rows: int

    def __str__(self) -> str:
        return f"batch {self.number} ({self.batch}): {count(self.rows, 'row')} in it"


@dataclass(frozen=True, slots=True)
class BatchEnded:
    """A batch has ended; its rows go on."""

    number: int
    batch: str
    became: dict[str, int]
    """Rows by how their entry ended: `succeeded`, `errored`, `expired`, `canceled`. All but rejected ones are asked again."""

    def __str__(self) -> str:
        ended = ", ".join(f"{count} {name}" for name, count in sorted(self.became.items()))
        return f"batch {self.number} ({self.batch}) has ended: {ended}"


@dataclass(frozen=True, slots=True)
class CellsChanged:
    """A refresh has come to its end. Cells of each kind, as in the table `changes`."""

    run: Path | str
    earlier_run: Path | str
    """The run before it in its series."""
    changed: int
    lost: int
    new: int
    gone: int
    confirmed: int

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind."""
        return {name: getattr(self, name) for name in ("changed", "lost", "new", "gone", "confirmed")}

    @property
    def has_changes(self) -> bool:
        """Whether there is anything but what was confirmed."""
        return any(count for kind, count in self.counts.items() if kind != "confirmed")

    def __str__(self) -> str:
        parts = [f"{count:,} {kind}" for kind, count in self.counts.items() if count and kind != "confirmed"]
        return f"{', '.join(parts) or 'nothing has changed'}; {self.confirmed:,} confirmed"


Event = (
    RunStarted
    | DamageFound
    | RowFinished
    | ShardCommitted
    | PilotFinished
    | RowEscalated
    | BatchSent
    | BatchEnded
    | ServicePaused
    | ServiceResumed
    | SearchBringsNothing
    | RunStopping
    | CellsChanged
    | RunFinished
)
Listener = Callable[[Event], None]


def event_name(event: Event) -> str:
    """What programs know it by: `row_finished`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in type(event).__name__).lstrip("_")


Approver = Callable[[PilotFinished], Awaitable[bool]]
"""Is shown what a pilot came to, and says whether the run goes on."""
