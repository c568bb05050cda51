"""Tavily's search API: made for language models, billed in credits. https://docs.tavily.com/documentation/api-reference/endpoint/search"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

import httpx
from pydantic import BaseModel

from research.ports.page import Hit
from research.search.api_search import ApiSearch, Asked
from research.search.hits import Raw
from research.search.json_api import HttpRequest, JsonApi, Service
from research.search.policy_words import worded
from research.search.rate import Turns
from research.search.settings import SearchSettings
from research.task.source_policy import SourcePolicy

MOST: Final = 20
"""Results of one query. Fewer cost the same."""
INCLUDED: Final = 300
EXCLUDED: Final = 150
"""Domains that one query may name; a policy holds 200 at most."""


class _Result(BaseModel):
    url: str
    title: str | None = None
    content: str | None = None
    published_date: str | None = None


class _Usage(BaseModel):
    credits: float | None = None


class TavilyAnswer(BaseModel):
    results: list[_Result]
    usage: _Usage | None = None


class Tavily:
    """Takes domains (`*.gov` for an ending) and a first day as parameters."""

    version = "1"

    def request(self, query: str, limit: int, policy: SourcePolicy | None, today: date) -> Asked:
        said = worded(query, policy, provider="tavily", words=400, native=True)
        body: dict[str, Any] = {
            "query": said.query,
            "search_depth": "basic",  # one credit; `advanced` is two
            "max_results": MOST if policy is not None else min(limit, MOST),
            "include_usage": True,
        }
        if policy is not None:
            if policy.include_domains:
                body["include_domains"] = [_pattern(domain) for domain in policy.include_domains[:INCLUDED]]
            elif policy.exclude_domains:
                body["exclude_domains"] = [_pattern(domain) for domain in policy.exclude_domains[:EXCLUDED]]
            if policy.after_date and policy.after_date <= today.isoformat():
                body["start_date"] = policy.after_date
        return Asked(HttpRequest("POST", "/search", body=body), said.warnings)

    def results(self, answer: TavilyAnswer) -> Iterable[Raw]:
        return (Raw(each.url, each.title, each.content, each.published_date) for each in answer.results)

    def warnings(self, answer: TavilyAnswer, hits: tuple[Hit, ...]) -> tuple[str, ...]:
        return ()


def tavily(settings: SearchSettings, client: httpx.AsyncClient, turns: Turns) -> ApiSearch[TavilyAnswer]:
    """A search of Tavily, with its key from the settings.

    Raises:
        AuthenticationFailed: the key cannot be one.
    """
    price = settings.price("tavily")
    service = Service(
        name="tavily",
        base_url=settings.tavily_url,
        variable="TAVILY_API_KEY",
        price=price,
        key_header="authorization",
        key_prefix="Bearer ",
        key=settings.tavily_key,
        quota=frozenset({402, 432, 433}),  # of the key's or the plan's credits; of what may be paid as you go
    )

    def cost(answer: TavilyAnswer) -> float | None:
        credits = answer.usage.credits if answer.usage is not None else None
        return None if credits is None or credits < 0 or price is None else credits * price

    return ApiSearch(Tavily(), JsonApi(service, TavilyAnswer, client, turns, cost=cost, times=settings.times))


def _pattern(domain: str) -> str:
    return f"*{domain}" if domain.startswith(".") else domain
