"""The limiter keeps to what the server says, finds the limits that it does not say, and serves in order. Time is virtual."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.concurrency.shares import Shares
from research.models.anthropic.limiter import Bucket, Cost, Limiter, Limits, Pace, Ticket
from research.testing import RateLimits
from research.testing.virtual_time import now, run_in_virtual_time

MODEL = "claude-haiku-4-5"


@dataclass
class Service:
    """A server with token buckets, some way off. It tells its limits in headers, or does not."""

    limits: RateLimits
    tells: bool
    latency: float = 0.2
    output: int = 100
    asked: list[float] = field(default_factory=list)
    refused: list[tuple[float, float]] = field(default_factory=list)
    """When each refusal arrived, and the seconds that it asked for."""

    async def ask(self, ticket: Ticket, known: Limits, input_tokens: int) -> bool:
        self.asked.append(now())
        wait = self.limits.admit(input_tokens)
        if wait is None:
            await asyncio.sleep(self.latency)
            self.limits.spend_output(self.output)
            known.answered(ticket, Cost(input_tokens, self.output), self._headers(), now())
            return True
        await asyncio.sleep(self.latency / 10)
        self.refused.append((now(), wait))
        known.refused(ticket, wait, self._headers(), now())
        return False

    @property
    def later_refusals(self) -> int:
        return sum(arrived > self.asked[0] + 2 for arrived, _ in self.refused)

    def _headers(self) -> dict[str, str]:
        return self.limits.headers() if self.tells else {}


async def work(service: Service, rows: int, at_once: int, input_tokens: int = 100) -> tuple[float, Limiter]:
    """All rows, each asked until it is answered. The seconds that it took."""
    limiter = Limiter(clock=now)
    free = asyncio.Semaphore(at_once)

    async def row() -> None:
        async with free:
            while not await service.ask(await limiter.admit(MODEL, input_tokens), limiter.limits(MODEL), input_tokens):
                pass

    began = now()
    await asyncio.gather(*(row() for _ in range(rows)))
    return now() - began, limiter


@settings(max_examples=40)
@given(
    requests=st.integers(20, 3000),
    input_tokens=st.integers(5_000, 200_000) | st.none(),
    burst=st.floats(0.02, 1.0),
    whole=st.booleans(),
    tells=st.booleans(),
    at_once=st.integers(1, 64),
    latency=st.floats(0.01, 5.0),
)
def test_nothing_goes_out_while_a_retry_after_runs(requests, input_tokens, burst, whole, tells, at_once, latency):
    """Whatever the limits are, and whether the server tells them or not: every row is answered in the end, too."""

    async def main() -> Service:
        limits = RateLimits(requests=requests, input_tokens=input_tokens, burst=burst, whole_seconds=whole, clock=now)
        service = Service(limits, tells, latency)
        await work(service, 40, at_once)
        return service

    service = run_in_virtual_time(main())
    for arrived, seconds in service.refused:
        assert not [sent for sent in service.asked if arrived < sent < arrived + seconds]


@pytest.mark.parametrize("per_minute", [60, 300, 3000])
@pytest.mark.parametrize("tells", [True, False])
def test_it_settles_at_the_limit(per_minute, tells):
    """A long table under a limit of requests: most of the limit is used. After the first burst, which goes out before anything
    is known, few requests are refused."""
    rows = min(per_minute * 5, 1500)

    async def main() -> tuple[float, Service]:
        service = Service(RateLimits(requests=per_minute, burst=0.2, clock=now), tells)
        seconds, _ = await work(service, rows, 64)
        return seconds, service

    seconds, service = run_in_virtual_time(main())
    least = (rows - per_minute * 0.2) * 60 / per_minute
    assert seconds < least * (1.05 if tells else 1.25)
    assert service.later_refusals < len(service.asked) * (0.03 if tells else 0.2)


@pytest.mark.parametrize("tells", [True, False])
def test_it_settles_at_a_limit_of_tokens(tells):
    """Input and output tokens are limits as well."""

    async def main() -> tuple[float, Service]:
        limits = RateLimits(requests=10_000, input_tokens=60_000, output_tokens=12_000, burst=0.2, clock=now)
        service = Service(limits, tells)
        seconds, _ = await work(service, 600, 64, input_tokens=500)
        return seconds, service

    seconds, service = run_in_virtual_time(main())
    assert 250 < seconds < 400
    assert service.later_refusals < len(service.asked) * (0.05 if tells else 0.2)


def test_a_burst_of_refusals_slows_once():
    """Thirty refusals of requests that were all sent before the first came back are one sign, not thirty."""
    some, many = Pace(), Pace()
    for pace, refusals in ((some, 5), (many, 30)):
        for _ in range(30):
            pace.sent(0.0)
        for place in range(refusals):
            pace.refused(0.0, 1.0 + place / 100, 0.8)
    assert some.rate == many.rate == pytest.approx(24, rel=0.05)


def test_a_refusal_of_a_request_sent_after_slowing_slows_again():
    pace = Pace()
    for _ in range(30):
        pace.sent(0.0)
    for _ in range(5):
        pace.refused(0.0, 1.0, 0.8)
    pace.sent(1.5)
    pace.refused(1.5, 2.0, 0.8)
    assert pace.rate < 24 * 0.81


def test_a_refusal_now_and_then_slows_nothing():
    """One request in ten refused whatever the rate: to go slower would help nobody."""
    pace = Pace()
    for number in range(1000):
        clock = number / 20
        pace.sent(clock)
        if number % 10:
            pace.accepted()
        else:
            pace.refused(clock, clock, 0.8)
    assert pace.rate is None


def test_a_pace_that_was_never_refused_is_no_limit():
    pace = Pace()
    for _ in range(1000):
        assert pace.wait(0.0) == 0
        pace.sent(0.0)
        pace.accepted()


@given(st.lists(st.tuples(st.sampled_from(["sent", "accepted", "refused", "later"]), st.floats(0.0, 20.0)), max_size=200))
def test_a_pace_never_stops(events):
    """Whatever happens, the next request is let out within a second."""
    pace, clock = Pace(), 0.0
    for event, amount in events:
        if event == "sent":
            pace.sent(clock)
        elif event == "accepted":
            pace.accepted()
        elif event == "refused":
            pace.refused(clock, clock, 0.8)
        else:
            clock += amount
        if event != "sent":
            assert pace.rate is None or pace.rate >= 1.0


@given(
    st.lists(
        st.tuples(st.floats(0.0, 30.0), st.floats(0.0, 2000.0), st.floats(0.0, 2000.0), st.booleans()), min_size=1, max_size=60
    )
)
def test_a_bucket_never_lends(events):
    """What a bucket says is there now is at most what the server said is left, plus what came since."""
    bucket, clock, said, said_at = Bucket(), 0.0, 1000.0, 0.0
    bucket.learn(1000.0, said, clock)
    for later, amount, remaining, heard in events:
        clock += later
        if heard:
            said, said_at = min(remaining, 1000.0), clock
            bucket.learn(1000.0, said, clock)
        there = said + (clock - said_at) * 1000 / 60
        if bucket.wait(amount, clock) == 0:
            assert min(amount, 1000.0) <= there + 1e-3


def test_a_bucket_gives_back_what_was_not_used():
    bucket = Bucket()
    bucket.learn(1000.0, 1000.0, 0.0)
    bucket.take(900.0)
    assert bucket.wait(500.0, 0.0) > 0
    bucket.settle(900.0, 100.0)
    assert bucket.wait(500.0, 0.0) == 0


def test_a_request_larger_than_the_whole_limit_waits_for_a_full_bucket_and_goes():
    async def main() -> float:
        service = Service(RateLimits(input_tokens=10_000, clock=now), tells=True)
        seconds, _ = await work(service, 3, 3, input_tokens=50_000)
        return seconds

    assert run_in_virtual_time(main()) > 0


@given(st.lists(st.floats(0.0, 0.3), min_size=2, max_size=40), st.integers(0, 2**32))
@settings(max_examples=40)
def test_who_came_first_goes_first(arrivals, seed):
    """Under refusals and pauses, rows are let out in the order in which they asked."""
    random = Random(seed)

    async def main() -> list[int]:
        limiter = Limiter(clock=now)
        order: list[int] = []

        async def row(place: int) -> None:
            ticket = await limiter.admit(MODEL, 100)
            order.append(place)
            await asyncio.sleep(random.random())
            if random.random() < 0.3:
                limiter.limits(MODEL).refused(ticket, random.choice([None, 0.5, 2.0]), {}, now())
            else:
                limiter.limits(MODEL).answered(ticket, Cost(100, 10), {}, now())

        async with asyncio.TaskGroup() as group:
            for place, after in enumerate(arrivals):
                await asyncio.sleep(after)
                group.create_task(row(place))
        return order

    assert run_in_virtual_time(main()) == list(range(len(arrivals)))


@given(st.lists(st.tuples(st.floats(0.0, 5.0), st.booleans()), min_size=1, max_size=40), st.integers(0, 2**32))
@settings(max_examples=40)
def test_rows_that_are_cancelled_hold_nobody_up(rows, seed):
    """Cancelled in the queue, at its head or under way: all others are answered, and what was taken is given back."""
    random = Random(seed)

    async def main() -> tuple[int, Limiter]:
        service = Service(RateLimits(requests=60, burst=0.05, clock=now), tells=random.random() < 0.5)
        limiter = Limiter(clock=now)

        async def row() -> None:
            while True:
                ticket = await limiter.admit(MODEL, 100)
                try:
                    if await service.ask(ticket, limiter.limits(MODEL), 100):
                        return
                except asyncio.CancelledError:
                    limiter.limits(MODEL).lost(ticket)
                    raise

        async def one(patience: float, leaves: bool) -> None:
            running = asyncio.create_task(row())
            if leaves:
                await asyncio.sleep(patience)
                running.cancel()
            await asyncio.wait([running])

        async with asyncio.timeout(1000):
            await asyncio.gather(*(one(*each) for each in rows))
        return sum(not leaves for _, leaves in rows), limiter

    _, limiter = run_in_virtual_time(main())
    for bucket in limiter.limits(MODEL).buckets.values():
        assert bucket._in_flight == pytest.approx(0.0, abs=1e-6)


def test_models_have_limits_of_their_own():
    """A pause of one model holds no other up."""

    async def main() -> tuple[float, float]:
        limiter = Limiter(clock=now)
        ticket = await limiter.admit("slow", 100)
        limiter.limits("slow").refused(ticket, 30.0, {}, now())
        began = now()
        slow = asyncio.create_task(limiter.admit("slow", 100))
        await limiter.admit("quick", 100)
        quick = now() - began
        await slow
        return quick, now() - began

    quick, slow = run_in_virtual_time(main())
    assert quick == 0
    assert slow >= 30


def test_what_comes_from_the_cache_is_not_counted_against_the_limit():
    """The forecast learns how much of a request's text is fresh, so cached prompts do not wait for tokens that nobody counts."""
    limits = Limits()
    first = limits.forecast.cost(10_000)
    for _ in range(60):
        limits.answered(Ticket(MODEL, 10_000, first, 0.0), Cost(50, 10), {}, 0.0)
    assert first.input == 10_000
    assert limits.forecast.cost(10_000).input < 100
    assert limits.forecast.cost(10_000).output < 20


def test_of_what_the_server_states_a_process_takes_its_part_as_others_come_and_go():
    shares = Shares(workers=2)
    share = shares.of("messages", "key")
    limits, one = Limits(share), Cost(0.0, 0.0)
    headers = {"anthropic-ratelimit-requests-limit": "60", "anthropic-ratelimit-requests-remaining": "0"}

    def seconds_for_one() -> float:
        limits.answered(Ticket(MODEL, 100, one, 0.0), one, headers, 0.0)
        return limits.wait(one, 0.0)

    assert seconds_for_one() == pytest.approx(2)
    shares.set_runs({share.account: 3})
    assert seconds_for_one() == pytest.approx(6)
    shares.set_runs({share.account: 1})
    assert seconds_for_one() == pytest.approx(2)


def test_headers_that_are_not_numbers_teach_nothing():
    limits = Limits()
    headers = {"anthropic-ratelimit-requests-limit": "many", "anthropic-ratelimit-requests-remaining": "0"}
    limits.answered(Ticket(MODEL, 100, Cost(100, 10), 0.0), Cost(100, 10), headers, 0.0)
    assert limits.wait(Cost(100, 10), 0.0) == 0


def test_requests_are_spaced_after_slowing():
    async def main() -> list[float]:
        limiter = Limiter(clock=now)
        tickets = [await limiter.admit(MODEL, 1) for _ in range(10)]
        await asyncio.sleep(1)
        for ticket in tickets[:5]:
            limiter.limits(MODEL).refused(ticket, None, {}, now())
        sent = []
        for _ in range(8):
            await limiter.admit(MODEL, 1)
            sent.append(now())
        return sent

    gaps = [later - earlier for earlier, later in pairwise(run_in_virtual_time(main()))]
    assert gaps == pytest.approx([1 / 8] * 7)
