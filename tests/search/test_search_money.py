"""What a search costs is known before, reserved, and counted after; a cap holds over all providers together."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr
from search_samples import HASTY, PAGES, QUICK, opened, settings

from research.errors import BudgetExhausted, SearchFailed
from research.money.budget import Budget, Charge
from research.money.usage_ledger import UsageLedger
from research.ports.search import Search
from research.search.opening import open_search
from research.search.settings import SearchSettings
from research.testing import SearchServer, Served, WebServer


async def cost(search: Search, query: str) -> float | None:
    """What one search adds to its ledger."""
    ledger = UsageLedger()
    await search.search(query, limit=5, ledger=ledger)
    return ledger.cost_usd


async def test_each_search_is_paid_from_the_budget_at_its_price(tmp_path: Path):
    paid: list[Charge] = []
    budget = Budget(record=paid.append)
    with SearchServer(PAGES) as server:
        async with opened(server, tmp_path) as search:
            ledger = UsageLedger(budget)
            await search.search("voyager", limit=5, ledger=ledger)
    assert ledger.cost_usd == pytest.approx(0.005 + 0.008 + 0.007)
    assert budget.spent_usd == ledger.cost_usd
    assert {payment.purpose for payment in paid} == {"search: brave", "search: tavily", "search: exa"}


async def test_settings_override_prices_and_an_unknown_price_stays_unknown(tmp_path: Path):
    with SearchServer(PAGES) as server:
        async with opened(server, tmp_path, "brave", prices={"brave": 0.003}) as search:
            assert await cost(search, "voyager") == 0.003
        async with opened(server, tmp_path, "brave", prices={"brave": None}) as search:
            assert await cost(search, "voyager") is None
        async with opened(server, tmp_path, "tavily", prices={"tavily": None}) as search:
            assert await cost(search, "voyager") is None


async def test_what_an_answer_says_of_its_cost_counts(tmp_path: Path):
    exa_says = ['{"results": [], "costDollars": {"total": 0.012}}', '{"results": []}']
    pages = {"/exa/search": exa_says, "/tavily/search": '{"results": [], "usage": {"credits": 2}}'}
    with WebServer(pages) as web:
        asked = SearchSettings(
            exa_key=SecretStr("k"),
            tavily_key=SecretStr("k"),
            exa_url=f"{web.url}/exa",
            tavily_url=f"{web.url}/tavily",
            freshness=0,
            times=QUICK,
        )
        async with open_search(["exa"], asked, tmp_path) as search:
            assert await cost(search, "a") == 0.012
            assert await cost(search, "b") == 0.007
        async with open_search(["tavily"], asked, tmp_path) as search:
            assert await cost(search, "a") == 0.016


async def test_what_was_refused_costs_nothing_and_what_was_lost_counts_at_its_worst(tmp_path: Path):
    for fault, cost in (("500", 0.0), ("429", 0.0), ("cut", 0.005), ("timeout", 0.005)):
        budget = Budget()
        with SearchServer(PAGES, faults={1: fault}, retry_after=0.01) as server:
            async with opened(server, tmp_path, "brave", times=HASTY if fault == "timeout" else QUICK) as search:
                await search.search("voyager", limit=5, ledger=UsageLedger(budget))
        assert budget.spent_usd == pytest.approx(0.005 + cost), fault


async def test_a_cap_is_not_exceeded_by_searches_side_by_side(tmp_path: Path):
    budget = Budget(max_cost_usd=0.1)
    with SearchServer(PAGES, faults={3: "500", 5: "429"}, retry_after=0.01) as server:
        async with opened(server, tmp_path) as search:
            ended = await asyncio.gather(
                *(search.search(f"voyager {number}", limit=5, ledger=UsageLedger(budget)) for number in range(40)),
                return_exceptions=True,
            )
    assert {type(each) for each in ended if isinstance(each, BaseException)} == {BudgetExhausted}
    assert budget.spent_usd is not None
    # The last call goes while any money is left: so by one call's price at most.
    assert 0.1 <= budget.spent_usd <= 0.1 + 0.008
    paid = sum(server.asked[name] * price for name, price in (("brave", 0.005), ("tavily", 0.008), ("exa", 0.007)))
    assert paid >= budget.spent_usd - 1e-9


async def test_what_costs_nothing_needs_no_money(tmp_path: Path):
    with SearchServer(PAGES) as server:
        async with opened(server, tmp_path, "searxng") as search:
            ledger = UsageLedger(Budget(max_cost_usd=1, spent_usd=1))
            found = await search.search("voyager", limit=5, ledger=ledger)
    assert (len(found.hits), ledger.cost_usd) == (3, 0.0)


async def test_a_cached_answer_needs_no_money(tmp_path: Path):
    with SearchServer(PAGES) as server:
        async with opened(server, tmp_path, "brave", freshness=60) as search:
            await search.search("voyager", limit=5, ledger=UsageLedger())
            broke = UsageLedger(Budget(max_cost_usd=1, spent_usd=1))
            assert (await search.search("voyager", limit=5, ledger=broke)).hits
            assert broke.cost_usd == 0.0
            with pytest.raises(BudgetExhausted):
                await search.search("luna", limit=5, ledger=broke)


async def test_an_answer_that_is_none_was_paid(tmp_path: Path):
    budget = Budget()
    with WebServer({"/search": Served("{}", media_type="application/json")}) as web:
        asked = SearchSettings(exa_key=SecretStr("k"), exa_url=web.url, times=QUICK)
        async with open_search(["exa"], asked, tmp_path) as search:
            with pytest.raises(SearchFailed):
                await search.search("voyager", limit=5, ledger=UsageLedger(budget))
    assert budget.spent_usd == 0.007


async def test_a_search_that_is_cancelled_may_have_been_paid(tmp_path: Path):
    budget = Budget()
    with SearchServer(PAGES, down={"exa": "timeout"}) as server:
        async with open_search(["exa"], settings(server), tmp_path) as search:
            row = asyncio.create_task(search.search("voyager", limit=5, ledger=UsageLedger(budget)))
            while not server.queries:  # noqa: ASYNC110 - the server's loop is another
                await asyncio.sleep(0.01)
            row.cancel()
    assert budget.spent_usd == 0.007
