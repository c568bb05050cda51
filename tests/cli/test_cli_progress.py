"""What a person sees on a terminal while a run starts, goes on, and is stopped."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from flows.cli.progress import show_events
from flows.cli.starting import Starting
from flows.cli.terminal import Output
from flows.run.events import CellsChanged, Event, RowFinished, RunFinished, RunStarted, RunStopping
from research.concurrency.outages import ServicePaused
from research.concurrency.traffic import SearchBringsNothing


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextmanager
def terminal(width: int = 120) -> Iterator[Terminal]:
    """pytest puts back the streams before each phase of a test, so this is no fixture."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm")
        patch.setenv("COLUMNS", str(width))
        screen = Terminal()
        patch.setattr("sys.stderr", screen)
        yield screen


def test_the_bar_shows_rows_and_what_a_stop_waits_for() -> None:
    row = RowFinished(row=0, status="completed", confidence="high", cost_usd=0.0, seconds=1.0, cached=False)
    events: list[Event] = [
        RunStarted(run="run", rows=4, kept=1, model="extractive"), row, SearchBringsNothing("brave", 20, 20, passed_over=True),
        RunStopping("Ctrl-C", 2, 20), RunStopping("Ctrl-C", 2, 19), RunStopping("Ctrl-C", 0, 0),
    ]  # fmt: skip
    with terminal() as screen, show_events(as_json=False, begin=lambda: None) as listener:
        for event in events:
            listener(event)
    shown = screen.getvalue()
    assert "2/4" in shown
    assert "brave brings nothing" in shown
    assert "stopping: 2 rows under way have 20 s to finish; Ctrl-C again ends at once" in shown
    assert "stopping · writing what is finished" in shown


def test_a_refresh_that_changed_something_names_the_command_that_lists_it(capsys: pytest.CaptureFixture[str]) -> None:
    for changed in (1, 0):
        with show_events(as_json=False, begin=lambda: None) as listener:
            listener(CellsChanged("runs/a b.2", "runs/a b", changed=changed, lost=0, new=0, gone=0, confirmed=3))
        told = capsys.readouterr().err
        assert f"{'1 changed' if changed else 'nothing has changed'}; 3 confirmed" in told
        assert ("research show 'runs/a b.2' --changes" in told) is bool(changed)


NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("event", "note"),
    [
        (ServicePaused("Anthropic", "429", NOW + timedelta(hours=1), 128, NOW + timedelta(hours=2)), ", 128 rows waiting"),
        (RunStopping("Ctrl-C", 128, 20), "stopping · 128 rows · 20 s"),
        (RunStopping("Ctrl-C", 0, 0), "stopping · writing what is finished"),
    ],
)
def test_80_columns_have_room_for_why_the_rows_do_not_go_on_and_for_how_many_are_done(event: Event, note: str) -> None:
    with terminal(80) as screen, show_events(as_json=False, begin=lambda: None) as listener:
        listener(RunStarted(run="run", rows=150_000, kept=12_345, model="extractive"))
        listener(event)
    last = screen.getvalue().rpartition("12345/150000")[2]
    assert note in last
    assert "…" not in last


def test_where_no_terminal_shows_a_bar_a_line_a_minute_says_how_far_the_run_is(capsys: pytest.CaptureFixture[str]) -> None:
    row = RowFinished(row=0, status="completed", confidence="high", cost_usd=0.0, seconds=1.0, cached=False)
    failed = RowFinished(row=1, status="failed", confidence=None, cost_usd=0.0, seconds=1.0, cached=False, error="no page")
    times = iter([0.0, 59.0, 60.0, 90.0, 121.0])
    with show_events(as_json=False, begin=lambda: None, clock=lambda: next(times)) as listener:
        listener(RunStarted(run="run", rows=2_000, kept=1_000, model="extractive"))
        for event in (row, row, failed, row):
            listener(event)
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if " of 2,000 rows" in line] == ["1,002 of 2,000 rows", "1,004 of 2,000 rows, 1 failed"]


def test_the_bar_says_what_the_end_of_a_run_still_waits_for() -> None:
    with terminal() as screen, show_events(as_json=False, begin=lambda: None) as listener:
        listener(RunStarted(run="run", rows=1, kept=0, model="extractive"))
        listener(RunFinished("run", 1, 1, 0, 0.0, 1.0))
    assert "Prefect is recording the end" in screen.getvalue()


def test_a_step_that_takes_long_counts_its_seconds() -> None:
    with terminal() as screen:
        times = iter([0.0, 0.5, 7.2, 8.0])
        starting = Starting(Output(), clock=lambda: next(times))
        starting.step("starting Prefect")
        starting.tick()
        assert " s)" not in screen.getvalue()
        starting.tick()
        assert "starting Prefect (7 s)" in screen.getvalue()
        starting.clear()
        starting.tick()
        assert "8 s" not in screen.getvalue()


def test_what_was_being_started_is_not_counted_any_more_once_rows_are_under_way(capsys: pytest.CaptureFixture[str]) -> None:
    """In a pipe, too."""
    times = iter([0.0, 1.0])
    starting = Starting(Output(), clock=lambda: next(times))
    starting.step("starting rows")
    with show_events(as_json=False, begin=starting.clear) as listener:
        listener(RunStarted(run="run", rows=4, kept=1, model="extractive"))
    starting.tick()
    assert capsys.readouterr().err.startswith("starting rows\n4 rows, 1 of them done before → run\nanswered by: extractive")


EMPTY, ADVICE = "no value with evidence was found: research show run --row 0 says why", "--schema '{"


@pytest.mark.parametrize(
    ("cells", "model", "told"),
    [
        ([{"none": 1}, {"none": 1}], "extractive", [EMPTY, ADVICE]),
        ([{"none": 2}, {"none": 2}], "extractive", [EMPTY]),
        ([{"none": 1}, {"none": 1}], "claude-opus-5", [EMPTY]),
        ([{"none": 1}, {"low": 1}], "extractive", []),
        ([{}], "extractive", []),
    ],
)
def test_a_run_that_found_no_value_at_all_says_so_and_what_to_do(
    cells: list[dict[str, int]], model: str, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with show_events(as_json=False, begin=lambda: None) as listener:
        listener(RunStarted(run="run", rows=len(cells), kept=0, model=model))
        for row, sure in enumerate(cells):
            listener(RowFinished(row, "completed", None, 0.0, 1.0, cached=False, cells=sure))
        listener(RunFinished("run", len(cells), len(cells), 0, 0.0, 1.0))
    shown = " ".join(capsys.readouterr().err.split())
    assert [words for words in (EMPTY, ADVICE) if words in shown] == told
