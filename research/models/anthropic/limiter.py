"""Limits how fast requests go out, for all rows of a process. Learns the limits from the server's headers and refusals.

`Pause`, `Bucket` and `Pace` are one algorithm each; `Limits` is all of them for one model; none knows asyncio, and all take the
time as an argument. `Limiter` has a queue for each model.

The reasons: docs/design/rate-limits.md.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from research.concurrency.shares import Share
from research.concurrency.waiting_queue import WaitingQueue

KINDS: Final = ("requests", "input-tokens", "output-tokens")
"""What is limited per minute: `anthropic-ratelimit-<kind>-limit` and `-remaining`."""

WINDOW: Final = 10.0
"""Seconds over which the present rate is measured."""
OUTCOMES: Final = 60
"""Requests over which the share of refusals is measured."""
TOLERATED: Final = 0.2
"""Share of refusals below which no pace is slowed."""
SOME: Final = 4
"""Fewer refusals than this slow nothing, whatever their share."""
GROWTH: Final = 1.025
"""A pace grows by this factor with every accepted request."""
SLOWEST: Final = 1.0
"""Requests per second below which no pace falls: slower limits are stated by `retry-after`."""
FASTEST: Final = 500.0
"""Requests per second above which a pace is no limit any more."""
AFTER_REFUSAL: Final = 0.8
AFTER_OVERLOAD: Final = 0.9


@dataclass(frozen=True, slots=True)
class Cost:
    """What a request takes from each bucket: an estimate before it is sent, the truth after. Cached input is free."""

    input: float
    output: float

    def of(self, kind: str) -> float:
        return {"requests": 1.0, "input-tokens": self.input, "output-tokens": self.output}[kind]


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request that was sent, and when."""

    model: str
    estimate: int
    """Input tokens as estimated from its text."""
    cost: Cost
    sent_at: float


class Pause:
    """Nothing goes out until a moment that the server named."""

    def __init__(self) -> None:
        self._until = 0.0

    def wait(self, now: float) -> float:
        return max(0.0, self._until - now)

    def extend(self, until: float) -> None:
        self._until = max(self._until, until)


class Bucket:
    """An allowance that refills all the time: `limit` a minute, and at most as much at once. No limit until one is learned."""

    def __init__(self) -> None:
        self._limit: float | None = None
        self._level = 0.0
        self._at = 0.0
        self._in_flight = 0.0

    def wait(self, amount: float, now: float) -> float:
        """Seconds until `amount` is there, or the bucket is full."""
        if self._limit is None:
            return 0.0
        self._refill(now)
        # Half a token's slack: a level that sums of floats left a hair short must not cost another turn.
        missing = min(amount, self._limit) - self._level
        return 0.0 if missing <= 1e-6 else missing * 60 / self._limit

    def take(self, amount: float) -> None:
        self._level -= amount
        self._in_flight += amount

    def settle(self, estimate: float, actual: float) -> None:
        """A request ended: `estimate` was taken for it, and it used `actual`."""
        self._in_flight = max(0.0, self._in_flight - estimate)
        self._level += estimate - actual

    def learn(self, limit: float, remaining: float, now: float) -> None:
        """Take over the server's figures. Its `remaining` may or may not count the requests in flight."""
        if limit <= 0:
            return
        self._refill(now)
        level = self._level if self._limit is not None else remaining
        self._limit = limit
        self._level = min(max(level, remaining - self._in_flight), remaining)

    def is_empty(self, now: float) -> bool:
        return self.wait(1.0, now) > 0

    def _refill(self, now: float) -> None:
        if self._limit is not None:
            self._level = min(self._limit, self._level + max(0.0, now - self._at) * self._limit / 60)
        self._at = max(self._at, now)


class Pace:
    """Requests per second, for servers that refuse without saying what their limits are. No limit until one is refused.

    Refusals slow it to a share of what was sent lately, and every accepted request raises it a little. All refusals of requests
    that were sent before it slowed belong to one burst and slow it once. A refusal now and then slows nothing: a server that
    refuses one request in twenty whatever the rate would bring the pace down without end.
    """

    def __init__(self) -> None:
        self.rate: float | None = None
        self._next = 0.0
        self._slowed_at = float("-inf")
        self._sent: deque[float] = deque()
        self._refusals: deque[bool] = deque(maxlen=OUTCOMES)

    def wait(self, now: float) -> float:
        return 0.0 if self.rate is None else max(0.0, self._next - now)

    def sent(self, now: float) -> None:
        self._sent.append(now)
        self._forget(now)
        if self.rate is not None:
            self._next = max(now, self._next) + 1 / self.rate

    def accepted(self) -> None:
        self._refusals.append(False)
        if self.rate is not None:
            grown = self.rate * GROWTH
            self.rate = grown if grown < FASTEST else None

    def refused(self, sent_at: float, now: float, share: float) -> None:
        self._refusals.append(True)
        refusals = sum(self._refusals)
        if sent_at <= self._slowed_at or refusals < SOME or refusals < len(self._refusals) * TOLERATED:
            return
        self._forget(now)
        seconds = min(max(now - self._sent[0], 1.0), WINDOW) if self._sent else WINDOW
        lately = len(self._sent) / seconds
        self.rate = max(SLOWEST, share * (lately if self.rate is None else min(lately, self.rate)))
        self._slowed_at = now
        self._next = now + 1 / self.rate

    def _forget(self, now: float) -> None:
        while self._sent and self._sent[0] < now - WINDOW:
            self._sent.popleft()


class Forecast:
    """What a request will cost, from what the last ones did: moving averages."""

    def __init__(self, weight: float = 0.1) -> None:
        self._weight = weight
        self._per_estimate = 1.0
        self._output = 500.0

    def cost(self, estimate: int) -> Cost:
        return Cost(estimate * self._per_estimate, self._output)

    def learn(self, estimate: int, actual: Cost) -> None:
        self._per_estimate += self._weight * (actual.input / max(estimate, 1) - self._per_estimate)
        self._output += self._weight * (actual.output - self._output)


class Limits:
    """The limits of one model, as learnt so far.

    Args:
        share: of the account: of what the server states, this process takes its part. None: all of it.
    """

    def __init__(self, share: Share | None = None) -> None:
        self._share = share or Share()
        self.pause = Pause()
        self.pace = Pace()
        self.buckets = {kind: Bucket() for kind in KINDS}
        self.forecast = Forecast()

    def wait(self, cost: Cost, now: float) -> float:
        """Seconds until a request may go out; 0: now."""
        buckets = max(bucket.wait(cost.of(kind), now) for kind, bucket in self.buckets.items())
        return max(self.pause.wait(now), self.pace.wait(now), buckets)

    def take(self, cost: Cost, now: float) -> None:
        self.pace.sent(now)
        for kind, bucket in self.buckets.items():
            bucket.take(cost.of(kind))

    def answered(self, ticket: Ticket, actual: Cost | None, headers: Mapping[str, str], now: float) -> None:
        """A request was accepted. `actual` is None if its answer did not arrive whole."""
        if actual is not None:
            self.forecast.learn(ticket.estimate, actual)
        self._settle(ticket, actual or ticket.cost)
        self._learn(headers, now)
        self.pace.accepted()

    def refused(self, ticket: Ticket, retry_after: float | None, headers: Mapping[str, str], now: float) -> None:
        """A request was refused by the rate limit: all requests wait as long as the server says."""
        self._settle(ticket, Cost(0.0, 0.0))
        self._learn(headers, now)
        self.pause.extend(now + (retry_after or 0.0))
        if not any(bucket.is_empty(now) for bucket in self.buckets.values()):
            self.pace.refused(ticket.sent_at, now, AFTER_REFUSAL)

    def overloaded(self, ticket: Ticket, now: float) -> None:
        """The server is overloaded, not by us alone: all requests slow down a little."""
        self._settle(ticket, Cost(0.0, 0.0))
        self.pace.refused(ticket.sent_at, now, AFTER_OVERLOAD)

    def broken(self, ticket: Ticket) -> None:
        """A request failed for another reason."""
        self._settle(ticket, Cost(0.0, 0.0))

    def lost(self, ticket: Ticket) -> None:
        """A request's answer never arrived: it counts as accepted, at its estimate."""
        self._settle(ticket, ticket.cost)
        self.pace.accepted()

    def _settle(self, ticket: Ticket, actual: Cost) -> None:
        for kind, bucket in self.buckets.items():
            bucket.settle(ticket.cost.of(kind), 1.0 if kind == "requests" else actual.of(kind))

    def _learn(self, headers: Mapping[str, str], now: float) -> None:
        for kind, bucket in self.buckets.items():
            limit = _number(headers.get(f"anthropic-ratelimit-{kind}-limit"))
            remaining = _number(headers.get(f"anthropic-ratelimit-{kind}-remaining"))
            if limit is not None and remaining is not None:
                bucket.learn(limit / self._share.sharers, remaining / self._share.sharers, now)


@dataclass(slots=True)
class _Lane:
    limits: Limits
    queue: WaitingQueue


@dataclass(frozen=True, slots=True)
class _Admission:
    """One request before a model's limits. What it will cost is forecast anew at each look."""

    limits: Limits
    model: str
    input_tokens: int

    def paused_for(self, now: float) -> float:
        return self.limits.pause.wait(now)

    def wait(self, now: float) -> float:
        return self.limits.wait(self.limits.forecast.cost(self.input_tokens), now)

    def take(self, now: float) -> Ticket:
        cost = self.limits.forecast.cost(self.input_tokens)
        self.limits.take(cost, now)
        return Ticket(self.model, self.input_tokens, cost, now)


class Limiter:
    """The queue before each model's limits. Belongs to one event loop.

    Args:
        share: of the account; None: nobody else uses it.
    """

    def __init__(
        self,
        share: Share | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._lanes: defaultdict[str, _Lane] = defaultdict(lambda: _Lane(Limits(share), WaitingQueue(clock=clock, sleep=sleep)))

    def limits(self, model: str) -> Limits:
        """A model's limits; report the server's answers to them."""
        return self._lanes[model].limits

    async def admit(self, model: str, input_tokens: int) -> Ticket:
        """Wait for a turn. `input_tokens` is an estimate."""
        lane = self._lanes[model]
        return await lane.queue.admit(_Admission(lane.limits, model, input_tokens))


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
