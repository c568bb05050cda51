"""What the calling process, not the request, decides about a run: openers, listeners, the environment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from flows.run.decisions import DecisionsOf, RowDecisions
from flows.run.environment import Environment, environment_secrets, read_environment
from flows.run.events import Approver, Event, Listener
from research.pages.page_store import Folder
from research.pages.row_pages import RowPages
from research.ports.world import World
from research.secrets import Secrets
from research.world import Settings, open_stored_world, open_world

if TYPE_CHECKING:
    from flows.run.prepared_run import PreparedRun

Opener = Callable[[Settings, Folder], AbstractAsyncContextManager[World]]
StoredOpener = Callable[[Settings, RowPages], AbstractAsyncContextManager[World]]

RETRY_DELAYS: Final = (1.0, 4.0)
"""Seconds before the first and the second retry of a sub-query whose search or fetch failed with a transient error. Models have
their own retries (`research/models/anthropic/caller.py`)."""


def ignore_event(_event: Event) -> None:
    """A listener that does nothing."""


def ignore_loss() -> None:
    """Prefect's client tries again as it does."""


@dataclass(slots=True)
class FlowEnd:
    """How a flow ended, for whoever awaits it: where Prefect's server is lost, so is the state that says it."""

    on_loss: Callable[[], None] = ignore_loss
    """Called before a flow ends whose end cannot be recorded."""
    began: bool = False
    """Whether Prefect accepted a flow run."""
    came_to: str = ""
    """What the run came to, for people."""
    error: BaseException | None = None
    """What is raised where the flow is awaited; None: nothing."""


@dataclass(frozen=True, slots=True)
class BatchPolling:
    """How often a batch is polled. Seconds."""

    gather: float = 3.0
    """A batch is sent when it is full, or when no row has been added for so long."""
    first_look: float = 5.0
    longest_look: float = 120.0
    """The first and the longest wait between two polls of a batch; each is half as long again as the one before."""


@dataclass(frozen=True, slots=True)
class NotApproved:
    """What becomes of a run whose pilot is not approved."""

    reason: str = "say --yes, or leave --pilot out, and the same command goes on"
    """Why its other rows are left, and what makes them go on."""
    is_waiting: bool = False
    """Whether somebody will still decide: the run has not ended."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """Objects that the calling process gives a flow. (The flow's parameters are JSON.)"""

    listener: Listener = ignore_event
    opener: Opener = open_world
    """Opens a world. Callers replace it to use a model, or a whole world, of their own."""
    stored_opener: StoredOpener = open_stored_world
    """Opens a world of stored pages."""
    approve: Approver | None = None
    """Asked after a pilot. None: a run with a pilot stops after it."""
    not_approved: NotApproved = NotApproved()
    decisions: RowDecisions | DecisionsOf = field(default_factory=dict)
    """What people have decided about rows that wait for them: written into the run folder before rows go on."""
    retry_delays: Sequence[float] = RETRY_DELAYS
    polling: BatchPolling = BatchPolling()
    environment: Environment = field(default_factory=read_environment)
    secrets: Callable[[], Awaitable[Secrets]] = environment_secrets
    """Which secrets a request may name. Asked only where it names some."""
    prefect_patience: float = 8.0
    """Seconds that a run which has come to its end waits for a Prefect server that does not answer."""
    flow_end: FlowEnd = field(default_factory=FlowEnd)
    prepared: PreparedRun | None = None
    """A run that the caller has prepared. A flow with the same options uses it, and prepares nothing itself."""


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
