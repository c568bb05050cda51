"""Failed work is tried again: how long to wait, when to give up, and what a server's `Retry-After` says."""

from __future__ import annotations

import random
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from research.records import Record

LONGEST_RETRY_AFTER: Final = 86_400.0
"""Seconds. A server that asks for a longer wait is taken to ask for a day."""
_NUMBER: Final = re.compile(r"\d+(?:\.\d*)?", re.ASCII)


class RetryTimes(Record):
    """How long something is tried again. Seconds."""

    budget: float
    """For failed attempts and the waits after them."""
    first_wait: float = 0.5
    longest_wait: float = 30
    """Waits between attempts double from the first to the longest, where the server names none."""
    spread: float = 0.1
    """Share of a wait that the server named by which it is lengthened at most, so that callers who were asked the same do not
    come back at one moment. 0 where they queue for their turn anyway."""


class Retries:
    """The attempts at one thing: how many failed, how much of the time budget is used, and how long to wait before the next."""

    def __init__(
        self,
        times: RetryTimes,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Nothing was tried yet.

        Args:
            times: the budget and the waits.
            clock: seconds, only ever rising.
            sleep: waits for seconds.
            draw: a number from 0 to 1, which spreads the waits.
        """
        self.failures = 0
        self._times = times
        self._clock = clock
        self._sleep = sleep
        self._draw = draw
        self._began: float | None = None
        self._not_counted = 0.0

    def begin(self) -> None:
        """Time counts from now on. Without this it counts from the first failure."""
        if self._began is None:
            self._began = self._clock()

    @property
    def seconds(self) -> float:
        """How much of the budget is used."""
        return 0.0 if self._began is None else self._clock() - self._began - self._not_counted

    @property
    def left(self) -> float:
        """How much of the budget is left."""
        return max(0.0, self._times.budget - self.seconds)

    @contextmanager
    def not_counted(self) -> Iterator[None]:
        """Time inside the block is not taken from the budget, such as a turn in a queue."""
        entered = self._clock()
        try:
            yield
        finally:
            if self._began is not None:
                self._not_counted += self._clock() - max(entered, self._began)

    def failed(self, asked: float | None = None) -> float:
        """An attempt failed. Seconds to wait before the next.

        Args:
            asked: seconds that the server asks to wait. The wait is never shorter.
        """
        self.begin()
        self.failures += 1
        longest = min(self._times.longest_wait, self._times.first_wait * 2.0 ** min(self.failures - 1, 30))
        jittered = longest * (0.5 + self._draw() / 2)
        return asked + min(jittered, self._times.spread * asked) if asked else jittered

    def allow(self, wait: float, budget: float | None = None) -> bool:
        """Whether there may be another attempt after a wait: inside the budget, or inside another one."""
        return self.seconds + wait < (self._times.budget if budget is None else budget)

    async def wait(self, seconds: float) -> None:
        """Wait, and not a moment less: a sleep may end a little early."""
        until = self._clock() + seconds
        while (left := until - self._clock()) > 0:
            await self._sleep(left)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that a server asks to wait, at most a day; None if it does not say.

    `Retry-After` is a number or a date (RFC 9110, section 10.2.3). `retry-after-ms`, which some services send, is more exact.

    Args:
        headers: of the answer, in any case or in lower case.
        now: the time that a date is compared with; by default the present.
    """
    if _NUMBER.fullmatch(milliseconds := headers.get("retry-after-ms", "").strip()):
        return min(float(milliseconds) / 1000, LONGEST_RETRY_AFTER)
    text = headers.get("retry-after", "").strip()
    if _NUMBER.fullmatch(text):
        return min(float(text), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - (now or datetime.now(UTC))).total_seconds(), 0.0), LONGEST_RETRY_AFTER)
