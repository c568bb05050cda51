"""Public search engines through the library: its results become hits, and its failures words for people."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pytest
from ddgs.ddgs import DDGS
from ddgs.exceptions import DDGSException, RatelimitException, TimeoutException

from research.errors import SearchFailed
from research.money.usage_ledger import UsageLedger
from research.search.ddgs import DdgsSearch, Engine, library
from research.search.json_api import SearchTimes
from research.search.rate import Rate, Turns
from research.task.source_policy import SourcePolicy


class Engines:
    """Stands where the library stands."""

    def __init__(self, answer: Sequence[Mapping[str, Any]] | Exception, seconds: float = 0.0) -> None:
        self.answer, self.seconds = answer, seconds
        self.asked: list[tuple[str, dict[str, Any], str]] = []

    def text(self, query: str, **options: Any) -> Sequence[Mapping[str, Any]]:
        self.asked.append((query, options, threading.current_thread().name))
        time.sleep(self.seconds)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def search_of(engine: Engine, times: SearchTimes | None = None) -> DdgsSearch:
    return DdgsSearch(Turns("ddgs", Rate()), engine=lambda: engine, times=times, today=lambda: date(2026, 1, 31))


RESULTS = [
    {"title": "A", "href": "https://a.test/", "body": "about a"},
    {"title": "B", "href": "https://b.gov/", "body": "about b"},
    {"title": "A again", "href": "http://www.a.test", "body": "about a"},
    {"title": "broken", "href": "", "body": ""},
]


async def test_results_become_hits_in_a_thread_of_their_own():
    engine = Engines(RESULTS)
    ledger = UsageLedger()
    found = await search_of(engine).search("  q ", limit=5, ledger=ledger)
    assert [(hit.url, hit.title, hit.snippet) for hit in found.hits] == [
        ("https://a.test/", "A", "about a"),
        ("https://b.gov/", "B", "about b"),
    ]
    assert (ledger.usage.search_queries, ledger.cost_usd, found.warnings) == (1, 0.0, ())
    query, options, thread = engine.asked[0]
    assert (query, options) == ("q", {"max_results": 5})
    assert thread != threading.main_thread().name


async def test_the_policy_becomes_operators_and_a_span_of_time():
    engine = Engines(RESULTS)
    policy = SourcePolicy(include_domains=(".gov",), after_date="2026-01-28")
    found = await search_of(engine).search("q", limit=5, policy=policy, ledger=UsageLedger())
    assert [hit.url for hit in found.hits] == ["https://b.gov/"]
    assert engine.asked[0][:2] == ("q site:gov", {"max_results": 20, "timelimit": "w"})


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RatelimitException("202"), "fewer searches"),
        (TimeoutException("timed out"), "in time"),
        (DDGSException(OSError("ConnectError")), r"no engine answered \(ConnectError\)"),
        (ValueError("no table"), "could not be read"),
    ],
)
async def test_a_failure_of_the_library_is_a_failed_search(error: Exception, said: str):
    with pytest.raises(SearchFailed, match=said) as caught:
        await search_of(Engines(error)).search("q", limit=5, ledger=UsageLedger())
    assert caught.value.__cause__ is error


async def test_no_results_are_a_warning_since_refusals_look_the_same():
    found = await search_of(Engines(DDGSException("No results found."))).search("q", limit=5, ledger=UsageLedger())
    assert found.hits == ()
    assert "look the same" in found.warnings[0]


async def test_engines_that_hang_are_not_waited_for():
    with pytest.raises(SearchFailed, match="within"):
        await search_of(Engines(RESULTS, 0.5), SearchTimes(attempt=0.1)).search("q", limit=5, ledger=UsageLedger())


async def test_after_a_refusal_nobody_asks_for_a_while():
    search = search_of(Engines(RatelimitException("202")), SearchTimes(budget=5))
    with pytest.raises(SearchFailed, match="fewer searches"):
        await search.search("q", limit=5, ledger=UsageLedger())
    with pytest.raises(SearchFailed, match="pause"):
        await search.search("other", limit=5, ledger=UsageLedger())


def test_the_library_is_what_we_take_it_for():
    assert isinstance(library(10), DDGS)
