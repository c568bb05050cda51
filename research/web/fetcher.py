"""Reads pages of the web: one address at a time, through the guard, the site's robots.txt and the source policy.

Each hop of a redirect is a fetch of its own: no address is asked for anything that the guard, the policy and its own site's
robots.txt have not let through. docs/design/fetching.md says in which order, and why.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from typing import Final
from urllib.parse import urldefrag, urljoin

import httpx

from research.errors import FetchRefused, PageUnreadable
from research.page import Page, page_hash
from research.source_policy import SourcePolicy
from research.web.asking import REDIRECTS, Answer, Asker, Trial
from research.web.charset import decode
from research.web.content import EXTRACTION_VERSION, Extracted, extract
from research.web.guard import Guard, shown
from research.web.refresh import refresh
from research.web.robots import Robots
from research.web.settings import WebSettings
from research.web.shared_requests import SharedRequests
from research.web.sniffing import HTML, XML, sniff

SIGNPOST: Final = 500
"""Characters of text below which a page that sends its reader on by itself is a signpost, and not the page."""
CHAIN_SHOWN: Final = 4
"""Hops of a redirect that are named in a message."""
NO_ENTRY: Final = {
    401: "the site lets no reader in without a login",
    402: "the site lets no reader in without payment",
    403: "the site lets no reader in without more than we send: it forbids the page to us",
    404: "there is no such page",
    407: "a proxy lets nobody through without a login",
    410: "the page is gone for good",
    451: "the page is withheld for legal reasons",
}


class WebFetcher:
    """A `Fetcher` for the web. One for a process's event loop: thousands of rows share its connections, its
    manners and its cache.

    Made by `research.web.opening.open_web`.
    """

    def __init__(
        self, asker: Asker, guard: Guard, robots: Robots | None, settings: WebSettings, requests: SharedRequests
    ) -> None:
        self._asker = asker
        self._guard = guard
        self._robots = robots
        self._max_redirects = settings.limits.max_redirects
        self._max_html = settings.limits.max_html_bytes
        self._requests = requests
        # Extraction is pure work: more of it at once than there are processors only takes memory.
        self._extracting = asyncio.Semaphore(max(2, os.cpu_count() or 2))

    @property
    def identity(self) -> str:
        return f"web/{EXTRACTION_VERSION}"

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
        trial = self._asker.trial()
        cookies = httpx.Cookies()  # a fetch's own: sites that want one before they show a page get it, and nobody is followed
        hops: list[str] = []
        seen: set[tuple[str, str]] = set()
        here = urldefrag(url).url
        while True:
            hops.append(here)
            self._allow(here, policy, hops)
            if self._robots is not None:
                await self._robots.check(here, policy)
            request = self._asker.request(here, cookies)
            state = (str(request.url), request.headers.get("cookie", ""))
            if state in seen:
                raise PageUnreadable(f"{url}: its redirects go in a circle: {_chain(hops)}.")
            seen.add(state)
            if len(hops) > self._max_redirects + 1:
                raise PageUnreadable(f"{url}: more than {self._max_redirects} redirects: {_chain(hops)}.")
            answer = await self._ask(request, trial, cookies)
            if (target := _redirected(answer)) is not None:
                here = target
                continue
            page_or_target = await self._page(url, answer, keep_html)
            if isinstance(page_or_target, Page):
                return page_or_target
            here = page_or_target

    def recall(self, page_hash: str) -> Page:
        """Nothing is stored here: a `StoringFetcher` around this remembers.

        Raises:
            PageUnreadable: always.
        """
        raise PageUnreadable(f"no page with the hash {page_hash} is stored: the web is only fetched here.")

    def _allow(self, url: str, policy: SourcePolicy | None, hops: list[str]) -> None:
        sent_by = f" {shown(hops[0])} redirects there." if len(hops) > 1 else ""
        try:
            self._guard.check(url)
        except FetchRefused as exc:
            raise FetchRefused(f"{exc}{f'.{sent_by}' if sent_by else ''}") from exc
        if policy is not None and not policy.allows(url):
            raise FetchRefused(f"{shown(url)}: outside the domains that the source policy allows.{sent_by}")

    async def _ask(self, request: httpx.Request, trial: Trial, cookies: httpx.Cookies) -> Answer:
        async def send() -> Answer:
            answer = await self._asker.ask(request, trial)
            if _location(answer) is None:
                _refuse_status(answer)
            return answer

        # With a cookie, the answer is this fetch's own.
        answer = await send() if "cookie" in request.headers else await self._requests.ask(str(request.url), send)
        cookies.extract_cookies(httpx.Response(answer.status, headers=answer.headers, request=request))
        return answer

    async def _page(self, url: str, answer: Answer, keep_html: bool) -> Page | str:
        """The page that an answer is, or the address that it sends its reader to."""
        onward = refresh(answer.body, answer.url)
        onward = urldefrag(onward).url if onward is not None else None
        try:
            async with self._extracting:
                extracted, raw_hash, html = await asyncio.to_thread(_read, answer, keep_html, self._max_html)
        except PageUnreadable:
            if onward is None:
                raise
            return onward
        if onward is not None and onward != answer.url and extracted.media_type == HTML and len(extracted.text) < SIGNPOST:
            return onward
        return Page(
            page_hash=page_hash(extracted.text),
            url=url,
            final_url=answer.url,
            title=extracted.title,
            media_type=extracted.media_type,
            fetched_at=answer.arrived,
            published=extracted.published,
            text=extracted.text,
            extraction_version=EXTRACTION_VERSION,
            raw_hash=raw_hash,
            html=html,
        )


def _read(answer: Answer, keep_html: bool, max_html: int) -> tuple[Extracted, str, str | None]:
    """What a body says, the hash of the bytes that were read, and its HTML."""
    body = answer.body
    if len(body) > max_html and sniff(body, url=answer.url, media_type=answer.media_type) in (HTML, XML):
        body = body[:max_html]
    extracted = extract(body, url=answer.url, media_type=answer.media_type)
    html = decode(body, answer.media_type) if keep_html and extracted.media_type == HTML else None
    return extracted, hashlib.sha256(body).hexdigest(), html


def _location(answer: Answer) -> str | None:
    location: str = answer.headers.get("location", "").strip() if answer.status in REDIRECTS else ""
    return location or None


def _redirected(answer: Answer) -> str | None:
    location = _location(answer)
    if location is None:
        return None
    try:
        return urldefrag(urljoin(answer.url, location)).url
    except ValueError as exc:
        raise PageUnreadable(f"{answer.url}: it redirects to {location[:100]!r}, which is no address.") from exc


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
    raise PageUnreadable(f"{answer.url}: the server answered {answer.words}: {why}.")


def _chain(hops: list[str]) -> str:
    names = [shown(hop) for hop in hops]
    if len(names) > 2 * CHAIN_SHOWN:
        names = [*names[:CHAIN_SHOWN], "…", *names[-CHAIN_SHOWN:]]
    return " → ".join(names)
