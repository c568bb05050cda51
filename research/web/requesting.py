"""Asks for one address: one request and its answer, and the same again while that can help."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

import httpx

from research.concurrency.retrying import Retries, RetryTimes, retry_after
from research.concurrency.traffic import Outcome
from research.errors import FetchFailed, PageUnreadable
from research.web.body import ACCEPT_ENCODING, CutBody, Decoder
from research.web.fetch_budget import FETCH_BUDGET, FetchBudget
from research.web.freshness import ARRIVED
from research.web.limits_transport import host_key
from research.web.media import HEAD_BYTES, refuse_head, refuse_type
from research.web.network import Network
from research.web.politeness import HostClosed, Politeness
from research.web.settings import WebLimits, WebSettings

ACCEPT: Final = "text/html,application/xhtml+xml,application/pdf;q=0.9,application/xml;q=0.8,text/plain;q=0.8,*/*;q=0.5"
BUSY: Final = (429, 503)
"""Statuses by which a host asks for a pause of all requests."""
AGAIN: Final = (408, 425, 429, 500, 502, 503, 504, 507, 520, 521, 522, 523, 524, 527, 529, 530)
"""Statuses after which the same request may succeed. Those from 520 on are Cloudflare's for a site that does not answer it."""
REDIRECTS: Final = (301, 302, 303, 307, 308)
DOWN_SECONDS: Final = 60.0
"""Seconds for which no fetch tries a host that could not be connected to."""
DRAINED_BYTES: Final = 65_536
DRAINED_SECONDS: Final = 2.0
"""Of an ignored body, which is read so that the connection can be used again and a redirect be cached."""
FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 16.0
"""Seconds between two tries: doubled with each."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address answered. Its body is read if it is a page; of other answers it is empty."""

    url: str
    status: int
    headers: httpx.Headers
    body: bytes
    """Decoded."""
    arrived: datetime
    """When the bytes came, which for an answer from the cache was earlier."""

    @property
    def media_type(self) -> str | None:
        served: str | None = self.headers.get("content-type")
        return served


def status_words(status: int) -> str:
    """`404 (Not Found)`."""
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)


class _TryAgain(Exception):
    """One try failed, and the next may not."""

    def __init__(self, failure: FetchFailed, *, asked: float | None = None, busy: str = "", down: bool = False) -> None:
        self.failure = failure
        self.asked = asked
        """Seconds that the server asks to wait."""
        self.busy = busy
        """How the host asks for a pause of all requests; "" if it does not."""
        self.down = down
        """There is no connection to the host."""
        super().__init__(str(failure))


class Asker:
    """Sends requests through a transport that is guarded, polite and cached, and reads their answers inside the limits."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        politeness: Politeness,
        settings: WebSettings,
        network: Network,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Everything is used by all fetches.

        Args:
            transport: sends one request.
            politeness: the one that the transport waits for; learns here that a host is busy or down.
            settings: limits, and how long a fetch is tried.
            network: whether the web as a whole can be reached.
            clock: seconds, only ever rising.
            sleep: waits for seconds.
            draw: a number from 0 to 1, for the waits between tries.
        """
        self._transport = transport
        self._politeness = politeness
        self._settings = settings
        self._network = network
        self._clock = clock
        self._sleep = sleep
        self._draw = draw
        self._retry_times = RetryTimes(
            budget=settings.retry_seconds, first_wait=FIRST_WAIT, longest_wait=LONGEST_WAIT, spread=0.0
        )

    def new_budget(self) -> FetchBudget:
        """The budget of a new fetch. Its time for tries counts from its first failure."""
        retries = Retries(self._retry_times, clock=self._clock, sleep=self._sleep, draw=self._draw)
        return FetchBudget(self._settings.limits.total_seconds, retries)

    def request(self, url: str, cookies: httpx.Cookies | None = None, accept: str = ACCEPT) -> httpx.Request:
        """A request for an address.

        Raises:
            PageUnreadable: it is no address.
        """
        limits = self._settings.limits
        timeout = httpx.Timeout(limits.idle_seconds, connect=limits.connect_seconds, pool=None)
        headers = {"user-agent": self._settings.user_agent, "accept": accept, "accept-encoding": ACCEPT_ENCODING}
        if self._settings.revalidate:
            headers["cache-control"] = "no-cache"
        try:
            request = httpx.Request("GET", url, headers=headers, extensions={"timeout": timeout.as_dict()})
        except (httpx.InvalidURL, ValueError, UnicodeError) as exc:
            raise PageUnreadable(f"{url[:200]}: this is not an address that can be asked for ({exc}).") from exc
        if cookies is not None:
            cookies.set_cookie_header(request)
        return request

    async def ask(self, request: httpx.Request, budget: FetchBudget, *, first_bytes: int | None = None) -> Answer:
        """Send a request, again while that can help.

        Args:
            request: made by `request`.
            budget: of the fetch; this spends from it.
            first_bytes: of a body of any kind, if only its beginning is wanted.

        Raises:
            FetchRefused: the guard refuses where it leads.
            PageUnreadable: what comes is no page, or too large.
            FetchFailed: nothing came inside the limits.
            ServiceUnavailable: no host could be reached for longer than there is patience.
        """
        url = str(request.url)
        host = host_key(request.url)
        request.extensions[FETCH_BUDGET] = budget
        while True:
            try:
                return await self._attempt(request, url, host, budget, first_bytes)
            except HostClosed as exc:
                raise FetchFailed(f"{url}: {exc.why}. It may be asked again at {_time_of_day(exc.seconds)}.") from exc
            except _TryAgain as exc:
                if exc.down and self._network.is_out:
                    continue  # it waits with all others
                wait = budget.retries.failed(exc.asked)
                if exc.busy:
                    self._politeness.close(host, wait, f"{host} is busy ({exc.busy})")
                if not budget.allows(wait):
                    if exc.down:
                        self._politeness.close(host, DOWN_SECONDS, f"{host} could not be connected to a moment ago")
                    raise _given_up(exc, budget.retries.failures, wait) from (exc.__cause__ or exc)
                if not exc.busy:  # all requests to a busy host wait in its queue
                    await budget.retries.wait(wait)

    async def _attempt(self, request: httpx.Request, url: str, host: str, budget: FetchBudget, first_bytes: int | None) -> Answer:
        async with AsyncExitStack() as held:
            with budget.retries.not_counted():
                attempt = await held.enter_async_context(self._network.attempt())
            budget.reached = False
            began = self._clock()
            outcome: Outcome = "failed"
            try:
                answer = await self._once(request, url, first_bytes)
                outcome = "answered"
                return answer
            except _TryAgain as exc:
                if exc.down:
                    await self._network.not_connected(attempt, host, exc.__cause__ or exc)
                raise
            finally:
                self._network.traffic.saw("host", host, outcome, self._clock() - began)
                if budget.reached:
                    self._network.reached(attempt)

    async def _once(self, request: httpx.Request, url: str, first_bytes: int | None) -> Answer:
        try:
            response = await self._transport.handle_async_request(request)
            try:
                response.request = request
                if response.status_code in AGAIN:
                    await _drain(response)
                    raise self._busy(url, response)
                body = (
                    await self._read(url, response, first_bytes) if response.status_code in (200, 203) else await _drain(response)
                )
            finally:
                await response.aclose()
        except CutBody as exc:
            raise _TryAgain(exc) from exc
        except httpx.HTTPError as exc:
            if (fault := _certificate_fault(exc)) is not None:
                raise PageUnreadable(
                    f"{url}: the site's certificate is not valid ({fault}), so it is not known who answers."
                ) from exc
            down = isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout)
            raise _TryAgain(FetchFailed(f"{url}: {_reason(exc, self._settings.limits)}."), down=down) from exc
        return Answer(url, response.status_code, response.headers, body, _arrived(response))

    @staticmethod
    def _busy(url: str, response: httpx.Response) -> _TryAgain:
        words = f"the server answered {status_words(response.status_code)}"
        return _TryAgain(
            FetchFailed(f"{url}: {words}."),
            asked=retry_after(response.headers),
            busy=words if response.status_code in BUSY else "",
        )

    async def _read(self, url: str, response: httpx.Response, first_bytes: int | None) -> bytes:
        media_type = response.headers.get("content-type")
        if first_bytes is None:
            refuse_type(url, media_type)
        decoder = Decoder(response.headers.get("content-encoding"), url, self._settings.limits)
        body = bytearray()
        looked = first_bytes is not None
        async for chunk in response.aiter_raw():
            for piece in decoder.feed(chunk):
                body += piece
                if first_bytes is not None and len(body) >= first_bytes:
                    return bytes(body[:first_bytes])
                if not looked and len(body) >= HEAD_BYTES:
                    refuse_head(url, media_type, bytes(body[:HEAD_BYTES]))
                    looked = True
        decoder.finish()
        return bytes(body)


async def _drain(response: httpx.Response) -> bytes:
    """Read an ignored body, if it is small and quick."""
    read = 0
    # Whatever goes wrong here, the answer is known already: it stands in the headers.
    with suppress(httpx.HTTPError, FetchFailed, PageUnreadable, TimeoutError):
        async with asyncio.timeout(DRAINED_SECONDS):
            async for chunk in response.aiter_raw():
                read += len(chunk)
                if read > DRAINED_BYTES:
                    break
    return b""


def _arrived(response: httpx.Response) -> datetime:
    try:
        return datetime.fromisoformat(response.headers.get(ARRIVED, ""))
    except ValueError:
        return datetime.now(UTC)


def _given_up(last: _TryAgain, failures: int, wait: float) -> FetchFailed:
    words = str(last.failure).removesuffix(".")
    tries = "" if failures == 1 else f" ({failures} tries)"
    if last.asked:
        return FetchFailed(f"{words}{tries}. The server asks to come back at {_time_of_day(wait)}.")
    return FetchFailed(f"{words}{tries}. It may succeed later.")


def _time_of_day(seconds: float) -> str:
    """The time in so many seconds."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%H:%M:%S UTC")


def _reason(exc: httpx.HTTPError, limits: WebLimits) -> str:
    """Why there is no answer."""
    match exc:
        case httpx.ConnectTimeout():
            return f"no connection within {limits.connect_seconds:g} s"
        case httpx.ReadTimeout():
            return f"the server sent nothing for {min(limits.idle_seconds, limits.first_byte_seconds):g} s"
        case httpx.ConnectError():
            return f"no connection ({_last_words(exc)})"
        case httpx.ProtocolError():
            return f"the connection broke, or what came is not HTTP ({_last_words(exc)})"
        case _:
            return f"the connection broke ({_last_words(exc)})"


def _certificate_fault(exc: BaseException | None) -> str | None:
    """Why a site's certificate was not accepted, if that is what went wrong: the next try would meet the same."""
    while exc is not None:
        if isinstance(exc, ssl.SSLCertVerificationError):
            return getattr(exc, "verify_message", "") or _last_words(exc)
        exc = exc.__cause__ or exc.__context__
    return None


def _last_words(exc: BaseException) -> str:
    return str(exc).strip()[:200] or type(exc).__name__
