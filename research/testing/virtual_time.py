"""An event loop whose time passes only while everything waits: hours of waiting take no time, and always in the same order."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

START = 1000.0
"""Seconds that the clock of a fresh loop shows."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Where nothing is ready to run, the clock jumps to the next timer in place of waiting for it.

    For work that waits on timers only. A socket's answer takes real time, and the clock would jump past its deadline.
    """

    def __init__(self) -> None:
        self._selector_of_time = _JumpingSelector()
        super().__init__(self._selector_of_time)

    def time(self) -> float:
        return self._selector_of_time.now


def run_in_virtual_time(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, as `asyncio.run` does. `now()` inside it tells the time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


def now() -> float:
    """The running loop's time in seconds."""
    return asyncio.get_running_loop().time()


class _JumpingSelector(selectors.DefaultSelector):
    """Tells the loop at once what is ready; if nothing is, the time that it would have waited has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            self.now += timeout
        return ready
