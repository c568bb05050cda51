"""What the service refuses, the double refuses: by the SDK's own types, and by the API's known rules."""

from __future__ import annotations

import anthropic
import httpx
import pytest

from research.testing import ModelServer, call, echo, text, thinking, tool_calls

TOOL = {"name": "search", "input_schema": {"type": "object"}}
EPHEMERAL = {"type": "ephemeral"}
WEB_SEARCH = {"type": "web_search_20260318", "name": "web_search"}


@pytest.fixture(scope="module")
def server():
    with ModelServer(echo) as running:
        yield running


def user(content):
    return {"role": "user", "content": content}


def tool_use(*ids):
    return {"role": "assistant", "content": [{"type": "tool_use", "id": each, "name": "search", "input": {}} for each in ids]}


def results(*ids):
    return user([{"type": "tool_result", "tool_use_id": each, "content": "x"} for each in ids])


def schema(**inner):
    closed = {"type": "object", "properties": {"a": inner}, "required": ["a"], "additionalProperties": False}
    return {"output_config": {"format": {"type": "json_schema", "schema": closed}}}


BROKEN = {
    "unknown parameter": ({"temperature": 0.5}, "temperature: Extra inputs are not permitted"),
    "no max_tokens": ({"max_tokens": None}, "max_tokens: Input should be a valid integer"),
    "number as text": ({"max_tokens": "100"}, "max_tokens: Input should be a valid integer"),
    "negative max_tokens": ({"max_tokens": -1}, "greater than or equal to 0"),
    "too many tokens": ({"max_tokens": 10**6}, "which is the maximum allowed number of output tokens"),
    "no messages": ({"messages": []}, "at least one message is required"),
    "assistant first": ({"messages": [{"role": "assistant", "content": "hi"}]}, 'first message must use the "user" role'),
    "unknown role": ({"messages": [{"role": "robot", "content": "hi"}]}, "Input tag 'robot' does not match"),
    "empty content": ({"messages": [user("")]}, "must have non-empty content"),
    "empty text": ({"messages": [user([{"type": "text", "text": ""}])]}, "text content blocks must be non-empty"),
    "block without text": ({"messages": [user([{"type": "text"}])]}, "messages.0.content.0.text.text: Field required"),
    "unknown block": ({"messages": [user([{"type": "telepathy"}])]}, "messages.0.content.0: Input tag 'telepathy'"),
    "unknown key in a block": ({"messages": [user([{"type": "text", "text": "a", "b": 1}])]}, "content.0.text.b: Extra inputs"),
    "call without result": ({"messages": [user("q"), tool_use("t1"), user("go on")]}, "without `tool_result` blocks"),
    "last call without result": ({"messages": [user("q"), tool_use("t1")]}, "messages.1: `tool_use` ids were found without"),
    "one of two results": ({"messages": [user("q"), tool_use("t1", "t2"), results("t1")]}, "immediately after: t2"),
    "result without call": ({"messages": [user("q"), tool_use("t1"), results("t1", "t9")]}, "unexpected `tool_use_id`"),
    "result later": ({"messages": [user("q"), results("t1")]}, "unexpected `tool_use_id`"),
    "same result twice": ({"messages": [user("q"), tool_use("t1"), results("t1", "t1")]}, "must have a single result"),
    "text before results": (
        {"messages": [user("q"), tool_use("t1"), user([{"type": "text", "text": "so"}, *results("t1")["content"]])]},
        "without `tool_result` blocks",
    ),
    "same call id twice": ({"messages": [user("q"), tool_use("t1", "t1"), results("t1")]}, "ids must be unique"),
    "tool without schema": ({"tools": [{"name": "a"}]}, "tools.0.custom.input_schema: Field required"),
    "tool named twice": ({"tools": [TOOL, TOOL]}, "Tool names must be unique"),
    "tool with a bad name": ({"tools": [{**TOOL, "name": "a b"}]}, "String should match pattern"),
    "unknown server tool": (
        {"tools": [{"type": "web_search_19990101", "name": "web_search"}]},
        "Input tag 'web_search_19990101'",
    ),
    "choice without tools": ({"tool_choice": {"type": "auto"}}, "may only be specified while providing tools"),
    "choice of another tool": (
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "x"}},
        "'x' not found in provided tools",
    ),
    "both domain lists": (
        {"tools": [{**WEB_SEARCH, "allowed_domains": ["a.org"], "blocked_domains": ["b.org"]}]},
        "cannot be used together",
    ),
    "small budget": ({"thinking": {"type": "enabled", "budget_tokens": 1000}}, "greater than or equal to 1024"),
    "budget over max_tokens": (
        {"thinking": {"type": "enabled", "budget_tokens": 5000}},
        "must be greater than `thinking.budget_tokens`",
    ),
    "adaptive on an old model": ({"thinking": {"type": "adaptive"}}, "adaptive thinking is not supported"),
    "budget on a new model": (
        {"model": "claude-opus-5-5", "thinking": {"type": "enabled", "budget_tokens": 1024}},
        '"thinking.type.enabled" is not supported',
    ),
    "thinking and forced tool": (
        {"model": "claude-opus-5-5", "thinking": {"type": "adaptive"}, "tools": [TOOL], "tool_choice": {"type": "any"}},
        "Thinking may not be enabled when tool_choice forces tool use",
    ),
    "effort on an old model": ({"output_config": {"effort": "high"}}, "does not support the effort parameter"),
    "unknown effort": (
        {"model": "claude-opus-5-5", "output_config": {"effort": "huge"}},
        "output_config.effort: Input should be",
    ),
    "prefill on a new model": (
        {"model": "claude-opus-5-5", "messages": [user("q"), {"role": "assistant", "content": "A:"}]},
        "does not support assistant message prefill",
    ),
    "prefill with a space": (
        {"messages": [user("q"), {"role": "assistant", "content": [{"type": "text", "text": "A: "}]}]},
        "whitespace",
    ),
    "five breakpoints": (
        {"messages": [user([{"type": "text", "text": "a", "cache_control": EPHEMERAL}] * 5)]},
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "long after short cache": (
        {"system": [{"type": "text", "text": "a", "cache_control": EPHEMERAL}],
         "messages": [user([{"type": "text", "text": "a", "cache_control": {**EPHEMERAL, "ttl": "1h"}}])]},
        "must not come after a ttl='5m'",
    ),
    "made-up thinking": (
        {"messages": [user("q"), {"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": "y"},
                                                                    {"type": "text", "text": "a"}]}, user("r")]},
        "Invalid `signature`",
    ),
    "open object": (
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        "explicitly set to false",
    ),
    "number range": (schema(type="integer", minimum=1), "'minimum' is not supported"),
    "text length": (schema(type="string", maxLength=5), "'maxLength' is not supported"),
    "list length": (schema(type="array", items={"type": "string"}, minItems=2), "'minItems' values other than 0 or 1"),
    "unknown format": (schema(type="string", format="phone"), "format 'phone' is not supported"),
    "alternatives": (schema(oneOf=[{"type": "string"}]), "'oneOf' is not supported"),
    "outer reference": (schema(**{"$ref": "https://example.org/s.json"}), "External $ref"),
    "recursion": (schema(**{"$ref": "#"}), "Recursive schemas are not supported"),
    "blank stop sequence": ({"stop_sequences": [" "]}, "non-whitespace"),
    "too long a prompt": ({"messages": [user("x" * 900_000)]}, "prompt is too long: 225000 tokens > 200000 maximum"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), BROKEN.values(), ids=BROKEN)
def test_a_bad_request_is_refused_in_the_services_words(server, sync_client, hello, change, words):
    """400 `invalid_request_error`, and a message that names what is wrong."""
    with pytest.raises(anthropic.BadRequestError) as refused:
        sync_client(server).post("/v1/messages", body={**hello, **change}, cast_to=object)
    assert refused.value.type == "invalid_request_error"
    assert words in refused.value.api_message


GOOD = {
    "system text": {"system": "Be brief."},
    "system in the middle": {"messages": [user("q"), {"role": "system", "content": "Be brief."}, user("r")]},
    "two user turns": {"messages": [user("q"), user("r")]},
    "results and text after": {
        "messages": [user("q"), tool_use("t1", "t2"), user([*results("t2", "t1")["content"], {"type": "text", "text": "so?"}])],
        "tools": [TOOL],
    },
    "call without tools": {"messages": [user("q"), tool_use("t1"), results("t1")]},
    "four breakpoints": {"messages": [user([{"type": "text", "text": "a", "cache_control": EPHEMERAL}] * 4)]},
    "long before short cache": {
        "system": [{"type": "text", "text": "a", "cache_control": {**EPHEMERAL, "ttl": "1h"}}],
        "messages": [user([{"type": "text", "text": "a", "cache_control": EPHEMERAL}])],
    },
    "budget": {"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}},
    "adaptive": {"model": "claude-opus-5-5", "thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}},
    "nullable": schema(anyOf=[{"type": "string", "format": "date"}, {"type": "null"}]),
    "type list": schema(type=["integer", "null"]),
    "reference": {
        "output_config": {"format": {"type": "json_schema", "schema": {"$ref": "#/$defs/A", "$defs": {"A": {
            "type": "object", "properties": {"b": {"$ref": "#/$defs/B"}}, "additionalProperties": False}, "B": {"enum": ["x"]}}}}}
    },
    "server tools": {"tools": [{**WEB_SEARCH, "max_uses": 3, "allowed_domains": ["a.org"]}]},
    "prefill": {"messages": [user("q"), {"role": "assistant", "content": "A:"}]},
    "stop sequences and labels": {"stop_sequences": ["END"], "metadata": {"user_id": "u"}, "service_tier": "auto"},
    "automatic caching": {"cache_control": EPHEMERAL},
}  # fmt: skip


@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
def test_a_good_request_passes(server, sync_client, hello, change):
    """What the types and the rules allow is answered, and counted."""
    client = sync_client(server)
    assert client.messages.create(**{**hello, **change}).type == "message"
    counted = {
        key: value
        for key, value in {**hello, **change}.items()
        if key in anthropic.types.MessageCountTokensParams.__annotations__
    }
    assert client.messages.count_tokens(**counted).input_tokens > 0


def test_no_key_no_entry(server, sync_client, hello):
    """401 without a key, or with one that is not let in; the key is not kept."""
    assert httpx.post(f"{server.url}/v1/messages", json=hello).status_code == 401
    with ModelServer(echo, api_keys=["right"]) as strict:
        with pytest.raises(anthropic.AuthenticationError):
            sync_client(strict).messages.create(**hello)
        headers = {"x-api-key": "right", "anthropic-version": "2023-06-01"}
        assert httpx.post(f"{strict.url}/v1/messages", json=hello, headers=headers).status_code == 200
        assert "right" not in repr(strict.requests)
        assert "Bearer" not in repr(strict.requests)


def test_the_version_header_is_required(server, hello):
    """As the service does."""
    answer = httpx.post(f"{server.url}/v1/messages", json=hello, headers={"x-api-key": "k"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "anthropic-version: header is required")


def test_what_does_not_exist_is_not_found(server, sync_client, hello):
    """404 for an unknown model, path or batch; a server may be told to take every model."""
    client = sync_client(server)
    with pytest.raises(anthropic.NotFoundError, match="model: claude-9"):
        client.messages.create(**{**hello, "model": "claude-9"})
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("claude-9")
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.retrieve("msgbatch_1")
    with pytest.raises(anthropic.NotFoundError):
        client.get("/v1/nothing", cast_to=object)
    with ModelServer(echo, models=None) as lenient:
        assert sync_client(lenient).messages.create(**{**hello, "model": "qwen3:8b"}).model == "qwen3:8b"


def test_a_body_that_is_not_json_is_refused(server):
    """400 in the API's own form."""
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    answer = httpx.post(f"{server.url}/v1/messages", content=b'{"model": ', headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_models_are_listed_in_pages(server, sync_client):
    """Every model that the SDK names, page by page, and each by its id."""
    client = sync_client(server)
    listed = [model.id for model in client.models.list(limit=5)]
    assert len(listed) == len(set(listed)) > 5
    assert client.models.retrieve(listed[-1]).id == listed[-1]


def test_a_request_is_kept_as_received(sync_client, hello):
    """Parameters, headers, arrival, and how often the same was asked."""
    with ModelServer(lambda request: tool_calls(call("search", query="q"))) as server:
        client = sync_client(server)
        for _ in range(2):
            client.messages.create(**hello, tools=[TOOL], system="Be brief.")
        first, second = server.requests
    assert (first.model, first.system, first.text, first.tools, first.turn) == (
        hello["model"],
        "Be brief.",
        "Hello",
        ["search"],
        0,
    )
    assert first.params["max_tokens"] == 1000
    assert first.headers["user-agent"].startswith("Anthropic")
    assert first.headers["authorization"] == "(masked)"
    assert (first.key, first.attempt, second.attempt) == (second.key, 1, 2)
    assert first.arrived <= first.answered.at <= second.arrived
    assert first.answered.message["content"][0]["name"] == "search"


def test_thinking_must_come_back_before_the_results_of_its_calls(sync_client, hello):
    """With a thinking budget, a turn with calls is refused without its thinking, and taken with it."""
    options = {**hello, "max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}, "tools": [TOOL]}
    with ModelServer([thinking("Hm.") + tool_calls(call("search")), text("done")]) as server:
        client = sync_client(server)
        said = client.messages.create(**options).to_param()
        ending = results(said["content"][1].id)
        with pytest.raises(anthropic.BadRequestError, match="Expected `thinking`"):
            client.messages.create(
                **{**options, "messages": [*hello["messages"], {**said, "content": said["content"][1:]}, ending]}
            )
        assert client.messages.create(**{**options, "messages": [*hello["messages"], said, ending]}).content[0].text == "done"
