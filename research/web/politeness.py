"""When a host may be asked: few requests at once, a delay between two of them, and none while it asks for a pause.

One table for all rows of a process: each host has a queue of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from research.concurrency.retrying import LONGEST_RETRY_AFTER
from research.concurrency.waiting_queue import PauseTooLong, Spacing, WaitingQueue

MAX_HOSTS: Final = 5_000
"""Hosts that are remembered. One that is waited for or asked is never forgotten."""


class HostClosed(Exception):
    """A host asks for a longer pause than its caller waits. Translated where the request is known."""

    def __init__(self, seconds: float, why: str) -> None:
        self.seconds = seconds
        self.why = why
        super().__init__(f"{why}; open again in {seconds:.0f} s")


@dataclass(slots=True)
class _Lane:
    spacing: Spacing
    queue: WaitingQueue
    slots: asyncio.Semaphore
    users: int = 0
    """Requests under way or waiting."""


class Politeness:
    """The queue before each host. Belongs to one event loop."""

    def __init__(
        self,
        *,
        per_host: int,
        delay: float,
        at_once: int,
        max_delay: float = 10.0,
        max_hosts: int = MAX_HOSTS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """No hosts are known yet.

        Args:
        per_host: requests to one host at once.
        delay: seconds between the starts of two.
        at_once: requests over all hosts at once.
        max_delay: the longest delay, in seconds, that a host can ask for with `slow_down`.
        max_hosts: hosts that are remembered.
        clock: seconds, only ever rising.
        sleep: waits for seconds.
        """
        self._per_host = per_host
        self._delay = delay
        self._max_delay = max(delay, max_delay)
        self._max_hosts = max_hosts
        self._everywhere = asyncio.Semaphore(at_once)
        self._clock = clock
        self._sleep = sleep
        self._lanes: OrderedDict[str, _Lane] = OrderedDict()

    def __len__(self) -> int:
        """Hosts that are remembered now."""
        return len(self._lanes)

    @asynccontextmanager
    async def turn(self, host: str, patience: float = float("inf")) -> AsyncIterator[None]:
        """Wait until the host may be asked, and take one of its places until the block ends.

        Raises:
            HostClosed: the host asks for a pause of more than `patience` seconds. The queue before an open host is not measured.
        """
        lane = self._lane(host)
        lane.users += 1
        try:
            async with lane.slots:
                try:
                    await lane.queue.admit(lane.spacing, patience)
                except PauseTooLong as exc:
                    raise HostClosed(exc.seconds, lane.spacing.reason) from exc
                try:
                    yield
                finally:
                    self._everywhere.release()
        finally:
            lane.users -= 1

    def close(self, host: str, seconds: float, why: str) -> None:
        """Send a host no requests for some seconds."""
        self._lane(host).spacing.pause(self._clock() + min(max(seconds, 0.0), LONGEST_RETRY_AFTER), why)

    def closed_for(self, host: str) -> float:
        """Seconds for which a host is closed; 0: it is open, or nothing is known of it."""
        lane = self._lanes.get(host)
        return lane.spacing.paused_for(self._clock()) if lane else 0.0

    def slow_down(self, host: str, delay: float) -> None:
        """Keep at least so many seconds between two requests to a host, as far as `max_delay` lets it ask."""
        lane = self._lane(host)
        lane.spacing.delay = max(self._delay, min(delay, self._max_delay))

    def _lane(self, host: str) -> _Lane:
        lane = self._lanes.get(host)
        if lane is None:
            lane = self._lanes[host] = _Lane(
                Spacing(self._delay),
                WaitingQueue(clock=self._clock, sleep=self._sleep, places=self._everywhere),
                asyncio.Semaphore(self._per_host),
            )
            self._forget()
        self._lanes.move_to_end(host)
        return lane

    def _forget(self) -> None:
        """Keep the table small. What waited longest unused goes first, a host that is closed last."""
        if len(self._lanes) <= self._max_hosts:
            return
        now = self._clock()
        idle = [host for host, lane in self._lanes.items() if not lane.users][:-1]
        still = [host for host in idle if self._lanes[host].spacing.wait(now) <= 0] or idle
        # A tenth at a time: looking through the table for each new host would cost more than the hosts.
        for host in still[: max(1, self._max_hosts // 10)]:
            del self._lanes[host]
