"""The port to a search provider, and what a search brings."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from research.money.usage_ledger import UsageLedger
from research.ports.page import Hit
from research.records import Record
from research.task.task import SourcePolicy


class SearchResult(Record):
    """What one search brought."""

    hits: tuple[Hit, ...] = ()
    """Best first, no URL twice."""
    warnings: tuple[str, ...] = ()
    """Providers that did not answer while another did, and the like."""


class Search(Protocol):
    """One way to find pages."""

    @property
    def name(self) -> str: ...

    @property
    def identity(self) -> str:
        """Changes whenever its answers may change: for a corpus, a fingerprint of its documents."""
        ...

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None, ledger: UsageLedger) -> SearchResult:
        """At most `limit` hits, best first, no URL twice. A provider is asked for what the policy allows, as far as it has words
        for it, and what it answers is held to the policy all the same.

        Each query that is sent is counted in the ledger (`search_queries`), with its tokens and its cost if it has any, and is
        paid from the ledger's budget. What a cache answers costs nothing and is no query.

        Raises:
            SearchFailed: the provider did not answer.
            BudgetExhausted: the ledger's budget cannot pay for it.
        """
        ...


@runtime_checkable
class Sends(Protocol):
    """A search that says whether it sends its queries anywhere. Of one that does not say, it is taken that it does."""

    @property
    def sends_queries(self) -> bool: ...
