"""The dialect of task runs, spoken by its own SDK: `parallel-web`, unchanged, pointed at loopback by its `base_url`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import parallel
import pytest
from parallel import AsyncParallel, Parallel
from pydantic import BaseModel, Field

from flows.serve.dialects import parallel as dialect
from research.models.scripted import Script, ScriptedModel
from research.ports.model import ResearchTools
from research.ports.work import Draft, FieldAnswer, SubQuery
from research.task.task import Task
from tests.serve.conftest import Served, serve

QUESTION = "When was the Bell Rock Lighthouse first lit?"


class Lighthouse(BaseModel):
    first_lit: str = Field(description="The date on which it was first lit")
    builder: str = Field(description="Who built it")
    keeper: str = Field(description="The name of its first keeper")
    lamps: int | None = Field(description="How many lamps it has")


@pytest.fixture
def client(served: Served) -> Iterator[Parallel]:
    with Parallel(base_url=served.url, api_key=served.keys["alice"], max_retries=0) as opened:
        yield opened


def test_a_run_is_created_and_its_result_is_awaited_with_the_evidence(client: Parallel) -> None:
    run = client.task_run.create(input=QUESTION, processor="lite-fast", metadata={"row": 7, "keep": True})
    assert (run.status, run.is_active, run.processor) == ("queued", True, "lite-fast")
    assert run.interaction_id
    result = client.task_run.result(run.run_id)
    assert (result.run.status, result.run.is_active, result.run.metadata) == ("completed", False, {"row": 7, "keep": True})
    assert result.output.type == "json"
    assert result.output.content == {"answer": "1 February 1811"}
    assert result.output.output_schema is not None  # what was left to us
    (basis,) = result.output.basis
    assert basis.citations is not None
    assert basis.citations[0].url == "corpus://corpus/bell-rock.md"
    assert basis.citations[0].excerpts == [
        "The Bell Rock Lighthouse was built by Robert Stevenson and first lit on 1 February 1811."
    ]
    assert client.task_run.retrieve(run.run_id).status == "completed"
    asked = client.task_run.retrieve_input(run.run_id)
    assert (asked.input, asked.processor, asked.metadata) == (QUESTION, "lite-fast", {"row": 7, "keep": True})


async def test_execute_fills_a_pydantic_model_where_nothing_was_found_too(served: Served) -> None:
    async with AsyncParallel(base_url=served.url, api_key=served.keys["alice"]) as client:
        done = await client.task_run.execute(input={"lighthouse": "Bell Rock Lighthouse"}, processor="core", output=Lighthouse)
    assert done.output.parsed == Lighthouse(first_lit="1811-02-01", builder="Robert Stevenson", keeper="", lamps=None)
    assert {basis.field: basis.confidence for basis in done.output.basis}["keeper"] is None
    assert done.run.warnings is not None
    assert any("nothing was found for keeper" in warning.message for warning in done.run.warnings)


def test_a_text_is_answered_with_one_basis_named_output(client: Parallel) -> None:
    done = client.task_run.execute(input=QUESTION, processor="base", output="The date, in words")
    assert done.output.type == "text"
    assert "1811" in done.output.content
    assert [basis.field for basis in done.output.basis] == ["output"]


def test_what_means_nothing_here_is_a_warning_that_names_it(client: Parallel) -> None:
    run = client.task_run.create(
        input={"name": 3},
        processor="base",
        betas=["mcp-server-2025-07-17", "telepathy-2031-01-01"],
        memory_scope_key="team",
        advanced_settings={"location": "fr", "data_sources": {"pay_per_use": ["x"]}},
        task_spec={
            "output_schema": "A sentence",
            "input_schema": {"type": "json", "json_schema": {"type": "object", "properties": {"name": {"type": "string"}}}},
        },
    )
    assert run.warnings is not None
    said = [(warning.type, warning.message.split()[0]) for warning in run.warnings]
    assert said == [
        ("warning", "the"),
        ("warning", "advanced_settings.location"),
        ("warning", "advanced_settings.data_sources"),
        ("warning", "memory_scope_key"),
        ("input_validation_warning", "input"),
    ]
    assert '"telepathy-2031-01-01"' in run.warnings[0].message
    assert run.warnings[-1].detail == {"pointer": "/name"}


@pytest.mark.parametrize(
    ("wrong", "at", "says"),
    [
        ({"processor": "huge"}, "/processor", "there are lite, base, core"),
        ({"input": " "}, "/input", "must not be empty"),
        ({"input": {}}, "/input", "must not be empty"),
        (
            {"task_spec": {"output_schema": {"type": "json", "json_schema": {"type": "array"}}}},
            "/task_spec/output_schema",
            "object",
        ),
        ({"source_policy": {"include_domains": [f"site{n}.com" for n in range(201)]}}, "/source_policy", "200"),
        ({"extra_body": {"max_fetchs": 3}}, "/max_fetchs", 'did you mean "max_fetches"?'),
        ({"extra_body": {"files": ["/etc/hostname"]}}, "/files/0", "must be a URL"),
        ({"extra_body": {"output_schema": "/etc/hostname"}}, "/output_schema", "task_spec.output_schema"),
        ({"metadata": {"k" * 17: "v"}}, "/metadata", "16"),
        ({"webhook": {"url": "http://169.254.169.254/"}}, "/webhook", "169.254.169.254"),
        ({"mcp_servers": [{"name": "x", "url": "http://10.0.0.1/mcp"}]}, "/mcp_servers/0/url", "10.0.0.1"),
        (
            {"mcp_servers": [{"name": "x", "url": "https://example.com/mcp", "headers": {"Authorization": "Bearer k"}}]},
            "/mcp_servers/0/headers",
            "${secrets.NAME}",
        ),
    ],
)
def test_a_run_that_is_wrong_is_refused_with_its_place(client: Parallel, wrong: dict[str, Any], at: str, says: str) -> None:
    with pytest.raises(parallel.UnprocessableEntityError) as refused:
        client.task_run.create(**{"input": QUESTION, "processor": "base", **wrong})
    body: Any = refused.value.body
    assert body["type"] == "error"
    assert body["error"]["ref_id"]
    (fault,) = body["error"]["detail"]["errors"]
    assert fault["pointer"].startswith(at)
    assert says in fault["message"]


def test_each_fault_of_a_body_is_at_a_place_of_it(client: Parallel) -> None:
    """A value that fits none of several types is one place, whatever types there are; a name that is missing is told where."""
    wrong: Any = {"task_spec": {"input_schema": 5}, "mcp_servers": [{"url": "https://example.com/mcp"}]}
    with pytest.raises(parallel.UnprocessableEntityError) as refused:
        client.task_run.create(input=QUESTION, processor="base", **wrong)
    body: Any = refused.value.body
    assert {fault["pointer"] for fault in body["error"]["detail"]["errors"]} == {"/task_spec/input_schema", "/mcp_servers/0/name"}
    assert "dict[str" not in body["error"]["message"]
    with pytest.raises(parallel.UnprocessableEntityError, match="/previous_interaction_id: ") as refused:
        client.task_run.create(input=QUESTION, processor="base", previous_interaction_id="none")
    assert "session_id" not in str(refused.value)


def test_nothing_is_kept_of_a_schema_that_names_a_file_of_the_service(client: Parallel) -> None:
    run = client.task_run.create(input=QUESTION, processor="base", task_spec={"output_schema": "/etc/hostname"})
    result = client.task_run.result(run.run_id)
    assert result.output.type == "text"  # the words describe a text; no file was read


def test_the_events_of_a_run_are_those_that_the_sdk_knows_and_end_with_it(client: Parallel, served: Served) -> None:
    run = client.task_run.create(input=QUESTION, processor="base", enable_events=True)
    events = list(client.task_run.events(run.run_id))
    known = {"task_run.state", "task_run.progress_stats", *(f"task_run.progress_msg.{name}" for name in KNOWN_MESSAGES)}
    assert {event.type for event in events} <= known
    assert {"task_run.progress_msg.plan", "task_run.progress_msg.search", "task_run.progress_stats"} <= {e.type for e in events}
    last = events[-1]
    assert last.type == "task_run.state"
    assert (last.run.status, last.event_id) == ("completed", None)
    assert last.output is not None
    with served.client() as plain:
        text = plain.get(f"/v1beta/tasks/runs/{run.run_id}/events").text
    lines = {line.partition(":")[0] for line in text.splitlines() if line}
    assert lines == {"data"}  # their SDK takes a comment after an `id:` line for an event
    assert "[DONE]" not in text


KNOWN_MESSAGES = ("plan", "search", "result", "tool_call", "exec_status", "extract")


def test_runs_of_a_group_are_streamed_in_order_and_resumed_by_their_cursors(client: Parallel) -> None:
    created = client.task_group.create(metadata={"batch": 1})
    id, groups = created.task_group_id, client.task_group
    assert (created.status.num_task_runs, created.status.is_active, created.metadata) == (0, False, {"batch": 1})
    rows = [{"lighthouse": "Bell Rock Lighthouse"}, {"lighthouse": "Eddystone Lighthouse"}]
    schema: Any = {"type": "json", "json_schema": {"properties": {"builder": {"type": "string"}}}}
    inputs: list[Any] = [{"input": row, "processor": "base"} for row in rows]
    first = groups.add_runs(id, inputs=inputs, default_task_spec={"output_schema": schema})
    assert (first.run_cursor, first.event_cursor, first.status.num_task_runs) == (None, None, 2)
    events = list(groups.events(id))
    assert [event.type for event in (events[0], events[-1])] == ["task_group_status", "task_group_status"]
    ended = _states(events)
    assert {event.run.run_id for event in ended} == set(first.run_ids)
    runs = _states(groups.get_runs(id, include_input=True, include_output=True))
    assert [run.run.run_id for run in runs] == first.run_ids
    assert [run.output.content for run in runs] == [{"builder": "Robert Stevenson"}, {"builder": "John Smeaton"}]
    assert [run.input.input for run in runs] == rows

    second = groups.add_runs(id, inputs=[{"input": QUESTION, "processor": "base"}])
    assert [run.run.run_id for run in _states(groups.get_runs(id, last_event_id=second.run_cursor))] == second.run_ids
    assert [event.run.run_id for event in _states(groups.events(id, last_event_id=second.event_cursor))] == second.run_ids
    rest = _states(groups.events(id, last_event_id=ended[0].event_id))
    assert [event.run.run_id for event in rest] == [ended[1].run.run_id, *second.run_ids]
    assert groups.retrieve(id).status.task_run_status_counts == {"completed": 3}
    assert groups.retrieve_run(second.run_ids[0], task_group_id=id).task_group_id == id


def _states(events: Iterable[Any]) -> list[Any]:
    """The runs that a stream tells of."""
    return [event for event in events if event.type == "task_run.state"]


def test_one_wrong_run_keeps_a_whole_post_out_of_the_group(client: Parallel) -> None:
    group = client.task_group.create()
    right, wrong = {"input": QUESTION, "processor": "base"}, {"input": QUESTION, "processor": "huge"}
    with pytest.raises(parallel.UnprocessableEntityError, match="/inputs/1/processor"):
        client.task_group.add_runs(group.task_group_id, inputs=[right, wrong])  # type: ignore[list-item]
    told = {"input": QUESTION, "processor": "base", "webhook": {"url": "http://10.0.0.1/"}}
    with pytest.raises(parallel.UnprocessableEntityError, match="/inputs/1/webhook"):
        client.task_group.add_runs(group.task_group_id, inputs=[right, told])  # type: ignore[list-item]
    assert client.task_group.retrieve(group.task_group_id).status.num_task_runs == 0


def test_another_owner_sees_neither_the_run_nor_the_group(client: Parallel, served: Served) -> None:
    group = client.task_group.create()
    (run,) = client.task_group.add_runs(group.task_group_id, inputs=[{"input": QUESTION, "processor": "base"}]).run_ids
    paths = [f"runs/{run}{rest}" for rest in ("", "/input", "/result", "/events")]
    paths += [f"groups/{group.task_group_id}{rest}" for rest in ("", "/runs", "/events", f"/runs/{run}")]
    with served.client("bob") as bob:
        for path in paths:
            answer = bob.get(f"/v1/tasks/{path}")
            assert (answer.status_code, answer.json()["type"]) == (404, "error"), path
        added = bob.post(f"/v1/tasks/groups/{group.task_group_id}/runs", json={"inputs": [{"input": "x", "processor": "base"}]})
        assert added.status_code == 404


def test_a_run_that_waits_for_a_person_goes_on_once_its_plan_is_approved(client: Parallel, served: Served) -> None:
    run = client.task_run.create(input=QUESTION, processor="base", extra_body={"mode": "plan"})
    with pytest.raises(parallel.NotFoundError, match=f"/api/v1/tasks/{run.run_id}/approve"):
        client.task_run.result(run.run_id)
    waiting = client.task_run.retrieve(run.run_id)
    assert (waiting.status, waiting.is_active) == ("action_required", False)
    assert waiting.action["plan"]  # type: ignore[attr-defined]
    with served.client() as plain:
        assert plain.post(f"/api/v1/tasks/{run.run_id}/approve").status_code == 200
    assert client.task_run.result(run.run_id).output.content == {"answer": "1 February 1811"}


def test_a_run_goes_on_from_an_earlier_one_of_its_owner(client: Parallel, served: Served) -> None:
    first = client.task_run.execute(input=QUESTION, processor="base")
    id = first.run.interaction_id
    second = client.task_run.create(input="Who built the Bell Rock Lighthouse?", processor="base", previous_interaction_id=id)
    assert client.task_run.result(second.run_id).run.interaction_id == id
    bob = Parallel(base_url=served.url, api_key=served.keys["bob"], max_retries=0)
    for asking, wrong in ((client, "nothing"), (bob, id)):
        with pytest.raises(parallel.UnprocessableEntityError, match="previous_interaction_id") as refused:
            asking.task_run.create(input="And who built it?", processor="base", previous_interaction_id=wrong)
        assert refused.value.body["error"]["detail"]["errors"][0]["pointer"] == "/previous_interaction_id"  # type: ignore[index]


def test_the_example_of_the_reference_page_is_answered_field_by_field(served: Served) -> None:
    with served.client() as client:
        answer = client.post(
            "/v1/tasks/runs",
            json={"input": "What was the GDP of France in 2023?", "processor": "base"},
            headers={"parallel-beta": "mcp-server-2025-07-17,events-sse-2025-07-24,webhook-2025-08-12"},
        )
    assert answer.status_code == 202
    run = answer.json()
    assert run["created_at"].endswith("Z")
    assert {**run, "run_id": 0, "interaction_id": 0, "created_at": 0, "modified_at": 0} == {
        "run_id": 0,
        "interaction_id": 0,
        "status": "queued",
        "is_active": True,
        "processor": "base",
        "created_at": 0,
        "modified_at": 0,
        "warnings": [],
        "error": None,
        "metadata": {},
        "taskgroup_id": None,
        "action": None,
    }


# What needs a model of its own: one that waits.


class Waiting:
    """Holds back answers until it is opened."""

    def __init__(self) -> None:
        self.open = False


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Waiting]]:
    waiting = Waiting()
    model = ScriptedModel(_until(waiting), keyless=False)
    for service in serve(tmp_path_factory.mktemp("held"), model=model, dialects=[dialect]):
        yield service, waiting


def _until(waiting: Waiting) -> Script:
    async def script(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        while not waiting.open:  # noqa: ASYNC110 - another thread opens it
            await asyncio.sleep(0.02)
        return Draft(answers=tuple(FieldAnswer(field=name, value=None) for name in subquery.fields))

    return script


def test_a_result_is_held_back_to_its_timeout_and_no_longer(held: tuple[Served, Waiting]) -> None:
    served, waiting = held
    client = Parallel(base_url=served.url, api_key=served.keys["alice"], max_retries=0)
    run = client.task_run.create(input="wait", processor="base")
    with pytest.raises(parallel.APIStatusError) as over:
        client.task_run.result(run.run_id, api_timeout=1)
    assert over.value.status_code == 408
    with pytest.raises(
        parallel.APITimeoutError
    ):  # without a timeout of its own, the service answers no 408: the client's runs out
        client.task_run.result(run.run_id, timeout=0.5)
    waiting.open = True
    assert client.task_run.result(run.run_id).run.status == "completed"


def test_a_cancelled_run_has_no_result_and_its_stream_says_so(held: tuple[Served, Waiting]) -> None:
    served, waiting = held
    waiting.open = False
    client = Parallel(base_url=served.url, api_key=served.keys["alice"], max_retries=0)
    run = client.task_run.create(input="wait", processor="base")
    with served.client() as plain:
        assert plain.post(f"/v1/tasks/runs/{run.run_id}/cancel").json()["run_id"] == run.run_id
    with pytest.raises(parallel.NotFoundError, match="was cancelled, and has no result"):
        client.task_run.result(run.run_id)
    last = list(client.task_run.events(run.run_id))[-1]
    assert last.type == "task_run.state"
    assert (last.run.status, last.output) == ("cancelled", None)
    waiting.open = True


def test_a_thousand_runs_are_added_by_one_post_and_no_more(tmp_path: Path) -> None:
    """All of them to their end: `tests/benchmarks/serve_group.py`."""
    for served in serve(tmp_path, model=ScriptedModel(_until(Waiting()), keyless=False), dialects=[dialect]):
        client = Parallel(base_url=served.url, api_key=served.keys["alice"], max_retries=0)
        group = client.task_group.create()
        inputs: list[Any] = [{"input": {"row": row}, "processor": "base"} for row in range(1_000)]
        with pytest.raises(parallel.UnprocessableEntityError, match="1000"):
            client.task_group.add_runs(group.task_group_id, inputs=[*inputs, inputs[0]])
        added = client.task_group.add_runs(group.task_group_id, inputs=inputs)
        assert len(set(added.run_ids)) == added.status.num_task_runs == 1_000
        runs = _states(client.task_group.get_runs(group.task_group_id, include_input=True))
        assert [run.run.run_id for run in runs] == added.run_ids
        assert [run.input.input for run in runs] == [each["input"] for each in inputs]
