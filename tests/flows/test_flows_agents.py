"""Agents of a table's run: `--agent` names a profile, whose content is part of the request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from flows.run.options import EnrichOptions
from flows.run.request import Request
from flows.run.reuse import _differences
from research.errors import InvalidInput


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EnrichOptions:
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"name": ["Voyager 1"]}).to_csv("probes.csv", index=False)
    for folder, words in (("agents", "Be brief."), ("others", "Be thorough.")):
        Path(folder).mkdir()
        Path(folder, "analyst.toml").write_text(f'instructions = "{words}"\nprocessor = "base"')
    return EnrichOptions(
        "probes.csv", objective="Who operates {name}?", output_schema={"operator": "string"}, agent_ids=["analyst"]
    )


def test_a_row_has_the_profile_of_the_runs_agent(options: EnrichOptions) -> None:
    task = Request.of(options).task(0, {"name": "Voyager 1"})
    assert [(agent.id, agent.instructions) for agent in task.agent_profiles] == [("analyst", "Be brief.")]
    assert task.processor == "base"
    assert Request.of(replace(options, processor="core")).task(0, {"name": "x"}).processor == "core"
    assert Request.of(replace(options, agent_ids=None)).task(0, {"name": "x"}).processor == "core"


def test_the_folder_of_the_profiles_is_an_option_or_a_variable(options: EnrichOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    there = Request.of(replace(options, agents_dir="others"))
    assert there.sample.agent_profiles[0].instructions == "Be thorough."
    monkeypatch.setenv("RESEARCH_AGENTS_DIR", "others")
    assert Request.of(options).content == there.content


def test_another_profile_is_another_request_and_its_answers_are_not_kept(options: EnrichOptions) -> None:
    one, other = Request.of(options), Request.of(replace(options, agents_dir="others"))
    assert one.content != other.content
    without = Request.of(replace(options, agent_ids=None, processor="base"))
    for before in (other, without):
        assert [fault.pointer for fault in _differences(before.content, one.content)] == ["/task/agent_profiles"]
    assert "agent_profiles" not in without.content["task"]


def test_a_run_goes_on_with_the_profiles_that_it_began_with(options: EnrichOptions) -> None:
    """In a worker on another machine, and in a refresh."""
    kept = Request.of(options).content
    Path("agents", "analyst.toml").unlink()
    assert Request.of(options, agent_profiles=kept["task"]["agent_profiles"]).content == kept
    with pytest.raises(InvalidInput, match="there is no agent 'analyst'"):
        Request.of(options)
