"""`World`: what one task is researched with."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from research.concurrency.outages import Outages
from research.concurrency.shares import Shares
from research.money.budget import Budget
from research.money.processors import Processors, load_processors
from research.ports.fetcher import Fetcher
from research.ports.model import Model
from research.ports.search import Search
from research.ports.sessions import PagesAtHand
from research.ports.tool_servers import ToolServers


@dataclass(frozen=True)
class World:
    """What one task is researched with."""

    model: Model
    search: Search
    fetcher: Fetcher
    """Reads what a model asks for."""
    processors: Processors = field(default_factory=load_processors)
    attached: Fetcher | None = None
    """Reads what the task itself names, its `start_url` and `files`, and which no model chose. None: `fetcher` does."""

    earlier: PagesAtHand | None = None
    """The pages of the earlier tasks that the task goes on from, as its session has them. None: it goes on from none."""
    tool_servers: ToolServers | None = None
    """Asks the servers that tasks name for their tools, and calls them. None: tasks are researched without."""

    warnings: tuple[str, ...] = ()
    """What the results of its tasks say of it."""

    budget: Budget = field(default_factory=Budget)
    """Pays for every call of the model and the search: the pipeline hands it to them, in the ledger of each step. An empty one
    has no cap, until a run binds it, before the first call."""

    outages: Outages = field(default_factory=Outages)
    """Which of its services answer. Everything that calls one shares it; a run sets its listener."""

    shares: Shares = field(default_factory=Shares)
    """The accounts that its services use, and its part of their limits; a run says who else uses them."""

    @cached_property
    def identity(self) -> str:
        """Changes whenever any answer may. Put together once: every row asks for it."""
        identity = f"{self.model.identity}|{self.search.identity}|{self.fetcher.identity}|{self.processors.identity}"
        return identity if self.earlier is None else f"{identity}|{self.earlier.identity}"
