"""A search provider that is a JSON API: its dialect says how it is asked and read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Generic, NamedTuple, Protocol, TypeVar

from pydantic import BaseModel

from research.money.usage import Usage
from research.money.usage_ledger import UsageLedger
from research.ports.page import Hit
from research.ports.search import SearchResult
from research.search.hits import Raw, kept
from research.search.json_api import HttpRequest, JsonApi
from research.task.source_policy import SourcePolicy

Answer = TypeVar("Answer", bound=BaseModel)
_Read = TypeVar("_Read", bound=BaseModel, contravariant=True)


def today() -> date:
    """In UTC."""
    return datetime.now(UTC).date()


class Asked(NamedTuple):
    """A request, and what it could not say."""

    request: HttpRequest
    warnings: tuple[str, ...] = ()


class Dialect(Protocol[_Read]):
    """How one provider is asked and read. No network."""

    version: str
    """Changes whenever the same query may be asked in another way."""

    def request(self, query: str, limit: int, policy: SourcePolicy | None, today: date) -> Asked:
        """What to ask for. `query` is not empty."""
        ...

    def results(self, answer: _Read) -> Iterable[Raw]:
        """Best first."""
        ...

    def warnings(self, answer: _Read, hits: tuple[Hit, ...]) -> tuple[str, ...]:
        """What the answer itself says was missing.

        Raises:
            SearchFailed: so much that it is no answer.
        """
        ...


class ApiSearch(Generic[Answer]):
    """A `Search` that asks one JSON API."""

    def __init__(self, dialect: Dialect[Answer], api: JsonApi[Answer], *, today: Callable[[], date] = today) -> None:
        self.name = api.service.name
        self.identity = f"{self.name}/{dialect.version}/{api.service.base_url}"
        self._dialect = dialect
        self._api = api
        self._today = today

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None, ledger: UsageLedger) -> SearchResult:
        """One query. What the provider has no words for in the policy is left to what is kept of its answer.

        Raises:
            SearchFailed: it did not answer.
            AuthenticationFailed, QuotaExhausted, AccessDenied: it lets no query in.
            BudgetExhausted: the budget cannot pay for it.
        """
        if limit < 1 or not query.strip():
            return SearchResult()
        asked = self._dialect.request(" ".join(query.split()), limit, policy, self._today())
        answer, cost = await self._api.call(asked.request, ledger.budget)
        ledger.add(Usage(search_queries=1), cost)
        hits = kept(self._dialect.results(answer), limit, policy)
        return SearchResult(hits=hits, warnings=(*asked.warnings, *self._dialect.warnings(answer, hits)))
