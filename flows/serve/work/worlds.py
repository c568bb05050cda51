"""The worlds that a worker researches in: opened once, and kept for all of its tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from research.ports.model import Model
from research.ports.world import World
from research.secrets import NONE, KnownSecrets
from research.task.task import Task
from research.world import Settings, open_world


class Worlds:
    """One world for each model, and each set of secrets, that tasks name, made when the first task needs it.

    Args:
        settings: what they are made of.
        model: a model of the caller's own, for all tasks.
        secrets: those that tasks may name; whose they are was seen when a task was accepted.
    """

    def __init__(self, settings: Settings, model: Model | None = None, secrets: KnownSecrets = NONE) -> None:
        self._settings = settings.changed(names_pages=True, start_pages=True, names_servers=True)
        self._model = model
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._secrets = secrets
        self._worlds: dict[tuple[str | None, frozenset[str]], World] = {}
        self._sharers = 1

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
                settings = self._settings_of(model, secrets)
                opening = open_world(settings, settings.cache_dir / "pages", model=self._own(model))
                self._worlds[key] = await self._stack.enter_async_context(opening)
                self.share_limits(self._sharers)
            return self._worlds[key]

    @asynccontextmanager
    async def for_task(self, task: Task, *, looks_again: bool = False) -> AsyncIterator[World]:
        """The world of a task. An ephemeral one has its own, whose pages and cached answers are removed in the end.

        Args:
            looks_again: it wants to know what has changed. It has a world of its own, too: the corpus as it is now, searches that
                are asked anew, and pages whose servers have said that they are still the same.

        Raises:
            InvalidInput: it cannot be opened.
        """
        if looks_again and not task.ephemeral:
            settings = self._settings_of(task.model, task.secrets)
            settings = settings.changed(
                web=settings.web.changed(revalidate=True),
                providers=settings.providers.changed(freshness=0),
            )
            async with open_world(settings, settings.cache_dir / "pages", model=self._own(task.model)) as world:
                yield world
            return
        if not task.ephemeral:
            yield await self.of(task.model, task.secrets)
            return
        with TemporaryDirectory(prefix="research-", ignore_cleanup_errors=True) as folder:
            settings = self._settings_of(task.model, task.secrets).changed(web_cache_dir=Path(folder))
            async with open_world(settings, Path(folder) / "pages", model=self._own(task.model)) as world:
                yield world

    def _settings_of(self, model: str | None, secrets: Sequence[str]) -> Settings:
        settings = self._settings if model is None else self._settings.changed(model=model)
        return settings.with_secrets(self._secrets.only(secrets).resolve(secrets))  # no error names another owner's

    def _own(self, model: str | None) -> Model | None:
        return None if model is not None else self._model

    def share_limits(self, workers: int) -> None:
        """Keep to an equal part of the limits of the model's service and of search providers.

        Args:
            workers: how many use them, this one included.
        """
        self._sharers = workers
        for world in self._worlds.values():
            world.shares.set_runs(dict.fromkeys(world.shares.runs, workers))

    async def close(self) -> None:
        self._worlds.clear()
        await self._stack.aclose()
