"""What the search double speaks: how each API is asked, what it refuses, and how it answers.

Parameters that are not listed here are refused, as by the API itself or stricter: a client that sends them does not know what it
does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from research.testing.loopback import HttpRequest
from research.testing.replies import WebPage

_DAY: Final = r"\d{4}-\d\d-\d\d"


class Refusal(Exception):
    """A request that the API would not take."""

    def __init__(self, status: int, words: str) -> None:
        self.status = status
        super().__init__(words)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks for."""

    text: str
    """The query, without operators."""
    params: Mapping[str, Any]
    """All parameters as they were sent."""
    count: int
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    """Domains; `.gov` for an ending."""
    after: str | None = None
    """YYYY-MM-DD."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One API."""

    method: str
    path: str
    """Below the base URL, as at the real service."""
    key_of: Callable[[HttpRequest], str | None] | None
    """The key in a request; None: the API has no key."""
    read: Callable[[HttpRequest], Wish]
    answer: Callable[[Wish, Sequence[WebPage]], dict[str, Any]]
    error: Callable[[int, str], dict[str, Any]]
    wrong_key: int = 401
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every answer."""


def _header(name: str, prefix: str = "") -> Callable[[HttpRequest], str | None]:
    def key_of(request: HttpRequest) -> str | None:
        sent = request.headers.get(name)
        return sent.removeprefix(prefix) if sent is not None and sent.startswith(prefix) else None

    return key_of


def _known(params: Mapping[str, Any], forms: Mapping[str, Callable[[Any], bool]], required: str, status: int) -> None:
    if unknown := [name for name in params if name not in forms]:
        raise Refusal(status, f"unknown parameter: {', '.join(unknown)}")
    if required not in params:
        raise Refusal(status, f"missing parameter: {required}")
    for name, value in params.items():
        if not forms[name](value):
            raise Refusal(status, f"invalid value for {name}: {value!r}")


def _matches(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) is not None


def _whole(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _list(most: int, pattern: str) -> Callable[[Any], bool]:
    entry = _matches(pattern)
    return lambda value: isinstance(value, list) and len(value) <= most and all(map(entry, value))


def _operators(query: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """A query's words, and the domains of its `site:` and `-site:` operators. A single label is an ending."""

    def domain(operator: str) -> str:
        name = operator.partition(":")[2]
        return name if "." in name else f".{name}"

    parts = query.split()
    include = tuple(domain(each) for each in parts if each.startswith("site:"))
    exclude = tuple(domain(each) for each in parts if each.startswith("-site:"))
    return " ".join(each for each in parts if "site:" not in each and each != "OR"), include, exclude


def _query_string(request: HttpRequest) -> dict[str, Any]:
    return dict(request.query)


def _body(request: HttpRequest, status: int) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(status, "the body is not a JSON object")
    return body


_BRAVE_FORMS: Final = {
    "q": lambda value: 0 < len(value) <= 400 and len(value.split()) <= 50,
    "count": lambda value: value.isdigit() and 1 <= int(value) <= 20,
    "offset": _matches(r"\d"),
    "freshness": _matches(rf"p[dwmy]|{_DAY}to{_DAY}"),
    "result_filter": _matches(r"[a-z,]+"),
    "text_decorations": _matches("true|false|1|0"),
    "country": _matches(r"[A-Z]{2}|ALL"),
    "search_lang": _matches(r"[a-z-]{2,7}"),
    "safesearch": _matches("off|moderate|strict"),
    "extra_snippets": _matches("true|false|1|0"),
}


def _read_brave(request: HttpRequest) -> Wish:
    params = _query_string(request)
    _known(params, _BRAVE_FORMS, "q", 422)
    text, include, exclude = _operators(params["q"])
    freshness = params.get("freshness", "")
    return Wish(text, params, int(params.get("count", 20)), include, exclude, freshness[:10] if "to" in freshness else None)


def _answer_brave(wish: Wish, pages: Sequence[WebPage]) -> dict[str, Any]:
    results = [
        {
            "type": "search_result",
            "title": page.title,
            "url": page.url,
            "description": page.text[:300],
            **({"page_age": f"{page.page_age}T00:00:00"} if page.page_age else {}),
        }
        for page in pages
    ]
    query = {"original": wish.params["q"], "more_results_available": False}
    return {"type": "search", "query": query, **({"web": {"type": "search", "results": results}} if results else {})}


def _error_brave(status: int, words: str) -> dict[str, Any]:
    code = {401: "SUBSCRIPTION_TOKEN_INVALID", 422: "VALIDATION", 429: "RATE_LIMITED"}.get(status, "INTERNAL")
    if words == "key":
        code, words = "SUBSCRIPTION_TOKEN_INVALID", "The provided subscription token is invalid."
    return {"type": "ErrorResponse", "error": {"code": code, "detail": words, "status": status}}


_TAVILY_FORMS: Final = {
    "query": lambda value: isinstance(value, str) and 0 < len(value) <= 400,
    "search_depth": _matches("basic|advanced|fast|ultra-fast"),
    "max_results": _whole(0, 20),
    "include_usage": lambda value: isinstance(value, bool),
    "include_domains": _list(300, r"(\*\.)?[a-z0-9_.-]+"),
    "exclude_domains": _list(150, r"(\*\.)?[a-z0-9_.-]+"),
    "start_date": _matches(_DAY),
    "end_date": _matches(_DAY),
    "topic": _matches("general|news|finance"),
    "time_range": _matches("day|week|month|year|[dwmy]"),
}


def _read_tavily(request: HttpRequest) -> Wish:
    body = _body(request, 400)
    _known(body, _TAVILY_FORMS, "query", 400)
    named = [tuple(each.removeprefix("*") for each in body.get(name, ())) for name in ("include_domains", "exclude_domains")]
    return Wish(body["query"], body, body.get("max_results", 5), named[0], named[1], body.get("start_date"))


def _answer_tavily(wish: Wish, pages: Sequence[WebPage]) -> dict[str, Any]:
    results = [
        {"title": page.title, "url": page.url, "content": page.text[:500], "score": round(0.99 ** (rank + 1), 6),
         **({"published_date": page.page_age} if page.page_age else {})}
        for rank, page in enumerate(pages)
    ]  # fmt: skip
    usage = {"usage": {"credits": 2 if wish.params.get("search_depth") == "advanced" else 1}}
    answer = {"query": wish.text, "answer": None, "images": [], "results": results, "response_time": 0.1, "request_id": "r"}
    return answer | (usage if wish.params.get("include_usage") else {})


_EXA_FORMS: Final = {
    "query": lambda value: isinstance(value, str) and bool(value),
    "type": _matches("auto|neural|fast|deep|instant"),
    "numResults": _whole(1, 100),
    "contents": lambda value: isinstance(value, dict) and set(value) <= {"highlights", "text", "summary"},
    "includeDomains": _list(1200, r"[a-z0-9_-]+(\.[a-z0-9_-]+)+"),
    "excludeDomains": _list(1200, r"[a-z0-9_-]+(\.[a-z0-9_-]+)+"),
    "startPublishedDate": _matches(rf"{_DAY}T\d\d:\d\d:\d\d\.\d{{3}}Z"),
    "endPublishedDate": _matches(rf"{_DAY}T\d\d:\d\d:\d\d\.\d{{3}}Z"),
}


def _read_exa(request: HttpRequest) -> Wish:
    body = _body(request, 400)
    _known(body, _EXA_FORMS, "query", 400)
    include, exclude = (tuple(body.get(name, ())) for name in ("includeDomains", "excludeDomains"))
    after = body.get("startPublishedDate")
    return Wish(body["query"], body, body.get("numResults", 10), include, exclude, after[:10] if after else None)


def _answer_exa(wish: Wish, pages: Sequence[WebPage]) -> dict[str, Any]:
    results = [
        {"id": page.url, "title": page.title, "url": page.url, "author": None,
         "publishedDate": f"{page.page_age}T00:00:00.000Z" if page.page_age else None,
         **({"highlights": [page.text[:300]]} if "highlights" in wish.params.get("contents", {}) else {})}
        for page in pages
    ]  # fmt: skip
    cost = 0.007 + 0.001 * max(0, wish.count - 10)
    return {"requestId": "r", "resolvedSearchType": "neural", "results": results, "costDollars": {"total": round(cost, 6)}}


_SEARXNG_FORMS: Final = {
    "q": lambda value: bool(value),
    "format": _matches("json"),
    "time_range": _matches("day|week|month|year"),
    "pageno": _matches(r"\d+"),
    "language": _matches(r"[a-zA-Z-]+"),
    "categories": _matches(r"[a-z ,]+"),
    "engines": _matches(r"[a-z ,]+"),
    "safesearch": _matches("[012]"),
}


def _read_searxng(request: HttpRequest) -> Wish:
    params = _query_string(request)
    _known(params, _SEARXNG_FORMS, "q", 400)
    text, include, exclude = _operators(params["q"])
    return Wish(text, params, 20, include, exclude)


def _answer_searxng(wish: Wish, pages: Sequence[WebPage]) -> dict[str, Any]:
    results = [
        {"url": page.url, "title": page.title, "content": page.text[:300], "engine": "double", "engines": ["double"],
         "score": 1 / (rank + 1), "category": "general",
         "publishedDate": f"{page.page_age}T00:00:00" if page.page_age else None}
        for rank, page in enumerate(pages)
    ]  # fmt: skip
    return {"query": wish.params["q"], "number_of_results": 0, "results": results, "answers": [], "corrections": [],
            "infoboxes": [], "suggestions": [], "unresponsive_engines": []}  # fmt: skip


SPOKEN: Final[Mapping[str, Spoken]] = {
    "brave": Spoken(
        "GET", "/res/v1/web/search", _header("x-subscription-token"), _read_brave, _answer_brave, _error_brave, wrong_key=422
    ),
    "tavily": Spoken(
        "POST", "/search", _header("authorization", "Bearer "), _read_tavily, _answer_tavily,
        lambda _status, words: {"detail": {"error": words}},
    ),
    "exa": Spoken(
        "POST", "/search", _header("x-api-key"), _read_exa, _answer_exa,
        lambda status, words: {"requestId": "r", "error": words, "tag": f"ERROR_{status}"},
    ),
    "searxng": Spoken("GET", "/search", None, _read_searxng, _answer_searxng, lambda _status, words: {"error": words}),
}  # fmt: skip
"""Each API by its name, which is also the first part of its path on the double."""
