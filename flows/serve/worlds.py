"""The worlds that a worker researches in: opened once, and kept for all of its tasks."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from research.ports.model import Model
from research.ports.world import World
from research.world import Settings, open_world


class Worlds:
    """One world for each model that tasks name, made when the first task needs it.

    Args:
        settings: what they are made of.
        model: a model of the caller's own, for all tasks.
    """

    def __init__(self, settings: Settings, model: Model | None = None) -> None:
        self._settings = settings.changed(names_pages=True)
        self._model = model
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._worlds: dict[str | None, World] = {}

    async def of(self, model: str | None) -> World:
        """The world in which a named model does the work; None: the one that the settings name.

        Raises:
            InvalidInput: it cannot be opened.
        """
        async with self._opening:
            if model not in self._worlds:
                settings = self._settings if model is None else self._settings.changed(model=model)
                opening = open_world(settings, settings.cache_dir / "pages", model=None if model is not None else self._model)
                self._worlds[model] = await self._stack.enter_async_context(opening)
            return self._worlds[model]

    async def close(self) -> None:
        self._worlds.clear()
        await self._stack.aclose()
