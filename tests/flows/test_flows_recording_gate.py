"""The recording gate, equal rows and the orderly end: what is below Prefect and about time."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator

import pytest

from flows.interrupt import orderly_end
from flows.recording_gate import RecordingGate
from flows.run.row_cache import RowCache
from research.result.result import Result


class Database:
    """Records so many task runs more at each look."""

    def __init__(self, *steps: int) -> None:
        self._steps: Iterator[int] = iter(steps)
        self.recorded = 0
        self.looks = 0

    async def count(self) -> int:
        self.looks += 1
        self.recorded += next(self._steps, 0)
        return self.recorded


def gate(database: Database, finished: int, **options: float) -> RecordingGate:
    made = RecordingGate(database.count, most_unrecorded=10, poll=0, **{"patience": 0, **options})
    for _ in range(finished):
        made.task_run_finished()
    return made


async def test_a_gate_that_is_not_behind_asks_nobody() -> None:
    database = Database()
    await gate(database, finished=10).open()
    assert database.looks == 0


async def test_no_row_starts_while_the_database_is_too_far_behind() -> None:
    database = Database(1, 4, 20)
    shut = gate(database, finished=30)
    await shut.open()
    assert database.looks == 3
    assert shut.unrecorded == 5


async def test_of_many_waiting_rows_one_asks() -> None:
    database = Database(*[5] * 100)
    shut = gate(database, finished=50)
    await asyncio.gather(*(shut.open() for _ in range(100)))
    assert database.looks == 8


async def test_draining_waits_for_the_last_task_run() -> None:
    database = Database(10, 10, 9, 1)
    assert await gate(database, finished=30).drain() == 0
    assert database.looks == 4


async def test_a_database_that_stands_still_is_given_up_with_a_warning_that_counts(caplog: pytest.LogCaptureFixture) -> None:
    database = Database(10)
    shut = RecordingGate(database.count, most_unrecorded=10, poll=0.001, patience=0.003)
    for _ in range(30):
        shut.task_run_finished()
    await shut.open()
    looks = database.looks
    await shut.open()
    assert database.looks == looks, "given up: rows go on without asking"
    assert await shut.drain() == 20
    assert "20 finished task runs" in caplog.text


GOOD = Result(task_id="1", status="completed", task="", processor="core", model="m")
BAD = Result(task_id="2", status="failed", task="", processor="core", model="m")


async def once(cache: RowCache, key: str, work: Callable[[], Awaitable[Result]]) -> tuple[Result, bool]:
    """As rows use it. The result, and whether it is an equal row's."""
    if (equal := await cache.equal_row(key)) is not None:
        return equal, True
    with cache.doing(key) as finish:
        result = await work()
        finish(result)
    return result, False


async def test_equal_work_in_flight_is_done_once_and_shared() -> None:
    cache = RowCache()
    done: list[str] = []

    async def work() -> Result:
        await asyncio.sleep(0)
        done.append("once")
        return GOOD

    ended = await asyncio.gather(*(once(cache, "key", work) for _ in range(5)))
    assert done == ["once"]
    assert sorted(is_equal for _, is_equal in ended) == [False] + [True] * 4
    assert all(result is GOOD for result, _ in ended)


async def test_a_failure_is_shared_with_who_comes_later_and_success_is_left_to_the_disk() -> None:
    cache = RowCache()
    outcomes = iter([BAD, GOOD, GOOD])

    async def work() -> Result:
        return next(outcomes)

    assert await once(cache, "a", work) == (BAD, False)
    assert await once(cache, "a", work) == (BAD, True)
    assert await once(cache, "b", work) == (GOOD, False)
    assert await once(cache, "b", work) == (GOOD, False)


async def test_sigterm_ends_a_run_in_order_and_then_the_process() -> None:
    """The work is cancelled, so it can clean up; the exit code says that it was terminated."""
    cleaned: list[str] = []

    async def work() -> None:
        with orderly_end():
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
            try:
                await asyncio.Event().wait()
            finally:
                cleaned.append("up")

    with pytest.raises(SystemExit) as ended:
        await work()
    assert ended.value.code == 143
    assert cleaned == ["up"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_a_cancellation_of_another_kind_stays_one() -> None:
    with pytest.raises(asyncio.CancelledError), orderly_end():
        raise asyncio.CancelledError


async def test_work_that_was_cancelled_is_done_by_one_of_those_who_waited() -> None:
    cache = RowCache()

    async def never() -> Result:
        await asyncio.Event().wait()
        raise AssertionError

    async def work() -> Result:
        return GOOD

    first = asyncio.create_task(once(cache, "key", never))
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(once(cache, "key", work)) for _ in range(2)]
    await asyncio.sleep(0)
    first.cancel()
    assert (GOOD, False) in await asyncio.gather(*waiting)
    with pytest.raises(asyncio.CancelledError):
        await first
