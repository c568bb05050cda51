"""Every tier's requests are what the SDK's own types say, and keep to the tier's limits, whatever the model does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
from claude_doubles import PAGES, SCHEMA, answer, ask, ask_model, claude, found, role_of, task
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from research.money.processors import PROCESSOR_NAMES, ROLES, load_processors
from research.pipeline import research
from research.ports.world import World
from research.testing import ModelServer, Pages, Reply, Request, call, structured, text, tool_calls

PLAIN = TypeAdapter(MessageCreateParamsNonStreaming)
STREAMED = TypeAdapter(MessageCreateParamsStreaming)

CALLS = st.one_of(
    st.just(call("search", query="Voyager")),
    st.sampled_from([*PAGES, "https://nowhere.example/"]).map(lambda url: call("read", url=url, about="launch")),
    st.sampled_from([call("search", {}), call("read", url="x"), call("search", {"query": 3}), call("shell", command="ls")]),
)
TURNS = st.one_of(
    st.lists(CALLS, min_size=1, max_size=6).map(lambda calls: tool_calls(*calls).anyway()),
    st.just(text("Not JSON.").anyway()),
    st.just(answer(found("launched", "1977-09-05", "p2"), missing=["operator"])),
    st.just(answer(found("launched", "soon", "p99"), missing=["operator"])),
    st.just(answer(missing=list(SCHEMA))),
)


class Scripts:
    """A server whose script is changed from run to run."""

    def __init__(self) -> None:
        self.script: list[Reply] = []
        self.model: Any = None
        self.server = ModelServer(self.rule)
        self.loop = asyncio.new_event_loop()

    def rule(self, request: Request) -> Reply:
        role = role_of(request)
        if role == "plan":
            every = [{"question": f"{name}?", "fields": [name], "label": name} for name in SCHEMA]
            return structured({"subqueries": every})
        if role == "grade":
            more = {"question": "Once more?", "fields": ["operator"], "label": "more"}
            return structured({"fields": [], "ask": [more]})
        if role == "judge":
            return structured({"claims": []})
        if role == "synthesize":
            return answer(missing=list(SCHEMA), report="Nothing was found.")
        return self.script.pop(0) if self.script else answer(missing=list(SCHEMA)).anyway()


@pytest.fixture(scope="module")
def scripts() -> Iterator[Scripts]:
    running = Scripts()
    with running.server, closing(running.loop):
        opened = claude(running.server)
        running.model = running.loop.run_until_complete(opened.__aenter__())
        yield running
        running.loop.run_until_complete(opened.__aexit__(None, None, None))


@settings(max_examples=50)  # 500 in tests/benchmarks/claude_bench.py
@given(st.lists(TURNS, max_size=8), st.sampled_from(PROCESSOR_NAMES))
def test_tool_calls_are_never_over_budget_and_every_request_is_what_the_sdk_says(
    scripts: Scripts, script: list[Reply], tier: Any
) -> None:
    scripts.script = list(script)
    scripts.server.requests.clear()
    shelf = Pages(PAGES)
    result = scripts.loop.run_until_complete(ask_model(scripts.model, task(processor=tier, max_subqueries=3), shelf))
    assert result.status in ("completed", "failed")
    budget = load_processors()[tier]
    conversations = [r for r in scripts.server.requests if role_of(r) == "investigate" and r.turn == 0]
    assert result.usage.tool_calls <= budget.tool_calls * len(conversations)
    assert len(shelf.queries) + len(shelf.fetched) <= budget.tool_calls * len(conversations)
    for request in scripts.server.requests:
        assert request.answered is not None
        assert request.answered.status == 200, "the double refuses what the SDK's types, or the service's rules, do not allow"
        made = [each for each in request.tool_results if not each.is_error]
        assert len(made) <= budget.tool_calls
        assert request.turn < budget.max_steps
        if len([e for e in request.tool_results if not e.text.startswith(("The input of", "<error"))]) >= budget.tool_calls:
            assert request.tools == []


@pytest.mark.parametrize("tier", PROCESSOR_NAMES)
async def test_every_request_of_a_tier_has_its_roles_own_settings(tier: Any):
    scripts = Scripts()
    scripts.script = [
        tool_calls(call("read", url=next(iter(PAGES)), about="launch")),
        answer(found("operator", "a space agency of America", "p2"), missing=["launched"]),
    ] * 2
    with scripts.server as server:
        await ask(server, task(processor=tier))
        seen = set()
        for request in server.requests:
            role: Any = role_of(request)
            own = load_processors()[tier].roles[role]
            seen.add(role)
            (STREAMED if request.params.get("stream") else PLAIN).validate_python(request.params, strict=True)
            assert request.model == own.model
            assert request.params["max_tokens"] == own.max_tokens
            assert request.params.get("thinking") == (None if own.thinking is None else {"type": own.thinking})
            assert request.params["output_config"].get("effort") == own.effort
    assert seen >= ({"plan", "investigate", "grade", "synthesize"} if tier == "research" else {"investigate", "judge"})


async def test_another_model_does_everything_in_its_own_way():
    """What a tier says of thinking is said of its own model."""
    with ModelServer(Scripts().rule, models=None) as server:
        async with claude(server, model="qwen3:8b") as model:
            shelf = Pages(PAGES)
            result = await research(task(processor="research"), World(model, shelf, shelf))
        assert {request.model for request in server.requests} == {"qwen3:8b"}
        assert not any("thinking" in r.params or "effort" in r.params["output_config"] for r in server.requests)
    assert result.status == "completed"
    assert result.cost_usd is None, "a price that is not known makes no cost of 0"


def test_the_models_identity_changes_with_what_changes_answers_and_holds_no_secret():
    from research.models.claude import ClaudeModel

    calls: Any = object()
    table = load_processors()
    dearer = table.model_copy(update={"tiers": {**table.tiers, "base": table["base"].model_copy(update={"tool_calls": 4})}})
    cheaper = table.model_copy(update={"prices": {}})
    plain = ClaudeModel(calls).identity
    assert ClaudeModel(calls).identity == plain == ClaudeModel(calls, cheaper).identity
    others = [
        ClaudeModel(calls, dearer),
        ClaudeModel(calls, model="claude-opus-5-5"),
        ClaudeModel(calls, server="http://localhost:1"),
    ]
    assert len({plain, *(other.identity for other in others)}) == 4


async def test_all_calls_of_a_kind_share_their_prefix():
    """Tools, instructions and schema are the same, byte for byte, for every row: what differs comes after the breakpoint."""
    with ModelServer(Scripts().rule) as server:
        async with claude(server) as model:
            for row in range(3):
                shelf = Pages(PAGES)
                asked = task(task=f"Facts about probe {row}", input={"n": row}, processor="research")
                await research(asked, World(model, shelf, shelf))
        for role in ROLES:
            ours = [r for r in server.requests if role_of(r) == role]
            stable = {repr((r.model, r.params.get("tools"), r.params["system"], r.params["output_config"])) for r in ours}
            assert len(stable) <= 1, role
            assert all("probe" not in r.system for r in ours)
