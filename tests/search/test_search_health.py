"""A provider that says success and brings nothing is named, and passed over while another answers."""

from __future__ import annotations

from pathlib import Path

from search_samples import PAGES, Scripted, settings

from research.concurrency.outages import Notice, Outages
from research.concurrency.traffic import SearchBringsNothing
from research.errors import SearchFailed
from research.money.usage_ledger import UsageLedger
from research.ports.search import SearchResult
from research.search.health import ENOUGH, LOOKED_AT, PROBE_EVERY
from research.search.merged import MergedSearch
from research.search.opening import open_search
from research.testing import SearchServer


async def ask(search: MergedSearch, queries: int) -> list[SearchResult]:
    return [await search.search(f"query {number}", limit=5, ledger=UsageLedger()) for number in range(queries)]


async def test_it_is_named_once_and_asked_only_now_and_then():
    named: list[SearchBringsNothing] = []
    blocked, good = Scripted("blocked", []), Scripted("good", ["https://a.test/"])
    found = await ask(MergedSearch([blocked, good], named.append), ENOUGH + 2 * PROBE_EVERY)
    assert named == [SearchBringsNothing("blocked", ENOUGH, ENOUGH, passed_over=True)]
    assert len(blocked.asked) == ENOUGH + 2
    assert all(each.hits for each in found)


async def test_it_is_asked_again_once_a_probe_brings_something():
    named: list[SearchBringsNothing] = []
    brings = [False]
    recovering = Scripted("r", lambda _query: SearchResult(hits=(PAGE,)) if brings[0] else SearchResult())
    PAGE = (await Scripted("x", ["https://b.test/"]).search("", limit=1, ledger=UsageLedger())).hits[0]
    search = MergedSearch([recovering, Scripted("good", ["https://a.test/"])], named.append)
    await ask(search, ENOUGH)
    brings[0] = True
    await ask(search, PROBE_EVERY)
    before = len(recovering.asked)
    await ask(search, 10)
    assert (len(named), len(recovering.asked) - before) == (1, 10)


async def test_it_is_asked_all_the_same_where_the_others_find_nothing_or_fail():
    blocked = Scripted("blocked", [])
    other = Scripted("other", ["https://a.test/"])
    search = MergedSearch([blocked, other])
    await ask(search, ENOUGH)
    for other.answer in (SearchResult(), SearchFailed("other: rain")):
        before = len(blocked.asked)
        await ask(search, 3)
        assert len(blocked.asked) - before == 3


async def test_what_nobody_finds_and_a_provider_that_finds_some_speak_against_none():
    named: list[SearchBringsNothing] = []
    some = Scripted("some", lambda query: SearchResult() if int(query.split()[1]) % 5 else SearchResult(hits=(PAGE,)))
    PAGE = (await Scripted("x", ["https://b.test/"]).search("", limit=1, ledger=UsageLedger())).hits[0]
    await ask(MergedSearch([some, Scripted("good", ["https://a.test/"])], named.append), 2 * LOOKED_AT)
    await ask(MergedSearch([Scripted("a", []), Scripted("b", [])], named.append), 2 * LOOKED_AT)
    assert named == []


async def test_real_providers_within_fifty_queries(tmp_path: Path):
    """Brave answers 200 with an empty list; alone, Tavily does."""
    named: list[Notice] = []
    outages = Outages()
    outages.listener = named.append
    with SearchServer(PAGES, down={"brave": "empty"}) as server:
        async with open_search(("brave", "exa"), settings(server), tmp_path, outages=outages) as search:
            for number in range(50):
                assert (await search.search(f"voyager {number}", limit=5, ledger=UsageLedger())).hits
        assert [str(each).partition(":")[0] for each in named] == ["brave brings nothing"]
        assert server.asked == {"brave": ENOUGH + 1, "exa": 50}
        brave, exa = outages.traffic.services["search", "brave"], outages.traffic.services["search", "exa"]
        assert (brave.calls, brave.empty, exa.calls, exa.empty) == (ENOUGH + 1, ENOUGH + 1, 50, 0)
    with SearchServer(PAGES, down={"tavily": "empty"}) as server:
        async with open_search(("tavily",), settings(server, freshness=3600), tmp_path, outages=outages) as search:
            for number in range(50):
                await search.search(f"voyager {number}", limit=5, ledger=UsageLedger())
    assert [(each.service, each.passed_over) for each in named if isinstance(each, SearchBringsNothing)] == [
        ("brave", True), ("tavily", False),
    ]  # fmt: skip
    assert not (tmp_path / "search" / "queries.sqlite").exists(), "no other run inherits its empty answers"
