"""Each provider is asked in its own words, and its answers become hits. Against the shipped double, over real HTTP."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_samples import APIS, PAGES, opened

from research.money.usage_ledger import UsageLedger
from research.ports.page import Hit
from research.search.brave import Brave, BraveAnswer
from research.search.exa import Exa, ExaAnswer
from research.search.hits import Raw, day, kept
from research.search.policy_words import span_since, worded
from research.search.searxng import Searxng, SearxngAnswer
from research.search.tavily import Tavily, TavilyAnswer
from research.task.source_policy import SourcePolicy
from research.task.urls import is_public_suffix
from research.testing import SearchServer, WebPage

TODAY = date(2026, 1, 31)


@pytest.mark.parametrize("name", APIS)
async def test_a_provider_finds_pages_with_their_titles_snippets_and_dates(name: str, tmp_path: Path):
    with SearchServer(PAGES) as server:
        async with opened(server, tmp_path, name) as search:
            ledger = UsageLedger()
            found = await search.search("  voyager\n launched 1977 ", limit=2, ledger=ledger)
    assert [hit.url for hit in found.hits] == [PAGES[0].url, PAGES[1].url]
    assert found.hits[0].title == "Voyager 1"
    assert "launched on 5 September 1977" in found.hits[0].snippet
    assert (found.hits[0].published or "")[:10] == "2024-03-01"
    assert found.hits[0].score > found.hits[1].score
    assert (ledger.usage.search_queries, found.warnings) == (1, ())
    assert server.queries[0].text == "voyager launched 1977"


@pytest.mark.parametrize("name", APIS)
async def test_nothing_found_is_no_error(name: str, tmp_path: Path):
    with SearchServer(PAGES) as server:
        async with opened(server, tmp_path, name) as search:
            ledger = UsageLedger()
            found = await search.search("xylophone", limit=5, ledger=ledger)
    assert (found.hits, ledger.usage.search_queries) == ((), 1)


@pytest.mark.parametrize("name", APIS)
async def test_an_empty_query_asks_nobody(name: str, tmp_path: Path):
    with SearchServer(PAGES) as server:
        async with opened(server, tmp_path, name) as search:
            ledger = UsageLedger()
            await search.search("  ", limit=5, ledger=ledger)
            await search.search("voyager", limit=0, ledger=ledger)
            assert ledger.usage.search_queries == 0
    assert server.queries == []


POLICIES = {
    "a domain": (SourcePolicy(include_domains=("space.test",)), [0]),
    "an ending": (SourcePolicy(include_domains=(".gov",)), [1]),
    "two domains": (SourcePolicy(include_domains=("nasa.gov", "example.org")), [1, 2]),
    "without a domain": (SourcePolicy(exclude_domains=("nasa.gov",)), [0, 2]),
    "without an ending": (SourcePolicy(exclude_domains=(".gov", ".org")), [0]),
}


@pytest.mark.parametrize("name", APIS)
@pytest.mark.parametrize("case", POLICIES)
async def test_hits_keep_to_the_policy(name: str, case: str, tmp_path: Path):
    policy, expected = POLICIES[case]
    with SearchServer(PAGES) as server:
        async with opened(server, tmp_path, name) as search:
            found = await search.search("voyager", limit=5, policy=policy, ledger=UsageLedger())
    assert {hit.url for hit in found.hits} == {PAGES[place].url for place in expected}


@pytest.mark.parametrize("name", APIS)
async def test_nothing_is_found_from_before_a_day(name: str, tmp_path: Path):
    with SearchServer(PAGES) as server:
        async with opened(server, tmp_path, name) as search:
            found = await search.search("voyager", limit=5, policy=SourcePolicy(after_date="2020-01-01"), ledger=UsageLedger())
    urls = {hit.url for hit in found.hits}
    assert PAGES[0].url in urls
    assert PAGES[1].url not in urls


def test_each_api_is_told_of_the_policy_in_its_own_words():
    policy = SourcePolicy(include_domains=("example.com", ".gov"), after_date="2025-06-01")
    only = SourcePolicy(exclude_domains=("a.test", ".ru"))
    brave = Brave().request("probe", 10, policy, TODAY).request.params
    assert brave["q"] == "probe site:example.com OR site:gov"
    assert brave["freshness"] == "2025-06-01to2026-02-01"
    assert Brave().request("probe", 10, only, TODAY).request.params["q"] == "probe -site:a.test -site:ru"
    tavily = Tavily().request("probe", 10, policy, TODAY).request.body or {}
    assert (tavily["include_domains"], tavily["start_date"]) == (["example.com", "*.gov"], "2025-06-01")
    assert (Tavily().request("probe", 10, only, TODAY).request.body or {})["exclude_domains"] == ["a.test", "*.ru"]
    exa = Exa().request("probe", 10, policy, TODAY).request.body or {}
    assert "includeDomains" not in exa, "a part of the domains would hide what the ending allows"
    assert exa["startPublishedDate"] == "2025-06-01T00:00:00.000Z"
    assert (Exa().request("probe", 10, only, TODAY).request.body or {})["excludeDomains"] == ["a.test"]
    searxng = Searxng().request("probe", 10, policy, TODAY).request.params
    assert searxng == {"q": "probe site:example.com OR site:gov", "format": "json", "time_range": "year"}


async def test_more_domains_than_a_query_holds_are_a_warning(tmp_path: Path):
    policy = SourcePolicy(include_domains=tuple(f"site-number-{n}.test" for n in range(100)))
    pages = [WebPage(f"https://site-number-{n}.test/", "Voyager", "voyager") for n in range(100)]
    with SearchServer(pages) as server:
        async with opened(server, tmp_path, "brave") as search:
            found = await search.search("voyager", limit=20, policy=policy, ledger=UsageLedger())
        assert "of the 100 domains" in found.warnings[0]
        assert len(str(server.queries[0].params["q"])) <= 400
        assert found.hits


@given(
    st.text(max_size=600),
    st.lists(
        st.from_regex(r"\A[a-z]{1,20}\.(test|co\.uk|org)\Z").filter(lambda domain: not is_public_suffix(domain)), max_size=60
    ),
    st.booleans(),
)
def test_a_query_never_outgrows_what_a_provider_takes(query: str, domains: list[str], include: bool):
    listed = tuple(dict.fromkeys([*domains, "a.test"]))
    policy = SourcePolicy(include_domains=listed) if include else SourcePolicy(exclude_domains=listed)
    said = worded(query, policy, provider="p").query
    assert len(said) <= 400
    assert len(said.split()) <= 50
    assert said.count("site:") <= 20 + query.count("site:")


@given(st.dates(min_value=date(2000, 1, 1), max_value=TODAY))
def test_a_span_of_time_holds_every_day_since(since: date):
    span = span_since(since.isoformat(), TODAY)
    shortest = {"day": 1, "week": 7, "month": 29, "year": 365}
    if span is None:
        assert (TODAY - since).days >= 365
    else:
        assert since > TODAY - timedelta(days=shortest[span])


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("2024-01-05", "2024-01-05"),
        ("2024-01-05T10:00:00.000Z", "2024-01-05T10:00:00+00:00"),
        ("April 30, 2025", "2025-04-30"),
        ("Tue, 05 Nov 2024 10:00:00 GMT", "2024-11-05"),
        ("3 days ago", None),
        ("2024", None),
        ("03/04/2021", None),
        ("", None),
        (None, None),
    ],
)
def test_a_date_is_read_where_it_names_one_day(said: str | None, read: str | None):
    assert day(said) == read


def test_markup_is_taken_out_of_titles_and_snippets():
    (hit,) = kept([Raw("https://a.test/", "A &amp; <strong>B</strong>", "Vec&lt;T&gt; is\n <b>fast</b>\ud800")], 5, None)
    assert (hit.title, hit.snippet) == ("A & B", "Vec<T> is fast?")


DOMAINS = ["a.test", "b.test", "sub.a.test", "agency.gov", "x.co.uk", "deep.x.co.uk"]
ENTRIES = [*DOMAINS, ".gov", ".co.uk", ".test"]
policies = st.builds(
    SourcePolicy,
    include_domains=st.lists(st.sampled_from(ENTRIES), max_size=3, unique=True).map(tuple),
    exclude_domains=st.lists(st.sampled_from(ENTRIES), max_size=3, unique=True).map(tuple),
    after_date=st.none() | st.dates(date(2020, 1, 1), date(2025, 1, 1)).map(date.isoformat),
)
results = st.lists(
    st.tuples(
        st.sampled_from(DOMAINS),
        st.sampled_from(["/", "/a", "/a/", "/a?utm_source=x", "/b#c"]),
        st.none() | st.sampled_from(["2019-01-01", "2022-06-01T00:00:00", "May 5, 2024", "2 weeks ago", "never"]),
    ),
    max_size=12,
)


@given(policies, results, st.integers(1, 10))
def test_no_hit_is_outside_the_policy_whatever_a_provider_answers(policy: SourcePolicy, found: list, limit: int):
    rows = [(f"https://{host}{path}", said) for host, path, said in found]
    answers = [
        (Brave(), BraveAnswer.model_validate(
            {"type": "search", "web": {"results": [{"url": url, "page_age": said} for url, said in rows]}})),
        (Tavily(), TavilyAnswer.model_validate({"results": [{"url": url, "published_date": said} for url, said in rows]})),
        (Exa(), ExaAnswer.model_validate({"results": [{"url": url, "publishedDate": said} for url, said in rows]})),
        (Searxng(), SearxngAnswer.model_validate({"results": [{"url": url, "publishedDate": said} for url, said in rows]})),
    ]  # fmt: skip
    for dialect, answer in answers:
        hits: tuple[Hit, ...] = kept(dialect.results(answer), limit, policy)
        assert all(policy.allows(hit.url, hit.published) for hit in hits)
        assert len(hits) <= limit
        allowed = [url for url, said in rows if policy.allows(url, day(said))]
        assert bool(hits) == bool(allowed)


async def test_engines_that_did_not_answer_searxng_are_a_warning(tmp_path: Path):
    with SearchServer(PAGES, silent={"bing": "CAPTCHA"}) as server:
        async with opened(server, tmp_path, "searxng") as search:
            found = await search.search("voyager", limit=5, ledger=UsageLedger())
    assert found.hits
    assert "bing: CAPTCHA" in found.warnings[0]
