"""Calls a model: rate limited, retried while it fails temporarily, counted and paid from the budget."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

import anthropic
from anthropic.types import Message

from research.concurrency.outages import Attempt, Outages, ServiceHealth
from research.concurrency.retrying import Retries, RetryTimes
from research.errors import AccessDenied, ModelUnavailable, RequestRejected, ResearchError
from research.models.anthropic.errors import Failure, NotAMessage, Translator
from research.models.anthropic.key import check_key
from research.models.anthropic.limiter import Cost, Limiter, Ticket
from research.models.anthropic.metering import cost_usd, input_tokens, max_usd, request_body, used
from research.money.budget import Budget
from research.money.processors import Price
from research.money.usage import Usage

_OF_THE_SERVICE: Final = ("refused", "overloaded", "unreachable")
"""Kinds of failures that cannot be one call's own trouble."""
_PATH: Final = "/v1/messages"
_Answered: Final = anthropic.AsyncAPIResponse[Message]
_SAME_REJECTIONS: Final = 3
"""Rejections of one kind, without a success, after which the fault is not in the row."""


class CallTimes(RetryTimes):
    """How long a call is tried. Seconds. A turn in the limiter's queue does not count, nor an outage that all calls wait out."""

    budget: float = 600
    """For what may be this call's own trouble: failed attempts and the waits after them, while other calls are answered."""
    first_budget: float = 60
    """The same while nothing at the address has ever answered: it is likely to be wrong."""
    attempt: float = 120
    """The least that an answer which comes whole may take; longer ones have more."""
    tokens_per_second: float = 128_000 / 3600
    """The slowest that a model writes; what the SDK expects of its service. An answer of `max_tokens` may take that long."""
    silence: float = 120
    """Between two events of a stream."""
    stream_above: int = 8_192
    """Answers of more `max_tokens` come as a stream, so that silence is noticed soon. The SDK asks for it above 21,333."""


LOCAL: Final = CallTimes(budget=3600, attempt=600, silence=600, tokens_per_second=5)
"""For a server of one's own: it may read a prompt for minutes before its first word, and write a few words a second."""


@dataclass(frozen=True, slots=True)
class Called:
    """A model's whole message, and what it took."""

    message: Message
    usage: Usage
    cost_usd: float | None
    """Of this message. Attempts without a reply may have cost something that is not known: see `attempts`."""
    seconds: float
    """From the request to the answer, all waits included."""
    attempts: int


class Caller:
    """One client of the Messages API, shared by all rows of a process. Belongs to one event loop.

    Args:
        client: the SDK's; its own retries are turned off here.
        prices: by model id; a model that is not in it has no known price.

    Raises:
        AuthenticationFailed: the client's key cannot be one.
    """

    def __init__(
        self,
        client: anthropic.AsyncAnthropic,
        prices: Mapping[str, Price],
        *,
        limiter: Limiter | None = None,
        outages: Outages | None = None,
        times: CallTimes | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: random.Random | None = None,
    ) -> None:
        self._client = client.with_options(max_retries=0)
        self._prices = prices
        self._limiter = limiter or Limiter(clock=clock, sleep=sleep)
        self._outages = outages or Outages(clock=clock, sleep=sleep)
        self._times = times or CallTimes()
        self._clock = clock
        self._sleep = sleep
        self._random = random or _new_random()
        self._translator = Translator(str(client.base_url), (client.api_key, client.auth_token))
        self._anything_answered = False
        self._accepted: set[tuple[str, str]] = set()
        """Model and purpose of requests that brought a message."""
        self._rejections: Counter[tuple[Any, ...]] = Counter()
        """How often requests were rejected, by model, purpose and the service's reason."""
        for secret in (client.api_key, client.auth_token):
            check_key(secret)

    def __repr__(self) -> str:
        return f"Caller({self._client.base_url})"

    @property
    def client(self) -> anthropic.AsyncAnthropic:
        """The SDK's client, without its own retries."""
        return self._client

    @property
    def translator(self) -> Translator:
        """Translates errors of this service into this project's."""
        return self._translator

    def health(self, model: str) -> ServiceHealth:
        """Whether the service answers for a model: its limits and overloads are a model's."""
        return self._outages.service(f"{model} at {self._client.base_url.host}")

    async def create(self, params: Mapping[str, Any], *, purpose: str, budget: Budget) -> Called:
        """Ask for one message.

        Args:
            params: of `messages.create`, without `stream`.
            purpose: what it is for (`investigate`, `plan` …): requests of one purpose are alike.
            budget: pays for every attempt.

        Raises:
            ModelUnavailable: nothing came within the time budget, while other calls were answered.
            ServiceUnavailable: nobody was answered for longer than there is patience.
            RequestRejected, ContextOverflow, AccessDenied, AuthenticationFailed: a retry cannot help.
            BudgetExhausted: the budget cannot pay for another attempt.
        """
        began = self._clock()
        model = str(params["model"])
        body = request_body(params)
        retries = Retries(self._times, clock=self._clock, sleep=self._sleep, draw=self._random.random)
        retries.begin()
        while True:
            ended = await self._attempt(params, body, retries, purpose, budget)
            if isinstance(ended, Message):
                self._accepted.add((model, purpose))
                usage = used(getattr(ended, "usage", None))
                return Called(ended, usage, cost_usd(usage, self._prices.get(model)), self._clock() - began, retries.failures + 1)
            if ended.kind == "rejected":
                raise self._rejected(ended, model, purpose) from ended.cause
            wait = retries.failed(ended.retry_after)
            if self.health(model).is_out:
                continue  # it waits with all others
            never_answered = ended.kind == "unreachable" and not self._anything_answered
            if not retries.allow(wait, min(self._times.first_budget, self._times.budget) if never_answered else None):
                raise self._gave_up(ended, retries, wait) from ended.cause
            await retries.wait(wait)

    async def _attempt(
        self, params: Mapping[str, Any], body: bytes, retries: Retries, purpose: str, budget: Budget
    ) -> Message | Failure:
        model = str(params["model"])
        async with AsyncExitStack() as stack:
            with retries.not_counted():
                attempt = await stack.enter_async_context(self.health(model).attempt())
                # The budget first: a request that the limiter admits must be sent at once.
                prompt = input_tokens(params, body)
                reserving = budget.reserve(max_usd(params, self._prices.get(model), prompt), purpose=purpose)
                reservation = await stack.enter_async_context(reserving)
                ticket = await self._limiter.admit(model, prompt)
            try:
                message, headers = await self._send(params, body)
            except BaseException as error:
                failure = self._translator.failure(error, model) if isinstance(error, Exception) else None
                self._report_failure(ticket, failure, attempt, retries)
                reservation.settle(0.0 if failure is not None and not failure.paid else None)
                if failure is None:
                    raise
                return failure
            self._anything_answered = True
            attempt.answered()
            self._limiter.limits(model).answered(ticket, _actual(message), headers, self._clock())
            reservation.settle(cost_usd(used(getattr(message, "usage", None)), self._prices.get(model)))
        return message

    async def _send(self, params: Mapping[str, Any], body: bytes) -> tuple[Message, Mapping[str, str]]:
        max_tokens = int(params["max_tokens"])
        if max_tokens > self._times.stream_above:
            timeout = anthropic.Timeout(self._times.silence, connect=10)
            async with self._client.messages.stream(**params, timeout=timeout) as stream:
                async for _ in stream:
                    pass
                message: Any = stream.current_message_snapshot
                return _whole(message), stream.response.headers
        seconds = max(self._times.attempt, max_tokens / self._times.tokens_per_second)
        # `messages.create` would copy the request node by node, and encode it once more: half of what a call takes here.
        raw = await self._client.post(
            _PATH, content=body, cast_to=_Answered, options={"timeout": anthropic.Timeout(seconds, connect=10)}
        )
        return _whole(await raw.parse()), raw.headers

    def _report_failure(self, ticket: Ticket, failure: Failure | None, attempt: Attempt, call: Retries) -> None:
        """Tell the limiter and the service's health how an attempt failed. None: it was cancelled, or met an unexpected error."""
        limits = self._limiter.limits(ticket.model)
        now = self._clock()
        if failure is None:
            limits.lost(ticket)
            return
        if failure.kind != "unreachable":
            self._anything_answered = True
        if failure.kind == "rejected":
            attempt.answered()
        elif self._anything_answered:  # where nothing ever answered, the address is wrong
            attempt.failed(call, str(failure.error), asked=failure.retry_after, certain=failure.kind in _OF_THE_SERVICE)
        if failure.kind == "refused":
            limits.refused(ticket, failure.retry_after, failure.headers, now)
        elif failure.kind == "overloaded":
            limits.overloaded(ticket, now)
        elif failure.kind == "lost":
            limits.lost(ticket)
        else:
            limits.broken(ticket)

    def _rejected(self, failure: Failure, model: str, purpose: str) -> ResearchError:
        """The error to raise: it stops the run where every request of its purpose was rejected for the same reason."""
        error = failure.error
        if not isinstance(error, RequestRejected) or (model, purpose) in self._accepted:
            return error
        kind = (model, purpose, failure.reason, error.about_form)
        self._rejections[kind] += 1
        if self._rejections[kind] < _SAME_REJECTIONS:
            return error
        return RequestRejected(
            f"{error} Every request of this kind was rejected so: change what it names (the schema, the model, or the model's "
            "settings in a processors file).",
            stops_run=True,
            about_form=error.about_form,
        )

    def _gave_up(self, failure: Failure, retries: Retries, wait: float) -> ResearchError:
        pause = f", which asks to wait {wait:.0f} s more" if failure.retry_after is not None else ""
        attempts = f"tried {retries.failures} {'time' if retries.failures == 1 else 'times'} in {retries.seconds:.0f} s{pause}"
        if failure.kind == "unreachable" and not self._anything_answered:
            return AccessDenied(
                f"{failure.error}; {attempts}, and nothing there has ever answered. Check that the server runs, and the "
                "base URL: it is the part before /v1/messages."
            )
        return ModelUnavailable(f"{failure.error}; {attempts}. Run the same command again later: what is finished is kept.")


def _whole(message: Any) -> Message:
    """The message if it is one, and all of it.

    Raises:
        NotAMessage: it is something else, or its end is missing.
    """
    if not isinstance(message, Message) or getattr(message, "type", None) != "message":
        raise NotAMessage(f"what answers there does not speak the Messages API: {str(message)[:200]!r}")
    if not isinstance(getattr(message, "content", None), list) or getattr(message, "stop_reason", None) is None:
        raise NotAMessage("its answer is not whole")
    return message


def _actual(message: Message) -> Cost | None:
    """What a message took from the server's allowances."""
    usage = used(getattr(message, "usage", None))
    if usage.tokens.input is None or usage.tokens.output is None:
        return None
    return Cost(usage.tokens.input + (usage.tokens.cache_write or 0), usage.tokens.output)


def _new_random() -> random.Random:
    return random.Random()  # noqa: S311 - spreads waits, hides nothing
