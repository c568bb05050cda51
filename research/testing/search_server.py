"""Search providers on loopback: Brave, Tavily, Exa and SearXNG over one list of pages, for the real clients. No key, no cost.

pages = [WebPage("https://a.test/voyager", "Voyager 1", "It was launched on 5 September 1977.", "2024-03-01")]
with SearchServer(pages) as server:
    settings = SearchSettings(brave_key=SecretStr("test"), **server.urls)
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from research.evidence.ranking import Bm25
from research.task.urls import host_of
from research.testing.loopback import Ending, HttpReply, HttpRequest, LoopbackServer
from research.testing.replies import WebPage
from research.testing.search_dialects import SPOKEN, Refusal, Spoken, Wish

_ENDINGS: Final[Mapping[str, Ending]] = {"cut": "cut", "reset": "reset", "timeout": "silence"}
FAULTS: Final = (*_ENDINGS, "html", "bad_json", "wrong_json", "empty")
"""Beside error statuses such as `429`: a body cut in half, a reset connection, no answer at all, a proxy's page, a body that is
no JSON, JSON of another form; success without a single result, as a provider answers that lets nobody in and does not say so."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """One request, as it came and as it was answered. `arrived` is `time.monotonic()` seconds."""

    provider: str
    number: int
    """From 1, over all providers."""
    text: str
    """The query without operators; "" if the request could not be read."""
    params: Mapping[str, Any]
    arrived: float
    status: int
    fault: str | None = None


class SearchServer(LoopbackServer):
    """Finds pages by their words. Each API is below its own base URL: see `urls`.

    Args:
        pages: what there is to find. `page_age` is YYYY-MM-DD or None.
        key: what every API that has keys must be sent.
        faults: by the request's number over all providers, from 1: an error status (`"429"`) or one of `FAULTS`.
        down: a fault that every request to a provider meets, by its name.
        retry_after: seconds, sent with 429 and 503; None sends none.
        headers: sent with every fault, by lower-case name: what an API says of its limits.
        silent: engines that SearXNG says did not answer, and why.

    `queries` are all requests in order of arrival, `asked` their number by provider, refusals and faults included.
    """

    def __init__(
        self,
        pages: Sequence[WebPage],
        *,
        key: str = "test",
        faults: Mapping[int, str] | None = None,
        down: Mapping[str, str] | None = None,
        retry_after: float | None = 1.0,
        headers: Mapping[str, str] | None = None,
        silent: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(port=port)
        self._pages = tuple(pages)
        self._words = Bm25([f"{page.title} {page.text}" for page in pages])
        self._key = key
        self._faults = dict(faults or {})
        self._down = dict(down or {})
        self._retry_after = retry_after
        self._headers = dict(headers or {})
        self._silent = dict(silent or {})
        self.queries: list[SearchQuery] = []
        for kind in (*self._faults.values(), *self._down.values()):
            if kind not in FAULTS and not (kind.isdigit() and 300 <= int(kind) <= 599):
                raise ValueError(f"no such fault: {kind!r}. There are: error statuses such as '429', {', '.join(FAULTS)}")
        if unknown := [name for name in self._down if name not in SPOKEN]:
            raise ValueError(f"no such provider: {unknown[0]!r}. There are: {', '.join(SPOKEN)}")

    @property
    def urls(self) -> dict[str, str]:
        """Base URLs by the names that `SearchSettings` has for them: `brave_url`, `tavily_url`, `exa_url`, `searxng_url`."""
        return {f"{name}_url": f"{self.url}/{name}" for name in SPOKEN}

    @property
    def asked(self) -> Counter[str]:
        return Counter(query.provider for query in self.queries)

    async def handle(self, request: HttpRequest) -> HttpReply:
        name = request.path.split("/")[1]
        spoken = SPOKEN.get(name)
        if spoken is None or request.path != f"/{name}{spoken.path}" or request.method != spoken.method:
            return HttpReply(404, {"content-type": "text/html"}, b"<h1>404</h1>")
        number = len(self.queries) + 1
        try:
            self._check_key(spoken, request)
            wish = spoken.read(request)
        except Refusal as refusal:
            self.queries.append(SearchQuery(name, number, "", {}, request.arrived, refusal.status))
            return _json(refusal.status, spoken.error(refusal.status, str(refusal)))
        fault = self._faults.get(number) or self._down.get(name)
        refused = fault is not None and fault.isdigit()
        status = int(fault or 0) if refused else 502 if fault == "html" else 200
        self.queries.append(SearchQuery(name, number, wish.text, wish.params, request.arrived, status, fault))
        if refused:
            return self._failed(spoken, status)
        if fault == "html":
            return HttpReply(502, {"content-type": "text/html"}, b"<html><h1>502 Bad Gateway</h1></html>")
        if fault == "wrong_json":
            return _json(200, {"results": "none", "type": 5, "web": {"results": 7}})
        reply = _json(200, self._answer(spoken, name, wish, nothing=fault == "empty"))
        if fault == "bad_json":
            return HttpReply(200, reply.headers, b'{"results": [' + b"\x00 oops")
        return HttpReply(200, reply.headers, reply.body, ending=_ENDINGS.get(fault or "", "whole"))

    def _check_key(self, spoken: Spoken, request: HttpRequest) -> None:
        if spoken.key_of is not None and spoken.key_of(request) != self._key:
            raise Refusal(spoken.wrong_key, "key" if spoken.wrong_key == 422 else "Unauthorized: missing or invalid API key.")

    def _failed(self, spoken: Spoken, status: int) -> HttpReply:
        headers = dict(self._headers)
        if status in (429, 503) and self._retry_after is not None:
            headers["retry-after"] = f"{self._retry_after:g}"
        if 300 <= status < 400:
            headers["location"] = f"{self.url}/elsewhere"
        reply = _json(status, spoken.error(status, f"failed with {status}"))
        return HttpReply(status, {**reply.headers, **headers}, reply.body)

    def _answer(self, spoken: Spoken, name: str, wish: Wish, *, nothing: bool) -> dict[str, Any]:
        scores = self._words.scores(wish.text)
        ranked = sorted(range(len(self._pages)), key=lambda place: (-scores[place], place))
        found = [self._pages[place] for place in ranked if scores[place] > 0 and _wanted(self._pages[place], wish)]
        answer = spoken.answer(wish, [] if nothing else found[: wish.count])
        if name == "searxng":
            answer["unresponsive_engines"] = [list(each) for each in self._silent.items()]
        return answer


def _wanted(page: WebPage, wish: Wish) -> bool:
    host = f".{host_of(page.url)}"
    if wish.include and not any(host.endswith(f".{domain.removeprefix('.')}") for domain in wish.include):
        return False
    if any(host.endswith(f".{domain.removeprefix('.')}") for domain in wish.exclude):
        return False
    # As the services do: what has no date is left out where a date is asked for.
    return wish.after is None or (page.page_age is not None and page.page_age >= wish.after)


def _json(status: int, body: Any) -> HttpReply:
    return HttpReply(status, {"content-type": "application/json"}, json.dumps(body, ensure_ascii=False).encode())
