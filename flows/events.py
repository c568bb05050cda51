"""What a run tells whoever is watching: a few small facts, in order. The command line draws its progress from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from research.result import Confidence, Status


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The request is sound and its run folder is open; nothing has been spent yet."""

    run: Path
    rows: int
    kept: int
    """Rows of earlier runs of the same request that are completed and stay as they are."""
    model: str

    def __str__(self) -> str:
        kept = f", {self.kept} of them done before" if self.kept else ""
        return f"{self.rows} rows{kept}, into {self.run}, by {self.model}"


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


@dataclass(frozen=True, slots=True)
class ShardCommitted:
    """The rows of one shard stand in the run folder."""

    shard: int
    row_start: int
    rows: int
    failed: int

    def __str__(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        return f"shard {self.shard} committed: rows {self.row_start}-{self.row_start + self.rows - 1}{failed}"


@dataclass(frozen=True, slots=True)
class RunFinished:
    """Every row stands in the run folder."""

    run: Path
    rows: int
    completed: int
    failed: int
    cost_usd: float | None
    """US dollars that the rows cost as they stand."""
    seconds: float
    spent_usd: float | None = None
    """US dollars paid so far, calls that came to nothing included; None if a price is not known."""
    stopped: str | None = None
    """Why rows are left to go on with; None: none are left."""


Event = RunStarted | RowFinished | ShardCommitted | RunFinished
Listener = Callable[[Event], None]
