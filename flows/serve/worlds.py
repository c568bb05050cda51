"""The worlds that a worker researches in: opened once, and kept for all of its tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from research.ports.model import Model
from research.ports.world import World
from research.secrets import NONE, Secrets
from research.world import Settings, open_world


class Worlds:
    """One world for each model, and each set of secrets, that tasks name, made when the first task needs it.

    Args:
        settings: what they are made of.
        model: a model of the caller's own, for all tasks.
        secrets: those that tasks may name; whose they are was seen when a task was accepted.
    """

    def __init__(self, settings: Settings, model: Model | None = None, secrets: Secrets = NONE) -> None:
        self._settings = settings.changed(names_pages=True, start_pages=True)
        self._model = model
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._secrets = secrets
        self._worlds: dict[tuple[str | None, frozenset[str]], World] = {}

    async def of(self, model: str | None, secrets: Sequence[str] = ()) -> World:
        """The world in which a named model does the work; None: the one that the settings name.

        Args:
            secrets: the names of those that its tools may use.

        Raises:
            InvalidInput: it cannot be opened.
        """
        key = model, frozenset(secrets)
        async with self._opening:
            if key not in self._worlds:
                settings = self._settings if model is None else self._settings.changed(model=model)
                settings = settings.with_secrets(self._secrets.resolve(secrets))
                opening = open_world(settings, settings.cache_dir / "pages", model=None if model is not None else self._model)
                self._worlds[key] = await self._stack.enter_async_context(opening)
            return self._worlds[key]

    async def close(self) -> None:
        self._worlds.clear()
        await self._stack.aclose()
