"""Equal work runs once: callers that ask for it while it is under way share its result."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from research.errors import ResearchError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class InFlight(Generic[K, V]):
    """Work under way by its key. Belongs to one event loop; nothing is remembered once it has ended."""

    def __init__(self) -> None:
        self._tasks: dict[K, asyncio.Task[V]] = {}

    def holds(self, key: K) -> bool:
        """Whether such work is under way."""
        return key in self._tasks

    async def once(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """What the work brings: of work of this key that is under way, or of this, which is then begun.

        The work continues if a caller is cancelled: others may wait for it. Every caller gets its own copy of an error.
        """
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(work())
            task.add_done_callback(lambda ended: self._ended(key, ended))
            return await asyncio.shield(task)
        try:
            return await asyncio.shield(task)
        except ResearchError as error:
            raise copy.copy(error) from error.__cause__

    async def close(self) -> None:
        """End what is under way."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, key: K, task: asyncio.Task[V]) -> None:
        self._tasks.pop(key, None)
        if not task.cancelled():
            task.exception()  # retrieved, so that a failure is not reported as lost when no caller waits any more
