"""The options about money, on the command line."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest
from cli_desk import Command

from flows.cli.terminal import approver
from flows.run.events import PilotFinished
from research.testing import Answer, ModelServer, Request, call, fail, structured, tool_calls

ENRICH = ("enrich", "missions.csv", "--schema", "mission.json", "--corpus", "pages", "--objective", "Facts about {mission}")


@pytest.mark.usefixtures("prefect_server")
def test_a_pilot_that_nobody_can_be_asked_about_stops_with_4_and_says_how_to_go_on(research: Command, desk: Path) -> None:
    ran = research(*ENRICH, "--out", "run", "--pilot", "1")
    assert ran.code == 4
    assert "pilot: 1 row completed" in ran.err
    assert "the 1 row that is left: about $0" in ran.err
    assert "say --yes, or leave --pilot out" in ran.err
    assert "2 rows: 1 completed, 1 left" in ran.out
    assert "research resume run --yes goes on with it" in ran.err
    assert "failed" not in ran.err + ran.out
    assert json.loads((desk / "run" / "run.json").read_text())["status"] == "stopped"
    assert [row["status"] for row in research("show", "run", "--json").lines] == ["completed", "failed"]

    ran = research(*ENRICH, "--out", "run", "--pilot", "1", "--yes", "--max-cost", "1", "--json")
    assert ran.code == 0
    assert [line["event"] for line in ran.lines] == [
        "run_started",
        "pilot_finished",
        "row_finished",
        "shard_committed",
        "run_finished",
    ]
    assert ran.lines[1]["rows_left"] == 1
    assert (ran.lines[-1]["completed"], ran.lines[-1]["spent_usd"], ran.lines[-1]["stopped"]) == (2, 0, None)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--max-cost", "0"), "max-cost"),
        (("--max-cost", "-1"), "max-cost"),
        (("--pilot", "0"), "pilot"),
        (("--escalate", "low"), "low:ultra"),
        (("--escalate", "low:core"), "no dearer than the run's own processor, core"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_before_anything_is_run(
    research: Command, desk: Path, option: tuple[str, str], said: str
) -> None:
    ran = research(*ENRICH, "--out", "run", *option)
    assert ran.code == 2
    assert said in ran.err
    assert not (desk / "run").exists()


def test_the_keyless_model_costs_nothing_and_the_plan_says_so(research: Command) -> None:
    assert "cost" in research(*ENRICH, "--dry-run").out
    assert research(*ENRICH, "--dry-run", "--json").lines[0]["estimate"] is None


def test_a_paid_model_is_estimated_without_being_called(research: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a key that opens nothing")
    [plan] = research(*ENRICH, "--dry-run", "--processor", "ultra", "--json").lines
    assert plan["estimate"]["rows"] == 2
    assert 0 < plan["estimate"]["low_usd"] < plan["estimate"]["high_usd"]
    [other] = research(*ENRICH, "--dry-run", "--model", "claude-of-tomorrow", "--json").lines
    assert (other["estimate"]["likely_usd"], other["estimate"]["unpriced"]) == (None, ["claude-of-tomorrow"])


@pytest.mark.usefixtures("prefect_server")
def test_a_cap_over_a_price_that_nobody_knows_is_refused_before_anything_is_spent(
    research: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    with ModelServer(researcher) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        ran = research(*ENRICH, "--out", "run", "--model", "somebody-else-7b", "--max-cost", "5")
        assert ran.code == 2
        assert "no price is known for somebody-else-7b" in ran.err
        assert server.requests == []


def researcher(request: Request) -> Answer:
    """Searches once, and answers that it found nothing."""
    if request.turn == 0:
        return tool_calls(call("search", query="missions"))
    nothing = [{"field": name, "reasoning": "No page says."} for name in ("operator", "launched")]
    return structured({"answers": [], "not_found": nothing, "summary": ""})


@pytest.mark.usefixtures("prefect_server")
def test_a_cap_holds_for_claude_over_two_commands(research: Command, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cap below one call's price buys one call. With a higher cap the same command completes the table, and every call that the
    service answered is a payment in the run folder."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    with ModelServer(researcher) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        ran = research(*ENRICH, "--out", "run", "--max-cost", "0.000001")
        assert ran.code == 4
        assert "are spent, and the cap is" in ran.err
        assert len(server.requests) == 1
        errors = [row["error"] for row in research("show", "run", "--failed", "--json").lines]
        assert [error.split(": ")[0] for error in errors] == ["budget_exhausted"] * 2

        ran = research(*ENRICH, "--out", "run", "--max-cost", "5", "--json")
        assert ran.code == 0
        end = ran.lines[-1]
        assert end["completed"] == 2
        assert 0 < end["cost_usd"] < end["spent_usd"] < 5, "the first call came to nothing, and was paid"
        payments = [json.loads(line) for line in (desk / "run" / ".state" / "spending.jsonl").read_text().splitlines()]
        assert len(payments) == len(server.requests) == 5
        assert {payment["purpose"] for payment in payments} == {"investigate"}
        assert sum(payment["usd"] for payment in payments) == pytest.approx(end["spent_usd"])


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize(
    ("status", "cause", "remedy"),
    [
        ("401", "the key was not accepted", "Set ANTHROPIC_API_KEY to a valid key"),
        ("404", "knows no model 'claude-sonnet-5-5'", "Correct the model's id"),
    ],
)
def test_a_service_that_lets_nobody_in_is_bad_input_if_nothing_was_done(
    research: Command, desk: Path, monkeypatch: pytest.MonkeyPatch, status: str, cause: str, remedy: str
) -> None:
    """Exit code 2, as for a wrong option, and no run folder; put right, even with another model's id, the command completes the
    table there."""
    shut = True

    def door(request: Request) -> Answer:
        return fail(status) if shut else researcher(request)

    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    with ModelServer(door) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        ran = research(*ENRICH, "--out", "run", "--json")
        assert ran.code == 2
        ended, error = ran.lines[-2:]
        assert (ended["event"], ended["completed"], ended["spent_usd"]) == ("run_finished", 0, 0)
        assert (error["event"], error["exit_code"]) == ("error", 2)
        for words in (cause, remedy, "the same command goes on", "nothing was spent; no run folder is left"):
            assert words in error["message"]
            assert words in ran.err
        assert not (desk / "run").exists()
        shut = False
        assert research(*ENRICH, "--out", "run", "--model", "claude-opus-5-5").code == 0
        shut = True
        ran = research("run", "Who operates Voyager 1?", "--corpus", "pages", "--json")
        assert (ran.code, ran.lines[-1]["exit_code"]) == (2, 2)
        assert cause in ran.err


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("completed", [0, 1])
def test_an_error_that_every_row_meets_stops_a_run_that_has_paid_with_4(
    research: Command, desk: Path, monkeypatch: pytest.MonkeyPatch, completed: int
) -> None:
    """The key is withdrawn: after the first row, or in the middle of it, when no row is completed and something was paid."""
    answered = 2 if completed else 1

    def withdrawn(request: Request) -> Answer:
        return researcher(request) if len(server.requests) <= answered else fail("401")

    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    with ModelServer(withdrawn) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        ran = research(*ENRICH, "--out", "run", "--concurrency", "1")
        assert ran.code == 4
        assert f"2 rows: {completed} completed, {2 - completed} failed" in ran.out
        assert "stopped: the key was not accepted" in ran.err
        assert "Set ANTHROPIC_API_KEY to a valid key" in ran.err
        assert "Once that is put right, the same command goes on." in ran.err
        assert json.loads((desk / "run" / "run.json").read_text())["status"] == "stopped"


PILOT = PilotFinished(
    rows=2,
    completed=2,
    rows_left=8,
    cost_usd_p50=0.1,
    cost_usd_p90=0.2,
    seconds_p50=1.0,
    seconds_p90=2.0,
    projected_usd=0.8,
    projected_usd_p90=1.6,
    projected_seconds=8.0,
    fields={},
)


@contextmanager
def terminal() -> Iterator[TextIO]:
    """A terminal's keyboard: what is written to it is what the command reads. pytest puts back the streams before each phase of a
    test, so this is no fixture."""
    keyboard, screen = os.openpty()
    with (
        open(keyboard, "w") as keys,  # noqa: PTH123  # descriptors
        open(screen) as stdin,  # noqa: PTH123
        open(os.dup(screen), "w") as stderr,  # noqa: PTH123
        pytest.MonkeyPatch.context() as streams,
    ):
        streams.setattr("sys.stdin", stdin)
        streams.setattr("sys.stderr", stderr)
        yield keys


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a Unix terminal")
@pytest.mark.parametrize(("typed", "goes_on"), [("y\n", True), ("Yes\n", True), ("\n", False), ("no\n", False)])
async def test_a_person_at_the_terminal_is_asked(typed: str, goes_on: bool) -> None:
    with terminal() as keys:
        ask = approver(yes=False, as_json=False)
        assert ask is not None
        keys.write(typed)
        keys.flush()
        assert await ask(PILOT) is goes_on


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a Unix terminal")
async def test_a_question_that_is_waiting_can_be_interrupted() -> None:
    with terminal():
        ask = approver(yes=False, as_json=False)
        assert ask is not None
        asking = asyncio.ensure_future(ask(PILOT))
        for _ in range(3):
            await asyncio.sleep(0)
        assert not asking.done()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


async def test_yes_is_an_answer_and_json_cannot_be_asked() -> None:
    said = approver(yes=True, as_json=True)
    assert said is not None
    assert await said(PILOT)
    assert approver(yes=False, as_json=True) is None
