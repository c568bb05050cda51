"""Several providers make one list: by reciprocal rank, every page once, and one that fails costs nobody the others' answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_samples import PAGES, Scripted, hit, opened

from research.errors import AuthenticationFailed, BudgetExhausted, QuotaExhausted, SearchFailed
from research.money.usage import Tokens, Usage
from research.money.usage_ledger import UsageLedger
from research.ports.page import Hit
from research.ports.search import SearchResult
from research.search.merged import MergedSearch, fused
from research.task.urls import canonical_url
from research.testing import SearchServer

hosts = st.sampled_from(["a.test", "www.a.test", "b.test", "c.test", "d.test", "e.test"])
urls = st.builds(
    "{}://{}/{}".format, st.sampled_from(["http", "https"]), hosts, st.sampled_from(["", "x", "x/", "x?utm_source=1", "y"])
)
hits = st.lists(
    st.builds(hit, urls, st.text(max_size=5), st.sampled_from([None, "2024-01-01"]), st.text(max_size=3)), max_size=12
)
lists = st.lists(hits, min_size=1, max_size=4)


def pages(found: Sequence[Hit]) -> list[str]:
    return [canonical_url(each.url) for each in found]


@given(lists, st.randoms())
def test_the_order_of_providers_does_not_matter(found: list[list[Hit]], random):
    shuffled = found.copy()
    random.shuffle(shuffled)
    assert pages(fused(found, 50)) == pages(fused(shuffled, 50))


@given(lists, st.integers(0, 20))
def test_every_page_stands_there_once(found: list[list[Hit]], limit: int):
    everything = {page for each in found for page in pages(each)}
    merged = fused(found, limit)
    assert len(pages(merged)) == len(set(pages(merged))) == min(limit, len(everything))
    assert set(pages(merged)) <= everything
    assert [each.score for each in merged] == sorted((each.score for each in merged), reverse=True)


@given(lists)
def test_what_is_first_for_all_is_first(found: list[list[Hit]]):
    best = hit("https://best.test/")
    assert fused([[best, *each] for each in found], 5)[0].url == best.url


@given(lists)
def test_each_page_keeps_the_first_spelling_the_longest_snippet_and_a_known_date(found: list[list[Hit]]):
    for one in fused(found, 50):
        of_page = []
        for each in found:
            same = [h for h in each if canonical_url(h.url) == canonical_url(one.url)]
            of_page += same[:1]  # a provider's own repeats count once
        assert one.url == of_page[0].url
        assert len(one.snippet) == max(len(h.snippet) for h in of_page)
        assert (one.published is None) == all(h.published is None for h in of_page)


@given(st.lists(st.integers(1, 40), min_size=3, max_size=5, unique=True))
def test_equal_ranks_in_another_order_are_a_tie_that_goes_by_url(ranks: list[int]):
    found = []
    for place, rank in enumerate(ranks):
        filler = [hit(f"https://filler-{place}-{number}.test/") for number in range(41)]
        filler[rank - 1] = hit("https://a.test/")
        filler[ranks[place - 1] - 1] = hit("https://b.test/")
        found.append(filler)
    both = [page for page in pages(fused(found, 999)) if page in ("https://a.test", "https://b.test")]
    assert both == ["https://a.test", "https://b.test"]


def test_agreement_beats_a_single_first_rank():
    found = [[hit("https://one.test/"), hit("https://both.test/")], [hit("https://two.test/"), hit("https://both.test/")]]
    assert fused(found, 5)[0].url == "https://both.test/"


async def test_all_are_asked_at_once_and_what_they_took_is_summed():
    tokens = Usage(tokens=Tokens(input=100, output=10))
    one = Scripted("one", SearchResult(hits=(hit("https://a.test/"),)), 0.2, cost_usd=0.25)
    took = Usage(search_queries=2) + tokens
    two = Scripted("two", SearchResult(hits=(hit("https://b.test/"),), warnings=("slow",)), 0.2, took, cost_usd=0.5)
    merged = MergedSearch([one, two])
    began = asyncio.get_running_loop().time()
    ledger = UsageLedger()
    found = await merged.search("q", limit=5, ledger=ledger)
    assert asyncio.get_running_loop().time() - began < 0.39
    assert (ledger.usage, ledger.cost_usd, found.warnings) == (Usage(search_queries=3) + tokens, 0.75, ("slow",))
    assert merged.name == "one+two"
    assert "one/test" in merged.identity
    assert "two/test" in merged.identity


async def test_an_unknown_cost_stays_unknown():
    merged = MergedSearch([Scripted("a", SearchResult(), cost_usd=None), Scripted("b", SearchResult(), cost_usd=1.0)])
    ledger = UsageLedger()
    await merged.search("q", limit=5, ledger=ledger)
    assert ledger.cost_usd is None


async def test_one_that_fails_is_a_warning_while_another_answers():
    merged = MergedSearch([Scripted("bad", SearchFailed("bad: it rains")), Scripted("good", ["https://a.test/"])])
    found = await merged.search("q", limit=5, ledger=UsageLedger())
    assert [each.url for each in found.hits] == ["https://a.test/"]
    assert found.warnings == ("bad: it rains",)


async def test_when_all_fail_each_says_why():
    merged = MergedSearch([Scripted("a", SearchFailed("a: rain")), Scripted("b", SearchFailed("b: snow"))])
    with pytest.raises(SearchFailed, match="a: rain; b: snow"):
        await merged.search("q", limit=5, ledger=UsageLedger())


async def test_a_wrong_key_is_a_warning_while_another_answers_and_is_not_tried_again():
    wrong = Scripted("wrong", AuthenticationFailed("wrong: set KEY"))
    merged = MergedSearch([wrong, Scripted("good", ["https://a.test/"])])
    for _ in range(3):
        assert (await merged.search("q", limit=5, ledger=UsageLedger())).warnings == ("wrong: set KEY",)
    assert len(wrong.asked) == 1


async def test_a_wrong_key_stops_a_run_that_finds_nothing_else():
    merged = MergedSearch([Scripted("wrong", AuthenticationFailed("set KEY")), Scripted("down", SearchFailed("down: rain"))])
    with pytest.raises(AuthenticationFailed, match=r"set KEY; down: rain") as caught:
        await merged.search("q", limit=5, ledger=UsageLedger())
    assert caught.value.stops_run


async def test_a_wrong_key_does_not_stop_a_run_that_another_provider_answered_before():
    other = Scripted("other", ["https://a.test/"])
    merged = MergedSearch([Scripted("wrong", QuotaExhausted("used up")), other])
    await merged.search("q", limit=5, ledger=UsageLedger())
    other.answer = SearchFailed("other: rain")
    with pytest.raises(SearchFailed, match="used up; other: rain") as caught:
        await merged.search("q", limit=5, ledger=UsageLedger())
    assert not caught.value.stops_run
    other.answer = QuotaExhausted("this, too")
    with pytest.raises(QuotaExhausted) as ended:
        await merged.search("q", limit=5, ledger=UsageLedger())
    assert ended.value.stops_run


async def test_an_empty_budget_ends_the_search_and_what_others_took_is_not_forgotten():
    paid = Scripted("paid", SearchResult(hits=(hit("https://a.test/"),)), cost_usd=0.5)
    ledger = UsageLedger()
    merged = MergedSearch([Scripted("broke", BudgetExhausted("the cap")), paid])
    with pytest.raises(BudgetExhausted):
        await merged.search("q", limit=5, ledger=ledger)
    assert (ledger.cost_usd, ledger.usage.search_queries) == (0.5, 1)


async def test_real_providers_are_merged_and_one_over_its_quota_is_a_warning(tmp_path: Path):
    with SearchServer(PAGES, down={"tavily": "432"}) as server:
        async with opened(server, tmp_path) as search:
            ledger = UsageLedger()
            found = await search.search("voyager", limit=10, ledger=ledger)
    assert {each.url for each in found.hits} == {page.url for page in PAGES[:3]}
    assert len(found.warnings) == 1
    assert "tavily" in found.warnings[0]
    assert (ledger.usage.search_queries, ledger.cost_usd) == (3, pytest.approx(0.005 + 0.007))
