"""Holds rows back while Prefect's database is behind, and waits at the end until it holds every task run.

Prefect records task runs from events, some seconds after they happen, and drops events when too many are waiting: see
`docs/design/task-runs.md`. So finished task runs are counted here, and compared with those that the database holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from prefect.logging import get_logger

MOST_UNRECORDED: Final = 2_000
"""Finished task runs that the database may lack before no new row starts. Each is 2 events, more where it is
retried; Prefect drops events from 10,000."""
POLL_SECONDS: Final = 0.2
LOOK_SECONDS: Final = 2.0
"""The least that one look at the database may take."""
PATIENCE_SECONDS: Final = 30.0
"""How long the database may stand still before waiting for it is given up."""

Count = Callable[[], Awaitable[int]]


class RecordingGate:
    """One for each flow run. `count` says how many of its task runs stand in a final state in the database."""

    def __init__(
        self,
        count: Count,
        *,
        most_unrecorded: int = MOST_UNRECORDED,
        poll: float = POLL_SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._count = count
        self._most = most_unrecorded
        self._poll = poll
        self._patience = patience
        self._finished = 0
        self._recorded = 0
        self._given_up = False
        self._polling = asyncio.Lock()

    @property
    def unrecorded(self) -> int:
        """Finished task runs that the database did not hold when it was last asked."""
        return max(0, self._finished - self._recorded)

    @property
    def finished(self) -> int:
        """Finished task runs."""
        return self._finished

    def task_run_finished(self, count: int = 1) -> None:
        self._finished += count

    async def open(self) -> None:
        """Return when another row may start: at once, unless the database is far behind."""
        if self.unrecorded > self._most and not self._given_up:
            await self._until(self._most)

    async def drain(self, patience: float | None = None) -> int:
        """Wait until the database holds every finished task run. Return how many it still lacks after it has stood still for
        `patience` seconds."""
        self._given_up = False
        await self._until(0, patience)
        return self.unrecorded

    async def _until(self, most: int, patience: float | None = None) -> None:
        """Ask until at most `most` are unrecorded. Of many waiting rows, one asks."""
        patience = self._patience if patience is None else patience
        async with self._polling:
            waited, clock = 0.0, asyncio.get_running_loop()
            while self.unrecorded > most and not self._given_up:
                before = self._recorded
                began = clock.time()
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(patience - waited, LOOK_SECONDS)):
                        self._recorded = max(before, await self._count())
                waited = 0.0 if self._recorded > before else waited + self._poll + clock.time() - began
                if self.unrecorded <= most:
                    return
                if waited > patience:
                    self._given_up = True
                    get_logger("enrich").warning(
                        "Prefect's database has not moved for %.0f s: %s finished task runs are not in it yet. The run folder is "
                        "complete; only the list of task runs in the UI may not be.",
                        patience,
                        self.unrecorded,
                    )
                    return
                await asyncio.sleep(self._poll)
