"""Faults reach the real SDK as they really would, by rate, by position or from a script, and are counted."""

from __future__ import annotations

import json
from collections import Counter

import anthropic
import httpx
import httpx2
import pytest

from research.testing import Faults, ModelServer, RateLimits, Request, call, echo, fail, structured, text, tool_calls

FORM = {
    "output_config": {
        "format": {
            "type": "json_schema",
            "schema": {
                "type": "object",
                "properties": {"year": {"type": "integer"}, "passages": {"type": "array", "items": {"type": "string"}}},
                "required": ["year", "passages"],
                "additionalProperties": False,
            },
        }
    }
}
ANSWER = {"year": 1977, "passages": ["s1p7", "p12"]}
TOOL = {"name": "search", "input_schema": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}}


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("400", anthropic.BadRequestError),
        ("403", anthropic.PermissionDeniedError),
        ("429", anthropic.RateLimitError),
        ("500", anthropic.InternalServerError),
        ("529", anthropic.InternalServerError),
        ("html", anthropic.InternalServerError),
        ("reset", anthropic.APIConnectionError),
        ("timeout", anthropic.APITimeoutError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_fault_before_the_model_is_the_sdks_own_error(sync_client, hello, kind, error, stream):
    """Statuses, a proxy's page, a reset, no answer at all; the rule is not asked, and the next try passes."""
    asked = []
    with ModelServer(
        lambda request: asked.append(request) or text("ok"), faults=Faults(at={1: kind}, retry_after=0.01)
    ) as server:
        client = sync_client(server, timeout=0.5 if kind == "timeout" else 10)
        with pytest.raises(error):
            client.messages.create(**hello, stream=stream)
        assert asked == []
        assert client.messages.create(**hello).content[0].text == "ok"
        assert server.faults_served == {kind: 1}
        assert server.requests[0].answered.fault == kind


def test_a_reset_is_a_reset(hello):
    """The connection ends with a TCP reset before a byte, not with an orderly close."""
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    with ModelServer(echo, faults=Faults(at={1: "reset"})) as server, pytest.raises(httpx.ReadError):
        httpx.post(f"{server.url}/v1/messages", json=hello, headers=headers)


def test_a_body_cut_in_half_promises_more_than_it_brings(sync_client, hello):
    """Its content-length is the whole body's: the client notices, and nothing that looks whole arrives."""
    with ModelServer(echo, faults=Faults(at={1: "cut_body", 2: "cut_stream"})) as server:
        client = sync_client(server)
        for _ in range(2):
            with pytest.raises((anthropic.APIConnectionError, httpx2.RemoteProtocolError)):
                client.messages.create(**hello)
    assert server.faults_served == {"cut_body": 1, "cut_stream": 1}


@pytest.mark.parametrize("kind", ["cut_body", "cut_stream"])
def test_a_stream_cut_in_the_middle_has_begun(sync_client, hello, kind):
    """Some events arrive, then the connection is gone."""
    seen: list[str] = []
    with ModelServer(lambda request: text("word " * 50), faults=Faults(at={1: kind})) as server:
        events = sync_client(server).messages.create(**hello, stream=True)
        with pytest.raises((anthropic.APIConnectionError, httpx2.RemoteProtocolError)):
            _collect(events, seen)
    assert "content_block_delta" in seen
    assert "message_stop" not in seen
    assert server.faults_served == {kind: 1}


def test_an_error_event_ends_a_stream_that_began_well(sync_client, hello):
    """Status 200, some text, then `event: error`. A plain request gets 529 in its place."""
    seen: list[str] = []
    with ModelServer(lambda request: text("word " * 50), faults=Faults(at={1: "error_event", 2: "error_event"})) as server:
        client = sync_client(server)
        events = client.messages.create(**hello, stream=True)
        with pytest.raises(anthropic.APIStatusError, match="overloaded_error"):
            _collect(events, seen)
        with pytest.raises(anthropic.InternalServerError):
            client.messages.create(**hello)
    assert "content_block_delta" in seen
    assert server.faults_served == {"error_event": 1, "529": 1}


def test_a_body_that_is_not_json(sync_client, hello):
    """200, and nothing that can be read as a message."""
    with ModelServer(echo, faults=Faults(at={1: "bad_json", 2: "bad_json"})) as server:
        client = sync_client(server)
        with pytest.raises((anthropic.APIError, json.JSONDecodeError)):
            client.messages.create(**hello)
        with pytest.raises((anthropic.APIError, json.JSONDecodeError)):
            _ask(client, True, **hello)


@pytest.mark.parametrize("stream", [False, True])
def test_spoiled_answers_arrive_whole_and_are_wrong(sync_client, hello, stream):
    """Truncated JSON, a broken schema, passages that do not exist: status 200 each."""
    faults = Faults(at={1: "truncated", 2: "off_schema", 3: "bad_passages"})
    with ModelServer(lambda request: structured(ANSWER), faults=faults) as server:
        client = sync_client(server)
        truncated, off_schema, bad_passages, good = (_ask(client, stream, **hello, **FORM) for _ in range(4))
    assert truncated.stop_reason == "max_tokens"
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        json.loads(truncated.content[0].text)
    assert json.loads(off_schema.content[0].text) == {"passages": ANSWER["passages"]}
    invented = json.loads(bad_passages.content[0].text)
    assert invented["year"] == 1977
    assert len(invented["passages"]) == 2
    assert not set(invented["passages"]) & set(ANSWER["passages"])
    assert json.loads(good.content[0].text) == ANSWER
    assert server.faults_served == {"truncated": 1, "off_schema": 1, "bad_passages": 1}


def test_spoiled_tool_input(sync_client, hello):
    """Input that breaks the tool's schema, and input that is not JSON."""
    with ModelServer(
        lambda request: tool_calls(call("search", query="q")), faults=Faults(at={1: "bad_tool_input", 2: "bad_tool_json"})
    ) as server:
        client = sync_client(server)
        assert client.messages.create(**hello, tools=[TOOL]).content[0].input == {"unexpected": [1, 2]}
        with pytest.raises(ValueError, match="Unable to parse tool parameter JSON"):
            _ask(client, True, **hello, tools=[TOOL])


def test_what_cannot_be_spoiled_passes_and_is_not_counted(sync_client, hello):
    """A fault that finds nothing to spoil leaves the reply alone: counts are of faults that really happened."""
    with ModelServer(echo, faults=Faults({"off_schema": 1.0})) as server:
        assert sync_client(server).messages.create(**hello).content[0].text == "Hello"
    assert server.faults_served == {}


def test_rates_are_kept_and_the_same_seed_draws_the_same():
    """About 5 % of each kind in 1,000 requests, whatever the order of arrival: the draw goes by content and try."""

    def drawn(seed, order):
        faults = Faults({"429": 0.05, "500": 0.05, "html": 0.05}, seed=seed)
        failures = {key: faults.draw(Request(number, {}, 0.0, key=key)) for number, key in enumerate(order, start=1)}
        return {key: failure for key, failure in failures.items() if failure}

    rows = [f"row {number}" for number in range(1000)]
    assert drawn(1, rows) == drawn(1, reversed(rows)) != drawn(2, rows)
    counts = Counter(failure.kind for failure in drawn(1, rows).values())
    assert set(counts) == {"429", "500", "html"}
    assert all(30 <= count <= 75 for count in counts.values())


def test_faults_in_a_row_can_be_bounded(hello, sync_client):
    """With `in_a_row`, a request that is asked often enough passes, however high the rate."""
    with ModelServer(echo, faults=Faults({"500": 1.0}, in_a_row=3)) as server:
        client = sync_client(server)
        for _ in range(3):
            with pytest.raises(anthropic.InternalServerError):
                client.messages.create(**hello)
        assert client.messages.create(**hello).type == "message"


def test_the_sdk_waits_for_retry_after_and_who_does_not_is_seen(hello, sync_client):
    """`retry-after` is in the header, kept with the answer, and an early retry is found by the server."""
    with ModelServer([fail("429", retry_after=0.3), text("ok"), fail("529", retry_after=30), text("too early")]) as server:
        sync_client(server, max_retries=2).messages.create(**hello)
        assert server.early_retries() == []
        hello["messages"] = [{"role": "user", "content": "another"}]
        with pytest.raises(anthropic.APIStatusError) as refused:
            sync_client(server).messages.create(**hello)
        assert refused.value.response.headers["retry-after"] == "30"
        sync_client(server).messages.create(**hello)
        assert [each.number for each in server.early_retries()] == [4]
    assert server.requests[1].arrived - server.requests[0].answered.at >= 0.3


def test_only_some_requests_can_meet_faults(hello, sync_client):
    """`only` chooses: here, requests that name a row."""
    with ModelServer(echo, faults=Faults({"500": 1.0}, only=lambda request: "row" in request.text)) as server:
        client = sync_client(server)
        assert client.messages.create(**hello).type == "message"
        with pytest.raises(anthropic.InternalServerError):
            client.messages.create(**{**hello, "messages": [{"role": "user", "content": "row 1"}]})


@pytest.mark.parametrize(
    "wrong", [{"rates": {"flood": 0.1}}, {"rates": {"200": 0.1}}, {"rates": {"429": 0.7, "500": 0.7}}, {"at": {1: "x"}}]
)
def test_a_plan_that_makes_no_sense_is_refused(wrong):
    """Unknown kinds and rates over 1 are told at once."""
    with pytest.raises(ValueError, match=r"no such fault|at most 1"):
        Faults(**wrong)


def test_latency_goes_before_the_answer(hello, sync_client):
    """The server's latency is the least an answer takes; a reply may have its own."""
    with ModelServer([text("slow"), text("own").after(0)], latency=3600) as server:
        client = sync_client(server)
        with pytest.raises(anthropic.APITimeoutError):
            client.with_options(timeout=0.1, max_retries=0).messages.create(**hello)
        assert client.messages.create(**hello).content[0].text == "own"


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def test_rate_limits_refuse_what_does_not_fit_and_tell_when_it_will(hello, sync_client):
    """A real token bucket: the limit's headers go down, 429 names the wait, and after that wait the request passes."""
    clock = Clock()
    limits = RateLimits(requests=60, burst=2 / 60, whole_seconds=False, clock=clock)
    with ModelServer(echo, rate_limits=limits) as server:
        client = sync_client(server)
        left = [
            client.messages.with_raw_response.create(**hello).headers["anthropic-ratelimit-requests-remaining"] for _ in range(2)
        ]
        assert left == ["1", "0"]
        with pytest.raises(anthropic.RateLimitError) as refused:
            client.messages.create(**hello)
        wait = float(refused.value.response.headers["retry-after"])
        assert wait == pytest.approx(1.0)
        clock.now += wait
        assert client.messages.create(**hello).type == "message"
        assert server.requests[2].answered.retry_after == pytest.approx(wait)


def test_rate_limits_count_input_without_cache_reads_and_output(hello, sync_client):
    """Input tokens are counted before, output tokens after; a prompt larger than the bucket waits for a full one."""
    clock = Clock()
    limits = RateLimits(input_tokens=6000, output_tokens=600, whole_seconds=False, clock=clock)
    with ModelServer(lambda request: text("ok").using(700), rate_limits=limits) as server:
        client = sync_client(server)
        client.messages.create(**hello)
        with pytest.raises(anthropic.RateLimitError) as refused:  # 700 of 600 output tokens are used
            client.messages.create(**hello)
        clock.now += float(refused.value.response.headers["retry-after"])
        big = {**hello, "messages": [{"role": "user", "content": "x" * 4 * 6000}]}
        assert client.messages.create(**big).type == "message"  # the input bucket is full again by now
        clock.now += 20
        with pytest.raises(anthropic.RateLimitError) as refused:
            client.messages.create(**big)
        assert float(refused.value.response.headers["retry-after"]) > 30


def _collect(events, seen):
    """Keeps what came before an error."""
    for event in events:
        seen += [event.type]


def _ask(client, stream, **params):
    if not stream:
        return client.messages.create(**params)
    with client.messages.stream(**params) as events:
        return events.get_final_message()
