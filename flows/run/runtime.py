"""The composition root: what the process, not the request, decides. Read once a run; nothing below reads the environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from flows.run.environment import Environment, read_environment
from flows.run.events import Approver, Event, Listener
from research.pages.row_pages import StoredPages
from research.ports.world import World
from research.world import Settings, open_stored_world, open_world

Opener = Callable[[Settings, Path], AbstractAsyncContextManager[World]]
StoredOpener = Callable[[Settings, StoredPages], AbstractAsyncContextManager[World]]

RETRY_DELAYS: Final = (1.0, 4.0)
"""Seconds before a sub-query whose search or fetch failed in passing is tried again, and once more. Models have their own
retries (`research/models/anthropic/caller.py`)."""


def ignore_event(_event: Event) -> None:
    """A listener that does nothing."""


@dataclass(frozen=True, slots=True)
class BatchPolling:
    """How often a batch is polled. Seconds."""

    gather: float = 3.0
    """A batch is sent once no further row has come for so long, or it is full."""
    first_look: float = 5.0
    longest_look: float = 120.0
    """Between two looks at a batch; each wait is half as long again as the one before."""


@dataclass(frozen=True, slots=True)
class WorldRequest:
    """What a request says of the world that it is researched in. None leaves it to the environment."""

    model: str | None = None
    corpus: str | None = None
    search: Sequence[str] | None = None
    names_pages: bool = False
    """Whether its tasks name pages or files themselves, so that there need be nothing else to search."""

    batch: bool = False
    """Whether its rows are asked in batches, where the service itself searches."""

    def settings(self, environment: Environment) -> Settings:
        return environment.settings(
            model=self.model,
            corpus=self.corpus,
            search=tuple(self.search or ()),
            names_pages=self.names_pages,
            service_searches=self.batch,
        )


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the calling process gives a flow beside its parameters, which are JSON: objects."""

    listener: Listener = ignore_event
    opener: Opener = open_world
    """Opens a world. Another one brings a model, or a whole world, of the caller's own."""
    stored_opener: StoredOpener = open_stored_world
    """Opens a world of stored pages."""
    approve: Approver | None = None
    """Asked after a pilot. None: a run with a pilot stops after it."""
    retry_delays: Sequence[float] = RETRY_DELAYS
    polling: BatchPolling = BatchPolling()
    environment: Environment = field(default_factory=read_environment)

    def world(self, pages: Path, wanted: WorldRequest) -> AbstractAsyncContextManager[World]:
        """The world of one run; its pages are stored in the folder `pages`.

        Raises:
            InvalidInput: no such model or search provider, a key that is missing; no corpus, or one that cannot be read.
        """
        return self.opener(wanted.settings(self.environment), pages)

    def stored_world(self, pages: StoredPages, model: str | None) -> AbstractAsyncContextManager[World]:
        """A world in which there are stored pages, and nothing else.

        Raises:
            InvalidInput: no such model, or a key that is missing.
        """
        return self.stored_opener(WorldRequest(model=model).settings(self.environment), pages)


_CURRENT: Final[ContextVar[Callable[[], Runtime]]] = ContextVar("runtime", default=Runtime)


def current_runtime() -> Runtime:
    """The runtime of the block that this is called in; elsewhere (in a deployment) a new one, from the environment."""
    return _CURRENT.get()()


@contextmanager
def use_runtime(runtime: Runtime) -> Iterator[None]:
    """Flows that are called inside this block have this runtime."""
    token = _CURRENT.set(lambda: runtime)
    try:
        yield
    finally:
        _CURRENT.reset(token)
