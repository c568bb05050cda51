"""Outages: while a service answers nobody, its callers wait together, one of them asks again, and patience has an end.

`ServiceHealth` is a circuit breaker (Nygard, "Release It!"), one for each service and shared by all of its callers. They report
how each attempt ended, by fields; it decides what is an outage and what is one caller's own trouble. `Outages` holds those of a
world, with their patience and the listener to whom they announce what they wait for. The reasons: docs/design/outages.md.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from research.concurrency.traffic import SearchBringsNothing, Traffic
from research.concurrency.waiting_queue import LOOK_AGAIN
from research.errors import Interruption, ServiceUnavailable
from research.records import Record

GATHER: Final = 0.5
"""Seconds before an outage is announced, in which its callers gather."""
COUNT_AGAIN: Final = 5.0
"""Seconds after which it is announced again if more or fewer wait."""


DISTINCT: Final = 2
"""Callers that must have failed before failures that may be a caller's own trouble are an outage."""


class OutageTimes(Record):
    """When failures are an outage, and how it is waited out. Seconds."""

    patience: float = 3600
    """How long an outage is waited out."""
    after: float = 30
    """Failures without one answer for so long are an outage."""
    long_pause: float = 60
    """A pause of so long that a service asks for is one at once. Shorter ones are waited out by the queue before the service."""
    first_wait: float = 10
    longest_wait: float = 60
    """Waits between two probes double from the first to the longest, where the service names none."""
    renewal: float = 300
    """The longest time between two announcements of the same outage. Each failed probe is announced, too."""


@dataclass(frozen=True, slots=True)
class ServicePaused:
    """A service answers nobody: its callers wait. Announced when that begins, and again while it lasts."""

    service: str
    why: str
    """What it last answered."""
    until: datetime
    """When one call asks again."""
    waiting: int
    """Tasks (rows) that wait for it."""
    gives_up_at: datetime
    """When the work is interrupted if it still does not answer."""

    def __str__(self) -> str:
        rows = "1 row waits" if self.waiting == 1 else f"{self.waiting} rows wait"
        if self.until > self.gives_up_at:
            then = f"That is beyond the patience of this run, which ends at {clock_time(self.gives_up_at)}: it stops now"
        else:
            then = f"Then one call asks again; the run gives up at {clock_time(self.gives_up_at)}"
        return f"{self.service} is paused until {clock_time(self.until)}: {self.why}. {rows}. {then}"


@dataclass(frozen=True, slots=True)
class ServiceResumed:
    """A service that was paused answers again."""

    service: str
    seconds: float
    """For which it did not."""

    def __str__(self) -> str:
        return f"{self.service} answers again, after {duration(self.seconds)}"


Notice = ServicePaused | ServiceResumed | SearchBringsNothing

_TASK: Final[ContextVar[Hashable | None]] = ContextVar("waiting_task", default=None)


@contextmanager
def counted_as(task: Hashable) -> Iterator[None]:
    """Callers that wait in this block, and in what it starts, count as one waiting task."""
    token = _TASK.set(task)
    try:
        yield
    finally:
        _TASK.reset(token)


class Outages:
    """The services of one world. Belongs to one event loop.

    Args:
        times: by default one hour's patience.
        clock: seconds, only ever rising.
        sleep: waits for seconds.
        today: the time of day, for announcements.
    """

    def __init__(
        self,
        times: OutageTimes | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        today: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.times = times or OutageTimes()
        self.listener: Callable[[Notice], None] = lambda _notice: None
        """Is called with each announcement, on the event loop. A run sets its own."""
        self.traffic = Traffic()
        """How its services have answered so far."""
        self._clock = clock
        self._sleep = sleep
        self._today = today
        self._services: dict[str, ServiceHealth] = {}
        self._interruption: Interruption | None = None

    def interrupt(self, error: Interruption) -> None:
        """From now on every attempt at any service raises this, so that nothing more is paid for."""
        self._interruption = self._interruption or error

    def raise_interruption(self) -> None:
        """Raise what the world was interrupted with, if it was."""
        if self._interruption is not None:
            raise copy.copy(self._interruption)

    def service(
        self, name: str, *, after: float | None = None, alternatives: Callable[[], bool] = lambda: False
    ) -> ServiceHealth:
        """The health of a service, the same for all who name it.

        Args:
            name: for people.
            after: as in `OutageTimes`, if it is shorter for this service.
            alternatives: whether another service can stand in: then nobody waits for this one.
        """
        if name not in self._services:
            after = self.times.after if after is None else min(after, self.times.after)
            self._services[name] = ServiceHealth(
                name, self, after, alternatives, clock=self._clock, sleep=self._sleep, today=self._today
            )
        return self._services[name]


class ServicePausedNow(Exception):
    """The service is out and nobody waits for it, because another can stand in. Translated by the caller.

    Args:
        seconds: until it may be asked again.
    """

    def __init__(self, why: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(why)


@dataclass(slots=True)
class _Outage:
    began: float
    """When the first failure was."""
    opened: float
    """When it was taken for an outage."""
    patience_from: float
    why: str
    until: float
    """When a probe may go."""
    asked: bool
    """Whether the service named that moment."""
    waits: int = 0
    given_up: bool = False
    announced: float = float("-inf")
    announced_waiting: int = 0


@dataclass(slots=True)
class _Streak:
    """Failures since the last answer."""

    began: float
    callers: set[Hashable] = field(default_factory=set)


class Attempt:
    """One attempt at a service. Report how it ended, once; one that is not reported (it was cancelled) says nothing."""

    def __init__(self, health: ServiceHealth, *, is_probe: bool) -> None:
        self._health = health
        self._is_probe = is_probe

    def answered(self) -> None:
        """The service answered, if only to reject the request."""
        self._health._answered(is_probe=self._is_probe)

    def failed(self, caller: Hashable, why: str, *, asked: float | None = None, certain: bool = False) -> None:
        """The attempt failed in passing.

        Args:
            caller: who tried: attempts of one caller are equal.
            why: what happened, for people.
            asked: seconds that the service asks to wait.
            certain: whether it cannot be the caller's own trouble (an overload, a rate limit, no connection).
        """
        # A pause of 0 s is none that was named.
        self._health._failed(caller, why, asked or None, certain, is_probe=self._is_probe)


class ServiceHealth:
    """Whether one service answers. Made by `Outages.service`."""

    def __init__(
        self,
        name: str,
        outages: Outages,
        after: float,
        alternatives: Callable[[], bool],
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        today: Callable[[], datetime],
    ) -> None:
        self.name = name
        self._outages = outages
        self._times = outages.times
        self._after = after
        self._alternatives = alternatives
        self._clock = clock
        self._sleep = sleep
        self._today = today
        self._streak: _Streak | None = None
        self._outage: _Outage | None = None
        self._probe = asyncio.Lock()
        self._waiting: Counter[Hashable] = Counter()

    @property
    def is_out(self) -> bool:
        """Whether its callers wait."""
        return self._outage is not None

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[Attempt]:
        """Wait while the service is out; the block is one attempt. During an outage one caller at a time is let in, to ask
        whether it is over.

        Raises:
            ServiceUnavailable: it is out, and patience is at its end, or does not last until the service may be asked again.
            ServicePausedNow: it is out, and another service can stand in.
            Interruption: the world was interrupted.
        """
        self._outages.raise_interruption()
        if self._outage is None:
            yield Attempt(self, is_probe=False)
            return
        with self._counted():
            async with self._probe:
                if self._outage is not None:
                    await self._wait_for_probe()
                    yield Attempt(self, is_probe=True)
                    return
        yield Attempt(self, is_probe=False)

    async def _wait_for_probe(self) -> None:
        while (outage := self._outage) is not None:
            self._outages.raise_interruption()
            now = self._clock()
            if outage.until <= now:
                if outage.given_up:  # who asks after that begins anew
                    outage.given_up, outage.patience_from = False, now
                return
            if self._alternatives():
                raise ServicePausedNow(outage.why, outage.until - now)
            if not outage.given_up and now < outage.opened + GATHER:
                await self._sleep(min(outage.opened + GATHER, outage.until) - now)
                continue
            last = outage.patience_from + self._times.patience
            self._announce(outage, now, last)
            if outage.until > last:
                outage.given_up = True
                raise self._given_up(outage, now)
            await self._sleep(min(outage.until - now, LOOK_AGAIN))

    def _announce(self, outage: _Outage, now: float, last: float) -> None:
        """Say what is waited for: when it begins, when more or fewer wait, and now and then."""
        waiting = len(self._waiting)
        since = now - outage.announced
        if since < (COUNT_AGAIN if waiting != outage.announced_waiting else self._times.renewal):
            return
        outage.announced, outage.announced_waiting = now, waiting
        self._outages.listener(
            ServicePaused(self.name, outage.why, self._moment(outage.until, now), waiting, self._moment(last, now))
        )

    def _answered(self, *, is_probe: bool) -> None:
        if self._outage is None:
            self._streak = None
        elif is_probe:  # what was sent before the outage, and is answered now, says nothing of it
            outage, self._outage, self._streak = self._outage, None, None
            self._outages.listener(ServiceResumed(self.name, self._clock() - outage.began))

    def _failed(self, caller: Hashable, why: str, asked: float | None, certain: bool, *, is_probe: bool) -> None:
        now = self._clock()
        if self._outage is not None:
            self._still_out(self._outage, why, asked, now, is_probe)
            return
        streak = self._streak = self._streak or _Streak(now)
        streak.callers.add(caller)
        is_long = asked is not None and asked >= self._times.long_pause
        lasts = now - streak.began >= self._after and (certain or len(streak.callers) >= DISTINCT)
        if is_long or lasts:
            self._outage = _Outage(streak.began, now, now, why, now, asked=False)
            self._postpone(self._outage, asked, now)

    def _still_out(self, outage: _Outage, why: str, asked: float | None, now: float, is_probe: bool) -> None:
        if is_probe:
            outage.why = why
            self._postpone(outage, asked, now)
        elif asked is not None and now + asked > outage.until:
            outage.until, outage.asked = now + asked, True

    def _postpone(self, outage: _Outage, asked: float | None, now: float) -> None:
        """Set the time of the next probe."""
        wait = min(self._times.longest_wait, self._times.first_wait * 2.0 ** min(outage.waits, 30))
        outage.waits += 1
        outage.asked = asked is not None
        outage.announced = float("-inf")
        last = outage.patience_from + self._times.patience
        if asked is not None:
            outage.until = now + asked
        else:  # the last probe goes when patience ends
            outage.until = min(now + wait, last) if last > now else now + wait

    def _given_up(self, outage: _Outage, now: float) -> ServiceUnavailable:
        patience = duration(self._times.patience)
        if outage.asked:
            until = clock_time(self._moment(outage.until, now))
            words = f"{self.name} asks to wait until {until}, which is beyond the patience of {patience}"
        else:
            words = f"{self.name} has answered nobody for {duration(now - outage.began)} (patience: {patience})"
        return ServiceUnavailable(f"{words}: {outage.why}", service=self.name)

    def _moment(self, at: float, now: float) -> datetime:
        return self._today() + timedelta(seconds=at - now)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        task = _TASK.get() or object()
        self._waiting[task] += 1
        try:
            yield
        finally:
            self._waiting[task] -= 1
            if not self._waiting[task]:
                del self._waiting[task]


def clock_time(moment: datetime) -> str:
    """`15:04:05 UTC`, with the day if it is another one."""
    text = moment.strftime("%H:%M:%S UTC")
    return text if moment.date() == datetime.now(UTC).date() else f"{moment:%Y-%m-%d} {text}"


def duration(seconds: float) -> str:
    """`45 s`, `30 min`, `2 h 5 min`."""
    if seconds < 1:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    parts = [(hours, "h"), (rest // 60, "min"), (rest % 60 if not hours else 0, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count)
