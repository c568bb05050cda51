"""Brave's Web Search API: an index of its own. https://api-dashboard.search.brave.com/api-reference/web/search/get"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

import httpx
from pydantic import BaseModel

from research.concurrency.retrying import retry_after
from research.errors import AuthenticationFailed, QuotaExhausted, ResearchError
from research.ports.page import Hit
from research.search.api_search import ApiSearch, Asked
from research.search.hits import Raw
from research.search.json_api import HttpRequest, JsonApi, Refused, Service
from research.search.policy_words import worded
from research.search.rate import Turns
from research.search.settings import SearchSettings
from research.task.source_policy import SourcePolicy

MOST: Final = 20
"""Results of one query. Fewer cost the same."""
_VARIABLE: Final = "BRAVE_API_KEY"


class _Result(BaseModel):
    url: str
    title: str | None = None
    description: str | None = None
    page_age: str | None = None


class _Web(BaseModel):
    results: list[_Result]


class BraveAnswer(BaseModel):
    type: str
    web: _Web | None = None
    """Not there where nothing was found."""


class Brave:
    """Has no words for domains but operators in the query, and leaves out undated pages where a date is asked for."""

    version = "1"

    def request(self, query: str, limit: int, policy: SourcePolicy | None, today: date) -> Asked:
        said = worded(query, policy, provider="brave")
        count = MOST if policy is not None else min(limit, MOST)  # some will be left out
        params: dict[str, str | int] = {"q": said.query, "count": count, "result_filter": "web", "text_decorations": "false"}
        if policy is not None and policy.after_date:
            # To tomorrow: somewhere it is that already.
            params["freshness"] = f"{policy.after_date}to{max(today + timedelta(days=1), date.fromisoformat(policy.after_date))}"
        return Asked(HttpRequest("GET", "/res/v1/web/search", params), said.warnings)

    def results(self, answer: BraveAnswer) -> Iterable[Raw]:
        found = answer.web.results if answer.web is not None else ()
        return (Raw(each.url, each.title, each.description, each.page_age) for each in found)

    def warnings(self, answer: BraveAnswer, hits: tuple[Hit, ...]) -> tuple[str, ...]:
        return ()


def brave(settings: SearchSettings, client: httpx.AsyncClient, turns: Turns) -> ApiSearch[BraveAnswer]:
    """A search of Brave, with its key from the settings.

    Raises:
        AuthenticationFailed: the key cannot be one.
    """
    service = Service(
        name="brave",
        base_url=settings.brave_url,
        variable=_VARIABLE,
        price=settings.price("brave"),
        key_header="x-subscription-token",
        key=settings.brave_key,
        error_of=_error,
        wait_of=_wait,
    )
    return ApiSearch(Brave(), JsonApi(service, BraveAnswer, client, turns, times=settings.times))


def _error(refused: Refused) -> ResearchError | None:
    if "SUBSCRIPTION_TOKEN" in refused.words:  # a wrong key is a 422 there
        return AuthenticationFailed(f"brave refuses the key that {_VARIABLE} holds: set it again. It says: {refused.words}")
    if refused.status == 429 and ("QUOTA" in refused.words or _quota_is_empty(refused)):
        return QuotaExhausted(
            f"brave: the month's quota of the key in {_VARIABLE} is used up (429). Raise it there, wait for its renewal, or "
            "search with another provider."
        )
    return None


def _windows(refused: Refused) -> list[tuple[float, float, float]]:
    """Of each limit: seconds of its window, requests that remain, seconds until it resets. `1;w=1, 15000;w=2592000`."""
    headers = refused.headers
    try:
        lengths = [float(each.partition("w=")[2]) for each in headers.get("x-ratelimit-policy", "").split(",")]
        remaining = [float(each) for each in headers.get("x-ratelimit-remaining", "").split(",")]
        resets = [float(each) for each in headers.get("x-ratelimit-reset", "").split(",")]
    except ValueError:
        return []
    return list(zip(lengths, remaining, resets, strict=False))


def _quota_is_empty(refused: Refused) -> bool:
    # A limit of 0 stands for none.
    limits = [each.strip() for each in refused.headers.get("x-ratelimit-limit", "").split(",")]
    return any(
        length > 86_400 and remaining <= 0 and limit != "0"
        for (length, remaining, _), limit in zip(_windows(refused), limits, strict=False)
    )


def _wait(refused: Refused) -> float | None:
    said = retry_after(refused.headers)
    if said is not None:
        return said
    return max((reset for length, remaining, reset in _windows(refused) if remaining <= 0 and length <= 86_400), default=None)
