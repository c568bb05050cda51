"""What one fetch may still spend: time on the wire, and patience with failures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from research.web.limits_transport import Allowance

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 16.0
"""Seconds between two tries: doubled with each, and drawn from the upper half."""


class FetchBudget:
    """The allowance of one fetch, over all its requests."""

    def __init__(self, wire_seconds: float, retry_seconds: float, clock: Callable[[], float], draw: Callable[[], float]) -> None:
        self.allowance = Allowance(wire_seconds)
        self._retry_seconds = retry_seconds
        self._clock = clock
        self._draw = draw
        self._ends: float | None = None
        self.failures = 0

    @property
    def patience(self) -> float:
        """Seconds that may still be waited."""
        return self._retry_seconds if self._ends is None else max(0.0, self._ends - self._clock())

    def failed(self) -> float:
        """A try failed. Seconds to wait before the next, unless the server named others."""
        if self._ends is None:
            self._ends = self._clock() + self._retry_seconds
        self.failures += 1
        longest = min(FIRST_PAUSE * 2.0 ** min(self.failures - 1, 10), LONGEST_PAUSE)
        return longest * (0.5 + self._draw() / 2)

    def affords(self, pause: float) -> bool:
        """Whether another try after a pause is inside the limits."""
        return self.allowance.left > 0 and pause < self.patience
