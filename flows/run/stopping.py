"""`Stopping`: ends a run in order. No row is started, those under way have a while to end, and what is finished is committed."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol, TypeVar

from flows.run.events import Listener, RunStopping
from flows.run.outcome import StopCause

T = TypeVar("T")

COUNT_SECONDS: Final = 1.0
"""Between two reports of how long rows still have."""


class StoppableRows(Protocol):
    """`flows.run.rows.Rows`, as far as they are stopped."""

    @property
    def under_way(self) -> int: ...

    def wind_down(self, reason: str) -> None: ...

    def cut_off(self) -> None: ...


class Stopping:
    """Whether a run is to be stopped, and how that goes. Made in the task that carries the run out.

    Until rows are researched (`gently`), and when it is asked for a third time, that task is cancelled. Otherwise the rows under
    way have `grace` seconds; asked for a second time, they have none.
    """

    def __init__(self, grace: float) -> None:
        self.cause: StopCause | None = None
        """What stops the run; None: nothing does."""
        self._grace = grace
        self._task = asyncio.current_task()
        self._requested = asyncio.Event()
        self._at_once = asyncio.Event()
        self._is_gentle = False
        self._cancellations = 0

    def request(self, cause: StopCause) -> None:
        """Stop the run. The same request again is impatience; one of another kind tells of the same end (a worker that cancels a
        run sends SIGTERM as well), unless it is a person's Ctrl-C."""
        if self.cause is None:
            self.cause = cause
            self._requested.set()
            if not self._is_gentle:
                self._cancel()
        elif cause not in (self.cause, StopCause.INTERRUPTED):
            return
        elif self._at_once.is_set() or not self._is_gentle:
            self._cancel()
        else:
            self._at_once.set()

    def task_was_cancelled(self) -> StopCause:
        """What stops the run, now that the task that carries it out was cancelled: by a request, or from outside."""
        self.cause = self.cause or StopCause.TASK_CANCELLED
        self._requested.set()
        while self._cancellations and self._task is not None:
            self._cancellations -= 1
            self._task.uncancel()
        return self.cause

    @asynccontextmanager
    async def gently(self, rows: StoppableRows, listener: Listener, *, grace: float | None = None) -> AsyncIterator[None]:
        """In this block rows are researched, and from now on a request winds them down. If the task is cancelled nevertheless,
        the block ends, and what comes after it (the folder is finished) is done.

        Args:
            grace: seconds that rows have here, if it is another time.
        """
        self._is_gentle = True
        self._grace = self._grace if grace is None else grace
        winding_down = asyncio.create_task(self._wind_down(rows, listener))
        try:
            yield
        except asyncio.CancelledError:
            rows.wind_down(f"stopped by {self.task_was_cancelled().value}")
        finally:
            winding_down.cancel()
            await asyncio.wait([winding_down])
            if self.cause is not None:
                listener(RunStopping(self.cause.value, 0, 0))

    async def unless_stopped(self, work: Awaitable[T]) -> T | None:
        """The outcome of some work that is ended when a stop is requested; then None."""
        doing = asyncio.ensure_future(work)
        stopped = asyncio.create_task(self._requested.wait())
        try:
            await asyncio.wait([doing, stopped], return_when=asyncio.FIRST_COMPLETED)
            return doing.result() if doing.done() else None
        finally:
            for task in (doing, stopped):
                task.cancel()
            await asyncio.gather(doing, stopped, return_exceptions=True)

    def _cancel(self) -> None:
        if self._task is not None:
            self._cancellations += 1
            self._task.cancel()

    async def _wind_down(self, rows: StoppableRows, listener: Listener) -> None:
        await self._requested.wait()
        cause = self.cause or StopCause.TASK_CANCELLED
        rows.wind_down(f"stopped by {cause.value}")
        clock = asyncio.get_running_loop().time
        end = clock() + self._grace
        while rows.under_way and not self._at_once.is_set() and (left := end - clock()) > 0:
            listener(RunStopping(cause.value, rows.under_way, math.ceil(left)))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._at_once.wait(), min(COUNT_SECONDS, left))
        rows.cut_off()
