"""How long an event loop stands still, and where."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

TICK: Final = 0.01
"""Seconds between two looks."""


@dataclass
class LoopProbe:
    """What was seen. Python's own lock, held by another thread, keeps a loop still as well as work on it."""

    longest: float = 0.0
    """Seconds that the loop stood still at most, of the processor time that this process had meanwhile: a loop that waits for its
    turn, because other processes have the processors, is not kept still by what it does."""
    clock: float = 0.0
    """The same by the clock."""
    where: list[str] = field(default_factory=list)
    """The ends of all stacks, seen when it had stood still for longer than `noticed`."""


@asynccontextmanager
async def probed_loop(noticed: float = 0.2) -> AsyncIterator[LoopProbe]:
    """Watch the running loop while the context is open."""
    probe = LoopProbe()
    last, last_worked = time.monotonic(), time.process_time()
    ended = threading.Event()

    def look() -> None:
        nonlocal last, last_worked
        now, worked = time.monotonic(), time.process_time()
        still = now - last - TICK
        probe.clock = max(probe.clock, still)
        probe.longest = max(probe.longest, min(still, worked - last_worked))
        last, last_worked = now, worked

    async def tick() -> None:
        while True:
            await asyncio.sleep(TICK)
            look()

    def watch() -> None:
        own = threading.get_ident()
        while not ended.wait(TICK):
            if time.monotonic() - last > noticed and len(probe.where) < 20:
                stacks = [traceback.format_stack(frame)[-3:] for thread, frame in sys._current_frames().items() if thread != own]
                probe.where.append("\n".join("".join(stack) for stack in stacks))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    ticking = asyncio.create_task(tick())
    try:
        yield probe
    finally:
        look()
        ticking.cancel()
        ended.set()
        watcher.join()
