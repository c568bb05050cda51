"""Calls a provider's JSON API: in its turn, again while it may succeed, paid for, and with errors for people."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NamedTuple, TypeVar

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from research.concurrency.outages import Attempt, ServicePausedNow, duration
from research.concurrency.retrying import Retries, RetryTimes, retry_after
from research.errors import AccessDenied, AuthenticationFailed, QuotaExhausted, ResearchError, SearchFailed
from research.faults import validation_faults
from research.money.budget import Budget
from research.search.rate import Turns
from research.secrets.known import LEAST

MAX_BYTES: Final = 20_000_000
"""A longer answer is none."""

Answer = TypeVar("Answer", bound=BaseModel)


class SearchTimes(RetryTimes):
    """How long one search is tried. Seconds. Waiting for the provider's turn does not count, nor an outage that all wait out."""

    budget: float = 60
    attempt: float = 20
    """For one answer, whole."""
    longest_wait: float = 10
    spread: float = 0.0


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What to ask an API for, below its base URL."""

    method: str
    path: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    """Of the query string. Never a key."""
    body: Mapping[str, Any] | None = None
    """Sent as JSON."""


class Refused(NamedTuple):
    """An answer that is an error."""

    status: int
    headers: Mapping[str, str]
    """Their names are lower case."""
    words: str
    """What the API says of it."""


@dataclass(frozen=True, slots=True)
class Service:
    """One provider's API, and how it says what is wrong."""

    name: str
    base_url: str
    variable: str
    """Where its key or address is set: named in errors."""
    price: float | None
    """US dollars for one query; None if it is not known."""
    key_header: str = ""
    """The header that holds the key; "" if there is no key."""
    key_prefix: str = ""
    key: SecretStr | None = None
    auth: tuple[str, SecretStr] | None = None
    """A user's name and password, for an API that stands behind them."""
    quota: frozenset[int] = frozenset({402})
    """Statuses that say that a quota or credit is used up."""
    error_of: Callable[[Refused], ResearchError | None] = lambda _refused: None
    """What this API says in its own way; None leaves it to the status."""
    wait_of: Callable[[Refused], float | None] = lambda refused: retry_after(refused.headers)
    """Seconds that a 429 asks to wait."""


class _Lost(NamedTuple):
    """An attempt that failed and may be made again."""

    reason: str
    cause: Exception | None
    wait: float | None
    paid: bool
    certain: bool = False
    """Whether it cannot be this query's own trouble."""


class JsonApi(Generic[Answer]):
    """One provider, shared by all rows of a process. Belongs to one event loop.

    Args:
        service: whom to ask.
        answer: the form of its answers; what is not in it is passed over.
        client: sends the requests. It must not follow redirects: a key would go with them.
        turns: the provider's queue, and whether it answers.
        cost: what an answer says that it cost, in US dollars; None if it does not say: then the service's price holds.

    Raises:
        AuthenticationFailed: the key cannot be one.
    """

    def __init__(
        self,
        service: Service,
        answer: type[Answer],
        client: httpx.AsyncClient,
        turns: Turns,
        *,
        cost: Callable[[Answer], float | None] = lambda _answer: None,
        times: SearchTimes | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        key = service.key.get_secret_value() if service.key is not None else ""
        if service.key_header and not (key and key.isascii() and key.isprintable() and " " not in key):
            raise AuthenticationFailed(
                f"{service.name}: the key is empty, or holds a character that no HTTP header can hold, such as a space or a line "
                f"break. Set {service.variable} again."
            )
        self.service = service
        self._answer = answer
        self._client = client
        self._turns = turns
        self._cost = cost
        self._health = turns.health
        self._times = times or SearchTimes()
        self._clock = clock
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"JsonApi({self.service.name}, {self.service.base_url})"

    async def call(self, request: HttpRequest, budget: Budget) -> tuple[Answer, float | None]:
        """Ask once, and again while it fails in passing. The answer, and what it cost in US dollars (None: not known). The budget
        pays for every attempt.

        Raises:
            SearchFailed: no answer came in time, or it is not what the API promises.
            ServiceUnavailable: nobody was answered for longer than there is patience.
            AuthenticationFailed, QuotaExhausted, AccessDenied: asking again cannot help.
            BudgetExhausted: the budget cannot pay for another attempt.
        """
        retries = Retries(self._times, clock=self._clock, sleep=self._sleep)
        retries.begin()
        while True:
            ended = await self._attempt(request, budget, retries)
            if not isinstance(ended, _Lost):
                return ended
            wait = retries.failed(ended.wait)
            if self._health.is_out:
                continue  # it waits with all others
            if not retries.allow(wait):
                asked = f", which asks to wait {ended.wait:.0f} s" if ended.wait is not None else ""
                tried = f"{'once' if retries.failures == 1 else f'{retries.failures} times'} in {retries.seconds:.0f} s"
                raise SearchFailed(f"{self.service.name}: {ended.reason}{asked}; tried {tried}") from ended.cause
            await retries.wait(wait)

    async def _attempt(self, request: HttpRequest, budget: Budget, retries: Retries) -> tuple[Answer, float | None] | _Lost:
        async with AsyncExitStack() as held:
            with retries.not_counted():
                try:
                    attempt = await held.enter_async_context(self._health.attempt())
                except ServicePausedNow as paused:
                    raise SearchFailed(f"{self.service.name} is not asked for {duration(paused.seconds)}: {paused}") from paused
                # Money first: what the queue lets out must go out at once.
                reservation = None
                if self.service.price != 0:
                    reserving = budget.reserve(self.service.price, purpose=f"search: {self.service.name}")
                    reservation = await held.enter_async_context(reserving)
                await held.enter_async_context(self._turns.turn(self._times.budget))
            cost: float | None = None  # of a request that was sent and never answered
            try:
                ended, cost = await self._ended(request)
            finally:
                if reservation is not None:
                    reservation.settle(cost)
            self._report(attempt, ended, retries)
        if isinstance(ended, ResearchError):
            raise ended
        return ended

    @staticmethod
    def _report(attempt: Attempt, ended: tuple[Answer, float | None] | _Lost | ResearchError, query: Retries) -> None:
        if isinstance(ended, _Lost):
            attempt.failed(query, ended.reason, asked=ended.wait, certain=ended.certain)
        else:
            attempt.answered()

    async def _ended(self, request: HttpRequest) -> tuple[tuple[Answer, float | None] | _Lost | ResearchError, float | None]:
        """How one request ends, and what it cost."""
        price = self.service.price
        try:
            async with asyncio.timeout(self._times.attempt):
                response, content = await self._sent(request)
        except TimeoutError as exc:
            return _Lost(f"no answer within {self._times.attempt:.0f} s", exc, None, True), None
        except httpx.RequestError as exc:
            reached = not isinstance(exc, (httpx.ConnectError, httpx.ConnectTimeout))
            reason = f"the connection to {self.service.base_url} failed ({self._redacted(str(exc)) or type(exc).__name__})"
            return _Lost(reason, exc, None, reached, certain=not reached), None if reached else 0.0
        if response.status_code != 200:
            return self._refused(Refused(response.status_code, response.headers, self._words(content))), 0.0
        try:
            answer = self._answer.model_validate(json.loads(content))
        except (ValueError, RecursionError) as exc:
            return self._unreadable(exc), price
        said = self._cost(answer)
        cost = price if said is None else said
        return (answer, cost), cost

    async def _sent(self, request: HttpRequest) -> tuple[httpx.Response, bytes]:
        service = self.service
        headers = {"accept": "application/json"}
        if service.key_header and service.key is not None:
            headers[service.key_header] = service.key_prefix + service.key.get_secret_value()
        auth = None if service.auth is None else httpx.BasicAuth(service.auth[0], service.auth[1].get_secret_value())
        url = service.base_url.rstrip("/") + request.path
        params = dict(request.params) or None
        async with self._client.stream(
            request.method, url, params=params, json=request.body, headers=headers, auth=auth
        ) as response:
            content = bytearray()
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > MAX_BYTES:
                    raise httpx.ReadError(f"the answer is longer than {MAX_BYTES:,} bytes")
        return response, self._without_key(bytes(content))

    def _refused(self, refused: Refused) -> _Lost | ResearchError:
        name, status = self.service.name, refused.status
        if (own := self.service.error_of(refused)) is not None:
            return own
        said = f" It says: {refused.words}" if refused.words else ""
        if status in (401, 403):
            wrong = AuthenticationFailed if status == 401 else AccessDenied
            return wrong(f"{name} refuses the key that {self.service.variable} holds ({status}): set it again.{said}")
        if status in self.service.quota:
            return QuotaExhausted(
                f"{name}: the quota or the credit of the key in {self.service.variable} is used up ({status}). Raise it there, "
                f"wait for its renewal, or search with another provider.{said}"
            )
        if status == 429:
            wait = self.service.wait_of(refused)
            if wait is not None:
                self._turns.pause(wait)
            return _Lost("over its rate limit (429)", None, wait, False, certain=True)
        if status in (408, 425) or status >= 500:
            return _Lost(f"it fails with {status}", None, retry_after(refused.headers), False, certain=status == 503)
        if status == 404 or 300 <= status < 400:
            return AccessDenied(
                f"{name}: {self.service.base_url} does not speak its API (it answers {status}). Check the base URL in the "
                "settings; it must lead there without a redirect."
            )
        return SearchFailed(f"{name} does not take this query ({status}).{said}")

    def _unreadable(self, error: Exception) -> SearchFailed:
        first = ""
        if isinstance(error, ValidationError):
            first = f": {validation_faults(error)[0]}"
        failed = SearchFailed(f"{self.service.name} answered something else than its API promises{first}")
        failed.__cause__ = error
        return failed

    def _words(self, content: bytes) -> str:
        """What an error's body says, short and without the key."""
        text = content[:10_000].decode("utf-8", "replace")
        try:
            said = _message(json.loads(text))
        except (ValueError, RecursionError):
            said = "" if text.lstrip().startswith("<") else text
        return self._redacted(" ".join(said.split()))[:300]

    def _without_key(self, content: bytes) -> bytes:
        """An answer, in which no provider can repeat its key: what it says is stored, and shown to models."""
        key = self.service.key.get_secret_value() if self.service.key is not None else ""
        return content if len(key) < LEAST else content.replace(key.encode(), "…".encode())

    def _redacted(self, text: str) -> str:
        secrets = [self.service.key, *(self.service.auth[1:] if self.service.auth else ())]
        for secret in secrets:
            if isinstance(secret, SecretStr) and (hidden := secret.get_secret_value()):
                text = text.replace(hidden, "…")
        return text


def _message(body: Any) -> str:
    """The words in an error's JSON, wherever an API puts them, with its code."""
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return "; ".join(filter(None, map(_message, body[:3])))
    if not isinstance(body, dict):
        return ""
    names = ("code", "tag", "error", "detail", "message", "msg")
    return ": ".join(dict.fromkeys(filter(None, (_message(body.get(name)) for name in names))))
