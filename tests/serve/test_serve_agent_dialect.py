"""The dialect of agent-task-create: streams and JSON, what holds where a request says nothing, models, following up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flows.serve.dialects.agent_request import AgentRequest, accepts_json, read_request
from research.errors import InvalidTask
from tests.serve.conftest import Served

PATH = "/api/v1/tasks"
OBJECTIVE = "When was the Eddystone Lighthouse first lit?"
ASKED = {"input": OBJECTIVE, "output_schema": {"first_lit": "date"}}


def read(**body: Any) -> AgentRequest:
    return read_request(body)


def refused(**body: Any) -> dict[str, str]:
    """What is wrong, by pointer."""
    with pytest.raises(InvalidTask) as caught:
        read(**body)
    return {fault.pointer: fault.message for fault in caught.value.faults}


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    """(type, data) of each event of a stream."""
    blocks = [dict(line.split(": ", 1) for line in block.split("\n")) for block in text.split("\n\n") if block]
    return [(block["event"], json.loads(block["data"])) for block in blocks if "event" in block]


@pytest.fixture(scope="module")
def done(served: Served) -> dict[str, Any]:
    """A task that has completed, with an artifact."""
    with served.client() as client:
        asked = {**ASKED, "response_format": "json", "completion_handoff": "artifact"}
        accepted = client.post(PATH, json=asked).raise_for_status()
    assert accepted.status_code == 202
    return served.wait(f"{PATH}/{accepted.json()['task_id']}")


def test_the_parts_of_a_message_are_the_objective_and_its_files() -> None:
    parts = [
        {"type": "text", "text": "Who wrote this?"},
        {"type": "file", "url": "https://books.example/a.pdf"},
        {"kind": "file", "file": {"uri": "https://books.example/b.pdf"}},
        {"type": "text", "text": "And when?"},
    ]
    request = read(message={"role": "user", "parts": parts}, files=["https://books.example/c.pdf"], input="Not read")
    assert request.fields["task"] == "Who wrote this?\n\nAnd when?"
    assert sorted(request.fields["files"]) == [f"https://books.example/{name}.pdf" for name in "abc"]
    assert request.warnings == ["input: is not read beside message.parts"]


def test_a_part_that_cannot_be_read_is_named() -> None:
    parts = [{"type": "image", "data": "…"}, {"type": "file", "file": {"bytes": "…"}}, "text"]
    assert set(refused(message={"parts": parts})) == {f"/message/parts/{place}" for place in range(3)}


@pytest.mark.parametrize(
    ("body", "loops", "steps"),
    [
        ({}, None, 60),
        ({"mode": "agent"}, None, 60),
        ({"mode": "plan"}, 1, 60),
        ({"mode": "plan", "max_verification_loops": 0}, 0, 60),
        ({"agent_id": "geologist"}, None, 45),
        ({"max_steps": 12}, None, 12),
        ({"processor": "base"}, None, None),
    ],
)
def test_what_holds_where_a_request_says_nothing(body: dict[str, Any], loops: int | None, steps: int | None) -> None:
    fields = read(**body).fields
    assert fields.get("verify_loops", fields.get("max_verification_loops")) == loops
    assert fields.get("max_steps") == steps


def test_a_model_of_another_maker_is_refused_with_those_that_can_be_used(served: Served) -> None:
    others = ["gpt-5.5-high", "gemini-3-pro", "grok-4.3-fast", "kimi-k2.6", "glm-5.1", "deepseek-v4-pro-high"]
    ours = ["auto", "opus-4.8", "opus-4.7", "opus-4.6", "sonnet-4.6", "haiku-4.5"]
    with served.client() as client:
        for name in others:
            answer = client.post(PATH, json={**ASKED, "model": name})
            (fault,) = answer.json()["error"]["details"]
            assert (answer.status_code, fault["pointer"]) == (400, "/model")
            assert "claude-opus-4-8" in fault["message"]
        for name in ours:
            assert client.post(PATH, json={**ASKED, "model": name, "response_format": "json"}).status_code == 202


def test_several_agents_divide_the_plan_of_the_tier_that_makes_one() -> None:
    assert read(agentIds=["geologist", "historian"]).fields["processor"] == "research"
    assert "processor" not in read(agent_ids=["geologist"]).fields


def test_fields_that_mean_nothing_here_are_named_in_a_warning() -> None:
    warnings = read(sandbox="box-1", memory_scope_key="team", sandbox_id="", task_id="not an id").warnings
    assert [warning.split()[0].rstrip(":") for warning in warnings] == ["sandbox", "memory_scope_key", "task_id"]


@pytest.mark.parametrize(
    ("accept", "is_json"),
    [("application/json", True), ("*/*", False), ("", False), ("text/event-stream, application/json", False)],
)
def test_the_accept_header_asks_for_json_where_it_names_no_stream(accept: str, is_json: bool) -> None:
    assert accepts_json(accept) is is_json


def test_a_task_is_answered_with_a_stream_that_ends_with_its_result(served: Served) -> None:
    with served.client() as client:
        answer = client.post(PATH, json=ASKED)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = events_of(answer.text)
    assert (events[0][0], events[0][1]["status"]) == ("task", "queued")
    assert "progress" in {kind for kind, _ in events}
    kind, result = events[-1]
    assert (kind, result["status"], result["output"]) == ("result", "completed", {"first_lit": "1759-10-16"})
    assert result["message"]["parts"][0]["text"]
    assert result["citations"][0]["excerpts"][0]["text"]
    with served.client() as client:
        assert client.get(f"{PATH}/{result['task_id']}").json() == result


@pytest.mark.parametrize(
    ("headers", "body", "is_json"),
    [
        ({"accept": "application/json"}, {}, True),
        ({"accept": "application/json"}, {"response_format": "sse"}, False),
        ({"accept": "text/event-stream"}, {"response_format": "json"}, True),
    ],
)
def test_the_response_format_goes_before_the_accept_header(
    served: Served, headers: dict[str, str], body: dict[str, str], is_json: bool
) -> None:
    with served.client() as client, client.stream("POST", PATH, json={**ASKED, **body}, headers=headers) as answer:
        assert (answer.status_code, answer.headers["content-type"].startswith("application/json")) == (
            (202, True) if is_json else (200, False)
        )


def test_a_request_that_is_wrong_names_each_place(served: Served) -> None:
    with served.client() as client:
        answer = client.post(PATH, json={"input": "", "max_steps": 3, "response_format": "xml"})
        empty = client.post(PATH, json={"max_steps": 3})
    assert (answer.status_code, empty.status_code) == (400, 400)
    assert [fault["pointer"] for fault in answer.json()["error"]["details"]] == ["/response_format"]
    assert {fault["pointer"] for fault in empty.json()["error"]["details"]} == {"/task", "/max_steps"}


def test_an_artifact_is_kept_where_it_is_asked_for(served: Served, done: dict[str, Any]) -> None:
    with served.client() as client:
        kept = client.get(f"{PATH}/{done['task_id']}/artifacts").json()["artifacts"]
        plain = client.post(PATH, json={**ASKED, "response_format": "json"}).json()
        served.wait(f"{PATH}/{plain['task_id']}")
        none = client.get(f"{PATH}/{plain['task_id']}/artifacts").json()["artifacts"]
    assert [(each["type"], each["content"]["result"]["output"]) for each in kept] == [("completion", done["output"])]
    assert kept[0]["content"]["events"]
    assert none == []


def test_the_same_id_with_the_same_content_is_the_same_task(served: Served) -> None:
    asked = {**ASKED, "response_format": "json", "task_id": "lighthouse-1"}
    with served.client() as client:
        assert [client.post(PATH, json=asked).json()["task_id"] for _ in range(2)] == ["lighthouse-1"] * 2


def test_another_owners_task_is_not_seen(served: Served, done: dict[str, Any]) -> None:
    with served.client("bob") as client:
        for method, path in (("GET", ""), ("GET", "/events"), ("GET", "/artifacts"), ("POST", "/cancel")):
            assert client.request(method, f"{PATH}/{done['task_id']}{path}").status_code == 404
