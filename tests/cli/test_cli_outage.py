"""A service that answers nobody: the run holds and says so, then goes on, or stops with 4 and no row failed for it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from cli_desk import Command

from research.testing import Answer, ModelServer, Request, call, fail, structured, tool_calls

ROWS = 20
ENRICH = (
    "enrich",
    "many.csv",
    "--schema",
    "mission.json",
    "--corpus",
    "pages",
    "--objective",
    "Facts about {mission}",
    "--out",
    "run",
)


@pytest.fixture
def many(desk: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Twenty rows, and outages that are noticed within a moment."""
    (desk / "many.csv").write_text("mission\n" + "".join(f"Probe {number}\n" for number in range(ROWS)))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    for name, seconds in {"AFTER": "0.3", "LONG_PAUSE": "0.5", "FIRST_WAIT": "0.2", "LONGEST_WAIT": "0.3"}.items():
        monkeypatch.setenv(f"RESEARCH_OUTAGES_{name}", seconds)
    return desk


def researcher(request: Request) -> Answer:
    if request.turn == 0:
        return tool_calls(call("search", query="missions"))
    nothing = [{"field": name, "reasoning": "No page says."} for name in ("operator", "launched")]
    return structured({"answers": [], "not_found": nothing, "summary": ""})


def finished(run: Path) -> list[str]:
    from research.tables.run_folder.reader import open_run

    return [row["status"] for row in open_run(run).table("results").to_pylist()]


@pytest.mark.usefixtures("prefect_server")
def test_a_pause_beyond_the_patience_stops_the_run_with_4_and_fails_no_row(
    research: Command, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One `retry-after: 3600`, met by the rows in flight after some were answered: they stay unfinished, and the same command
    completes the table without asking again for what is finished."""
    open_again = False
    numbers = count(1)

    def door(request: Request) -> Answer:
        return researcher(request) if open_again or next(numbers) <= 12 else fail("429", retry_after=3600)

    with ModelServer(door) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        ran = research(*ENRICH, "--patience", "30m", "--concurrency", "8")
        assert ran.code == 4
        assert re.search(r"claude-sonnet-5-5 at 127\.0\.0\.1 is paused until (\S+ )?\d\d:\d\d:\d\d UTC: .*429", ran.err), ran.err
        assert re.search(r"\d rows? waits?\. That is beyond the patience of this run, which ends at .*: it stops now", ran.err)
        assert "stopped: claude-sonnet-5-5 at 127.0.0.1 asks to wait until" in ran.err
        assert "beyond the patience of 30 min" in ran.err
        assert "the same command goes on" in ran.err
        assert "Traceback" not in ran.err
        assert "failed" not in ran.out
        before = finished(many / "run")
        assert set(before) <= {"completed"}
        assert len(before) < ROWS
        assert json.loads((many / "run" / "run.json").read_text())["status"] == "stopped"
        assert server.early_retries() == []

        open_again = True
        asked = len(server.requests)
        assert research(*ENRICH).code == 0
        assert finished(many / "run") == ["completed"] * ROWS
        assert len(server.requests) - asked <= 2 * (ROWS - len(before))


@pytest.mark.usefixtures("prefect_server")
def test_a_pause_within_the_patience_is_waited_out_by_all_rows_together(
    research: Command, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each pause is one event with the rows that wait; then one call asks, and after its answer all go on."""
    began: list[float] = []

    def door(request: Request) -> Answer:
        began.append(time.monotonic())
        return fail("529", retry_after=1) if began[-1] < began[0] + 0.5 else researcher(request)

    with ModelServer(door) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        ran = research(*ENRICH, "--json")
        assert ran.code == 0
        paused = [line for line in ran.lines if line["event"] == "service_paused"]
        assert paused
        assert max(line["waiting"] for line in paused) == 16
        assert {line["service"] for line in paused} == {"claude-sonnet-5-5 at 127.0.0.1"}
        assert "service_resumed" in [line["event"] for line in ran.lines]
        assert server.early_retries() == []
        assert finished(many / "run") == ["completed"] * ROWS


@pytest.mark.usefixtures("prefect_server")
def test_an_overload_without_end_stops_the_run_when_patience_ends(
    research: Command, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """529 for ever, without `retry-after`: a few probes, then 4, and the run folder waits for the same command."""
    with ModelServer(lambda _: fail("529")) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        ran = research(*ENRICH, "--patience", "1s")
        assert ran.code == 4
        assert "has answered nobody for" in ran.err
        assert "(patience: 1 s)" in ran.err
        assert "16 rows wait. Then one call asks again; the run gives up at" in ran.err
        assert finished(many / "run") == []
        assert len(server.requests) < 80, "rows in flight find it out, and then one asks"


def test_one_task_waits_and_then_stops_with_4(research: Command, many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ModelServer(lambda _: fail("529")) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        ran = research("run", "Who operates Voyager 1?", "--corpus", "pages", "--patience", "1s")
        assert ran.code == 4
        assert "is paused until" in ran.err
        assert "error: claude-sonnet-5-5 at 127.0.0.1 has answered nobody for" in ran.err
        assert "the same command goes on" in ran.err


@pytest.mark.parametrize("text", ["", "soon", "5", "1h30", "-1s"])
def test_a_patience_that_is_no_duration_is_refused(research: Command, many: Path, text: str) -> None:
    ran = research(*ENRICH, f"--patience={text}")
    assert ran.code == 2
    assert "is no duration" in ran.err or "patience" in ran.err
