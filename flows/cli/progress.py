"""What a run shows while it runs: a bar for people, JSON lines for programs, nothing otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

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
from rich.text import Text

from flows.cli.terminal import answered_by, err, note, print_json

if TYPE_CHECKING:
    from flows.events import Event, Listener


@contextmanager
def watching(as_json: bool) -> Iterator[Listener]:
    """A listener that shows a run's events, for as long as the block lasts."""
    if as_json:
        yield _json_line
    elif not err().is_terminal:
        yield _only_the_start
    else:
        with _progress() as progress:
            yield _Bar(progress)


def _json_line(event: Event) -> None:
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in type(event).__name__).lstrip("_")
    print_json({"event": name, **asdict(event)})


def _only_the_start(event: Event) -> None:
    from flows.events import RunStarted

    if isinstance(event, RunStarted):
        note(_begun(event))


def _begun(event: Event) -> str:
    from flows.events import RunStarted

    assert isinstance(event, RunStarted)  # noqa: S101  # both callers looked
    kept = f", {event.kept} done before" if event.kept else ""
    return f"{event.rows} rows{kept} → {event.run}\n{answered_by(event.model)}"


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("– rows/s" if speed is None else f"{speed:.1f} rows/s")


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        _Speed(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        console=err(),
    )


class _Bar:
    """Draws the events of one run."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bar = progress.add_task("starting", total=None, failed=0)
        self._failed = 0

    def __call__(self, event: Event) -> None:
        from flows.events import RowFinished, RunStarted

        if isinstance(event, RunStarted):
            self._progress.console.print(_begun(event), markup=False)
            self._progress.reset(self._bar, total=event.rows, completed=event.kept, description="rows", failed=0)
        elif isinstance(event, RowFinished):
            self._failed += event.status != "completed"
            self._progress.update(self._bar, advance=1, failed=self._failed)
