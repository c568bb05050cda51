"""What docs/testing.md names exists, and what exists is named there."""

from __future__ import annotations

import inspect
from pathlib import Path

import research.testing
from research.testing.faults import KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")


def test_the_page_names_every_fault():
    """A fault that is not on the page does not exist for its readers."""
    assert [kind for kind in KINDS if f"`{kind}`" not in PAGE] == []


def test_the_page_names_everything_that_can_be_said():
    """Every builder of a reply, and every part of the double, is on the page."""
    exported = [getattr(research.testing, name) for name in research.testing.__all__]
    parts = [each for each in exported if inspect.isfunction(each) or isinstance(each, type)]
    spoken_of_elsewhere = {"Answered", "BatchEnd", "Failure", "ImpossibleReply", "Reply", "Request", "Script", "ScriptIsOver"}
    spoken_of_elsewhere |= {"ReceivedWebhook", "ToolResult", "smallest"}
    missing = [each.__name__ for each in parts if f"{each.__name__}(" not in PAGE and each.__name__ not in spoken_of_elsewhere]
    assert [name for name in missing if name != "echo"] == []


def test_everything_exported_says_what_it_is():
    """A docstring for every class and function."""
    parts = [getattr(research.testing, name) for name in research.testing.__all__]
    assert [each for each in parts if (inspect.isfunction(each) or isinstance(each, type)) and not inspect.getdoc(each)] == []
