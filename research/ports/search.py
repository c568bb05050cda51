"""The port to a search provider, and what a search brings."""

from __future__ import annotations

from typing import Protocol

from research.money.usage import Usage
from research.ports.page import Hit
from research.records import Record
from research.task.task import SourcePolicy


class Found(Record):
    """What one search brought, and what it took."""

    hits: tuple[Hit, ...] = ()
    """Best first, no URL twice."""
    queries: int = 1
    """Queries that providers were asked. What a cache answered asked none."""
    warnings: tuple[str, ...] = ()
    """Providers that did not answer while another did, and the like."""
    cost_usd: float | None = 0.0
    """US dollars; None if a price is not known."""
    usage: Usage = Usage()
    """Tokens, where a model did the search."""


class Search(Protocol):
    """One way to find pages."""

    @property
    def name(self) -> str: ...

    @property
    def identity(self) -> str:
        """Changes whenever its answers may change: for a corpus, a fingerprint of its documents."""
        ...

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None) -> Found:
        """At most `limit` hits, best first, no URL twice. A provider is asked for what the policy allows, as far as it has words
        for it, and what it answers is held to the policy all the same.

        Raises:
            SearchFailed: the provider did not answer.
            BudgetExhausted: the run's purse cannot pay for it.
        """
        ...
