"""What makes other work: the content keys of steps and rows."""

from __future__ import annotations

from typing import Any

import pytest

from research.ports.work import Claim, Investigated, SubQuery
from research.steps.keys import VERSIONS, Keys
from research.task.task import Task

SUBQUERY = SubQuery(index=1, question="When?", fields=("a",), label="when")
WORK = Investigated.model_validate(
    {"subquery": SUBQUERY, "answers": [], "passages": [], "summary": "", "considered": [], "read": []}
)
CLAIM = Claim(field="a", value="b", passages=())


def task(**changed: Any) -> Task:
    return Task.model_validate({"task": "When?", "output_schema": {"a": "a day"}, "input": {"name": "x"}, **changed})


def keys_of(
    of: Keys, subquery: SubQuery = SUBQUERY, most: int = 3, work: Investigated = WORK, claim: Claim = CLAIM
) -> dict[str, str]:
    return {
        "row": of.row(),
        "plan": of.plan(),
        "investigate": of.investigate(subquery, most),
        "grade": of.grade((work,), most),
        "synthesize": of.synthesize((work,)),
        "verify": of.verify((claim,)),
        "judge": of.judge((claim,)),
    }


BASE = keys_of(Keys.of(task(), "world"))


def changed(keys: dict[str, str]) -> set[str]:
    return {step for step, key in keys.items() if key != BASE[step]}


ALL = set(VERSIONS)
OTHER = {
    "task": "Where?",
    "input": {"name": "y"},
    "output_schema": {"a": "another day"},
    "processor": "base",
    "max_subqueries": 3,
    "max_fetches": 3,
    "max_steps": 9,
    "verify_loops": 1,
    "source_policy": {"include_domains": ["example.org"]},
    "start_url": "https://example.org/",
    "files": [{"source": "brief.pdf", "sha256": "0" * 64}],
    "mode": "plan",
    "allow_questions": True,
    "open_reading": True,
    "search_columns": ["name"],
    "mcp_servers": [{"name": "crm", "url": "https://crm.example/mcp"}],
    "include_html_dump": True,
    "model": "another",
}


LABELS = {
    "project_id": "p",
    "visibility": "team",
    "webhook": "https://a.example",
    "handoff": "webhook",
    "enable_events": True,
}


def test_every_field_of_a_task_is_in_every_key_or_excused() -> None:
    """A label does not make other work; anything else does, in every step."""
    agents: dict[str, Any] = {"agent_id": "a", "agent_ids": ["a"], "agent_profiles": [{"id": "a"}]}
    labels = {"metadata": {"a": "b"}, "task_id": "7", "secrets": ["KEY"], "session_id": "s", "end_user_id": "alice", **LABELS}
    assert set(OTHER) | set(labels) | {"ephemeral", "auto_execute_plan", *agents} == set(Task.model_fields), (
        "a new field: does it make other work?"
    )
    for field, value in OTHER.items():
        assert changed(keys_of(Keys.of(task(**{field: value}), "world"))) == ALL, field
    assert changed(keys_of(Keys.of(task(**agents), "world"))) == ALL, "the profile; its name alone is a label"
    assert changed(keys_of(Keys.of(task(**labels), "world"))) == set()


def test_the_world_the_sub_query_the_work_so_far_and_the_limits_are_in_the_keys() -> None:
    keys = Keys.of(task(), "world")
    assert changed(keys_of(Keys.of(task(), "another world"))) == ALL
    assert changed(keys_of(keys, most=4)) == {"investigate", "grade"}
    for field, value in {"index": 2, "question": "Why?", "fields": ("b",), "label": "why", "agent": "a"}.items():
        other = SUBQUERY.model_copy(update={field: value})
        assert changed(keys_of(keys, subquery=other)) == {"investigate"}, field
    assert changed(keys_of(keys, work=WORK.model_copy(update={"summary": "more"}))) == {"grade", "synthesize"}
    assert changed(keys_of(keys, claim=CLAIM.model_copy(update={"value": "c"}))) == {"verify", "judge"}


def test_a_step_s_version_is_in_its_own_key_and_in_the_row_s(monkeypatch: pytest.MonkeyPatch) -> None:
    for step in VERSIONS:
        with monkeypatch.context() as patch:
            patch.setattr("research.steps.keys.VERSIONS", {**VERSIONS, step: 99})
            assert changed(keys_of(Keys.of(task(), "world"))) == {step, "row"}


def test_a_key_says_which_step_it_is_of() -> None:
    assert {step: key.split("-")[0] for step, key in BASE.items()} == {step: step for step in VERSIONS}
    assert len(set(BASE.values())) == len(BASE)


def test_servers_are_in_the_keys_and_the_values_of_their_headers_are_not() -> None:
    def with_server(**fields: object) -> dict[str, str]:
        server = {"name": "crm", "url": "https://crm.example/mcp", "headers": {"Authorization": "Bearer one"}, **fields}
        return keys_of(Keys.of(task(mcp_servers=[server]), "world"))

    assert with_server() == with_server(headers={"authorization": "Bearer two"})
    assert with_server() != with_server(headers={})
    assert with_server() != with_server(allowed_tools=["lookup"])
    assert with_server() != with_server(url="https://crm.example/other")
