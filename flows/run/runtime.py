"""The composition root: what the process, not the request, decides. Read once a run; nothing below reads the environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from flows.run.environment import Environment, read_environment
from flows.run.events import Approver, Event, Listener
from research.pages.page_store import Folder
from research.pages.row_pages import RowPages
from research.ports.world import World
from research.world import Settings, open_stored_world, open_world

if TYPE_CHECKING:
    from flows.run.prepare import PreparedRun

Opener = Callable[[Settings, Folder], AbstractAsyncContextManager[World]]
StoredOpener = Callable[[Settings, RowPages], AbstractAsyncContextManager[World]]

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
    prepared: PreparedRun | None = None
    """The run that the caller has prepared: a flow with the same options takes it, and prepares nothing itself."""


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
