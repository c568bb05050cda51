"""Runs a command in this process, and says when its event loop stood still, how long, and where:
`python -m tests.benchmarks.event_loop_bench enrich TABLE --schema SCHEMA …` (any command of `research`).

A thread asks the loop for an answer every 10 ms. For each answer that took longer than 100 ms, it prints the seconds, the CPU
seconds that this process spent meanwhile (far fewer: the machine was busy with something else), and what the loop's thread was
doing after 100 ms.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from typing import Final

from flows.cli import main

EVERY: Final = 0.01
SLOW: Final = 0.1
SHOWN: Final = 15
FRAMES: Final = 6


@dataclass(frozen=True, slots=True)
class Still:
    """One time that the loop stood still."""

    at: float
    seconds: float
    cpu_seconds: float
    where: str


class Watch:
    """Asks a loop for answers from a thread of its own."""

    def __init__(self) -> None:
        self.stills: list[Still] = []
        self.answers = 0
        self._began = time.monotonic()

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        threading.Thread(target=self._watch, args=(loop, threading.get_ident()), daemon=True).start()

    def _watch(self, loop: asyncio.AbstractEventLoop, thread: int) -> None:
        while True:
            time.sleep(EVERY)
            answered = threading.Event()
            asked, cpu = time.monotonic(), time.process_time()
            try:
                loop.call_soon_threadsafe(answered.set)
            except RuntimeError:  # the loop is closed
                return
            where = ""
            while not answered.wait(SLOW):
                if loop.is_closed():
                    return
                where = where or _where(thread)
            self.answers += 1
            if (seconds := time.monotonic() - asked) > SLOW:
                self.stills.append(Still(asked - self._began, seconds, time.process_time() - cpu, where or "between two steps"))

    def report(self) -> None:
        longest = sorted(self.stills, key=lambda still: -still.seconds)
        print(f"{self.answers} answers; the loop stood still for more than {SLOW:g} s {len(longest)} times", file=sys.stderr)
        for still in longest[:SHOWN]:
            took = f"{still.seconds:6.2f} s ({still.cpu_seconds:.2f} s of CPU)"
            print(f"{took} after {still.at:.1f} s: {still.where}", file=sys.stderr)


def _where(thread: int) -> str:
    """The innermost calls of a thread, the last one last."""
    frames = traceback.extract_stack(sys._current_frames()[thread])[-FRAMES:]
    return " > ".join(f"{frame.name} ({os.path.basename(frame.filename)}:{frame.lineno})" for frame in frames)  # noqa: PTH119


def watched(watch: Watch, arguments: list[str]) -> int:
    """Run a command, and watch every loop that it makes."""

    class Policy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            loop = super().new_event_loop()
            if threading.current_thread() is threading.main_thread():
                watch.begin(loop)
            return loop

    asyncio.set_event_loop_policy(Policy())
    return main(arguments)


if __name__ == "__main__":
    of_the_loop = Watch()
    code = watched(of_the_loop, sys.argv[1:])
    of_the_loop.report()
    sys.exit(code)
