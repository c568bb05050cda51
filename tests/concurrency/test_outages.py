"""An outage is the service's: its callers wait together, one asks again, patience ends it. One caller's trouble is its own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from research.concurrency.outages import (
    Notice,
    Outages,
    OutageTimes,
    ServiceHealth,
    ServicePaused,
    ServicePausedNow,
    ServiceResumed,
    counted_as,
    duration,
)
from research.errors import ServiceUnavailable, SurroundingsFault
from research.testing.virtual_time import now, run_in_virtual_time

TIMES = OutageTimes(patience=600, after=30, long_pause=60, first_wait=10, longest_wait=40)


def in_outages(work: Any, times: OutageTimes = TIMES, **service: Any) -> tuple[Any, list[Notice]]:
    """What a coroutine function of (health, outages) came to, and what was announced."""
    notices: list[Notice] = []

    async def main() -> Any:
        outages = Outages(times, clock=now)
        outages.listener = notices.append
        made: Coroutine[Any, Any, Any] = work(outages.service("the service", **service), outages)
        return await made

    return run_in_virtual_time(main()), notices


async def fail(health: ServiceHealth, caller: str, *, asked: float | None = None, certain: bool = False) -> float:
    """One attempt that fails. Returns when it was made."""
    async with health.attempt() as attempt:
        at = now()
        attempt.failed(caller, "529 Overloaded", asked=asked, certain=certain)
    return at


def test_one_callers_failures_are_its_own_while_others_are_answered() -> None:
    async def work(health: ServiceHealth, _: Outages) -> bool:
        for _ in range(100):
            await fail(health, "one")
            await asyncio.sleep(5)
            async with health.attempt() as attempt:
                attempt.answered()
        return health.is_out

    assert in_outages(work) == (False, [])


@pytest.mark.parametrize(("callers", "certain", "out"), [(1, False, False), (2, False, True), (1, True, True)])
def test_failures_for_half_a_minute_are_an_outage_unless_they_may_be_one_callers_own(
    callers: int, certain: bool, out: bool
) -> None:
    async def work(health: ServiceHealth, _: Outages) -> bool:
        for second in range(31):
            await fail(health, f"caller {second % callers}", certain=certain)
            await asyncio.sleep(1)
        return health.is_out

    assert in_outages(work)[0] is out


def test_a_long_pause_is_an_outage_at_once_and_nobody_asks_before_it_is_over() -> None:
    async def work(health: ServiceHealth, _: Outages) -> list[float]:
        began = await fail(health, "one", asked=300)

        async def later() -> float:
            async with health.attempt() as attempt:
                attempt.answered()
                return now() - began

        return await asyncio.gather(*(later() for _ in range(8)))

    waited, notices = in_outages(work)
    assert min(waited) >= 300
    assert max(waited) < 301
    paused, resumed = notices
    assert isinstance(paused, ServicePaused)
    assert paused.waiting == 8
    assert "the service is paused until" in str(paused)
    assert "529 Overloaded. 8 rows wait. Then one call asks again; the run gives up at" in str(paused)
    assert str(resumed) == "the service answers again, after 5 min"


def test_an_answer_to_what_was_sent_before_the_outage_does_not_end_it() -> None:
    """It says nothing of the pause that was asked for since."""

    async def work(health: ServiceHealth, _: Outages) -> bool:
        async with health.attempt() as sent_before:
            await fail(health, "another", asked=300)
            sent_before.answered()
        return health.is_out

    assert in_outages(work)[0]


def test_callers_that_were_asked_for_different_pauses_wait_for_the_longest() -> None:
    async def work(health: ServiceHealth, _: Outages) -> float:
        async with health.attempt() as first, health.attempt() as second:
            began = now()
            first.failed("first", "429", asked=100)
            second.failed("second", "429", asked=200)
        return await fail(health, "first") - began

    assert in_outages(work)[0] >= 200


def test_probes_come_ever_more_slowly_and_by_turns_and_patience_ends_them() -> None:
    probes: list[tuple[float, str]] = []

    async def work(health: ServiceHealth, _: Outages) -> list[BaseException]:
        began = await fail(health, "somebody", asked=60)

        async def row(name: str) -> None:
            with counted_as(name):
                while True:
                    probes.append((await fail(health, name, certain=True) - began, name))

        ended = await asyncio.gather(*(row(name) for name in "abc"), return_exceptions=True)
        return [each for each in ended if each is not None]

    errors, notices = in_outages(work)
    assert [type(error) for error in errors] == [ServiceUnavailable] * 3
    assert "the service has answered nobody for 10 min (patience: 10 min): 529 Overloaded" in str(errors[0])
    assert errors[0].service == "the service"
    times = [round(at) for at, _ in probes]
    assert times[:5] == [60, 80, 120, 160, 200]
    assert times[-1] == 600, "the last probe goes when patience ends"
    assert [name for _, name in probes[:6]] == list("abcabc")
    assert {notice.waiting for notice in notices if isinstance(notice, ServicePaused)} == {3}


def test_patience_that_does_not_last_until_the_service_may_be_asked_ends_at_once() -> None:
    async def work(health: ServiceHealth, _: Outages) -> float:
        began = await fail(health, "one", asked=3600)
        with pytest.raises(ServiceUnavailable, match=r"asks to wait until .* beyond the patience of 10 min"):
            await fail(health, "two")
        return now() - began

    waited, notices = in_outages(work)
    assert waited < 1
    assert "It stops now" in str(notices[0]) or "it stops now" in str(notices[0])


def test_a_service_that_was_given_up_may_be_asked_again_once_its_pause_is_over() -> None:
    """A world may outlive a task: the next one has its own patience."""

    async def work(health: ServiceHealth, _: Outages) -> None:
        await fail(health, "one", asked=3600)
        with pytest.raises(ServiceUnavailable):
            await fail(health, "one")
        await asyncio.sleep(3600)
        async with health.attempt() as attempt:
            attempt.answered()

    assert isinstance(in_outages(work)[1][-1], ServiceResumed)


def test_a_probe_that_is_cancelled_leaves_its_turn_to_the_next() -> None:
    async def work(health: ServiceHealth, _: Outages) -> None:
        await fail(health, "one", asked=60)

        async def never() -> None:
            async with health.attempt():
                await asyncio.Event().wait()

        async def answered() -> None:
            async with health.attempt() as attempt:
                attempt.answered()

        stuck = asyncio.create_task(never())
        await asyncio.sleep(1)
        waiting = asyncio.create_task(answered())
        await asyncio.sleep(100)
        assert not waiting.done()
        stuck.cancel()
        await waiting

    assert isinstance(in_outages(work)[1][-1], ServiceResumed)


def test_where_another_service_can_stand_in_nobody_waits() -> None:
    async def work(health: ServiceHealth, _: Outages) -> float:
        began = await fail(health, "one", asked=3600)
        with pytest.raises(ServicePausedNow) as caught:
            await fail(health, "two")
        assert caught.value.seconds == pytest.approx(3600)
        return now() - began

    assert in_outages(work, alternatives=lambda: True) == (0, [])


def test_an_interruption_of_the_run_ends_every_wait_and_every_further_attempt() -> None:
    """Nothing more is asked for, and so nothing more is paid, once a disk is full."""

    async def work(health: ServiceHealth, outages: Outages) -> float:
        began = await fail(health, "one", asked=300)
        waiting = asyncio.create_task(fail(health, "two"))
        await asyncio.sleep(5)
        outages.interrupt(SurroundingsFault("the disk is full"))
        with pytest.raises(SurroundingsFault, match="the disk is full"):
            await waiting
        with pytest.raises(SurroundingsFault):
            await fail(outages.service("another"), "two")
        return now() - began

    assert in_outages(work)[0] < 7


def test_a_pause_of_no_seconds_is_none_that_was_named() -> None:
    async def work(health: ServiceHealth, _: Outages) -> float:
        began = now()
        for _ in range(40):
            await fail(health, "one", asked=0.0, certain=True)
            await asyncio.sleep(1)
        return now() - began

    assert in_outages(work)[0] > 60, "probes are spaced as if nothing had been said"


def test_durations_are_said_in_the_units_that_people_use() -> None:
    assert [duration(seconds) for seconds in (0.4, 5, 90, 1800, 3600, 7500)] == [
        "0.4 s",
        "5 s",
        "1 min 30 s",
        "30 min",
        "1 h",
        "2 h 5 min",
    ]
