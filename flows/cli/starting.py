"""Says what a run is doing before its first row: on stderr, one line that is renewed on a terminal, elsewhere a line a step."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Final

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType

from flows.cli.terminal import Output, err

RENEW_SECONDS: Final = 0.1
"""Between two counts on a terminal."""
AGAIN_SECONDS: Final = 10.0
"""Between two counts elsewhere."""


class Starting:
    """One for each command. With `--json` it says nothing: what programs need are the events."""

    def __init__(self, output: Output) -> None:
        self._console: Console | None = None if output.json else err()
        self._line_is_open = False
        self._counted = 0.0

    def __enter__(self) -> Starting:
        return self

    def __exit__(self, _type: type[BaseException] | None, _value: object, _trace: TracebackType | None) -> None:
        self.clear()

    def step(self, text: str) -> None:
        """A step begins."""
        self._counted = 0.0
        self._show(text)

    def reading(self, done: int, total: int | None) -> None:
        """The corpus is being read. May be called often, and from another thread."""
        now = time.monotonic()
        if now < self._counted + (RENEW_SECONDS if self._console and self._console.is_terminal else AGAIN_SECONDS):
            return
        self._counted = now
        of_all = f" of {total:,}" if total is not None else ""
        self._show(f"reading the corpus ({done:,}{of_all} documents)")

    def clear(self) -> None:
        """Take the line off the terminal, for what is printed next."""
        if self._console is not None and self._line_is_open:
            self._console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)))
            self._line_is_open = False

    def _show(self, text: str) -> None:
        if self._console is None:
            return
        self.clear()
        self._line_is_open = self._console.is_terminal
        self._console.print(text, markup=False, end="" if self._line_is_open else "\n", overflow="ellipsis", no_wrap=True)
