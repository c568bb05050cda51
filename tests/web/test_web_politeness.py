"""Whose turn it is, in virtual time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from research.testing.virtual_time import now, run_in_virtual_time
from research.web.politeness import HostClosed, Politeness


def polite(per_host: int = 2, delay: float = 1.0, at_once: int = 100, **others: float) -> Politeness:
    return Politeness(per_host=per_host, delay=delay, at_once=at_once, clock=now, **others)  # type: ignore[arg-type]


async def visit(manners: Politeness, host: str, seconds: float, starts: list[tuple[str, float]], patience: float = 1e9) -> None:
    async with manners.turn(host, patience):
        starts.append((host, now()))
        await asyncio.sleep(seconds)


def test_two_requests_to_a_host_start_a_delay_apart_and_hosts_do_not_wait_for_one_another() -> None:
    async def main() -> list[tuple[str, float]]:
        starts: list[tuple[str, float]] = []
        began, manners = now(), polite(delay=1.0)
        await asyncio.gather(*(visit(manners, host, 0.1, starts) for host in "aaab"))
        return [(host, round(at - began, 6)) for host, at in starts]

    assert sorted(run_in_virtual_time(main())) == [("a", 0.0), ("a", 1.0), ("a", 2.0), ("b", 0.0)]


def test_no_more_requests_to_a_host_at_once_than_allowed_and_who_came_first_goes_first() -> None:
    async def main() -> tuple[int, list[int]]:
        manners, running, most, order = polite(per_host=2, delay=0.0), 0, 0, []

        async def one(number: int) -> None:
            nonlocal running, most
            async with manners.turn("a"):
                order.append(number)
                running += 1
                most = max(most, running)
                await asyncio.sleep(1)
                running -= 1

        await asyncio.gather(*(one(number) for number in range(9)))
        return most, order

    assert run_in_virtual_time(main()) == (2, list(range(9)))


def test_no_more_requests_at_once_over_all_hosts_than_allowed() -> None:
    async def main() -> float:
        starts: list[tuple[str, float]] = []
        began, manners = now(), polite(at_once=3)
        await asyncio.gather(*(visit(manners, f"h{number}", 1.0, starts) for number in range(9)))
        return now() - began

    assert run_in_virtual_time(main()) == pytest.approx(3.0)


def test_a_host_that_asks_for_peace_is_asked_by_nobody_until_then_not_even_by_who_waited_already() -> None:
    async def main() -> list[float]:
        starts: list[tuple[str, float]] = []
        began, manners = now(), polite(per_host=1, delay=0.0)
        first = asyncio.create_task(visit(manners, "a", 0.5, starts))
        waiting = [asyncio.create_task(visit(manners, "a", 0.5, starts)) for _ in range(3)]
        await asyncio.sleep(0.25)
        manners.close("a", 30.0, "a is busy")
        await asyncio.gather(first, *waiting)
        return [round(at - began, 6) for _, at in starts]

    starts = run_in_virtual_time(main())
    assert starts[0] == 0.0
    assert all(at >= 30.25 for at in starts[1:])
    assert len(starts) == 4


def test_a_closure_is_never_made_shorter() -> None:
    async def main() -> float:
        manners = polite()
        manners.close("a", 30.0, "busy")
        manners.close("a", 5.0, "busy")
        return manners.closed_for("a")

    assert run_in_virtual_time(main()) == 30.0


def test_who_has_less_patience_than_the_peace_lasts_is_told_how_long_at_once() -> None:
    async def main() -> tuple[float, float]:
        began, manners = now(), polite()
        manners.close("a", 30.0, "a is busy")
        with pytest.raises(HostClosed, match="a is busy") as caught:
            await visit(manners, "a", 1.0, [], patience=10.0)
        return caught.value.seconds, now() - began

    assert run_in_virtual_time(main()) == (30.0, 0.0)


def test_a_crawl_delay_is_kept_up_to_a_cap_and_never_makes_us_faster() -> None:
    async def main() -> list[float]:
        gaps = []
        for asked in (0.1, 3.0, 900.0):
            manners, starts = polite(delay=1.0, max_delay=10.0), list[tuple[str, float]]()
            manners.slow_down("a", asked)
            await asyncio.gather(*(visit(manners, "a", 0.0, starts) for _ in range(2)))
            gaps.append(round(starts[1][1] - starts[0][1], 6))
        return gaps

    assert run_in_virtual_time(main()) == [1.0, 3.0, 10.0]


def test_who_gives_up_waiting_leaves_no_place_taken() -> None:
    async def main() -> float:
        manners, starts = polite(per_host=1, delay=0.0, at_once=1), list[tuple[str, float]]()
        first = asyncio.create_task(visit(manners, "a", 5.0, starts))
        await asyncio.sleep(1)
        givers_up = [asyncio.create_task(visit(manners, host, 5.0, starts)) for host in "aab"]
        await asyncio.sleep(1)
        for task in givers_up:
            task.cancel()
        await asyncio.gather(*givers_up, return_exceptions=True)
        await first
        began = now()
        await visit(manners, "b", 1.0, starts)
        await visit(manners, "a", 1.0, starts)
        return now() - began

    assert run_in_virtual_time(main()) == pytest.approx(2.0)


def test_the_table_of_hosts_is_bounded_and_keeps_those_that_are_closed_or_in_use() -> None:
    async def main() -> tuple[int, float, bool]:
        manners = polite(max_hosts=50, delay=0.0)
        manners.close("closed", 3600.0, "busy")
        entered, done = asyncio.Event(), asyncio.Event()

        async def stay() -> None:
            async with manners.turn("used"):
                entered.set()
                await done.wait()

        staying = asyncio.create_task(stay())
        await entered.wait()
        for number in range(1000):
            async with manners.turn(f"h{number}"):
                pass
        size, closed = len(manners), manners.closed_for("closed")
        manners.close("used", 1.0, "busy")  # would make a lane of its own if the used one were forgotten
        done.set()
        await staying
        return size, closed, manners.closed_for("used") > 0

    size, closed, used = run_in_virtual_time(main())
    assert size <= 50
    assert closed == 3600.0
    assert used


NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
