"""What the service says of itself on stderr, although Prefect's log is kept quiet."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

SECONDS: Final = 60.0
"""In which a message is shown once."""


def show_warnings() -> None:
    """Write the warnings of the service to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(Seldom())
    for name in ("flows.serve", "research"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.propagate = False


class Seldom(logging.Filter):
    """Lets equal messages through once in `SECONDS`: a loop that meets a full disk twice a second has one thing to say.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._shown: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is shown."""
        now, message = self._clock(), record.getMessage()
        self._shown = {each: at for each, at in self._shown.items() if now - at < SECONDS}
        if message in self._shown:
            return False
        self._shown[message] = now
        return True
