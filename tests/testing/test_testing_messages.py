"""The double answers the real SDK: plain and streamed, tools, structured output, server tools, every stop reason."""

from __future__ import annotations

import json

import anthropic
import pytest
from pydantic import BaseModel

from research.testing import (
    ImpossibleReply,
    ModelServer,
    ScriptIsOver,
    WebPage,
    call,
    cited,
    cited_document,
    cut,
    echo,
    overflowed,
    paused,
    refusal,
    structured,
    text,
    thinking,
    tool_calls,
    web_fetch,
    web_search,
)

SEARCH = {
    "name": "search",
    "input_schema": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
}
YEAR = {"type": "object", "properties": {"year": {"type": "integer"}}, "required": ["year"], "additionalProperties": False}
PAGE = WebPage("https://example.org/voyager", "Voyager 1", "Voyager 1 was launched on 5 September 1977.")
WEB = [{"type": "web_search_20250305", "name": "web_search"}, {"type": "web_fetch_20250910", "name": "web_fetch"}]


def test_a_script_is_answered_in_order(sync_client, hello):
    """Each request takes the next answer of the script."""
    with ModelServer([text("one"), text("two")]) as server:
        client = sync_client(server)
        said = [client.messages.create(**hello).content[0].text for _ in range(2)]
    assert said == ["one", "two"]


def test_a_rule_sees_the_request(sync_client, hello):
    """A rule is a function of what was asked."""
    with ModelServer(lambda request: text(f"{request.model} heard {request.text}")) as server:
        assert sync_client(server).messages.create(**hello).content[0].text == "claude-haiku-4-5 heard Hello"


async def test_an_async_rule_and_an_async_client(async_client, hello):
    """Rules may be async; the server is entered with `async with` as well."""

    async def rule(request):
        return text("later")

    async with ModelServer(rule) as server, async_client(server) as client:
        assert (await client.messages.create(**hello)).content[0].text == "later"


@pytest.mark.parametrize("stream", [False, True])
def test_several_tool_calls_come_in_one_turn(sync_client, hello, stream):
    """Parallel calls have different ids, and their results reach the rule by name and input."""

    def rule(request):
        if request.turn == 0:
            return text("Looking.") + tool_calls(call("search", query="a"), call("search", {"query": "b"}))
        return text(" ".join(f"{each.name}({each.input['query']})={each.text}" for each in request.tool_results))

    with ModelServer(rule, chunk=3) as server:
        client = sync_client(server)
        first = _ask(client, stream, **hello, tools=[SEARCH])
        calls = [block for block in first.content if block.type == "tool_use"]
        assert first.stop_reason == "tool_use"
        assert [each.input for each in calls] == [{"query": "a"}, {"query": "b"}]
        assert len({each.id for each in calls}) == 2
        results = [{"type": "tool_result", "tool_use_id": each.id, "content": f"found {each.input['query']}"} for each in calls]
        hello["messages"] = [*hello["messages"], first.to_param(), {"role": "user", "content": results}]
        second = _ask(client, stream, **hello, tools=[SEARCH])
    assert second.content[0].text == "search(a)=found a search(b)=found b"


@pytest.mark.parametrize("stream", [False, True])
def test_structured_output_arrives_as_the_sdk_parses_it(sync_client, hello, stream):
    """`output_format` of the SDK becomes a schema on the wire, and the answer becomes an instance again."""

    class Launch(BaseModel):
        year: int

    with ModelServer(lambda request: structured({"year": 1977})) as server:
        client = sync_client(server)
        if stream:
            with client.messages.stream(**hello, output_format=Launch) as events:
                parsed = events.get_final_message().parsed_output
        else:
            parsed = client.messages.parse(**hello, output_format=Launch).parsed_output
        assert parsed == Launch(year=1977)
        assert server.requests[0].schema["additionalProperties"] is False


@pytest.mark.parametrize("stream", [False, True])
def test_server_tools_bring_results_and_citations(sync_client, hello, stream):
    """Web search and fetch show their calls, results and citations, and are counted in the usage."""
    reply = web_search("voyager", PAGE) + web_fetch(PAGE) + cited("In 1977.", PAGE, "launched on 5 September 1977")
    with ModelServer([reply]) as server:
        answer = _ask(sync_client(server), stream, **hello, tools=WEB)
    kinds = [block.type for block in answer.content]
    assert kinds == ["server_tool_use", "web_search_tool_result", "server_tool_use", "web_fetch_tool_result", "text"]
    assert answer.content[1].tool_use_id == answer.content[0].id
    assert answer.content[3].tool_use_id == answer.content[2].id
    assert len({answer.content[0].id, answer.content[2].id} - {""}) == 2
    assert answer.content[1].content[0].url == PAGE.url
    assert answer.content[3].content.content.source.data == PAGE.text
    assert answer.content[4].citations[0].cited_text == "launched on 5 September 1977"
    assert (answer.usage.server_tool_use.web_search_requests, answer.usage.server_tool_use.web_fetch_requests) == (1, 1)


def test_a_citation_of_a_document_has_its_offsets(sync_client, hello):
    """Character offsets of a quote are found in the document; a quote that is not there is the test's mistake."""
    with ModelServer([cited_document("In 1977.", PAGE.text, "5 September 1977")]) as server:
        citation = sync_client(server).messages.create(**hello).content[0].citations[0]
    assert PAGE.text[citation.start_char_index : citation.end_char_index] == "5 September 1977"
    with pytest.raises(ValueError, match="does not stand in the document"):
        cited_document("In 1978.", PAGE.text, "1978")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("reply", "stop"),
    [
        (text("done"), "end_turn"),
        (tool_calls(call("search", query="a")), "tool_use"),
        (cut("half a sent"), "max_tokens"),
        (refusal("I can", category="bio", explanation="no"), "refusal"),
        (refusal(), "refusal"),
        (paused(web_search("voyager", PAGE)), "pause_turn"),
        (overflowed("so far"), "model_context_window_exceeded"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_stop_reason_arrives(sync_client, hello, stream, reply, stop):
    """Each way for a turn to end, plain and streamed, with the details of a refusal."""
    with ModelServer([reply]) as server:
        answer = _ask(sync_client(server), stream, **hello, tools=[SEARCH, *WEB])
    assert answer.stop_reason == stop
    assert (answer.stop_details is not None) == (stop == "refusal")


@pytest.mark.parametrize("stream", [False, True])
def test_whatever_was_said_can_be_sent_back(sync_client, hello, stream):
    """Every kind of block that the double sends passes its own check of requests when it comes back."""
    said = thinking("Hm.") + web_search("v", PAGE) + web_fetch(PAGE) + cited("In 1977.", PAGE, "1977")
    said += web_search("w", error="max_uses_exceeded") + web_fetch(PAGE, error="url_not_accessible")
    with ModelServer([paused(said), text("done")], chunk=5) as server:
        client = sync_client(server)
        first = _ask(client, stream, **hello, tools=WEB)
        hello["messages"] = [*hello["messages"], first.to_param()]
        assert _ask(client, stream, **hello, tools=WEB).content[0].text == "done"


def test_a_stream_has_the_events_of_the_service(sync_client, hello):
    """Raw events in order, with thinking, citations and tool input in deltas; ping and all."""
    reply = thinking("abcdef") + cited("In 1977.", PAGE, "1977") + tool_calls(call("search", query="q"))
    with ModelServer([reply], chunk=4) as server:
        raw = sync_client(server).messages.with_raw_response.create(**hello, tools=[SEARCH], stream=True)
        events = [json.loads(line[6:]) for line in raw.http_response.read().decode().splitlines() if line.startswith("data: ")]
    assert [event["type"] for event in events if event["type"] != "content_block_delta"] == [
        "message_start", "content_block_start", "ping", "content_block_stop", "content_block_start", "content_block_stop",
        "content_block_start", "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    deltas = [event["delta"]["type"] for event in events if event["type"] == "content_block_delta"]
    assert list(dict.fromkeys(deltas)) == [
        "thinking_delta",
        "signature_delta",
        "citations_delta",
        "text_delta",
        "input_json_delta",
    ]


def test_a_streamed_message_equals_the_plain_one(sync_client, hello):
    """Streaming changes the form, not the message: content, usage and stop reason are the same."""
    reply = thinking("let me see") + cited("In 1977 it was.", PAGE, "1977") + tool_calls(call("search", query="größer"))
    with ModelServer(lambda request: reply, chunk=3) as server:
        client = sync_client(server)
        plain, streamed = (_ask(client, stream, **hello, tools=[SEARCH]).model_dump() for stream in (False, True))
    ids = ("id", "parsed_output")
    assert [{k: v for k, v in block.items() if k not in ids} for block in plain["content"]] == [
        {k: v for k, v in block.items() if k not in ids} for block in streamed["content"]
    ]
    assert plain["usage"] == streamed["usage"]
    assert plain["stop_reason"] == streamed["stop_reason"]


@pytest.mark.parametrize("stream", [False, True])
def test_omitted_thinking_shows_its_signature_only(sync_client, hello, stream):
    """`display: omitted` empties the block; it is counted all the same, and may come back."""
    hello |= {"model": "claude-opus-5-5", "thinking": {"type": "adaptive", "display": "omitted"}}
    with ModelServer([thinking("Hm, let me see.") + text("a"), text("b")]) as server:
        client = sync_client(server)
        first = _ask(client, stream, **hello)
        assert (first.content[0].thinking, bool(first.content[0].signature)) == ("", True)
        assert first.usage.output_tokens_details.thinking_tokens == 4
        hello["messages"] = [*hello["messages"], first.to_param(), {"role": "user", "content": "and?"}]
        assert _ask(client, stream, **hello).content[0].text == "b"


def test_max_tokens_and_stop_sequences_end_a_reply(sync_client, hello):
    """The reply goes as far as the request lets it, and the stop reason says why it ended."""
    with ModelServer(lambda request: text("one two three four five six")) as server:
        client = sync_client(server)
        short = client.messages.create(**{**hello, "max_tokens": 2})
        stopped = client.messages.create(**hello, stop_sequences=["five", "three"])
        warmed = client.messages.create(**{**hello, "max_tokens": 0})
    assert (short.content[0].text, short.stop_reason, short.usage.output_tokens) == ("one two ", "max_tokens", 2)
    assert (stopped.content[0].text, stopped.stop_reason, stopped.stop_sequence) == ("one two ", "stop_sequence", "three")
    assert (warmed.content, warmed.stop_reason) == ([], "max_tokens")


def test_tool_input_can_be_broken(sync_client, hello):
    """Text in place of arguments arrives as it is: malformed JSON in a stream makes the SDK fail as it really does."""
    with ModelServer(lambda request: tool_calls(call("search", '{"query": a}'))) as server:
        client = sync_client(server)
        assert client.messages.create(**hello, tools=[SEARCH]).content[0].input == '{"query": a}'
        with pytest.raises(ValueError, match="Unable to parse tool parameter JSON"):
            _ask(client, True, **hello, tools=[SEARCH])


@pytest.mark.parametrize(
    ("reply", "options", "words"),
    [
        (tool_calls(call("find")), {"tools": [SEARCH]}, "calls the tool 'find', and the request offers search"),
        (tool_calls(call("search")), {"tools": [SEARCH], "tool_choice": {"type": "none"}}, "offers none"),
        (text("no"), {"tools": [SEARCH], "tool_choice": {"type": "any"}}, "calls no tool"),
        (text("no"), {"output_config": {"format": {"type": "json_schema", "schema": YEAR}}}, "is not JSON"),
        (structured({}), {"output_config": {"format": {"type": "json_schema", "schema": YEAR}}}, "'year' is a required property"),
        (web_search("v", PAGE), {}, "does not offer that server tool"),
    ],
)
def test_a_rule_that_says_what_the_service_cannot_is_stopped(sync_client, hello, reply, options, words):
    """Such a test would prove nothing: it fails on leaving the server. `anyway()` says it is meant."""
    server = ModelServer([reply]).start()
    with pytest.raises(anthropic.InternalServerError, match="ImpossibleReply"):
        sync_client(server).messages.create(**hello, **options)
    with pytest.raises(ImpossibleReply, match=words):
        server.__exit__(None, None, None)
    with ModelServer([reply.anyway()]) as server:
        sync_client(server).messages.create(**hello, **options)


def test_a_script_that_is_over_fails_the_test(sync_client, hello):
    """More requests than answers: the client sees an error that it does not retry, and leaving the server raises."""
    server = ModelServer([]).start()
    with pytest.raises(anthropic.InternalServerError):
        sync_client(server, max_retries=5).messages.create(**hello)
    assert len(server.requests) == 1
    with pytest.raises(ScriptIsOver, match="has 0 answers"):
        server.__exit__(None, None, None)


def test_echo_answers_anything(sync_client, hello):
    """The ready rule for benchmarks says what was said, or the smallest value of the schema."""
    with ModelServer(echo) as server:
        client = sync_client(server)
        assert client.messages.create(**hello).content[0].text == "Hello"
        form = {"output_config": {"format": {"type": "json_schema", "schema": YEAR}}}
        assert client.messages.create(**hello, **form).content[0].text == '{"year": 0}'


def _ask(client, stream, **params):
    if not stream:
        return client.messages.create(**params)
    with client.messages.stream(**params) as events:
        return events.get_final_message()
