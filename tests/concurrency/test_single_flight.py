"""Equal work under way is done once, and each who waits for it has an ending of his own."""

from __future__ import annotations

import asyncio

import pytest

from research.concurrency.single_flight import InFlight
from research.errors import FetchFailed, RequestRejected


class Work:
    """Work that waits for a word, and is counted."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun = 0
        self.go = asyncio.Event()
        self.error = error

    async def __call__(self) -> str:
        self.begun += 1
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return "done"


async def test_equal_work_is_done_once_and_later_work_anew() -> None:
    flights, work = InFlight[str, str](), Work()
    waiting = [asyncio.create_task(flights.once("a", work)) for _ in range(5)]
    await asyncio.sleep(0)
    assert flights.holds("a")
    work.go.set()
    assert await asyncio.gather(*waiting) == ["done"] * 5
    assert work.begun == 1
    assert not flights.holds("a")
    await flights.once("a", work)
    assert work.begun == 2


async def test_one_who_gives_up_takes_nothing_from_the_others() -> None:
    flights, work = InFlight[str, str](), Work()
    first, second = (asyncio.create_task(flights.once("a", work)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    work.go.set()
    assert await second == "done"


async def test_every_caller_gets_its_own_copy_of_an_error() -> None:
    flights, work = InFlight[str, str](), Work(RequestRejected("no", stops_run=True))
    waiting = [asyncio.create_task(flights.once("a", work)) for _ in range(3)]
    await asyncio.sleep(0)
    work.go.set()
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    for error in errors:
        assert isinstance(error, RequestRejected)
        assert (str(error), error.stops_run) == ("no", True)
    assert len({id(error) for error in errors}) == 3


async def test_closing_ends_what_is_under_way() -> None:
    flights, work = InFlight[str, str](), Work(FetchFailed("never"))
    waiting = asyncio.create_task(flights.once("a", work))
    await asyncio.sleep(0)
    await flights.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
