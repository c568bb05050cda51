"""No page outside the source policy is ever asked for, or cited: with real requests, redirects and any policy."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from research.errors import BudgetExhausted, FetchFailed, FetchRefused, PageUnreadable
from research.models.scripted import ScriptedModel
from research.money.usage import Usage
from research.money.usage_ledger import UsageLedger
from research.pages.page_store import PageStore, StoringFetcher
from research.pipeline import research
from research.ports.model import ResearchTools
from research.ports.page import Hit
from research.ports.search import SearchResult
from research.ports.work import Draft, FieldAnswer, SubQuery
from research.ports.world import World
from research.result.result import Result
from research.task.source_policy import SourcePolicy
from research.task.task import Task
from research.task.urls import host_of
from research.testing import ScriptedResolver, Served, WebServer, redirect
from research.testing.loopback import HttpReply, HttpRequest
from research.web.opening import open_web
from research.web.settings import WebSettings

HOSTS = ("a.example.com", "example.com", "news.example.co.uk", "agency.gov", "sub.agency.gov", "other.org")
ENTRIES = (
    "example.com",
    "a.example.com",
    ".com",
    ".co.uk",
    "example.co.uk",
    ".gov",
    "agency.gov",
    "sub.agency.gov",
    "other.org",
    "none.net",
)
DAYS = (None, "2019-05-01", "2023-05-01")

Place = tuple[str, int]
"""A page: its host, and which of its two."""

places = st.tuples(st.sampled_from(HOSTS), st.integers(0, 1))
webs = st.fixed_dictionaries({(host, number): st.one_of(places, st.sampled_from(DAYS)) for host in HOSTS for number in (0, 1)})
"""What each page is: a redirect to another, or a page with its date."""
policies = st.builds(
    SourcePolicy,
    include_domains=st.lists(st.sampled_from(ENTRIES), max_size=3).map(tuple),
    exclude_domains=st.lists(st.sampled_from(ENTRIES), max_size=3).map(tuple),
    after_date=st.sampled_from((None, "2021-01-01")),
)


class NamedHosts(WebServer):
    """One server for many hosts: what it answers depends on the host that is asked."""

    def __init__(self) -> None:
        super().__init__({})
        self.web: dict[Place, Any] = {}

    def url_of(self, place: Place) -> str:
        return f"http://{place[0]}:{self.url.rsplit(':', 1)[1]}/{place[1]}"

    async def handle(self, request: HttpRequest) -> HttpReply:
        host = request.headers["host"].split(":")[0]
        self._pages = {"/robots.txt": [Served("", 404)]}
        for (name, number), content in self.web.items():
            if name == host:
                page = redirect(self.url_of(content)) if isinstance(content, tuple) else _page(name, number, content)
                self._pages[f"/{number}"] = [page]
        return await super().handle(request)


def _page(host: str, number: int, day: str | None) -> str:
    dated = f'<meta property="article:published_time" content="{day}">' if day else ""
    return (
        f"<html><head><title>{host}</title>{dated}</head><body><h1>Page</h1><p>Colour of {host} {number}: blue.</p></body></html>"
    )


class AllPages:
    """A search that finds every page of the web, whatever the policy says: the worst provider there is."""

    name = identity = "all"

    def __init__(self, urls: list[str]) -> None:
        self._urls = urls

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None, ledger: UsageLedger) -> SearchResult:
        ledger.add(Usage(search_queries=1))
        return SearchResult(hits=tuple(Hit(url=url, title="", snippet="", score=1.0) for url in self._urls))


async def _reads_everything(urls: list[str], tools: ResearchTools, subquery: SubQuery) -> Draft:
    """A model that reads what it was shown, and what it was not."""
    await tools.search("colour", 50)
    ids: list[str] = []
    for url in urls:
        try:
            ids += [passage.id for passage in await tools.read(url) if "blue" in passage.text]
        except (BudgetExhausted, FetchFailed, FetchRefused, PageUnreadable):
            continue
    return Draft(answers=tuple(FieldAnswer(field=name, value="blue", passages=tuple(ids)) for name in subquery.fields))


async def _researched(server: NamedHosts, policy: SourcePolicy, folder: Path) -> Result:
    urls = [server.url_of(place) for place in server.web]

    async def script(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        return await _reads_everything(urls, tools, subquery)

    resolver = ScriptedResolver({host: [["127.0.0.1"]] for host in HOSTS})
    web = WebSettings(allow_private_hosts=("127.0.0.1", *HOSTS), host_delay_seconds=0.0, retry_seconds=0.0)
    async with open_web(web, folder / "cache", resolver=resolver) as fetcher:
        world = World(ScriptedModel(script), AllPages(urls), StoringFetcher(fetcher, PageStore(folder / "pages")))
        asked = {"task": "Which colour?", "output_schema": {"colour": "string"}, "processor": "ultra", "source_policy": policy}
        return await research(Task.model_validate(asked), world)


def test_no_url_outside_the_policy_is_ever_fetched_or_cited() -> None:
    with NamedHosts() as server:

        @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(web=webs, policy=policies)
        def holds(web: dict[Place, Any], policy: SourcePolicy) -> None:
            server.web = web
            server.requests.clear()
            with tempfile.TemporaryDirectory() as folder:
                result = asyncio.run(_researched(server, policy, Path(folder)))
            assert result.status == "completed", result.error
            asked = {f"http://{request.headers['host'].split(':')[0]}/" for request in server.requests}
            assert all(policy.allows(url) for url in asked)
            days = {server.url_of(place): content for place, content in web.items() if not isinstance(content, tuple)}
            for source in (source for source in result.sources_detailed if source.read):
                assert policy.allows(source.url)
            for url in {citation.url for basis in result.basis for citation in basis.citations}:
                assert policy.allows(url, days.get(url))
                assert host_of(url)

        holds()
