"""Agents: named profiles in files, and what a task that names one becomes."""

from pathlib import Path

import pytest

from research.errors import InvalidInput, InvalidTask
from research.task.agents import known_agents, with_agents
from research.task.source_policy import SourcePolicy
from research.task.task import Task

REGISTRAR = """
description = "Reads company registers"
instructions = "Give the legal name."
tools = ["read"]
processor = "ultra"
source_policy.include_domains = [".gov.uk"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "registrar.toml").write_text(REGISTRAR)
    (tmp_path / "reporter.toml").write_text('instructions = "Prefer news."')
    (tmp_path / "no name.toml").write_text("")
    return tmp_path


def asked(**fields: object) -> Task:
    return Task.model_validate({"task": "Who owns it?", **fields})


def test_a_profile_fills_in_what_the_task_does_not_say(folder: Path) -> None:
    task = with_agents(asked(agent_id="registrar"), folder)
    assert (task.processor, task.source_policy) == ("ultra", SourcePolicy(include_domains=(".gov.uk",)))
    assert [agent.instructions for agent in task.agent_profiles] == ["Give the legal name."]
    assert with_agents(task, Path("nowhere")) == task, "its profile is known"


def test_what_the_task_says_counts_before_the_profile(folder: Path) -> None:
    own = {"processor": "core", "source_policy": {"exclude_domains": ["a.com"]}}
    task = with_agents(asked(agent_id="registrar", **own), folder)
    assert (task.processor, task.source_policy) == ("core", SourcePolicy(exclude_domains=("a.com",)))


def test_the_profile_is_part_of_what_makes_the_work_and_its_name_alone_is_not(folder: Path) -> None:
    one = with_agents(asked(agent_id="reporter"), folder)
    (folder / "reporter.toml").write_text('instructions = "Prefer old news."')
    other = with_agents(asked(agent_id="reporter"), folder)
    assert one.identity() != other.identity()
    assert "agent_profiles" not in asked().identity(), "earlier runs keep their keys"


def test_an_unknown_agent_is_refused_with_those_that_are_known(folder: Path) -> None:
    with pytest.raises(InvalidTask, match=r'/agent_id: there is no agent \'registar\'; did you mean "registrar"\?') as refused:
        with_agents(asked(agent_id="registar"), folder)
    assert "There are: registrar, reporter." in str(refused.value)
    assert known_agents(folder) == ("registrar", "reporter")
    with pytest.raises(InvalidTask, match=r"/agent_ids/1: .* a profile is a file there, b\.toml"):
        with_agents(asked(agent_ids=["a", "b"], processor="research", agent_profiles=[{"id": "a"}]), folder / "empty")


@pytest.mark.parametrize("name", ["../registrar", "/etc/passwd", "a.b", "", " ", "x" * 65])
def test_a_name_leads_to_no_other_folder(name: str) -> None:
    if name.strip():
        with pytest.raises(InvalidTask, match=r"/agent_id: .* is no name of an agent"):
            asked(agent_id=name)
    else:
        assert asked(agent_id=name).agent_names == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("instructions = 5", "/instructions: Input should be a valid string"),
        ('instruction = "x"', '/instruction: is no key of a profile; did you mean "instructions"?'),
        ('processor = "big"', "/processor: "),
        ('source_policy.include_domains = ["https://a.com/b"]', "/source_policy/include_domains"),
        ('id = "other"', "is no key of a profile"),
        ("tools = ", "is no TOML: Invalid value (at end of document). Correct it there."),
        ('description = "\udc80"', "is no TOML"),
    ],
)
def test_a_wrong_profile_is_refused_with_its_file_and_key(folder: Path, content: str, said: str) -> None:
    (folder / "wrong.toml").write_text(content, errors="surrogateescape")
    with pytest.raises(InvalidInput) as refused:
        with_agents(asked(agent_id="wrong"), folder)
    assert str(folder / "wrong.toml") in str(refused.value)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"agent_ids": ["a", "b"]}, "/agent_ids: several agents divide a plan, and core makes none"),
        ({"agent_ids": ["a", "a"], "processor": "research"}, "/agent_ids: names an agent twice"),
        ({"agent_id": "a", "agent_ids": ["b"]}, "/agent_ids: names other agents than agent_id"),
        ({"agent_id": "a", "agent_profiles": [{"id": "b"}]}, "/agent_profiles/0/id: 'b' is named by neither"),
        (
            {"agent_id": "a", "agent_profiles": [{"id": "a", "tools": ["read", "serch"]}]},
            "/agent_profiles/0/tools/1: 'serch' is no tool of this task; did you mean \"search\"? There are: search, read",
        ),
        ({"agentIds": ["a b"]}, "/agentIds/0: 'a b' is no name of an agent"),
    ],
)
def test_a_request_that_names_agents_wrongly_says_where(fields: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidTask) as refused:
        asked(**fields)
    assert said in str(refused.value)
