"""Reads pages of the web: one address at a time, through the guard, the site's robots.txt and the source policy.

Each hop of a redirect is a fetch of its own: no address is asked for anything that the guard, the policy and its own site's
robots.txt have not let through. docs/design/fetching.md says in which order, and why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

import httpx

from research.documents.readers import PageRead, Readers
from research.documents.sniffing import HTML
from research.documents.version import EXTRACTION_VERSION
from research.errors import FetchRefused, NeedsBrowser, PageUnreadable
from research.ports.page import Link, Page, page_hash
from research.task.source_policy import SourcePolicy
from research.task.urls import is_web
from research.web.browser import Load, Loaded, Rendered
from research.web.fetch_budget import FetchBudget
from research.web.guard import Guard, shown
from research.web.redirects import is_redirect, redirect, refresh
from research.web.requesting import REDIRECTS, Answer, Asker, status_words
from research.web.robots import Robots
from research.web.settings import WebSettings
from research.web.shared_requests import SharedRequests

SIGNPOST: Final = 500
"""Characters of text below which a page that sends its reader on by itself is a signpost, and not the page."""
CHAIN_SHOWN: Final = 4
"""Hops of a redirect that are named in a message."""
NO_ENTRY: Final = {
    401: "the site lets no reader in without a login",
    402: "the site lets no reader in without payment",
    403: "the site lets no reader in without more than we send: it forbids the page to us",
    404: "there is no such page",
    407: "a proxy lets no request through without a login",
    410: "the page is gone for good",
    451: "the page is withheld for legal reasons",
}


class Renderer(Protocol):
    """Runs the scripts of a page: `research.web.browser.Browser`."""

    async def render(self, url: str, load: Load) -> Rendered: ...


class WebFetcher:
    """A `Fetcher` for the web. One for a process's event loop: thousands of rows share its connections, politeness and cache.

    Made by `research.web.opening.open_web`.
    """

    def __init__(
        self,
        asker: Asker,
        guard: Guard,
        robots: Robots | None,
        settings: WebSettings,
        requests: SharedRequests,
        readers: Readers,
        browser: Renderer | None = None,
    ) -> None:
        self._asker = asker
        self._guard = guard
        self._robots = robots
        self._max_redirects = settings.limits.max_redirects
        self._max_html = settings.limits.max_html_bytes
        self._requests = requests
        self._readers = readers
        self._browser = browser

    @property
    def identity(self) -> str:
        return f"web/{EXTRACTION_VERSION}" + ("/browser" if self._browser is not None else "")

    def refusal(self, url: str) -> str | None:
        """Why a URL may not be read, as far as its text tells; None if it may. Nothing is looked up."""
        return self._guard.refusal(url)

    async def fetch(self, url: str, *, policy: SourcePolicy | None = None, keep_html: bool = False) -> Page:
        """Read a page.

        Args:
            url: its address. A fragment is dropped.
            policy: no address outside it is asked for anything, on the way there either.
            keep_html: an HTML page's own HTML is wanted as well.

        Raises:
            FetchRefused: the guard, the policy or the site's robots.txt does not allow it.
            PageUnreadable: there is no page, nothing to read in it, or more than the limits allow.
            FetchFailed: it did not arrive; a later try may bring it.
        """
        visit = _Visit(self._asker.new_budget(), policy)
        here = url.strip().partition("#")[0]
        while True:
            answer = await self._follow(here, visit)
            target = refresh(answer.body, answer.url)
            try:
                read = await self._extract(answer, keep_html)
            except PageUnreadable as unreadable:
                if target is not None:
                    here = target
                    continue
                if self._browser is None or not isinstance(unreadable, NeedsBrowser):
                    raise
                answer = await self._rendered(self._browser, answer, policy)
                read = await self._extract(answer, keep_html)
            if target is not None and target != answer.url and read.says.media_type == HTML and len(read.says.text) < SIGNPOST:
                here = target
                continue
            return Page(
                page_hash=page_hash(read.says.text),
                url=url,
                final_url=answer.url,
                title=read.says.title,
                media_type=read.says.media_type,
                fetched_at=answer.arrived,
                published=read.says.published,
                text=read.says.text,
                extraction_version=EXTRACTION_VERSION,
                raw_hash=read.raw_hash,
                html=read.html,
                links=tuple(Link(url=address, text=words) for address, words in read.says.links),
            )

    def recall(self, page_hash: str) -> Page:
        """Nothing is stored here: a `StoringFetcher` around this remembers.

        Raises:
            PageUnreadable: always.
        """
        raise PageUnreadable(f"no page with the hash {page_hash} is stored: the web is only fetched here.")

    async def _follow(self, url: str, visit: _Visit) -> Answer:
        """What an address answers, after all redirects: a body to read."""
        while True:
            visit.hops.append(url)
            url = self._allowed(url, visit)
            if self._robots is not None:
                await self._robots.check(url, visit.policy)
            request = self._asker.request(url, visit.cookies)
            state = (str(request.url), request.headers.get("cookie", ""))
            if state in visit.seen:
                raise PageUnreadable(f"{shown(visit.hops[0])}: its redirects go in a circle: {_chain(visit.hops)}.")
            visit.seen.add(state)
            if len(visit.hops) > self._max_redirects + 1:
                raise PageUnreadable(f"{shown(visit.hops[0])}: more than {self._max_redirects} redirects: {_chain(visit.hops)}.")
            answer = await self._ask(request, visit)
            target = redirect(answer)
            if target is None:
                return answer
            url = target

    def _allowed(self, url: str, visit: _Visit) -> str:
        """The URL as the guard read it: the one to ask for."""
        sent_by = f" {shown(visit.hops[0])} redirects there." if len(visit.hops) > 1 else ""
        try:
            target = self._guard.check(url)
        except FetchRefused as exc:
            raise FetchRefused(f"{exc}.{sent_by}" if sent_by else str(exc)) from exc
        if visit.policy is not None and not visit.policy.allows(target.url):
            raise FetchRefused(f"{shown(url)}: outside the domains that the source policy allows.{sent_by}")
        return target.url

    async def _ask(self, request: httpx.Request, visit: _Visit) -> Answer:
        async def send() -> Answer:
            answer = await self._asker.ask(request, visit.budget)
            if not is_redirect(answer):
                _refuse_status(answer)
            return answer

        # With a cookie, the answer is this fetch's own.
        answer = await send() if "cookie" in request.headers else await self._requests.ask(str(request.url), send)
        visit.cookies.extract_cookies(httpx.Response(answer.status, headers=answer.headers, request=request))
        return answer

    async def _extract(self, answer: Answer, keep_html: bool) -> PageRead:
        return await self._readers.read(
            answer.body, url=answer.url, media_type=answer.media_type, keep_html=keep_html, max_html=self._max_html
        )

    async def _rendered(self, browser: Renderer, answer: Answer, policy: SourcePolicy | None) -> Answer:
        """A page after its scripts have run. What they load is fetched here, by the same guard, policy and politeness."""

        async def load(url: str) -> Loaded:
            if url == answer.url:
                return Loaded(answer.body, 200, answer.media_type or "")
            part = await self._follow(url.partition("#")[0], _Visit(self._asker.new_budget(), policy))
            return Loaded(part.body, part.status, part.media_type or "")

        rendered = await browser.render(answer.url, load)
        headers = httpx.Headers({"content-type": "text/html; charset=utf-8"})
        body = rendered.html.encode("utf-8", "replace")
        # A script may have left the page blank, under no address of the web.
        left_at = rendered.url.partition("#")[0] if is_web(rendered.url) else answer.url
        return Answer(left_at, 200, headers, body, datetime.now(UTC))


@dataclass(slots=True)
class _Visit:
    """One fetch on its way."""

    budget: FetchBudget
    policy: SourcePolicy | None
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)
    """Cookies live for one fetch: enough for consent redirects, never shared between fetches."""
    hops: list[str] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)
    """Addresses asked for, with the cookies that were sent."""


def _refuse_status(answer: Answer) -> None:
    if answer.status in (200, 203):
        return
    if answer.status in NO_ENTRY:
        why = NO_ENTRY[answer.status]
    elif answer.status in REDIRECTS:
        why = "it is a redirect that does not say where to"
    elif answer.status in (206, 304):
        why = "it is a part of an answer, and nothing partial was asked for"
    elif answer.status in (204, 205):
        why = "there is nothing to read"
    else:
        why = "that is no page"
    raise PageUnreadable(f"{answer.url}: the server answered {status_words(answer.status)}: {why}.")


def _chain(hops: list[str]) -> str:
    names = [shown(hop) for hop in hops]
    if len(names) > 2 * CHAIN_SHOWN:
        names = [*names[:CHAIN_SHOWN], "…", *names[-CHAIN_SHOWN:]]
    return " → ".join(names)
