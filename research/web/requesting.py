"""Asks for one address: one request and its answer, and the same again while that can help."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

import httpx

from research.errors import FetchFailed, PageUnreadable
from research.web.body import ACCEPT_ENCODING, CutBody, Decoder
from research.web.fetch_budget import FetchBudget
from research.web.freshness import ARRIVED
from research.web.limits_transport import ALLOWANCE, PATIENCE, host_key
from research.web.media import HEAD_BYTES, refuse_head, refuse_type
from research.web.politeness import HostClosed, Politeness, retry_after
from research.web.settings import WebSettings
from research.web.transport_errors import certificate_fault, reason

ACCEPT: Final = "text/html,application/xhtml+xml,application/pdf;q=0.9,application/xml;q=0.8,text/plain;q=0.8,*/*;q=0.5"
BUSY: Final = (429, 503)
"""Statuses by which a host asks all of us for peace."""
AGAIN: Final = (408, 425, 429, 500, 502, 503, 504, 507, 520, 521, 522, 523, 524, 527, 529, 530)
"""Statuses after which the same request may succeed. Those from 520 on are Cloudflare's for a site that does not answer it."""
REDIRECTS: Final = (301, 302, 303, 307, 308)
DOWN_SECONDS: Final = 60.0
"""Seconds for which a host that could not be connected to is not tried by anybody."""
SMALL: Final = 65_536
"""Bytes of a body that nobody wants, which are read so that the connection can be used again, and the redirect be cached."""
SMALL_SECONDS: Final = 2.0


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

    @property
    def words(self) -> str:
        """`404 (Not Found)`."""
        try:
            return f"{self.status} ({HTTPStatus(self.status).phrase})"
        except ValueError:
            return str(self.status)


class _TryAgain(Exception):
    """One try failed, and the next may not."""

    def __init__(self, failure: FetchFailed, *, seconds: float | None = None, busy: bool = False, down: bool = False) -> None:
        self.failure = failure
        self.seconds = seconds
        """As the server named them."""
        self.busy = busy
        """The host asks everybody for peace."""
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
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Args:
        transport: sends one request.
        politeness: the same that the transport waits for: told when a host is busy or down.
        settings: limits and patience.
        clock: seconds, only ever rising.
        sleep: waits for seconds.
        draw: a number from 0 to 1, for the pauses between tries.
        """
        self._transport = transport
        self._politeness = politeness
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._draw = draw

    def trial(self) -> FetchBudget:
        """A new fetch's allowance."""
        return FetchBudget(self._settings.limits.total_seconds, self._settings.retry_seconds, self._clock, self._draw)

    def request(self, url: str, cookies: httpx.Cookies | None = None, accept: str = ACCEPT) -> httpx.Request:
        """A request for an address.

        Raises:
            PageUnreadable: it is no address.
        """
        limits = self._settings.limits
        timeout = httpx.Timeout(limits.idle_seconds, connect=limits.connect_seconds, pool=None)
        headers = {"user-agent": self._settings.user_agent, "accept": accept, "accept-encoding": ACCEPT_ENCODING}
        try:
            request = httpx.Request("GET", url, headers=headers, extensions={"timeout": timeout.as_dict()})
        except (httpx.InvalidURL, ValueError, UnicodeError) as exc:
            raise PageUnreadable(f"{url[:200]}: this is not an address that can be asked for ({exc}).") from exc
        if cookies is not None:
            cookies.set_cookie_header(request)
        return request

    async def ask(self, request: httpx.Request, trial: FetchBudget, *, first_bytes: int | None = None) -> Answer:
        """Send a request, again while that can help.

        Args:
            request: made by `request`.
            trial: the fetch's allowance, which this spends.
            first_bytes: of a body, if only its beginning is wanted, whatever it is.

        Raises:
            FetchRefused: the guard refuses where it leads.
            PageUnreadable: what comes is no page, or too large.
            FetchFailed: nothing came inside the limits.
        """
        url = str(request.url)
        host = host_key(request.url)
        while True:
            request.extensions.update({ALLOWANCE: trial.allowance, PATIENCE: trial.patience})
            try:
                return await self._once(request, url, first_bytes)
            except HostClosed as exc:
                back = (datetime.now(UTC) + timedelta(seconds=exc.seconds)).strftime("%H:%M:%S UTC")
                raise FetchFailed(f"{url}: {exc.why}. It may be asked again at {back}.") from exc
            except _TryAgain as exc:
                pause = trial.failed()
                if exc.busy:
                    pause = exc.seconds if exc.seconds is not None else pause
                    self._politeness.close(host, pause, f"{host} is busy ({exc.failure.args[0].split(': ', 1)[-1]})")
                elif exc.seconds is not None:
                    pause = max(pause, exc.seconds)
                if not trial.affords(pause):
                    if exc.down:
                        self._politeness.close(host, DOWN_SECONDS, f"{host} could not be connected to a moment ago")
                    raise self._given_up(exc, trial, pause) from (exc.__cause__ or exc)
                if not exc.busy:  # before a busy host everybody waits at the turn
                    await self._sleep(pause)

    def _given_up(self, last: _TryAgain, trial: FetchBudget, pause: float) -> FetchFailed:
        words = str(last.failure).removesuffix(".")
        tries = "" if trial.failures == 1 else f" ({trial.failures} tries)"
        if last.seconds is not None and pause > 0:
            back = (datetime.now(UTC) + timedelta(seconds=pause)).strftime("%H:%M:%S UTC")
            return FetchFailed(f"{words}{tries}. The server asks to come back at {back}.")
        return FetchFailed(f"{words}{tries}. It may succeed later.")

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
            if (fault := certificate_fault(exc)) is not None:
                raise PageUnreadable(
                    f"{url}: the site's certificate is not valid ({fault}), so nobody knows who answers."
                ) from exc
            down = isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout)
            raise _TryAgain(FetchFailed(f"{url}: {reason(exc, self._settings.limits)}."), down=down) from exc
        return Answer(url, response.status_code, response.headers, body, _arrived(response))

    @staticmethod
    def _busy(url: str, response: httpx.Response) -> _TryAgain:
        answer = Answer(url, response.status_code, response.headers, b"", datetime.now(UTC))
        return _TryAgain(
            FetchFailed(f"{url}: the server answered {answer.words}."),
            seconds=retry_after(response.headers.get("retry-after")),
            busy=response.status_code in BUSY,
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
    """Read a body that nobody wants, if it is small and quick."""
    read = 0
    # Whatever goes wrong here, the answer is known already: it stands in the headers.
    with suppress(httpx.HTTPError, FetchFailed, PageUnreadable, TimeoutError):
        async with asyncio.timeout(SMALL_SECONDS):
            async for chunk in response.aiter_raw():
                read += len(chunk)
                if read > SMALL:
                    break
    return b""


def _arrived(response: httpx.Response) -> datetime:
    try:
        return datetime.fromisoformat(response.headers.get(ARRIVED, ""))
    except ValueError:
        return datetime.now(UTC)
