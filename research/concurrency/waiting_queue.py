"""The queue before something that limits its requests: first come, first served.

A `Policy` says when the next may go, and takes the time as an argument; `WaitingQueue` waits. `Spacing` is the simplest policy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

LOOK_AGAIN: Final = 1.0
"""Seconds after which the first in the queue looks again: a policy may change while it waits."""

Taken = TypeVar("Taken", covariant=True)


class PauseTooLong(Exception):
    """The other side asks for a longer pause than the caller waits. Translated where it is known who asked for it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"a pause of {seconds:.0f} s")


class Policy(Protocol[Taken]):
    """When the next request may go out. Times are seconds of one monotonic clock."""

    def paused_for(self, now: float) -> float:
        """Seconds for which the other side has asked for no requests at all; 0 or less: none."""
        ...

    def wait(self, now: float) -> float:
        """Seconds until the next may go, such a pause included; 0 or less: now."""
        ...

    def take(self, now: float) -> Taken:
        """The next goes now."""
        ...


class WaitingQueue:
    """A queue in order of arrival. A place that is given up, because its holder is cancelled, goes to the next. Belongs to one
    event loop."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        places: asyncio.Semaphore | None = None,
    ) -> None:
        """An empty queue.

        Args:
            clock: seconds, only ever rising.
            sleep: waits for seconds.
            places: shared with other queues. Each turn takes one, and the caller gives it back.
        """
        self._clock = clock
        self._sleep = sleep
        self._places = places
        self._first = asyncio.Lock()

    async def admit(self, policy: Policy[Taken], longest_pause: float = float("inf")) -> Taken:
        """Wait until the policy lets a request go. How long the queue is does not count as a pause.

        Raises:
            PauseTooLong: the other side asks for more than `longest_pause` seconds.
        """
        async with self._first:
            while True:
                now = self._clock()
                if (pause := policy.paused_for(now)) > longest_pause:
                    raise PauseTooLong(pause)
                if (wait := policy.wait(now)) > 0:
                    await self._sleep(min(wait, LOOK_AGAIN))
                    continue
                if self._places is None:
                    return policy.take(now)
                await self._places.acquire()
                # The policy may have changed while this waited for its place.
                if policy.wait(now := self._clock()) <= 0:
                    return policy.take(now)
                self._places.release()


class Spacing:
    """Requests start at least a delay apart, and none while the other side asks for a pause."""

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        """Seconds between two starts."""
        self.reason = ""
        """Why the present pause was asked for."""
        self._next = float("-inf")
        self._paused_until = float("-inf")

    def paused_for(self, now: float) -> float:
        return max(0.0, self._paused_until - now)

    def wait(self, now: float) -> float:
        return max(0.0, self._next - now, self._paused_until - now)

    def take(self, now: float) -> None:
        self._next = now + self.delay

    def pause(self, until: float, reason: str = "") -> None:
        """Let nothing go until a moment. A pause is never made shorter."""
        if until > self._paused_until:
            self._paused_until, self.reason = until, reason
