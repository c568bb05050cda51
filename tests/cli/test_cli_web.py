"""The whole way over the web: providers are asked, pages fetched, cells proved, money counted. All of it on loopback."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_desk import Command

from research.tables.run_folder.reader import open_run
from research.testing import SearchServer, Served, WebPage, WebServer

FACTS = {"Voyager 1": ("voyager", "NASA", "5 September 1977"), "Giotto": ("giotto", "ESA", "2 July 1985")}
PAGE = "<html><body><h1>{}</h1><table><tr><th>Operator</th><td>{}</td></tr><tr><th>Launched</th><td>{}</td></tr></table>"
ENRICH = ("enrich", "missions.csv", "--schema", "mission.json", "--objective", "Facts about {mission}")


@pytest.fixture
def web() -> Iterator[WebServer]:
    pages = {f"/{path}": Served(PAGE.format(name, *facts), etag=True) for name, (path, *facts) in FACTS.items()}
    with WebServer({"/robots.txt": Served("User-agent: *\nAllow: /\n", media_type="text/plain", etag=True), **pages}) as server:
        yield server


@pytest.fixture
def providers(desk: Path, web: WebServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[SearchServer]:
    found = [WebPage(f"{web.url}/{path}", name, f"{name} operator launched") for name, (path, *_) in FACTS.items()]
    with SearchServer(found, key="brave-key") as server:
        monkeypatch.setenv("BRAVE_API_KEY", "brave-key")
        monkeypatch.setenv("RESEARCH_PROVIDERS_BRAVE_URL", server.urls["brave_url"])
        monkeypatch.setenv("SEARXNG_URL", server.urls["searxng_url"])
        monkeypatch.setenv("RESEARCH_WEB_ALLOW_PRIVATE_HOSTS", "127.0.0.1")
        monkeypatch.setenv("RESEARCH_WEB_HOST_DELAY_SECONDS", "0")
        monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
        yield server


@pytest.mark.usefixtures("prefect_server")
def test_a_table_is_researched_on_the_web_and_a_second_run_asks_nothing_twice(
    research: Command, desk: Path, web: WebServer, providers: SearchServer
) -> None:
    ran = research(*ENRICH, "--out", "first", "--json")
    assert ran.code == 0, ran.err
    results = open_run(desk / "first").results()
    assert list(results["operator"]) == ["NASA", "ESA"]
    usage = open_run(desk / "first").table("usage").to_pylist()
    asked = Counter(query.provider for query in providers.queries)
    assert set(asked) == {"brave", "searxng"}
    assert sum(row["search_queries"] for row in usage) == len(providers.queries)
    assert sum(results["cost_usd"]) == pytest.approx(0.005 * asked["brave"])
    assert ran.lines[-1]["spent_usd"] == pytest.approx(0.005 * asked["brave"])
    fetched = Counter(request.path for request in web.requests)
    assert set(fetched.values()) == {1}, "each page once, for all rows"
    assert research("verify", "first").code == 0

    before = len(providers.queries)
    web.requests.clear()
    assert research(*ENRICH, "--out", "second").code == 0
    assert len(providers.queries) == before, "an equal search is not paid for again"
    assert all("if-none-match" in request.headers for request in web.requests), "and no page is sent again"
    assert list(open_run(desk / "second").results()["cost_usd"]) == [0.0, 0.0]


@pytest.mark.usefixtures("prefect_server")
def test_a_cap_holds_for_searches_as_well(research: Command, desk: Path, providers: SearchServer) -> None:
    ran = research(*ENRICH, "--out", "run", "--search", "brave", "--max-cost", "0.004", "--concurrency", "1")
    assert ran.code == 4
    assert Counter(query.provider for query in providers.queries) == {"brave": 1}
    assert "raise" in ran.err or "higher" in ran.err
    assert research(*ENRICH, "--out", "run", "--search", "brave", "--max-cost", "1").code == 0


def test_what_a_plan_says_of_the_search(research: Command, providers: SearchServer) -> None:
    (plan,) = research(*ENRICH, "--dry-run", "--json").lines
    assert plan["search"] == "brave+searxng"
    assert plan["estimate"]["likely_usd"] == pytest.approx(2 * 0.005)
    assert providers.queries == []


def test_a_start_page_in_the_inside_network_is_refused_before_anything_is_spent(
    research: Command, web: WebServer, providers: SearchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESEARCH_WEB_ALLOW_PRIVATE_HOSTS", "")
    ran = research("run", "Facts about Giotto", "--start-url", f"{web.url}/giotto")
    assert ran.code == 2
    assert "/start_url" in ran.err
    assert "allow_private_hosts" in ran.err
    assert (web.requests, providers.queries) == ([], [])
