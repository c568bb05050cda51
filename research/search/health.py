"""Whether a search provider brings anything. Decided on counts of its answers: a challenge page, a used-up quota and a blocked
address all look like an empty list."""

from __future__ import annotations

from collections import deque
from typing import Final

from research.concurrency.traffic import SearchBringsNothing

LOOKED_AT: Final = 40
"""Answers that count: the last ones."""
ENOUGH: Final = 20
"""Answers from which on a provider is judged."""
EMPTY_SHARE: Final = 0.9
PROBE_EVERY: Final = 20
"""A provider that is passed over is asked every so many queries."""


class ProviderHealth:
    """One provider among several. Of its answers those count to whose query another provider found something.

    Args:
        name: for people.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_passed_over = False
        self._empty: deque[bool] = deque(maxlen=LOOKED_AT)
        self._skipped = 0

    def is_asked(self) -> bool:
        """Whether it is asked this time. Counts those when it is not."""
        if not self.is_passed_over:
            return True
        self._skipped += 1
        return self._skipped % PROBE_EVERY == 0

    def answered(self, *, with_hits: bool, others_found: bool) -> SearchBringsNothing | None:
        """It has answered a query. Returns what is to be announced, once."""
        if with_hits:
            self._empty.append(False)
            if self.is_passed_over:
                self.is_passed_over = False
                self._empty.clear()
        elif others_found:
            self._empty.append(True)
        empty = sum(self._empty)
        if self.is_passed_over or len(self._empty) < ENOUGH or empty < EMPTY_SHARE * len(self._empty):
            return None
        self.is_passed_over = True
        return SearchBringsNothing(self.name, len(self._empty), empty, passed_over=True)


class LoneHealth:
    """A provider that nobody stands beside: nothing tells an empty answer from a refusal, unless all answers are empty."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._answers = 0
        self._brought = False

    def answered(self, *, with_hits: bool) -> SearchBringsNothing | None:
        """It has answered a query. Returns what is to be announced, once."""
        self._answers += 1
        self._brought = self._brought or with_hits
        if self._brought or self._answers != ENOUGH:
            return None
        return SearchBringsNothing(self._name, self._answers, self._answers, passed_over=False)
