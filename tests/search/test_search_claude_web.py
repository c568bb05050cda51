"""Claude's own web search, through the real SDK and the shipped double of its service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic
import pytest

from research.errors import AuthenticationFailed, BudgetExhausted, SearchFailed
from research.models.anthropic.caller import Caller, CallTimes
from research.money.budget import Budget
from research.money.processors import load_processors
from research.money.usage_ledger import UsageLedger
from research.search.claude_web import ClaudeWebSearch
from research.search.opening import open_search
from research.search.rate import Rate, Turns
from research.search.settings import SearchSettings
from research.task.source_policy import SourcePolicy
from research.testing import ModelServer, Reply, WebPage, cited, fail, refusal, text, web_search

VOYAGER = WebPage("https://space.test/voyager", "Voyager 1", "Launched on 5 September 1977.", "April 30, 2025")
NASA = WebPage("https://docs.nasa.gov/v", "Voyager", "NASA's.", "3 days ago")
MODEL = "claude-haiku-5-5"


@contextmanager
def asking(*answers: Any, **options: Any) -> Iterator[tuple[ModelServer, Caller]]:
    with ModelServer(list(answers), **options) as server:
        client = anthropic.AsyncAnthropic(base_url=server.url, api_key="test")
        yield server, Caller(client, load_processors().prices, times=CallTimes(budget=1, first_wait=0.01, first_budget=1))


def search_of(caller: Caller) -> ClaudeWebSearch:
    return ClaudeWebSearch(caller, MODEL, Turns("claude_web", Rate()))


def searched(*pages: WebPage) -> Reply:
    return web_search("voyager", *pages) + cited("It was launched in 1977.", VOYAGER, "Launched on 5 September 1977.")


async def test_hits_come_from_the_services_search_with_the_models_quotes():
    with asking(searched(VOYAGER, NASA)) as (server, caller):
        ledger = UsageLedger()
        found = await search_of(caller).search(" voyager  launch ", limit=5, ledger=ledger)
    first, second = found.hits
    assert (first.url, first.title, first.snippet) == (VOYAGER.url, "Voyager 1", "Launched on 5 September 1977.")
    assert (first.published, second.published, second.snippet) == ("2025-04-30", None, "")
    assert (ledger.usage.search_queries, ledger.usage.tool_calls) == (1, 0), "the tools count their own calls"
    assert (ledger.usage.tokens.output or 0) > 0
    assert ledger.cost_usd is not None
    assert ledger.cost_usd > 0.01, "one search, and its tokens"
    params = server.requests[0].params
    assert params["messages"][0]["content"] == "voyager launch"
    assert params["tools"] == [{"type": "web_search_20250305", "name": "web_search", "max_uses": 1}]
    assert params["tool_choice"]["name"] == "web_search"


async def test_the_policy_goes_to_the_tool_and_holds_afterwards():
    policies = [
        (SourcePolicy(include_domains=("space.test",)), {"allowed_domains": ["space.test"]}, "q"),
        (SourcePolicy(exclude_domains=("nasa.gov", ".ru")), {"blocked_domains": ["nasa.gov"]}, "q"),
        (SourcePolicy(include_domains=("space.test", ".edu")), {}, "q"),
        (SourcePolicy(include_domains=(".test",)), {}, "q site:test"),
        (SourcePolicy(exclude_domains=(".gov",)), {}, "q"),
    ]
    with asking(*[searched(VOYAGER, NASA)] * len(policies)) as (server, caller):
        for policy, domains, query in policies:
            found = await search_of(caller).search("q", limit=5, policy=policy, ledger=UsageLedger())
            assert [hit.url for hit in found.hits] == [VOYAGER.url]
            tool = server.requests[-1].params["tools"][0]
            assert {name: value for name, value in tool.items() if name.endswith("domains")} == domains
            assert server.requests[-1].params["messages"][0]["content"] == query


@pytest.mark.parametrize("error", ["too_many_requests", "max_uses_exceeded", "unavailable", "query_too_long"])
async def test_a_search_that_the_service_could_not_make_is_a_failed_search(error: str):
    with asking(web_search("q", error=error) + text("Sorry.")) as (_, caller), pytest.raises(SearchFailed, match=error):
        await search_of(caller).search("q", limit=5, ledger=UsageLedger())


@pytest.mark.parametrize("answer", [refusal("No."), text("I know that already.").anyway()])
async def test_a_model_that_does_not_search_is_a_failed_search(answer: Reply):
    with asking(answer) as (_, caller), pytest.raises(SearchFailed, match="it did not search"):
        await search_of(caller).search("q", limit=5, ledger=UsageLedger())


async def test_nothing_found_is_no_error():
    with asking(web_search("q") + text("Nothing.")) as (_, caller):
        assert (await search_of(caller).search("q", limit=5, ledger=UsageLedger())).hits == ()


async def test_an_outage_of_the_service_is_a_failed_search_and_a_wrong_key_stops_the_run():
    with asking(*[fail("500")] * 100) as (_, caller), pytest.raises(SearchFailed, match="claude_web"):
        await search_of(caller).search("q", limit=5, ledger=UsageLedger())
    with asking(fail("401")) as (_, caller), pytest.raises(AuthenticationFailed) as caught:
        await search_of(caller).search("q", limit=5, ledger=UsageLedger())
    assert caught.value.stops_run


async def test_it_is_paid_from_the_ledgers_budget_and_cached_like_the_others(tmp_path: Path):
    ledger, second = UsageLedger(Budget()), UsageLedger()
    with asking(searched(VOYAGER)) as (server, caller):
        async with open_search(["claude_web"], SearchSettings(), tmp_path, ask=caller) as search:
            found = await search.search("q", limit=5, ledger=ledger)
            again = await search.search("q", limit=5, ledger=second)
            assert (again.hits, second.cost_usd, second.usage.tokens.output) == (found.hits, 0.0, 0)
            with pytest.raises(BudgetExhausted):
                await search.search("other", limit=5, ledger=UsageLedger(Budget(max_cost_usd=1, spent_usd=1)))
    assert ledger.budget.spent_usd == ledger.cost_usd
    assert len(server.requests) == 1
