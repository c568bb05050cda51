"""Agents of a table's run: `--agent` names a profile, whose content is part of the request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows.run.options import EnrichOptions
from flows.run.request import Request
from flows.run.reuse import _differences
from flows.run.row_agents import RowAgents
from research.errors import InvalidInput
from research.models.keyless.model import KeylessModel
from research.pipeline import research
from research.ports.world import World
from research.sessions.folder import FolderSessions
from research.testing import Pages


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


async def of_rows(options: EnrichOptions, *agents: str, **recorded: Any) -> Request:
    """A request whose rows name their agents in a column."""
    pd.DataFrame({"name": [f"Probe {place}" for place, _ in enumerate(agents)], "by": agents}).to_csv("probes.csv", index=False)
    asked = Request.of(replace(options, agent_ids=None, agent_column="by"))
    return await asked.with_row_columns(FolderSessions(Path("sessions")), **recorded)


@pytest.fixture
def staff(options: EnrichOptions) -> EnrichOptions:
    clerk('description = "the operator"\n[source_policy]\ninclude_domains = ["a.example"]')
    return replace(options, processor="research")


def clerk(profile: str) -> None:
    Path("agents", "clerk.toml").write_text(profile)


async def test_a_column_names_the_agents_of_each_row(staff: EnrichOptions) -> None:
    asked = await of_rows(staff, "analyst", "analyst, clerk", "clerk", "")
    tasks = [asked.task(row, values) for row, values in asked.table.rows()]
    assert [task.agent_names for task in tasks] == [("analyst",), ("analyst", "clerk"), ("clerk",), ()]
    assert [profile.id for profile in tasks[1].agent_profiles] == ["analyst", "clerk"]
    assert [task.source_policy is not None for task in tasks] == [False, False, True, False]
    assert {task.processor for task in tasks} == {"research"}, "a table is of one tier"
    assert "the processor of analyst does not count" in asked.agents.warnings[0]


async def test_an_agent_that_nobody_knows_is_refused_before_anything_is_spent(staff: EnrichOptions) -> None:
    with pytest.raises(InvalidInput, match=r"there are: analyst, clerk\):\s+row 1 names 'clark'; did you mean .clerk"):
        await of_rows(staff, "analyst", "clark")
    with pytest.raises(InvalidInput, match=r"row 0 names '\.\./x'"):
        await of_rows(staff, "../x")
    with pytest.raises(InvalidInput, match="leave one of the two out"):
        Request.of(replace(staff, agent_column="name"))
    with pytest.raises(InvalidInput, match="no such column"):
        Request.of(replace(staff, agent_ids=None, agent_column="nobody"))


async def test_the_profiles_of_the_rows_agents_are_part_of_what_makes_the_run(staff: EnrichOptions) -> None:
    before = await of_rows(staff, "analyst", "clerk")
    clerk('description = "Owners"')
    after = await of_rows(staff, "analyst", "clerk")
    assert before.content != after.content
    rows = [values for _, values in after.table.rows()]
    then = RowAgents("by").recorded(before.content)
    assert [then.state_of(row) == after.agents.state_of(row) for row in rows] == [True, False], "the answers of one are kept"
    went_on = await of_rows(staff, "analyst", "clerk", before=before.content)
    in_a_worker = await of_rows(staff, recorded=before.content)
    assert went_on.content == before.content
    assert in_a_worker.content["agents"] == before.content["agents"]
    assert in_a_worker.task(0, rows[1]).agent_profiles == before.task(0, rows[1]).agent_profiles


async def test_a_result_says_which_agents_researched_it(staff: EnrichOptions) -> None:
    asked = await of_rows(staff, "clerk", "analyst, clerk", "")
    shelf = Pages({"https://a.example/": "# Probe\n\nOperator: NASA"})
    world = World(KeylessModel(), shelf, shelf)
    results = [await research(asked.task(row, values), world) for row, values in asked.table.rows()]
    assert [result.agents for result in results] == [["clerk"], ["clerk"], []]
