"""A provider is never asked more often than its rate allows. Time is virtual."""

from __future__ import annotations

import asyncio
import itertools
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.concurrency.shares import Shares
from research.errors import SearchFailed
from research.search.rate import Rate, Turns
from research.testing.virtual_time import now, run_in_virtual_time


async def work(rate: Rate, rows: int, seed: int, pauses: int = 0) -> tuple[list[float], int, list[tuple[float, float]]]:
    """When each row was let out, how many were under way at most, and the pauses that were asked for."""
    random = Random(seed)
    turns = Turns("brave", rate, clock=now)
    sent: list[float] = []
    asked: list[tuple[float, float]] = []
    under_way = most = 0

    async def row(number: int) -> None:
        nonlocal under_way, most
        await asyncio.sleep(random.uniform(0, 5))
        async with turns.turn():
            sent.append(now())
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(random.uniform(0, 3))
            under_way -= 1
            if number < pauses:
                asked.append((now(), random.uniform(0, 10)))
                turns.pause(asked[-1][1])

    await asyncio.gather(*(row(number) for number in range(rows)))
    return sent, most, asked


@settings(max_examples=40)
@given(st.floats(0.2, 20), st.integers(1, 8), st.integers(1, 40), st.integers(0, 1000))
def test_neither_pace_nor_concurrency_is_ever_exceeded(per_second: float, concurrency: int, rows: int, seed: int):
    sent, most, _ = run_in_virtual_time(work(Rate(per_second=per_second, concurrency=concurrency), rows, seed))
    assert len(sent) == rows
    assert most <= concurrency
    assert all(later - earlier >= 1 / per_second for earlier, later in itertools.pairwise(sent))


@settings(max_examples=40)
@given(st.floats(0.2, 20), st.integers(1, 8), st.integers(1, 4), st.integers(1, 4), st.integers(0, 1000))
def test_processes_that_share_an_account_keep_to_its_limits_together(
    per_second: float, concurrency: int, runs: int, workers: int, seed: int
):
    async def together() -> tuple[list[float], list[int]]:
        random = Random(seed)
        sent: list[float] = []
        most: list[int] = []

        async def process() -> None:
            shares = Shares(workers)
            account = shares.of("brave", "key").account
            turns = Turns(
                "brave", Rate(per_second=per_second, concurrency=concurrency), share=shares.of("brave", "key"), clock=now
            )
            shares.set_runs({account: runs, "brave:another": 9})
            inside, peak = 0, 0

            async def row() -> None:
                nonlocal inside, peak
                async with turns.turn():
                    sent.append(now())
                    inside += 1
                    peak = max(peak, inside)
                    await asyncio.sleep(random.uniform(0, 3))
                    inside -= 1

            await asyncio.gather(*(row() for _ in range(8)))
            most.append(peak)

        await asyncio.gather(*(process() for _ in range(runs * workers)))
        return sent, most

    sent, most = run_in_virtual_time(together())
    sharers = runs * workers
    assert sum(most) <= max(concurrency, sharers)  # each may have one under way
    seconds = max(sent) - min(sent)
    assert len(sent) - sharers <= per_second * seconds + 1e-6  # their first ones may meet


def test_a_part_grows_and_shrinks_as_others_go_and_come():
    async def main() -> list[int]:
        shares = Shares()
        share = shares.of("brave", "key")
        turns = Turns("brave", Rate(concurrency=4), share=share, clock=now)
        inside = 0
        seen: list[int] = []

        async def row() -> None:
            nonlocal inside
            while len(seen) < 4:
                async with turns.turn():
                    inside += 1
                    await asyncio.sleep(1)
                    inside -= 1

        rows = [asyncio.create_task(row()) for _ in range(6)]
        for runs in (1, 4, 2, 1):
            shares.set_runs({share.account: runs})
            await asyncio.sleep(5.5)
            seen.append(inside)
        await asyncio.gather(*rows)
        return seen

    assert run_in_virtual_time(main()) == [4, 1, 2, 4]


@settings(max_examples=40)
@given(st.integers(1, 30), st.integers(1, 5), st.integers(0, 1000))
def test_a_pause_holds_for_everybody(rows: int, pauses: int, seed: int):
    sent, _, asked = run_in_virtual_time(work(Rate(concurrency=5), rows, seed, pauses))
    for at, seconds in asked:
        assert not [each for each in sent if at < each < at + seconds - 1e-6]


def test_who_comes_first_goes_first_and_one_who_gives_up_takes_no_turn():
    async def main() -> list[int]:
        turns = Turns("brave", Rate(per_second=1), clock=now)
        order: list[int] = []

        async def row(number: int) -> None:
            async with turns.turn():
                order.append(number)

        tasks = [asyncio.create_task(row(number)) for number in range(5)]
        await asyncio.sleep(0.1)
        tasks[2].cancel()
        began = now()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert now() - began < 4
        return order

    assert run_in_virtual_time(main()) == [0, 1, 3, 4]


def test_nobody_waits_for_a_pause_that_is_too_long():
    async def main() -> None:
        turns = Turns("brave", Rate(), clock=now)
        turns.pause(100)
        with pytest.raises(SearchFailed, match="asked for a pause of 100 s"):
            async with turns.turn(60):
                pass
        async with turns.turn(200):
            assert now() >= 1100

    run_in_virtual_time(main())


def test_without_a_rate_nobody_waits():
    sent, most, _ = run_in_virtual_time(work(Rate(), 200, 1))
    assert len(sent) == 200
    assert most > 20
