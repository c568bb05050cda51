"""The dialect of task-create and task-get: its shapes, its streams, its words for what is wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedOK, InvalidStatus
from websockets.sync.client import connect

from flows.serve.dialects.task_shapes import shape
from flows.serve.records.task_records import TaskError, TaskRecord
from research.money.usage import Tokens, Usage
from research.result.result import Citation, Excerpt, FieldBasis, Finding, Result, Source, SourceQuality
from research.task.task import Task
from tests.serve.conftest import Served

ROOT, ALONE = "/v1/tasks", "/tasks/v1/tasks"
ASKED = {"task": "When was the Eddystone Lighthouse first lit?", "output_schema": {"first_lit": "date"}}
AT = datetime(2026, 1, 31, 9, 15, tzinfo=UTC)
# The members of the page task-get, in its order.
MEMBERS = [
    *("task_id", "run_id", "status", "task", "query", "credits", "processor", "metadata", "fields", "output_schema", "output"),
    *("basis", "usage", "answer", "sources", "read", "considered", "error", "createdAt", "completedAt", "report", "findings"),
    "sources_detailed",
]
USAGE = [
    *("tool_calls", "search_queries", "pages_fetched", "tokens", "planner_calls", "grader_calls", "synth_calls"),
    *("scratchpad_mode", "scratchpad_chunks_indexed", "scratchpad_chunks_used", "scratchpad_searches", "scratchpad_tool_turns"),
]


def record(processor: str = "research", **fields: Any) -> TaskRecord:
    """A task as the service keeps it, completed on a page of energy news."""
    url, title = "https://energy.example/solar", "Solar"
    said = Excerpt(text="Panels are 15% better.", page_hash="0" * 64, start=0, end=22, support="stated")
    cited = [Citation(url=url, title=title, excerpts=[said])]
    quality = SourceQuality(domain="energy.example", kind="news")
    source = Source(index=1, url=url, title=title, domain="energy.example", fetched=AT, quality=quality, read=True)
    schema = {"summary": "string"}
    task = Task.model_validate(
        {"task": "What is new in solar energy?", "processor": processor, "output_schema": schema, "metadata": {"user": "r42"}}
    )
    result = Result(
        task_id="t1",
        status="completed",
        task=task.task,
        processor=processor,
        model="scripted",
        fields=["summary"],
        output={"summary": "Panels are better."},
        basis=[FieldBasis(field="summary", citations=cited, reasoning="stated", confidence="high")],
        usage=Usage(tool_calls=3, tokens=Tokens(input=450, output=320, cache_read=9)),
        cost_usd=0.0412,
        answer="Panels are better.",
        report="## Solar\n\nPanels are better. [1]",
        findings=[Finding(subquery="solar panels", answer="15%", citations=cited, confidence="high", evidence="a report")],
        sources_detailed=[source],
        sources=[url],
        read=[url],
        considered=[url, "https://energy.example/wind"],
    )
    given = {"id": "t1", "number": 1, "owner": "alice", "dialect": "tasks", "request": {"output_schema": schema}, "task": task}
    times = {"created_at": AT, "modified_at": AT, "completed_at": AT}
    return TaskRecord(**{**given, "status": "completed", "result": result, **times, **fields})


def events_of(text: str) -> list[dict[str, str]]:
    """The events of a stream, each as its fields; comments are left out."""
    blocks = [[line.split(": ", 1) for line in block.split("\n")] for block in text.split("\n\n") if block]
    return [{name: value for name, value in block if name} for block in blocks]


@pytest.fixture(scope="module")
def done(served: Served) -> dict[str, Any]:
    """A task that has completed, with its progress recorded."""
    with served.client() as client:
        accepted = client.post(ROOT, json={**ASKED, "enable_events": True}).raise_for_status().json()
    return served.wait(f"{ROOT}/{accepted['task_id']}")


def test_a_completed_task_has_the_members_of_the_page_and_no_others() -> None:
    told = shape(record()).model_dump(mode="json")
    assert list(told) == MEMBERS
    assert list(told["usage"]) == USAGE
    assert told["usage"]["tokens"] == {"input": 450, "output": 320}
    cited = [{"url": "https://energy.example/solar", "title": "Solar", "excerpts": ["Panels are 15% better."]}]
    assert told["basis"] == [{"field": "summary", "citations": cited, "reasoning": "stated", "confidence": "high"}]
    finding = {"subquery": "solar panels", "answer": "15%", "citations": cited, "confidence": "high", "evidence": "a report"}
    assert told["findings"] == [finding]
    source = {"index": 1, "url": "https://energy.example/solar", "title": "Solar", "domain": "energy.example"}
    assert told["sources_detailed"] == [
        {**source, "fetched": "2026-01-31T09:15:00Z", "quality": "medium", "first_seen_subquery": None}
    ]
    assert (told["task_id"], told["query"], told["credits"]) == (told["run_id"], told["task"], 5)
    assert (told["output_schema"], told["fields"]) == ({"summary": "string"}, ["summary"])
    assert (told["createdAt"], told["error"]) == ("2026-01-31T09:15:00Z", None)


def test_report_findings_and_numbered_sources_are_the_research_tiers_alone() -> None:
    told = shape(record("core"))
    assert (told.report, told.findings, told.sources_detailed) == (None, None, None)
    assert told.sources == ["https://energy.example/solar"]


def test_a_task_that_has_not_ended_has_the_defaults_of_the_page() -> None:
    told = shape(record("core", status="queued", result=None, completed_at=None)).model_dump(mode="json")
    assert list(told) == MEMBERS
    empty = {name: value for name, value in told.items() if name in MEMBERS[10:17]}
    assert empty == {"output": None, "basis": [], "usage": None, "answer": "", "sources": [], "read": [], "considered": []}
    assert (told["credits"], told["completedAt"], told["error"]) == (0, None, None)


def test_a_price_that_is_not_known_makes_no_credits_of_zero() -> None:
    unknown = record()
    assert unknown.result is not None
    assert shape(unknown.changed(result=unknown.result.changed(cost_usd=None))).credits is None


def test_a_failed_task_says_why() -> None:
    failed = record(status="failed", error=TaskError(kind="InvalidAnswer", message="no answer fits"), result=None)
    assert shape(failed).error == "no answer fits"


def test_a_task_is_answered_with_its_evidence(done: dict[str, Any]) -> None:
    assert done["status"] == "completed"
    assert done["output"] == {"first_lit": "1759-10-16"}
    assert "16 October 1759" in done["basis"][0]["citations"][0]["excerpts"][0]


def test_what_the_example_of_the_page_asks_for_is_echoed(served: Served) -> None:
    schema = {"summary": "string", "key_findings": "array", "recommendations": "array"}
    labels = {"user": "researcher_42", "priority": "high"}
    asked = {"task": "Summarize recent developments in renewable energy", "output_schema": schema, "metadata": labels}
    with served.client() as client:
        told = client.post(ROOT, json={**asked, "processor": "core", "webhook": None}).raise_for_status().json()
    assert list(told) == MEMBERS
    assert (told["task"], told["query"], told["metadata"], told["output_schema"]) == (
        asked["task"],
        asked["task"],
        labels,
        schema,
    )
    assert (told["fields"], told["processor"], told["status"]) == (list(schema), "core", "queued")
    done = served.wait(f"{ROOT}/{told['task_id']}")
    assert list(done["output"]) == list(schema)


def test_a_request_that_is_wrong_gets_a_body_as_fastapi_shapes_it(served: Served) -> None:
    with served.client() as client:
        wrong = client.post(ROOT, json={"task": " ", "max_fetches": 31, "procesor": "core"})
        no_json = client.post(ROOT, content="{", headers={"content-type": "application/json"})
        a_list = client.post(ROOT, json=[])
    assert (wrong.status_code, no_json.status_code, a_list.status_code) == (422, 422, 422)
    places = {tuple(fault["loc"]) for fault in wrong.json()["detail"]}
    assert places == {("body", "task"), ("body", "max_fetches"), ("body", "procesor")}
    for answer in (wrong, no_json, a_list):
        assert all({"type", "loc", "msg"} <= fault.keys() for fault in answer.json()["detail"])


@pytest.mark.parametrize(
    "fields",
    [{"files": ["/etc/passwd"]}, {"output_schema": "/etc/passwd"}, {"task_spec": {"output_schema": "a.json"}}],
    ids=["file", "schema", "task_spec"],
)
def test_no_file_of_the_services_own_disk_is_read(served: Served, fields: dict[str, Any]) -> None:
    with served.client() as client:
        refused = client.post(ROOT, json={"task": "What does it say?", **fields})
    assert refused.status_code == 422
    assert "disk" in refused.json()["detail"][0]["msg"]


def test_tasks_are_listed_page_by_page_the_latest_first(served: Served) -> None:
    with served.client("bob") as client:
        ids = [client.post(ALONE, json={"task": f"Who is number {n}?"}).json()["task_id"] for n in range(3)]
        first = client.get(ALONE, params={"limit": 2}).json()
        second = client.get(ALONE, params={"limit": 2, "cursor": first["next_cursor"]}).json()
        no_cursor = client.get(ALONE, params={"cursor": "x"})
    listed = [task["task_id"] for page in (first, second) for task in page["tasks"]]
    assert listed[:3] == ids[::-1]
    assert no_cursor.status_code == 422
    assert no_cursor.json()["detail"][0]["loc"] == ["query", "cursor"]


def test_another_owners_task_is_as_unknown_as_one_that_is_not_there(served: Served, done: dict[str, Any]) -> None:
    with served.client("bob") as client:
        for id in (done["task_id"], "nothing"):
            for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel")):
                refused = client.request(method, f"{ROOT}/{id}{path}")
                assert (refused.status_code, refused.json()) == (404, {"detail": f"there is no task {id!r}"})
            with pytest.raises(InvalidStatus) as caught:
                connect(socket_url(served, id), additional_headers=headers(served, "bob"))
            assert caught.value.response.status_code == 404


def test_a_task_that_was_cancelled_stays_as_it_is(served: Served, done: dict[str, Any]) -> None:
    with served.client() as client:
        assert client.post(f"{ROOT}/{done['task_id']}/cancel").json() == done


def test_a_stream_tells_what_happened_and_ends_with_the_task(served: Served, done: dict[str, Any]) -> None:
    with served.client() as client:
        answer = client.get(f"{ROOT}/{done['task_id']}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = events_of(answer.text)
    assert [int(event["id"]) for event in events] == list(range(1, len(events) + 1))
    data = [json.loads(event["data"]) for event in events]
    assert [event["data"]["status"] for event in data if event["type"] == "status"] == ["queued", "running", "completed"]
    assert "progress" in {event["event"] for event in events}
    assert (events[-1]["event"], data[-1]["data"]) == ("task", done)


def test_a_stream_goes_on_after_the_last_event_that_was_received(served: Served, done: dict[str, Any]) -> None:
    path = f"{ROOT}/{done['task_id']}/events"
    with served.client() as client:
        whole = events_of(client.get(path).text)
        rest = events_of(client.get(path, headers={"Last-Event-ID": "2"}).text)
        last = events_of(client.get(path, headers={"Last-Event-ID": whole[-2]["id"]}).text)
        nothing = client.get(path, headers={"Last-Event-ID": whole[-1]["id"]})
        wrong = client.get(path, headers={"Last-Event-ID": "x"})
    assert (rest, last) == (whole[2:], whole[-1:])
    assert (nothing.status_code, wrong.status_code) == (204, 422)


def test_a_socket_tells_the_same_events_and_closes(served: Served, done: dict[str, Any]) -> None:
    with served.client() as client:
        told = [json.loads(event["data"]) for event in events_of(client.get(f"{ROOT}/{done['task_id']}/events").text)]
    with connect(socket_url(served, done["task_id"], "?last_event_id=1"), additional_headers=headers(served)) as socket:
        assert [json.loads(message) for message in socket] == told[1:]
        with pytest.raises(ConnectionClosedOK):
            socket.recv()


def test_a_socket_without_a_key_is_refused(served: Served, done: dict[str, Any]) -> None:
    with pytest.raises(InvalidStatus) as caught:
        connect(socket_url(served, done["task_id"]))
    assert caught.value.response.status_code == 401


def socket_url(served: Served, id: str, query: str = "") -> str:
    return f"{served.url.replace('http', 'ws')}{ROOT}/{id}/ws{query}"


def headers(served: Served, owner: str = "alice") -> dict[str, str]:
    return {"Authorization": f"Bearer {served.keys[owner]}"}
