"""The double's prompt cache does what the service publishes, and its numbers always add up."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.testing import ModelServer, PromptCache, echo, text
from research.testing.tokens import input_tokens

MARK = {"cache_control": {"type": "ephemeral"}}
LONG = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def part(words, mark=None):
    return {"type": "text", "text": words, **(mark or {})}


def params(*, tools=(), system=(), user=(), model="m", **more):
    return {
        "model": model,
        "tools": list(tools),
        "system": list(system),
        "messages": [{"role": "user", "content": list(user)}],
        **more,
    }


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def ask(cache, request):
    use = cache.measure(request)
    cache.begin(use)
    return use


def test_the_sdk_sees_what_was_written_and_read(sync_client, hello):
    """First request writes the prefix, the second reads it; what follows the breakpoint is fresh."""
    hello["system"] = [part("s" * 8000, MARK)]
    with ModelServer(echo) as server:
        client = sync_client(server)
        first = client.messages.create(**hello).usage
        with client.messages.stream(**hello) as events:
            second = events.get_final_message().usage
    assert (first.cache_creation_input_tokens, first.cache_read_input_tokens, first.input_tokens) == (2000, 0, 2)
    assert first.cache_creation.ephemeral_5m_input_tokens == 2000
    assert (second.cache_creation_input_tokens, second.cache_read_input_tokens, second.input_tokens) == (0, 2000, 2)


def test_without_a_breakpoint_nothing_is_cached():
    cache = PromptCache(1)
    request = params(system=[part("s" * 400)])
    assert [ask(cache, request).read for _ in range(2)] == [0, 0]


def test_a_prefix_below_the_minimum_is_not_cached():
    """By model, if so configured."""
    cache = PromptCache({"small": 100, "large": 101})
    for model, read in (("small", 100), ("large", 0)):
        request = params(model=model, system=[part("s" * 400, MARK)])
        ask(cache, request)
        assert ask(cache, request).read == read


def test_a_change_before_the_breakpoint_misses_and_one_after_it_does_not():
    cache = PromptCache(1)
    ask(cache, params(system=[part("a" * 400), part("b" * 400, MARK)], user=[part("q")]))
    assert ask(cache, params(system=[part("a" * 400), part("b" * 400, MARK)], user=[part("r")])).read == 200
    assert ask(cache, params(system=[part("A" * 400), part("b" * 400, MARK)], user=[part("q")])).read == 0


def test_tools_come_before_system_and_messages():
    """A changed tool misses all; a changed message keeps tools and system."""
    cache = PromptCache(1)
    tool = {"name": "a", "input_schema": {"type": "object"}, **MARK}
    ask(cache, params(tools=[tool], system=[part("s" * 400, MARK)], user=[part("u" * 400, MARK)]))
    kept = ask(cache, params(tools=[tool], system=[part("s" * 400, MARK)], user=[part("v" * 400, MARK)]))
    changed = {**tool, "description": "another"}
    lost = ask(cache, params(tools=[changed], system=[part("s" * 400, MARK)], user=[part("u" * 400, MARK)]))
    assert kept.read == kept.total - 100
    assert lost.read == 0


@pytest.mark.parametrize(
    "change",
    [
        {"tool_choice": {"type": "any"}},
        {"thinking": {"type": "adaptive"}},
        {"output_config": {"format": {"type": "json_schema", "schema": {}}}},
    ],
)
def test_settings_belong_to_the_messages_prefix(change):
    """Another tool choice, thinking or output format keeps tools and system, and loses the messages."""
    cache = PromptCache(1)
    request = params(system=[part("s" * 400, MARK)], user=[part("u" * 400, MARK)])
    ask(cache, request)
    assert ask(cache, {**request, **change}).read == 100


def test_models_do_not_share_a_cache():
    cache = PromptCache(1)
    ask(cache, params(system=[part("s" * 400, MARK)]))
    assert ask(cache, params(system=[part("s" * 400, MARK)], model="other")).read == 0


def test_a_breakpoint_looks_back_twenty_blocks():
    """A conversation that grew by fewer blocks than that reads its old prefix; one that grew by more does not."""
    for grown, read in ((19, 10), (20, 0)):
        cache = PromptCache(1)
        ask(cache, params(user=[part("u" * 40, MARK)]))
        later = [part("u" * 40), *(part(f"{number:04d}") for number in range(grown - 1)), part("last", MARK)]
        assert ask(cache, params(user=later)).read == read


def test_automatic_caching_marks_the_last_block():
    """A top-level `cache_control` moves along as the conversation grows."""
    cache = PromptCache(1)
    ask(cache, params(user=[part("u" * 400)], **MARK))
    grown = ask(cache, params(user=[part("u" * 400), part("v" * 400)], **MARK))
    assert (grown.read, grown.written_5m, grown.fresh) == (100, 100, 0)


def test_entries_live_five_minutes_or_an_hour_after_their_last_use():
    clock = Clock()
    cache = PromptCache(1, clock=clock)
    short, long = params(user=[part("u" * 400, MARK)]), params(user=[part("v" * 400, LONG)])
    assert ask(cache, short).written_5m == 100
    assert ask(cache, long).written_1h == 100
    clock.now = 299
    assert ask(cache, short).read == 100  # and lives another five minutes
    clock.now = 598
    assert ask(cache, short).read == 100
    clock.now = 899
    assert (ask(cache, short).read, ask(cache, long).read) == (0, 100)


async def test_what_is_being_written_cannot_be_read_yet(async_client, hello):
    """Requests at the same time all write: the cache is there once the first answer begins."""
    hello["system"] = [part("s" * 8000, MARK)]
    async with ModelServer(lambda request: text("ok"), latency=0.2) as server, async_client(server) as client:
        together = await asyncio.gather(*(client.messages.create(**hello) for _ in range(3)))
        after = await client.messages.create(**hello)
    assert [each.usage.cache_read_input_tokens for each in together] == [0, 0, 0]
    assert after.usage.cache_read_input_tokens == 2000


def test_the_share_tells_how_well_breakpoints_are_set(sync_client, hello):
    """Of the tokens that requests had in common: all are read with a breakpoint at their end, none without one."""
    shares = []
    for mark in (MARK, None):
        hello["system"] = [part("s" * 8000, mark)]
        with ModelServer(echo) as server:
            client = sync_client(server)
            assert server.cache_share() is None
            for row in range(3):
                client.messages.create(**{**hello, "messages": [{"role": "user", "content": f"row {row}"}]})
            shares.append(server.cache_share())
            assert [each.answered.cache.could_read for each in server.requests] == [0, 2000, 2000]
    assert shares == [1.0, 0.0]


PARTS = [part(letter * size, mark) for letter in "ab" for size in (1, 30, 60) for mark in (None, None, MARK, LONG)]
blocks = st.lists(st.sampled_from(PARTS), max_size=6)


@given(st.lists(st.tuples(blocks, blocks), min_size=1, max_size=6), st.integers(1, 30))
def test_fresh_written_and_read_are_the_whole_prompt(prompts, minimum):
    """For any prompts in any order; and asking the very same again reads all that the first time wrote or read."""
    cache = PromptCache(minimum)
    for system, user in prompts:
        request = params(system=system, user=user)
        use = ask(cache, request)
        assert use.total == input_tokens(request)
        assert min(use.fresh, use.read, use.written_5m, use.written_1h) >= 0
        assert ask(cache, request).read == use.read + use.written_5m + use.written_1h
