"""`research run` waits for a plan to be approved, and the same command with a yes goes on; answers need a question."""

from __future__ import annotations

import json

from cli_desk import Command

ASKED = ("run", "Voyager 1", "--schema", "mission.json", "--corpus", "pages", "--model", "extractive")


def test_a_plan_is_shown_and_the_same_command_with_a_yes_carries_it_out(research: Command) -> None:
    shown = research(*ASKED, "--mode", "plan")
    assert shown.code == 7
    assert json.loads(shown.out)["action"]["plan"][0]["fields"] == ["operator", "launched"]
    assert "the same command with --approve goes on" in shown.err
    wrong = research(*ASKED, "--mode", "plan", "--answer", "s1q1=x")
    assert (wrong.code, "waits for a decision about its plan" in wrong.err) == (2, True)
    assert "name the question" in research(*ASKED, "--mode", "plan", "--answer", "x").err
    done = research(*ASKED, "--mode", "plan", "--approve")
    assert done.code == 0
    assert json.loads(done.out)["output"]["operator"] == "NASA"


def test_a_decision_about_a_task_that_never_waits_is_refused(research: Command) -> None:
    refused = research(*ASKED, "--approve")
    assert (refused.code, "beside --mode plan" in refused.err) == (2, True)
