"""A caller that is opened when a model is first asked: the SDK takes more than a second to import, and a run that finds
everything stored, or is only planned, asks nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from research.models.anthropic.caller import Called, Caller
    from research.money.budget import Budget


class LateCaller:
    """Calls as the `Caller` that it opens. Belongs to one event loop, and is a context manager.

    Args:
        open: opens the caller. It is called after the SDK has been imported.
    """

    def __init__(self, open: Callable[[], AbstractAsyncContextManager[Caller]]) -> None:
        self._open = open
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._caller: Caller | None = None

    async def __aenter__(self) -> LateCaller:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def opened(self) -> Caller:
        """The caller. The SDK is imported in a thread, so that the event loop goes on."""
        async with self._opening:
            if self._caller is None:
                await asyncio.to_thread(import_module, "research.models.anthropic.caller")
                self._caller = await self._stack.enter_async_context(self._open())
            return self._caller

    async def create(self, params: Mapping[str, Any], *, purpose: str, budget: Budget) -> Called:
        """Ask for one message: see `Caller.create`."""
        caller = self._caller or await self.opened()
        return await caller.create(params, purpose=purpose, budget=budget)
