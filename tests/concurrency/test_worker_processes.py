"""Work whose time and memory are bounded is done in processes that can be ended."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from research.concurrency.worker_processes import (
    Bounds,
    NoWorker,
    OutOfMemory,
    OutOfTime,
    WorkBroke,
    WorkerDied,
    WorkerPool,
    shared_pool,
)

SAMPLES = "tests.concurrency.worker_samples"
MEMORY = 300_000_000

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the kernel's limits are POSIX's")


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(Bounds(1, MEMORY), size=2)
    yield pool
    pool.close()


def test_work_is_done_in_another_process_which_is_used_again(pool: WorkerPool) -> None:
    payload = os.urandom(3_000_000)
    assert pool.call(f"{SAMPLES}:echo", {"a": [1, "é"]}, payload) == ({"a": [1, "é"]}, payload)
    workers = {pool.call(f"{SAMPLES}:who", {})[0] for _ in range(5)}
    assert len(workers) == 1
    assert os.getpid() not in workers


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own count")
def test_a_worker_is_not_worn_by_what_its_parent_needs() -> None:
    pool = WorkerPool(Bounds(1, MEMORY), size=1)
    held = bytearray(os.urandom(1) * MEMORY)
    workers = {pool.call(f"{SAMPLES}:who", {})[0] for _ in range(3)}
    pool.close()
    assert held
    assert len(workers) == 1


def test_what_holds_pythons_lock_is_ended_and_the_next_work_is_done(pool: WorkerPool) -> None:
    with pytest.raises(OutOfTime):
        pool.call(f"{SAMPLES}:hang", {})
    assert pool.call(f"{SAMPLES}:echo", {"next": True})[0] == {"next": True}


def test_what_only_waits_is_ended_by_the_clock() -> None:
    with pytest.raises(OutOfTime):
        WorkerPool(Bounds(0.1, MEMORY), size=1).call(f"{SAMPLES}:sleep", {})


def test_what_takes_too_much_memory_is_ended_and_is_not_blamed_for_earlier_work(pool: WorkerPool) -> None:
    with pytest.raises(OutOfMemory):
        pool.call(f"{SAMPLES}:take_memory", {"megabytes": 1_000})
    for _ in range(3):  # each would fit beside nothing of the others
        assert pool.call(f"{SAMPLES}:take_memory", {"megabytes": 200})[0] == 20


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process counts what its parent has needed")
def test_a_worker_that_has_needed_much_memory_does_not_wait_for_more_work_whatever_its_limit() -> None:
    roomy = WorkerPool(Bounds(5, 10 * MEMORY), size=1)
    first = roomy.call(f"{SAMPLES}:who", {})[0]
    assert roomy.call(f"{SAMPLES}:fill_memory", {"megabytes": 450})[0] == 450_000_000
    assert roomy.call(f"{SAMPLES}:who", {})[0] != first
    roomy.close()


@pytest.mark.parametrize(
    ("name", "error", "says"), [("abort", WorkerDied, "SIGABRT"), ("refuse", WorkBroke, "ValueError: not like")]
)
def test_what_ends_its_process_and_what_raises_are_told_apart(
    pool: WorkerPool, name: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        pool.call(f"{SAMPLES}:{name}", {})


def test_what_a_library_prints_is_no_reply(pool: WorkerPool) -> None:
    assert pool.call(f"{SAMPLES}:chatter", {})[0] == "said"
    assert pool.call(f"{SAMPLES}:echo", {"next": True})[0] == {"next": True}


def test_a_worker_knows_no_key(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    fresh = WorkerPool(Bounds(1, MEMORY), size=1)
    names = fresh.call(f"{SAMPLES}:variables", {})[0]
    fresh.close()
    assert "PATH" in names
    assert not [name for name in names if "KEY" in name or name.startswith("RESEARCH")]


async def test_the_loop_runs_on_and_work_that_nobody_waits_for_is_ended(pool: WorkerPool) -> None:
    slow = WorkerPool(Bounds(60, MEMORY), size=1)
    hanging = asyncio.create_task(slow.run(f"{SAMPLES}:hang", {}))
    waiting = asyncio.create_task(slow.run(f"{SAMPLES}:echo", {"a": 1}))
    await asyncio.sleep(0.5)
    hanging.cancel()
    assert await asyncio.wait_for(waiting, 30) == ({"a": 1}, b"")
    with pytest.raises(asyncio.CancelledError):
        await hanging
    slow.close()


def test_a_machine_that_starts_no_process_is_told_apart_from_bad_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(NoWorker, match="cannot be started"):
        WorkerPool(Bounds(1, MEMORY), size=1).call(f"{SAMPLES}:echo", {})


def test_equal_bounds_share_their_workers() -> None:
    assert shared_pool(Bounds(7, MEMORY)) is shared_pool(Bounds(7, MEMORY))
    assert shared_pool(Bounds(7, MEMORY)) is not shared_pool(Bounds(8, MEMORY))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a worker ends with its processor time")
def test_no_worker_outlives_a_process_that_was_killed() -> None:
    program = f"""
import threading
from research.concurrency.worker_processes import *
pool = WorkerPool(Bounds(600, {MEMORY}), size=2)
print(pool.call("{SAMPLES}:who", {{}})[0], flush=True)
threading.Thread(target=pool.call, args=("{SAMPLES}:hang", {{}})).start()
print(pool.call("{SAMPLES}:who", {{}})[0], flush=True)
threading.Event().wait()
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert parent.stdout is not None
    workers = [int(parent.stdout.readline()) for _ in range(2)]
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    until = time.monotonic() + 30
    while [pid for pid in workers if Path(f"/proc/{pid}").exists()] and time.monotonic() < until:
        time.sleep(0.02)
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
