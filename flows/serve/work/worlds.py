"""The worlds that a worker researches in: opened once and shared by its tasks; those used least recently are closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from research.display.printable import printable_logger
from research.ports.model import Model
from research.ports.world import World
from research.search.settings import SearchSettings
from research.secrets import NONE, KnownSecrets
from research.task.task import Task
from research.world import Settings, open_world

MOST_OPEN: Final = 8
"""Worlds that stay open although no task uses them: each has connections, an index and caches of its own, and tasks name their
models freely."""

_log: Final = printable_logger(__name__)


def for_tasks(settings: Settings) -> Settings:
    """The settings of worlds in which tasks of all kinds are researched: some name pages, some servers of tools."""
    return settings.changed(names_pages=True, start_pages=True, names_servers=True)


@dataclass
class _Open:
    """An open world."""

    world: World
    stack: AsyncExitStack
    """Closes it."""
    users: int = 0
    """Tasks that are researched in it."""


class Worlds:
    """One world for each model, and each set of secrets, that tasks name, opened when the first task needs it. One that no task
    uses is closed when more than `most_open` are open, the least recently used first.

    Args:
        settings: what they are made of.
        model: a model of the caller's own, for all tasks.
        secrets: those that tasks may name; whose they are was seen when a task was accepted.
        most_open: worlds that stay open. More are open only while all of them are used.
    """

    def __init__(
        self, settings: Settings, model: Model | None = None, secrets: KnownSecrets = NONE, most_open: int = MOST_OPEN
    ) -> None:
        self._settings = for_tasks(settings)
        self._model = model
        self._opening = asyncio.Lock()
        self._secrets = secrets
        self._most_open = most_open
        self._worlds: dict[tuple[str | None, frozenset[str]], _Open] = {}  # the least recently used one first
        self._sharers = 1

    @property
    def prices(self) -> SearchSettings:
        """What searches cost, among other things."""
        return self._settings.providers

    async def check(self) -> None:
        """Open the world that the settings name, which tasks then find open.

        Raises:
            InvalidInput: it cannot be opened.
        """
        async with self._shared(None, ()):
            pass

    @asynccontextmanager
    async def _shared(self, model: str | None, secrets: Sequence[str]) -> AsyncIterator[World]:
        """The world in which a named model does the work; None: the one that the settings name. It is not closed in this block.

        Args:
            secrets: the names of those that its tools may use.

        Raises:
            InvalidInput: it cannot be opened.
        """
        key = model, frozenset(secrets)
        async with self._opening:
            opened = self._worlds.pop(key, None) or await self._open(model, secrets)
            self._worlds[key] = opened  # the last one is the most recently used
            opened.users += 1
        try:
            yield opened.world
        finally:
            opened.users -= 1
            await self._close_unused()

    async def _open(self, model: str | None, secrets: Sequence[str]) -> _Open:
        settings = self._settings_of(model, secrets)
        async with AsyncExitStack() as stack:
            world = await stack.enter_async_context(open_world(settings, settings.cache_dir / "pages", model=self._own(model)))
            self._share(world)
            return _Open(world, stack.pop_all())

    async def _close_unused(self) -> None:
        """Close the least recently used worlds that no task uses, until no more are open than stay open."""
        unused = [key for key, opened in self._worlds.items() if opened.users == 0]
        closed = [self._worlds.pop(key) for key in unused[: max(0, len(self._worlds) - self._most_open)]]
        for opened in closed:
            try:
                await opened.stack.aclose()
            except Exception:  # noqa: BLE001 - the task whose end made room is done, whatever another one's world has to say
                _log.warning("a world that is not used any more was not closed in order", exc_info=True)

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
            async with self._shared(task.model, task.secrets) as world:
                yield world
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
        for opened in self._worlds.values():
            self._share(opened.world)

    def _share(self, world: World) -> None:
        world.shares.set_runs(dict.fromkeys(world.shares.runs, self._sharers))

    async def close(self) -> None:
        async with AsyncExitStack() as stack:
            while self._worlds:
                stack.push_async_exit(self._worlds.popitem()[1].stack)
