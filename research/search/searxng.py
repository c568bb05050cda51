"""A SearXNG instance: asks many search engines, on a machine of one's own. https://docs.searxng.org/dev/search_api"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx
from pydantic import BaseModel, SecretStr

from research.errors import AccessDenied, ResearchError, SearchFailed
from research.ports.page import Hit
from research.search.api_search import ApiSearch, Asked
from research.search.hits import Raw
from research.search.json_api import HttpRequest, JsonApi, Refused, Service
from research.search.policy_words import span_since, worded
from research.search.rate import Turns
from research.search.settings import SearchSettings
from research.task.source_policy import SourcePolicy


class _Result(BaseModel):
    url: str | None = None
    """Not every kind of result has one."""
    title: str | None = None
    content: str | None = None
    publishedDate: str | None = None


class SearxngAnswer(BaseModel):
    results: list[_Result]
    unresponsive_engines: list[list[str | None]] = []
    """Of each its name and what went wrong."""


class Searxng:
    """Has no words for domains but operators in the query, which its engines mostly understand, and for dates only the last day,
    week, month or year."""

    version = "1"

    def request(self, query: str, limit: int, policy: SourcePolicy | None, today: date) -> Asked:
        said = worded(query, policy, provider="searxng")
        params: dict[str, str | int] = {"q": said.query, "format": "json"}
        if policy is not None and policy.after_date and (span := span_since(policy.after_date, today)):
            params["time_range"] = span
        return Asked(HttpRequest("GET", "/search", params), said.warnings)

    def results(self, answer: SearxngAnswer) -> Iterable[Raw]:
        return (Raw(each.url, each.title, each.content, each.publishedDate) for each in answer.results if each.url)

    def warnings(self, answer: SearxngAnswer, hits: tuple[Hit, ...]) -> tuple[str, ...]:
        if not answer.unresponsive_engines:
            return ()
        silent = "; ".join(": ".join(part for part in engine if part) for engine in answer.unresponsive_engines)
        if not answer.results:
            raise SearchFailed(f"searxng found nothing, and not all of its engines answered ({silent})")
        return (f"searxng: engines did not answer ({silent})",)


def searxng(settings: SearchSettings, client: httpx.AsyncClient, turns: Turns) -> ApiSearch[SearxngAnswer]:
    """The settings hold its URL."""
    base, auth = _without_user(settings.searxng_url or "")
    service = Service(
        name="searxng",
        base_url=base,
        variable="SEARXNG_URL",
        price=settings.price("searxng"),
        auth=auth,
        error_of=lambda refused: _error(refused, base),
    )
    return ApiSearch(Searxng(), JsonApi(service, SearxngAnswer, client, turns, times=settings.times))


def _error(refused: Refused, base: str) -> ResearchError | None:
    if refused.status == 403:
        return AccessDenied(
            f"searxng at {base} does not answer in JSON (403): its settings.yml must list `json` under search: formats:, which "
            "few public instances do. Change that and start it again, or set SEARXNG_URL to an instance of your own."
        )
    if refused.status == 401:
        return AccessDenied(
            f"searxng at {base} asks for a user's name and password (401): write SEARXNG_URL as https://name:password@host"
        )
    return None


def _without_user(url: str) -> tuple[str, tuple[str, SecretStr] | None]:
    """An address without the name and password in it, and these."""
    parts = urlsplit(url.strip())
    if parts.username is None:
        return urlunsplit(parts).rstrip("/"), None
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).rstrip("/")
    return bare, (unquote(parts.username), SecretStr(unquote(parts.password or "")))
