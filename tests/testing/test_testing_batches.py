"""Message Batches with the real SDK: processed while one polls, matched by custom_id, every way for an entry to end."""

from __future__ import annotations

import asyncio

import anthropic
import httpx2
import pytest

from research.testing import (
    Batches,
    Faults,
    ModelServer,
    WebPage,
    canceled,
    cited,
    echo,
    errored,
    expired,
    fail,
    text,
    web_search,
)


def entries(hello, *names):
    return [{"custom_id": name, "params": {**hello, "messages": [{"role": "user", "content": name}]}} for name in names]


def test_a_batch_ends_after_some_polls_and_its_results_are_matched_by_id(sync_client, hello):
    """In progress, then ended; results come shuffled, at the batch's tier, with the answers of the rule."""
    names = [f"row-{number}" for number in range(20)]
    with ModelServer(echo, batches=Batches(polls=3)) as server:
        batches = sync_client(server).messages.batches
        batch = batches.create(requests=entries(hello, *names))
        assert (batch.processing_status, batch.request_counts.processing, batch.results_url) == ("in_progress", 20, None)
        states = [batches.retrieve(batch.id).processing_status for _ in range(3)]
        assert states == ["in_progress", "in_progress", "ended"]
        results = list(batches.results(batch.id))
        assert [each.id for each in batches.list()] == [batch.id]
        assert batches.retrieve(batch.id).request_counts.succeeded == 20
    assert {each.custom_id: each.result.message.content[0].text for each in results} == dict(zip(names, names, strict=True))
    assert [each.custom_id for each in results] != names
    assert results[0].result.message.usage.service_tier == "batch"
    assert [each.custom_id for each in server.requests] == names


def test_every_way_for_an_entry_to_end(sync_client, hello):
    """Succeeded, errored, expired, canceled: counted, and told apart in the results."""
    ends = {"good": text("ok"), "broken": errored(500, "oops"), "late": expired(), "gone": canceled()}
    with ModelServer(lambda request: ends[request.custom_id]) as server:
        batches = sync_client(server).messages.batches
        batch = batches.create(requests=entries(hello, *ends))
        results = {each.custom_id: each.result for each in batches.results(batch.id)}
        counts = batches.retrieve(batch.id).request_counts
    assert {name: result.type for name, result in results.items()} == {
        "good": "succeeded", "broken": "errored", "late": "expired", "gone": "canceled",
    }  # fmt: skip
    assert (results["broken"].error.error.type, results["broken"].error.error.message) == ("api_error", "oops")
    assert (counts.succeeded, counts.errored, counts.expired, counts.canceled, counts.processing) == (1, 1, 1, 1, 0)


def test_an_entry_with_bad_parameters_errs_alone(sync_client, hello):
    """Parameters are checked when an entry is processed: the others succeed."""
    bad = {"custom_id": "bad", "params": {**hello, "temperature": 1}}
    streamed = {"custom_id": "streamed", "params": {**hello, "stream": True}}
    with ModelServer(echo) as server:
        batches = sync_client(server).messages.batches
        batch = batches.create(requests=[*entries(hello, "good"), bad, streamed])
        results = {each.custom_id: each.result for each in batches.results(batch.id)}
    assert results["good"].type == "succeeded"
    assert results["bad"].error.error.type == "invalid_request_error"
    assert "temperature" in results["bad"].error.error.message
    assert results["streamed"].type == "errored"


def test_a_canceled_batch_keeps_what_was_done(sync_client, hello):
    """Canceling, then ended: half was processed after one of two polls, the rest is canceled and was never asked."""
    with ModelServer(echo, batches=Batches(polls=2)) as server:
        batches = sync_client(server).messages.batches
        batch = batches.create(requests=entries(hello, *"abcd"))
        batches.retrieve(batch.id)
        assert batches.cancel(batch.id).processing_status == "canceling"
        ended = batches.retrieve(batch.id)
        results = {each.custom_id: each.result.type for each in batches.results(batch.id)}
    assert ended.processing_status == "ended"
    assert results == {"a": "succeeded", "b": "succeeded", "c": "canceled", "d": "canceled"}
    assert [each.custom_id for each in server.requests if each.answered] == ["a", "b"]


def test_a_batch_can_go_by_the_clock_and_expire(sync_client, hello):
    """Entries are processed evenly over `seconds`; what is left at the expiry date expires."""
    now = [0.0]
    with ModelServer(echo, batches=Batches(seconds=100, expires_after=60, clock=lambda: now[0])) as server:
        batches = sync_client(server).messages.batches
        batch = batches.create(requests=entries(hello, *"abcd"))
        now[0] = 55
        assert batches.retrieve(batch.id).processing_status == "in_progress"
        now[0] = 61
        results = {each.custom_id: each.result.type for each in batches.results(batch.id)}
    assert results == {"a": "succeeded", "b": "succeeded", "c": "expired", "d": "expired"}


def test_faults_meet_entries_too(sync_client, hello):
    """By rate and seed, as requests: an entry errs, or expires."""
    with ModelServer(echo, faults=Faults({"errored": 0.3, "expired": 0.3}, seed=4)) as server:
        batches = sync_client(server).messages.batches
        batch = batches.create(requests=entries(hello, *(f"row-{number}" for number in range(60))))
        counts = batches.retrieve(batch.id).request_counts
    assert counts.errored == server.faults_served["errored"] > 5
    assert counts.expired == server.faults_served["expired"] > 5
    assert counts.succeeded == 60 - counts.errored - counts.expired


def test_a_gate_can_fail_any_call_before_or_after_it_was_carried_out(sync_client, hello):
    """A batch whose creation was answered into the void exists: whoever asks for it again pays twice."""
    failures = {1: fail("529", retry_after=0.01), 2: fail("lost"), 4: fail("html"), 6: fail("cut_body")}
    calls = []

    def gate(http):
        calls.append(http.path)
        return failures.get(len(calls))

    with ModelServer(echo, gate=gate) as server:
        batches = sync_client(server).messages.batches
        for error in (anthropic.InternalServerError, anthropic.APIConnectionError):
            with pytest.raises(error):
                batches.create(requests=entries(hello, "a"))
        (found,) = list(batches.list())
        with pytest.raises(anthropic.InternalServerError):
            batches.retrieve(found.id)
        assert batches.retrieve(found.id).processing_status == "ended"
        with pytest.raises((anthropic.APIConnectionError, httpx2.RemoteProtocolError)):
            batches.retrieve(found.id)
        assert [each.custom_id for each in batches.results(found.id)] == ["a"]
    assert server.faults_served == {"529": 1, "lost": 1, "html": 1, "cut_body": 1}


def test_two_looks_at_once_process_an_entry_once(hello, async_client):
    """However slow the rule."""
    asked = []

    async def rule(request):
        asked.append(request.custom_id)
        await asyncio.sleep(0.05)
        return text("ok")

    async def run():
        async with ModelServer(rule) as server, async_client(server) as client:
            batch = await client.messages.batches.create(requests=entries(hello, *"abc"))
            looks = await asyncio.gather(*(client.messages.batches.retrieve(batch.id) for _ in range(3)))
            assert {each.request_counts.succeeded for each in looks} == {3}
            assert asked == ["a", "b", "c"]

    asyncio.run(run())


def test_server_tools_work_in_batches(sync_client, hello):
    """The server reads the pages: results and citations are in the message."""
    page = WebPage("https://example.org", "Example", "Launched in 1977.")
    hello["tools"] = [{"type": "web_search_20250305", "name": "web_search"}]
    with ModelServer([web_search("q", page) + cited("1977", page, "in 1977")]) as server:
        batches = sync_client(server).messages.batches
        batch = batches.create(requests=entries(hello, "a"))
        message = next(iter(batches.results(batch.id))).result.message
    assert message.content[-1].citations[0].url == page.url


@pytest.mark.parametrize(
    ("requests", "words"),
    [
        ([], "at least 1 item"),
        (["a", "a"], "must be unique"),
        (["a b"], "should match pattern"),
    ],
)
def test_a_bad_list_of_entries_is_refused_as_a_whole(sync_client, hello, requests, words):
    with ModelServer(echo) as server, pytest.raises(anthropic.BadRequestError, match=words):
        sync_client(server).messages.batches.create(requests=entries(hello, *requests))


def test_a_batch_is_deleted_only_when_it_has_ended(sync_client, hello):
    with ModelServer(echo) as server:
        batches = sync_client(server).messages.batches
        batch = batches.create(requests=entries(hello, "a"))
        with pytest.raises(anthropic.BadRequestError, match="in progress"):
            batches.delete(batch.id)
        with pytest.raises(anthropic.AnthropicError, match="results"):
            sync_client(server).get(f"/v1/messages/batches/{batch.id}/results", cast_to=object)
        batches.retrieve(batch.id)
        assert batches.delete(batch.id).id == batch.id
        assert list(batches.list()) == []
