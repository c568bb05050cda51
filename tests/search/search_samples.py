"""What several tests of the search providers need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from research.money.usage import Usage
from research.money.usage_ledger import UsageLedger
from research.ports.page import Hit
from research.ports.search import Search, SearchResult
from research.search.json_api import SearchTimes
from research.search.opening import open_search
from research.search.rate import Rate
from research.search.settings import SearchSettings
from research.task.source_policy import SourcePolicy
from research.testing import SearchServer, WebPage

APIS = ("brave", "tavily", "exa", "searxng")
WITH_KEYS = ("brave", "tavily", "exa")
QUICK = SearchTimes(budget=30, attempt=10, first_wait=0.01, longest_wait=0.05)
"""Waits hardly at all between attempts, and long enough for an answer on a busy machine."""
HASTY = QUICK.model_copy(update={"attempt": 0.5})
"""For services that never answer."""

PAGES = [
    WebPage("https://www.space.test/voyager", "Voyager 1", "Voyager 1 was launched on 5 September 1977.", "2024-03-01"),
    WebPage("https://docs.nasa.gov/voyager", "Voyager program", "The Voyager probes were launched by NASA.", "2019-05-05"),
    WebPage("https://forum.example.org/t/1", "Who saw Voyager?", "Voyager, seen from a garden."),
    WebPage("https://museum.example.co.uk/luna", "Luna 9", "Luna 9 landed on the Moon.", "2023-01-01"),
]


def settings(server: SearchServer, **more: Any) -> SearchSettings:
    """Every provider with a key and an address, as fast as it goes."""
    keys = {f"{name}_key": SecretStr("test") for name in WITH_KEYS}
    rates = {name: Rate() for name in APIS}
    return SearchSettings(**(keys | server.urls | {"rates": rates, "times": QUICK, "freshness": 0} | more))


@asynccontextmanager
async def opened(server: SearchServer, cache: Path, *names: str, **more: Any) -> AsyncIterator[Search]:
    async with open_search(names or APIS, settings(server, **more), cache) as search:
        yield search


def hit(url: str, snippet: str = "", published: str | None = None, title: str = "") -> Hit:
    return Hit(url=url, title=title, snippet=snippet, score=1, published=published)


@dataclass
class Scripted:
    """A search that answers what it was given, or raises it."""

    name: str
    answer: Callable[[str], SearchResult] | SearchResult | Exception | Sequence[str]
    seconds: float = 0.0
    took: Usage = field(default_factory=lambda: Usage(search_queries=1))
    """What an answer adds to the ledger."""
    cost_usd: float | None = 0.0
    asked: list[tuple[str, int, SourcePolicy | None]] = field(default_factory=list)

    @property
    def identity(self) -> str:
        return f"{self.name}/test"

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None, ledger: UsageLedger) -> SearchResult:
        self.asked.append((query, limit, policy))
        await asyncio.sleep(self.seconds)
        answer = self.answer
        if isinstance(answer, Exception):
            raise answer
        ledger.add(self.took, self.cost_usd)
        if isinstance(answer, SearchResult):
            return answer
        if callable(answer):
            return answer(query)
        return SearchResult(hits=tuple(hit(url) for url in answer))
