"""What one fetch may still spend: seconds on the wire, and time for further tries."""

from __future__ import annotations

from typing import Final

from research.concurrency.retrying import Retries

FETCH_BUDGET: Final = "research.fetch_budget"
"""Extension of a request: the `FetchBudget` that it is sent with."""


class FetchBudget:
    """The budget of one fetch, over all its redirects and tries."""

    def __init__(self, wire_seconds: float, retries: Retries) -> None:
        self.wire_left = wire_seconds
        """Seconds left on the wire."""
        self.retries = retries
        self.reached = False
        """Whether a host has answered the present try, rather than the cache."""

    def spend(self, wire_seconds: float) -> None:
        self.wire_left -= wire_seconds

    def allows(self, wait: float) -> bool:
        """Whether another try after a wait is inside the limits."""
        return self.wire_left > 0 and self.retries.allow(wait)
