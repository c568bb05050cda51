"""`Monitor`: a series of run folders that is refreshed on a schedule; and its events, which are what the series' runs changed.

Prefect keeps the monitor (a deployment: its schedule, its parameters, whether it is paused, its flow runs); the run folders keep
what it found. There is no third record.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, model_validator

from flows.run.patience import duration_seconds
from research.errors import InvalidInput, InvalidRun
from research.records import Record
from research.tables.changes.series import earlier_run, newest
from research.tables.layout.durable import write_whole
from research.tables.layout.made_tables import CHANGES, read_made
from research.tables.run_folder.run_folder import RunFolder

LEAST: Final = timedelta(minutes=1)
TASKS: Final = ".monitors"
"""Beside the run folder of a monitored task, the folder of its table of one row."""
OBJECTIVE: Final = "objective"
"""That table's column."""


class Schedule(Record):
    """When a monitor runs: at every interval, or by a cron expression."""

    every_seconds: float | None = Field(default=None, ge=LEAST.total_seconds())
    cron: str | None = None
    timezone: str = "UTC"
    """Of the cron expression."""

    @model_validator(mode="after")
    def _is_one(self) -> Schedule:
        if (self.every_seconds is None) == (self.cron is None):
            raise ValueError("give an interval or a cron expression")
        return self

    @classmethod
    def of(cls, every: str | None, cron: str | None, timezone: str | None = None) -> Schedule:
        """A schedule as people write it.

        Args:
            every: an interval: `12h`, `7d`, `1w`.

        Raises:
            InvalidInput: it is none, or too short, or both are given, or neither.
        """
        if (every is None) == (cron is None):
            raise InvalidInput("a monitor needs one schedule: --every 1d, or --cron '0 7 * * 1'")
        if every is not None and timezone is not None:
            raise InvalidInput("--timezone is where the hours of a --cron are; an interval has none")
        if every is None:
            return cls(cron=cron, timezone=timezone or "UTC")
        seconds = duration_seconds(every)
        if seconds is None or seconds < LEAST.total_seconds():
            raise InvalidInput(f"--every {every!r}: write an interval of a minute or more, as 12h, 7d or 1w")
        return cls(every_seconds=seconds)

    def __str__(self) -> str:
        if self.cron is not None:
            return f"{self.cron} ({self.timezone})"
        seconds = int(self.every_seconds or 0)
        for name, size in (("w", 604_800), ("d", 86_400), ("h", 3_600), ("min", 60)):
            if seconds % size == 0:
                return f"every {seconds // size} {name}"
        return f"every {seconds} s"


class MonitorSettings(Record):
    """What a monitor does each time. The parameters of its deployment."""

    run: str
    """The first run folder of the series."""
    first: dict[str, Any] | None = None
    """The options of the enrichment that makes it, where it is not there yet: of a monitored task."""
    refresh: dict[str, Any] = {}  # noqa: RUF012  # pydantic copies it
    """Options of each refresh: `key`, `stale`, `max_cost`, `webhook`, …"""
    metadata: dict[str, str] = {}  # noqa: RUF012
    """Labels: kept, and never read."""


MonitorState = Literal["active", "paused"]


class Monitor(Record):
    """A monitor as Prefect has it."""

    id: str
    name: str
    state: MonitorState
    schedule: Schedule
    settings: MonitorSettings
    pool: str | None = None
    created_at: datetime | None = None
    last_run_at: datetime | None = None
    last_state: str | None = None
    """As Prefect names it: `Completed`, `Failed`."""
    next_run_at: datetime | None = None


class MonitorEvent(Record):
    """What one run of a series changed."""

    id: str
    """The key of the run's request: the same whenever it is read."""
    run: str
    at: datetime
    counts: dict[str, int]
    """Cells by what became of them."""
    is_first: bool = False
    """Whether it is the first run of the series, which changes nothing."""
    changes: tuple[dict[str, Any], ...] = ()
    """Lines of the table `changes`, but for what was confirmed."""

    @property
    def has_changes(self) -> bool:
        return bool(self.changes)


def events_of(run: str) -> Iterator[MonitorEvent]:
    """The events of a series, the newest first, that of its first run the last. None if that has not ended yet.

    Args:
        run: any run folder of it.
    """
    try:
        folder: RunFolder | None = newest(RunFolder.open(run))
    except InvalidRun:
        return
    while folder is not None:
        lines = read_made(folder.path, CHANGES)
        is_first = "refresh" not in folder.request
        if lines is None and not is_first:
            return
        changes = [] if lines is None else lines.to_pylist()
        counts: dict[str, int] = {}
        for change in changes:
            counts[change["change"]] = counts.get(change["change"], 0) + 1
        yield MonitorEvent(
            id=folder.key[:32],
            run=str(folder.path),
            at=datetime.fromisoformat(folder.created_at),
            counts=counts,
            is_first=is_first,
            changes=tuple(change for change in changes if change["change"] != "confirmed"),
        )
        folder = earlier_run(folder)


def is_finished(run: str) -> bool:
    """Whether a series has a run that can be refreshed."""
    try:
        newest(RunFolder.open(run))
    except InvalidRun:
        return False
    return True


def monitor_name(name: str) -> str:
    """The name, which can be a monitor's.

    Raises:
        InvalidInput: it is no name that Prefect can keep.
    """
    if not re.fullmatch(r"[\w][\w .-]{0,99}", name):
        raise InvalidInput(f"{name!r} is no name for a monitor: letters, digits, spaces, dots and dashes, at most 100")
    return name


def task_settings(name: str, objective: str, folder: Path, options: Mapping[str, Any], **settings: Any) -> MonitorSettings:
    """The settings of a monitor of one task: a table of one row is written for it.

    Args:
        folder: where run folders are.
        options: of the enrichment: `output_schema`, `corpus`, `processor`, …
    """
    slug = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "task"
    table = folder.resolve() / TASKS / f"{slug}.csv"
    table.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    csv.writer(text).writerows([[OBJECTIVE], [objective.strip()]])
    write_whole(table, text.getvalue().encode())
    first = {"table": str(table), "objective_column": OBJECTIVE, "name": slug, **options}
    return MonitorSettings(run=str(folder.resolve() / slug), first=first, **settings)
