"""Says what a run is doing before its first row: on stderr, one line that is renewed on a terminal, elsewhere a line a step.
A step that takes long says for how many seconds it has been at it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType

from flows.cli.terminal import Output, err

RENEW_SECONDS: Final = 0.1
"""Between two counts on a terminal."""
AGAIN_SECONDS: Final = 10.0
"""Between two counts, and between two signs that a step goes on, elsewhere."""
TICK_SECONDS: Final = 1.0
"""Between two signs that a step goes on, on a terminal."""


class Starting:
    """One for each command. With `--json` it says nothing: what programs need are the events."""

    def __init__(self, output: Output, clock: Callable[[], float] = time.monotonic) -> None:
        self._console: Console | None = None if output.json else err()
        self._clock = clock
        self._line_is_open = False
        self._counted = 0.0
        self._step = ""
        """What is being done; "" while nothing is, or something else is shown."""
        self._since = 0.0
        self._turn = threading.RLock()
        self._ended = threading.Event()

    def __enter__(self) -> Starting:
        if self._console is not None:
            threading.Thread(target=self._tick, name="starting", daemon=True).start()
        return self

    def __exit__(self, _type: type[BaseException] | None, _value: object, _trace: TracebackType | None) -> None:
        self._ended.set()
        self.clear()

    def step(self, text: str) -> None:
        """A step begins."""
        with self._turn:
            self._counted, self._step, self._since = 0.0, text, self._clock()
            self._show(text)

    def reading(self, done: int, total: int | None) -> None:
        """The corpus is being read. May be called often, and from another thread."""
        now = self._clock()
        if now < self._counted + (RENEW_SECONDS if self._console and self._console.is_terminal else AGAIN_SECONDS):
            return
        self._counted = now
        self._step = ""  # the counts show that it goes on
        of_all = f" of {total:,}" if total is not None else ""
        self._show(f"reading the corpus ({done:,}{of_all} documents)")

    def clear(self) -> None:
        """Take the line off the terminal, for what is printed next."""
        with self._turn:
            self._step = ""
            self._erase()

    def tick(self) -> None:
        """Say again what is being done, with the seconds that it has taken so far."""
        with self._turn:
            seconds = int(self._clock() - self._since)
            if self._step and seconds:
                self._show(f"{self._step} ({seconds} s)")

    def _tick(self) -> None:
        is_terminal = self._console is not None and self._console.is_terminal
        while not self._ended.wait(TICK_SECONDS if is_terminal else AGAIN_SECONDS):
            self.tick()

    def _erase(self) -> None:
        if self._console is not None and self._line_is_open:
            self._console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)))
            self._line_is_open = False

    def _show(self, text: str) -> None:
        if self._console is None:
            return
        self._erase()
        self._line_is_open = self._console.is_terminal
        self._console.print(text, markup=False, end="" if self._line_is_open else "\n", overflow="ellipsis", no_wrap=True)
