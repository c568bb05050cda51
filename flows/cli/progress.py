"""What a run shows while it goes on: JSON lines for programs; a bar on a terminal, elsewhere a few notes and a line a minute."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from flows.cli.terminal import described, err, print_json
from flows.run.events import (
    BatchEnded,
    BatchSent,
    CellsChanged,
    DamageFound,
    Event,
    Listener,
    PilotFinished,
    RowFinished,
    RunFinished,
    RunStarted,
    RunStopping,
    event_name,
)
from research.concurrency.outages import Notice, ServicePaused, ServiceResumed
from research.display.figures import count
from research.models.names import KEYLESS

FAILURES_SHOWN: Final = 5
"""Failed rows that are reported while a run goes on. All of them are in the results."""
COUNT_SECONDS: Final = 10
"""Between two lines that count down, where there is no bar."""
LINE_SECONDS: Final = 60.0
"""Between two lines that say how far a run is, where there is no bar."""
ASK_PRECISELY: Final = (
    "the keyless model reads named fields, and plain questions: name the fields "
    """(--schema '{"operator": "string", "launched": "date"}'), or ask (--objective "Who operates {mission}?")"""
)
"""When it found nothing of a single field, as where nothing was asked for by name."""
AT_ONCE: Final = "; Ctrl-C again ends at once"


@contextmanager
def show_events(as_json: bool, begin: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> Iterator[Listener]:
    """A listener that shows a run's events, for as long as the block lasts.

    Args:
        as_json: as lines of JSON on stdout.
        begin: is called when rows are under way, before anything is shown of them.
        clock: seconds, of whatever beginning.
    """
    if as_json:
        yield _json_line
    elif not err().is_terminal:
        yield _Lines(err(), begin, clock)
    else:
        progress = _progress()
        try:
            yield _Bar(progress, begin)
        finally:
            progress.stop()


def _json_line(event: Event) -> None:
    print_json({"event": event_name(event), **asdict(event)})


class _Notes:
    """Reports how a run began, and its first failures."""

    def __init__(self, console: Console, begin: Callable[[], None]) -> None:
        self._console = console
        self._begin = begin
        self.failed = 0
        self.waiting = 0
        self._count_from: int | None = None
        self._model = ""
        self._kept = 0
        self._cells: Counter[str] = Counter()
        self._most_fields = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, RowFinished):
            self._cells.update(event.cells)
            self._most_fields = max(self._most_fields, sum(event.cells.values()))
        if isinstance(event, RunStarted):
            self._begin()
            self._model, self._kept = event.model, event.kept
            kept = f", {event.kept:,} of them done before" if event.kept else ""
            self._print(f"{count(event.rows, 'row')}{kept} → {event.run}\nanswered by: {described(event.model)}")
            for warning in event.warnings:
                self._print(f"warning: {warning}")
        elif isinstance(event, DamageFound | PilotFinished | BatchSent | BatchEnded | Notice):
            self._print(str(event))
        elif isinstance(event, CellsChanged):
            listed = f"\nresearch show {shlex.quote(str(event.run))} --changes lists them" if event.has_changes else ""
            self._print(f"{event}{listed}")
        elif isinstance(event, RunStopping):
            self._stopping(event)
        elif isinstance(event, RowFinished) and event.status == "action_required":
            self.waiting += 1
            if self.waiting <= FAILURES_SHOWN:
                self._print(f"row {event.row} waits: {'; '.join(event.waits_for)}")
        elif isinstance(event, RowFinished) and event.is_failed:
            self.failed += 1
            if self.failed <= FAILURES_SHOWN:
                self._print(f"row {event.row} failed: {event.error}")
        elif isinstance(event, RunFinished) and not self._kept and self._cells and set(self._cells) == {"none"}:
            self._print(
                f"no value with evidence was found: research show {shlex.quote(str(event.run))} --row 0 says why in the first row"
            )
            if self._model == KEYLESS and self._most_fields == 1:
                self._print(ASK_PRECISELY)

    def _stopping(self, event: RunStopping) -> None:
        if not event.rows_under_way:
            self._print(str(event))
            return
        if self._count_from is None:
            self._count_from = event.seconds_left
        if (self._count_from - event.seconds_left) % COUNT_SECONDS == 0:
            self._print(f"{event}{AT_ONCE}")

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False)


class _Lines(_Notes):
    """The same notes, and how far the run is."""

    def __init__(self, console: Console, begin: Callable[[], None], clock: Callable[[], float]) -> None:
        super().__init__(console, begin)
        self._clock = clock
        self._rows = self._done = 0
        self._told = 0.0

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        if isinstance(event, RunStarted):
            self._rows, self._done, self._told = event.rows, event.kept, self._clock()
        elif isinstance(event, RowFinished):
            self._done += 1
            if (now := self._clock()) - self._told >= LINE_SECONDS:
                self._told = now
                failed = f", {count(self.failed)} failed" if self.failed else ""
                self._print(f"{count(self._done)} of {count(self._rows, 'row')}{failed}")


class _Pace(ProgressColumn):
    """How fast the rows go, since when, and how long they will take; or why they do not, in the same place: a narrow terminal has
    no room for both."""

    def __init__(self) -> None:
        super().__init__(_whole())
        self._elapsed, self._remaining = TimeElapsedColumn(), TimeRemainingColumn()

    def render(self, task: Task) -> Text:
        paused: ServicePaused | None = task.fields["paused"]
        if note := task.fields["note"]:
            return Text(note)
        if paused is not None:
            left = timedelta(seconds=round(max(timedelta(), paused.until - datetime.now(UTC)).total_seconds()))
            return Text(f"{paused.service} paused for {left}, {count(paused.waiting, 'row')} waiting")
        speed = task.finished_speed or task.speed
        pace = "–" if speed is None else f"{speed:.1f}"
        return Text.assemble(f"{pace} rows/s ", self._elapsed.render(task), " ETA ", self._remaining.render(task))


def _progress() -> Progress:
    failed = TextColumn("{task.fields[failed]} failed{task.fields[waiting]}")
    done = MofNCompleteColumn(table_column=_whole())
    return Progress(TextColumn("{task.description}"), BarColumn(), done, failed, _Pace(), console=err())


def _whole() -> Column:
    return Column(no_wrap=True)  # in a narrow terminal the bar gives way


class _Bar(_Notes):
    """The same notes, above a progress bar."""

    def __init__(self, progress: Progress, begin: Callable[[], None]) -> None:
        super().__init__(progress.console, begin)
        self._paused: dict[str, ServicePaused] = {}
        self._progress = progress
        self._bar = progress.add_task("starting", total=None, failed=0, waiting="", paused=None, note="")

    def __call__(self, event: Event) -> None:
        renewed = isinstance(event, ServicePaused) and event.service in self._paused
        if not renewed:  # the bar counts down, and shows how many wait
            super().__call__(event)
        if isinstance(event, ServicePaused):
            self._paused[event.service] = event
            self._progress.update(self._bar, paused=event)
        elif isinstance(event, ServiceResumed):
            self._paused.pop(event.service, None)
            self._progress.update(self._bar, paused=next(iter(self._paused.values()), None))
        elif isinstance(event, RunStarted):
            self._progress.start()
            fields: dict[str, Any] = {"failed": 0, "waiting": "", "paused": None, "note": ""}
            self._progress.reset(self._bar, total=event.rows, completed=event.kept, description="rows", **fields)
        elif isinstance(event, PilotFinished):
            self._progress.stop()  # a question may follow, and a bar would write over it
        elif isinstance(event, RowFinished):
            self._progress.start()  # after a question
            waiting = f", {self.waiting} waiting" if self.waiting else ""
            self._progress.update(self._bar, advance=1, failed=self.failed, waiting=waiting)
        elif isinstance(event, RunFinished):
            self._progress.update(self._bar, note="done · Prefect is recording the end")

    def _stopping(self, event: RunStopping) -> None:
        if self._count_from is None:
            super()._stopping(event)
        waits = f"{event.rows_under_way} rows · {event.seconds_left} s" if event.rows_under_way else "writing what is finished"
        self._progress.update(self._bar, note=f"stopping · {waits}")
