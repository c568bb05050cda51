"""How long an answer may be used again: its headers are completed with what the HTTP cache needs and the server did not say."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from typing import Final

import httpx

ARRIVED: Final = "x-research-arrived"
"""Header of a stored answer: when its bytes came, in ISO 8601. Written by us; a server's header of this name is replaced."""
PERMANENT: Final = (200, 203, 301, 308, 404, 410)
"""Statuses whose answers may be used again without an explicit lifetime; a subset of those that RFC 9110 lists."""
GONE_SECONDS: Final = 3600
"""Seconds for which a missing page is taken to be still missing. A missing robots.txt counts as any other answer."""
CLOCK_SLACK: Final = 60.0
"""Seconds by which a server's clock may be ahead."""


class FreshnessHeaders(httpx.AsyncBaseTransport):
    """Completes the headers of every answer of another transport, for the cache above it."""

    def __init__(
        self, inner: httpx.AsyncBaseTransport, freshness_seconds: int, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._inner = inner
        self._freshness = freshness_seconds
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        missing = response.status_code in (404, 410) and request.url.path != "/robots.txt"
        complete_headers(response, min(self._freshness, GONE_SECONDS) if missing else self._freshness, self._clock())
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def complete_headers(response: httpx.Response, freshness_seconds: int, now: float) -> None:
    """Complete the headers of an answer that came at `now`, in seconds since 1970."""
    headers = response.headers
    if response.status_code == 304:
        # The bytes came earlier: the stored answer keeps its own arrival.
        headers.pop(ARRIVED, None)
    else:
        headers[ARRIVED] = datetime.fromtimestamp(now, UTC).isoformat()
    directives = _directives(headers)
    if response.status_code not in (*PERMANENT, 302, 303, 307, 304) or (
        300 <= response.status_code < 304 and "set-cookie" in headers
    ):
        # Errors are asked for again; and a redirect that sets a cookie, answered from the cache, would set none.
        headers["cache-control"] = "no-store"
        return
    # The library computes an age from `Date` alone. With a server's missing or wrong clock a page would stay fresh for ever; and
    # what another cache held for an hour is an hour old.
    headers["date"] = formatdate(_origin_time(headers, now), usegmt=True)
    says_how_long = "max-age" in directives or "expires" in headers or directives & {"no-store", "no-cache"}
    asks_again = "no-cache" in headers.get("pragma", "").lower() and "cache-control" not in headers
    revalidated = response.status_code == 304 and "cache-control" not in headers  # the stored answer says how long
    if says_how_long or asks_again or revalidated or response.status_code not in (*PERMANENT, 304):
        if asks_again:
            headers["cache-control"] = "no-cache"
        return
    # RFC 9111 section 4.2.2 leaves it to a cache how long an answer without explicit freshness may be used. The library's own
    # measure is a tenth of its age by Last-Modified, and nothing at all without that; research wants one table's rows and
    # tomorrow morning's run to see one web.
    before = headers.get("cache-control", "")
    headers["cache-control"] = f"{before}, max-age={freshness_seconds}".removeprefix(", ")


def _directives(headers: httpx.Headers) -> set[str]:
    """The names in `Cache-Control`."""
    return {part.partition("=")[0].strip().lower() for part in headers.get("cache-control", "").split(",")} - {""}


def _origin_time(headers: httpx.Headers, now: float) -> float:
    """When an answer left its origin, as far as can be believed."""
    try:
        parsed = parsedate_to_datetime(headers.get("date", ""))
        date = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        date = now
    if date > now + CLOCK_SLACK:
        date = now
    age = headers.get("age", "")
    return min(date, now - int(age)) if age.isascii() and age.isdigit() and len(age) < 10 else date
