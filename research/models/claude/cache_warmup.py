"""Lets one call of a kind go first, so that the others read its prefix from the prompt cache instead of writing it again.

A prefix can be read once the answer that wrote it has begun. When many rows start at the same moment, all of them would pay to
write the same prefix; so the first goes alone, and the others wait for it, for `patience` seconds at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


class CacheWarmup:
    """Which prefixes are in the cache, as far as this process knows. For one event loop."""

    def __init__(self, patience: float = 30.0) -> None:
        self._patience = patience
        self._warm: set[str] = set()
        self._first_calls: dict[str, asyncio.Event] = {}

    async def call(self, prefix: str, make: Callable[[], Awaitable[T]]) -> T:
        """Make a call that begins with this prefix: at once if the prefix is warm; else first, or after the one that is first."""
        while prefix not in self._warm:
            first = self._first_calls.get(prefix)
            if first is None:
                return await self._go_first(prefix, make)
            try:
                await asyncio.wait_for(first.wait(), self._patience)
            except TimeoutError:
                break
        return await make()

    async def _go_first(self, prefix: str, make: Callable[[], Awaitable[T]]) -> T:
        done = self._first_calls[prefix] = asyncio.Event()
        try:
            made = await make()
            self._warm.add(prefix)
            return made
        finally:
            del self._first_calls[prefix]
            done.set()
