"""Claude on the double: limits in 500 random scripts, lies in 300 answers, the prompt cache over 100 rows. On demand:

python tests/benchmarks/claude_bench.py
"""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

import test_models_claude_evidence as evidence
import test_models_claude_tiers as tiers
from claude_doubles import PAGES, ask_model, claude, role_of, task
from hypothesis import given, settings
from hypothesis import strategies as st
from test_models_claude_research import WHOLE, investigated

from research.money.processors import PROCESSOR_NAMES
from research.testing import ModelServer, Pages, PromptCache, Request
from research.testing.tokens import prompt_blocks

ROWS = 100
AT_ONCE = 16
MINIMUM = 1024
"""Tokens of the shortest prefix that is cached; the newest models need 512."""


def limits(scripts: int = 500) -> None:
    tool_calls: list[int] = []
    running = tiers.scripts.__wrapped__() if hasattr(tiers.scripts, "__wrapped__") else tiers.scripts._fixture_function()
    fixture = next(running)
    check = tiers.test_tool_calls_are_never_over_budget_and_every_request_is_what_the_sdk_says.hypothesis.inner_test

    @settings(max_examples=scripts, deadline=None, database=None)
    @given(st.lists(tiers.TURNS, max_size=8), st.sampled_from(PROCESSOR_NAMES))
    def every(script: list, tier: str) -> None:
        check(fixture, script, tier)
        tool_calls.append(sum(len(request.tool_results) for request in fixture.server.requests))

    every()
    next(running, None)
    print(f"limits: {len(tool_calls)} random scripts, {sum(tool_calls):,} tool results seen, none over budget")


def stable_tokens(request: Request) -> int:
    """Tokens of tools and instructions: what all calls of a kind share."""
    return sum(block.tokens for block in prompt_blocks(request.params) if block.layer in ("tools", "system"))


async def cache(tier: str, rows: int = ROWS, at_once: int = AT_ONCE) -> None:
    """Of the prefix that a second and later call of a kind could read from the cache, how much it does."""
    rule = WHOLE if tier == "research" else investigated
    with ModelServer(rule, latency=0.02, cache=PromptCache(MINIMUM)) as server:
        async with claude(server) as model:
            gate = asyncio.Semaphore(at_once)

            async def row(number: int) -> None:
                async with gate:
                    result = await ask_model(model, task(task=f"Facts about probe {number}", processor=tier), Pages(PAGES))
                    assert result.status == "completed", result.error

            await asyncio.gather(*(row(number) for number in range(rows)))
        could: dict[str, int] = defaultdict(int)
        short = 0
        did: dict[str, int] = defaultdict(int)
        seen: set[str] = set()
        for request in server.requests:
            kind = role_of(request)
            stable = stable_tokens(request)
            if stable < MINIMUM:
                short += stable  # the service caches no prefix of fewer tokens
            elif kind in seen:
                could[kind] += stable
                did[kind] += min(stable, request.answered.message["usage"]["cache_read_input_tokens"])
            seen.add(kind)
    shares = ", ".join(f"{kind} {did[kind] / could[kind]:.3f}" for kind in could)
    whole = sum(did.values()) / sum(could.values())
    print(
        f"cache: {tier}, {rows} rows, {at_once} at once: {whole:.3f} of the stable prefix read ({shares}), "
        f"{whole * sum(could.values()) / (sum(could.values()) + short):.3f} with the prefixes that are too short to be cached"
    )


if __name__ == "__main__":
    for tier in PROCESSOR_NAMES:
        asyncio.run(cache(tier))
    asyncio.run(cache("core", at_once=64))
    if sys.argv[1:] == ["cache"]:
        sys.exit()
    excerpts, values = evidence.look_at(300)
    print(f"lies: 300 answers, {excerpts} excerpts and {values} values reached the basis, every excerpt a copy")
    limits()
