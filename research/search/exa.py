"""Exa's search API: an index searched by meaning. https://exa.ai/docs/reference/search"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

import httpx
from pydantic import BaseModel

from research.ports.page import Hit
from research.search.api_search import ApiSearch, Asked
from research.search.hits import SNIPPET, Raw
from research.search.json_api import HttpRequest, JsonApi, Service
from research.search.policy_words import worded
from research.search.rate import Turns
from research.search.settings import SearchSettings
from research.task.source_policy import SourcePolicy

MOST: Final = 10
"""Results that the price of one query holds. More cost more."""


class _Result(BaseModel):
    url: str
    title: str | None = None
    publishedDate: str | None = None
    highlights: list[str] | None = None


class _Cost(BaseModel):
    total: float | None = None


class ExaAnswer(BaseModel):
    results: list[_Result]
    costDollars: _Cost | None = None


class Exa:
    """Takes domains and a first day as parameters; has no words for whole endings such as `.gov`."""

    version = "1"

    def request(self, query: str, limit: int, policy: SourcePolicy | None, today: date) -> Asked:
        said = worded(query, policy, provider="exa", characters=2_000, words=400, native=True)
        body: dict[str, Any] = {
            "query": said.query,
            "type": "auto",
            "numResults": MOST if policy is not None else min(limit, MOST),
            "contents": {"highlights": {"maxCharacters": SNIPPET}},
        }
        if policy is not None:
            if policy.include_domains:
                if not any(domain.startswith(".") for domain in policy.include_domains):
                    body["includeDomains"] = list(policy.include_domains)
            elif named := [domain for domain in policy.exclude_domains if not domain.startswith(".")]:
                body["excludeDomains"] = named
            if policy.after_date:
                body["startPublishedDate"] = f"{policy.after_date}T00:00:00.000Z"
        return Asked(HttpRequest("POST", "/search", body=body), said.warnings)

    def results(self, answer: ExaAnswer) -> Iterable[Raw]:
        return (Raw(each.url, each.title, " … ".join(each.highlights or ()), each.publishedDate) for each in answer.results)

    def warnings(self, answer: ExaAnswer, hits: tuple[Hit, ...]) -> tuple[str, ...]:
        return ()


def exa(settings: SearchSettings, client: httpx.AsyncClient, turns: Turns) -> ApiSearch[ExaAnswer]:
    """A search of Exa, with its key from the settings.

    Raises:
        AuthenticationFailed: the key cannot be one.
    """
    service = Service(
        name="exa",
        base_url=settings.exa_url,
        variable="EXA_API_KEY",
        price=settings.price("exa"),
        key_header="x-api-key",
        key=settings.exa_key,
    )

    def cost(answer: ExaAnswer) -> float | None:
        total = answer.costDollars.total if answer.costDollars is not None else None
        return None if total is None or total < 0 else total

    return ApiSearch(Exa(), JsonApi(service, ExaAnswer, client, turns, cost=cost, times=settings.times))
