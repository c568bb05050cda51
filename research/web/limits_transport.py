"""Sends one request in its turn, and lets no more of the answer through than the limits allow.

It is below the HTTP cache: an answer from the cache waits for no turn, and a body that breaks a limit raises while the cache
reads it, so that no part of it is stored.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import httpx

from research.errors import FetchFailed, PageUnreadable
from research.web.body import Decoder
from research.web.fetch_budget import FETCH_BUDGET, FetchBudget
from research.web.politeness import Politeness
from research.web.settings import WebLimits


class TooSlow(FetchFailed):
    """A server takes more time than a fetch has. The same request again would take as long: it is not tried again at once."""


class LimitsTransport(httpx.AsyncBaseTransport):
    """A transport that waits for its turn, and keeps the limits of a fetch. Every request carries its `FetchBudget`."""

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        politeness: Politeness,
        limits: WebLimits,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inner = inner
        self._politeness = politeness
        self._limits = limits
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises:
            HostClosed: the host asks for a longer pause than the fetch has time for tries.
            TooSlow: the headers did not come in time, or nothing is left of the fetch's budget.
            PageUnreadable: the body is said to be larger than the limit.
            httpx.TransportError: as of the transport below.
        """
        budget: FetchBudget = request.extensions[FETCH_BUDGET]
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._politeness.turn(host_key(request.url), budget.retries.left))
            started = self._clock()
            try:
                response = await self._headers(request, budget)
            finally:
                budget.spend(self._clock() - started)
            budget.reached = True
            stack.push_async_callback(response.aclose)
            if response.status_code == 304 or request.method == "HEAD":
                # Whatever follows the headers is no part of the answer. The cache would read all of it.
                await response.aclose()
                return httpx.Response(response.status_code, headers=response.headers, content=b"", extensions=response.extensions)
            self._refuse_too_large(request.url, response)
            assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - async transports have no other
            decoder = None
            if response.status_code in (200, 203):
                decoder = Decoder(response.headers.get("content-encoding"), str(request.url), self._limits)
            body = _Body(response.stream, str(request.url), self._limits, budget, self._clock, decoder, stack.pop_all())
            return httpx.Response(response.status_code, headers=response.headers, stream=body, extensions=response.extensions)

    async def _headers(self, request: httpx.Request, budget: FetchBudget) -> httpx.Response:
        seconds = min(self._limits.first_byte_seconds, budget.wire_left)
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                return await self._inner.handle_async_request(request)
        except TimeoutError as exc:
            words = f"{request.url}: the server did not answer within {self._limits.first_byte_seconds:g} s"
            if budget.wire_left - self._limits.first_byte_seconds > 0:
                # A server that is busy now may answer the next try in time.
                raise httpx.ReadTimeout(words, request=request) from exc
            raise TooSlow(f"{words}, and nothing is left of the {self._limits.total_seconds:g} s for a fetch.") from exc

    def _refuse_too_large(self, url: httpx.URL, response: httpx.Response) -> None:
        length = response.headers.get("content-length", "")
        if length.isascii() and length.isdigit() and (len(length) > 18 or int(length) > self._limits.max_bytes):
            raise PageUnreadable(
                f"{url}: the server announces {_megabytes(length)} MB, and a page has at most "
                f"{self._limits.max_bytes / 1e6:,.1f} MB."
            )

    async def aclose(self) -> None:
        await self._inner.aclose()


def host_key(url: httpx.URL) -> str:
    """What counts as one host for politeness: its name, and its port if that is not the scheme's own."""
    return url.netloc.decode("ascii", "replace").lower()


def _megabytes(digits: str) -> str:
    return "more than 1,000,000,000" if len(digits) > 15 else f"{int(digits) / 1e6:,.1f}"


class _Body(httpx.AsyncByteStream):
    """A body inside its limits. Holds the turn until it is closed."""

    def __init__(
        self,
        stream: httpx.AsyncByteStream,
        url: str,
        limits: WebLimits,
        budget: FetchBudget,
        clock: Callable[[], float],
        decoder: Decoder | None,
        held: AsyncExitStack,
    ) -> None:
        self._stream = stream
        self._url = url
        self._limits = limits
        self._budget = budget
        self._clock = clock
        self._decoder = decoder
        self._held = held

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._stream)
        received = 0
        waited = 0.0
        while True:
            started = self._clock()
            try:
                async with asyncio.timeout(max(self._budget.wire_left, 0.0)):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                if self._decoder is not None:
                    self._decoder.finish()
                return
            except TimeoutError as exc:
                raise TooSlow(
                    f"{self._url}: the page did not arrive whole within {self._limits.total_seconds:g} s "
                    f"({received:,} bytes came). Raise the limit on a fetch's total seconds to wait longer."
                ) from exc
            finally:
                waited += self._clock() - started
                self._budget.spend(self._clock() - started)
            received += len(chunk)
            if received > self._limits.max_bytes:
                raise PageUnreadable(
                    f"{self._url}: the page does not end after {self._limits.max_bytes / 1e6:,.1f} MB, the most that one has."
                )
            if waited > self._limits.pace_grace_seconds and received < waited * self._limits.pace_bytes_per_second:
                raise TooSlow(
                    f"{self._url}: the server sends {received / waited:,.0f} bytes a second, and a page that comes more slowly "
                    f"than {self._limits.pace_bytes_per_second:,.0f} is given up."
                )
            if self._decoder is not None:
                # Decoded only to see that it can be: what is cut, or a bomb, must not be kept, or it would be served for a day.
                for _ in self._decoder.feed(chunk):
                    pass
            yield chunk

    async def aclose(self) -> None:
        await self._held.aclose()
