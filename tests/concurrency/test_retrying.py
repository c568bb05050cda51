"""Waits between tries grow, keep what a server asks for, and end with the time budget. Time is virtual."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.concurrency.retrying import LONGEST_RETRY_AFTER, Retries, RetryTimes, retry_after
from research.testing.virtual_time import now, run_in_virtual_time

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def retries(times: RetryTimes, draw: float = 1.0) -> Retries:
    return Retries(times, clock=now, sleep=asyncio.sleep, draw=lambda: draw)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("0.25", 0.25),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(days=3), usegmt=True), 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_RETRY_AFTER),
        ("99999999999999999999999999", LONGEST_RETRY_AFTER),
        ("9" * 400, LONGEST_RETRY_AFTER),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1_0", None),
        ("١٢", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text}, NOW) == seconds


def test_milliseconds_are_more_exact_and_no_header_asks_for_nothing() -> None:
    assert retry_after({"retry-after": "9", "retry-after-ms": "1500"}) == 1.5
    assert retry_after({}) is None


@given(st.text())
def test_any_retry_after_is_seconds_within_a_day_or_nothing(text: str) -> None:
    seconds = retry_after({"retry-after": text})
    assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER


def test_waits_double_up_to_the_longest() -> None:
    async def main() -> list[float]:
        tries = retries(RetryTimes(budget=100, first_wait=1, longest_wait=8))
        return [tries.failed() for _ in range(6)]

    assert run_in_virtual_time(main()) == [1, 2, 4, 8, 8, 8]


@given(st.floats(0.001, 1000), st.floats(0, 1), st.floats(0, 1))
def test_a_wait_is_never_shorter_than_the_server_asks(asked: float, draw: float, spread: float) -> None:
    async def main() -> float:
        return retries(RetryTimes(budget=100, spread=spread), draw).failed(asked)

    assert asked <= run_in_virtual_time(main()) <= asked * (1 + spread) + 1e-9


def test_a_server_that_asks_for_no_wait_at_all_is_not_asked_again_at_once() -> None:
    async def main() -> float:
        return retries(RetryTimes(budget=100)).failed(0.0)

    assert run_in_virtual_time(main()) == 0.5


def test_attempts_and_waits_are_taken_from_the_budget_and_a_queue_is_not() -> None:
    async def main() -> None:
        tries = retries(RetryTimes(budget=60, first_wait=10))
        tries.begin()
        with tries.not_counted():
            await asyncio.sleep(1000)
        await asyncio.sleep(20)
        await tries.wait(tries.failed())
        assert (tries.seconds, tries.left) == (30, 30)
        assert tries.allow(29)
        assert not tries.allow(30)
        assert tries.allow(30, budget=90)

    run_in_virtual_time(main())


def test_without_a_beginning_time_counts_from_the_first_failure() -> None:
    async def main() -> None:
        tries = retries(RetryTimes(budget=60))
        await asyncio.sleep(50)
        assert tries.left == 60
        tries.failed()
        await asyncio.sleep(50)
        assert tries.left == 10

    run_in_virtual_time(main())
