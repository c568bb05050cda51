"""Who is told that work waits in the records."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from flows.serve.work.claims import Claims
from flows.serve.work.worker import Worker
from research.display.printable import printable_logger

SWEEP_SECONDS: Final = 5.0
"""How often the records are looked through for work that nobody holds."""

_log: Final = printable_logger(__name__)


class Dispatcher(Protocol):
    """Has accepted tasks worked on. What it is told may be lost: the records know what waits, and a sweep tells it again."""

    async def start(self) -> None: ...

    def work_waits(self, count: int) -> None:
        """So many tasks can be claimed. Does not wait for anything."""
        ...

    async def stop(self) -> None: ...


class InProcess:
    """Works on tasks in this process, some side by side: for tests, and for a service without Prefect.

    Args:
        worker: does the work.
        limit: how many tasks at once.
    """

    def __init__(self, worker: Worker, limit: int = 4) -> None:
        self._worker = worker
        self._limit = limit
        self._waiting = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self._worker.start(self._limit)
        self._loops = [asyncio.create_task(self._work()) for _ in range(self._limit)]

    def work_waits(self, count: int) -> None:
        self._waiting.set()

    async def stop(self) -> None:
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._worker.stop()

    async def _work(self) -> None:
        while True:
            try:
                while await self._worker.work_one():
                    pass
            except Exception:  # noqa: BLE001 - the claim runs out, and the task is claimed again
                _log.exception("a task could not be worked on; it will be claimed again")
            self._waiting.clear()
            try:
                async with asyncio.timeout(SWEEP_SECONDS):
                    await self._waiting.wait()
            except TimeoutError:
                continue


class Sweeper:
    """Looks through the records again and again, and tells the dispatcher what waits.

    Args:
        claims: the records' claims.
        dispatcher: is told.
        seconds: between two looks.
        before: what else is looked for each time, which may bring work.
    """

    def __init__(
        self,
        claims: Claims,
        dispatcher: Dispatcher,
        seconds: float = SWEEP_SECONDS,
        before: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._claims = claims
        self._dispatcher = dispatcher
        self._seconds = seconds
        self._before = before
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _sweep(self) -> None:
        while True:
            try:
                if self._before is not None:
                    await self._before()
            except Exception:  # noqa: BLE001 - as below; and what waits is seen all the same
                _log.warning("the monitors could not be looked through; trying again", exc_info=True)
            try:
                if waiting := await self._claims.sweep():
                    self._dispatcher.work_waits(waiting)
            except Exception:  # noqa: BLE001 - a database that is away for a moment must not end the sweeps
                _log.warning("the records could not be looked through; trying again", exc_info=True)
            await asyncio.sleep(self._seconds)
