"""Asks several providers at once, and makes one list of what they find.

Lists are merged by reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009): a page scores the sum of 1 / (60 + rank)
over the lists that hold it. It needs no scores that could be compared, and no tuning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from math import fsum
from typing import Final

from research.concurrency.traffic import SearchBringsNothing
from research.errors import BudgetExhausted, Interruption, ResearchError, SearchFailed
from research.money.usage_ledger import UsageLedger
from research.ports.page import Hit
from research.ports.search import Search, SearchResult, Sends
from research.search.health import ProviderHealth
from research.task.source_policy import SourcePolicy
from research.task.urls import canonical_url

K: Final = 60
"""The paper's constant: how much less a first rank counts than the agreement of many."""


class MergedSearch:
    """A `Search` over several. The order of the providers decides which spelling of a URL and which title is kept,
    and nothing else. One that brings nothing to what others answer is passed over while they do (`research/search/health.py`).

    Args:
        announce: is told of such a provider, once.

    Raises:
        ValueError: there is no provider.
    """

    def __init__(
        self, providers: Sequence[Search], announce: Callable[[SearchBringsNothing], None] = lambda _notice: None
    ) -> None:
        if not providers:
            raise ValueError("a merged search needs at least one provider")
        self._providers = tuple(providers)
        self._answered = False
        """Whether any of them ever did."""
        self._announce = announce
        self._health = {each.name: ProviderHealth(each.name) for each in providers if _sends(each)}
        """Of those that ask somebody. A corpus may well hold nothing on a query."""
        self._out: dict[str, ResearchError] = {}
        """Those that every row would fail with: they are not asked again."""
        self.names = tuple(provider.name for provider in self._providers)
        self.name = "+".join(self.names)
        self.sends_queries = any(map(_sends, self._providers))
        self.identity = f"merged/1({', '.join(provider.identity for provider in self._providers)})"

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None, ledger: UsageLedger) -> SearchResult:
        """What all of them find. One that fails is a warning while another answers.

        Raises:
            SearchFailed: none answered.
            AuthenticationFailed, QuotaExhausted, AccessDenied: none answered, none ever did, and one lets no query in; or none
                lets any in.
            BudgetExhausted: the budget cannot pay for one of them.
        """
        asked, others = self._chosen()
        ended = await asyncio.gather(*(self._ask(provider, query, limit, policy, ledger) for provider in asked))
        if others and not any(isinstance(each, SearchResult) and each.hits for each in ended):
            ended += await asyncio.gather(*(self._ask(provider, query, limit, policy, ledger) for provider in others))
            asked += others
        self._judge(asked, ended)
        found = [each for each in ended if isinstance(each, SearchResult)]
        failed = [each for each in ended if isinstance(each, ResearchError)]
        exhausted = next((error for error in failed if isinstance(error, BudgetExhausted)), None)
        if exhausted is not None or not found:
            raise exhausted or self._failure(failed)
        self._answered = True
        return SearchResult(
            hits=fused([each.hits for each in found], limit),
            warnings=tuple(dict.fromkeys([*(w for each in found for w in each.warnings), *map(str, failed)])),
        )

    def _chosen(self) -> tuple[list[Search], list[Search]]:
        """The providers to ask, and those that are passed over unless these find nothing."""
        asked: list[Search] = []
        others: list[Search] = []
        for provider in self._providers:
            health = self._health.get(provider.name)
            (asked if health is None or health.is_asked() else others).append(provider)
        return asked, others

    def _judge(self, asked: Sequence[Search], ended: Sequence[SearchResult | ResearchError]) -> None:
        """Count what each provider brought, beside what the others did."""
        hits = [len(each.hits) if isinstance(each, SearchResult) else None for each in ended]
        for provider, brought in zip(asked, hits, strict=True):
            if brought is None or (health := self._health.get(provider.name)) is None:
                continue
            others_found = sum(each or 0 for each in hits) > brought
            if (notice := health.answered(with_hits=brought > 0, others_found=others_found)) is not None:
                self._announce(notice)

    async def _ask(
        self, provider: Search, query: str, limit: int, policy: SourcePolicy | None, ledger: UsageLedger
    ) -> SearchResult | ResearchError:
        if (known := self._out.get(provider.name)) is not None:
            return known
        try:
            return await provider.search(query, limit=limit, policy=policy, ledger=ledger)
        except ResearchError as error:
            if error.stops_run and not isinstance(error, Interruption) and len(self._providers) > 1:
                self._out[provider.name] = error
            return error

    def _failure(self, failed: Sequence[ResearchError]) -> ResearchError:
        """One error for all. A wrong key stops the run unless another provider may answer the next row."""
        stopping = [error for error in failed if error.stops_run]
        if stopping and (len(stopping) == len(failed) or not self._answered):
            first = stopping[0]
            if len(failed) == 1:
                return first
            error = SearchFailed("; ".join(map(str, failed)))
            stop = type(first)(f"no search provider answers: {error}")
            stop.stops_run = True
            stop.__cause__ = first
            return stop
        error = SearchFailed(f"no search provider answered: {'; '.join(map(str, failed))}")
        error.__cause__ = failed[0]
        return error


def _sends(search: Search) -> bool:
    return not isinstance(search, Sends) or search.sends_queries


def fused(lists: Sequence[Sequence[Hit]], limit: int) -> tuple[Hit, ...]:
    """One list of several, each best first: every page once, by its canonical URL.

    A page has the first spelling of its URL and the first title, the longest snippet, and the first date that is known.
    """
    pages: dict[str, list[tuple[int, Hit]]] = {}
    for hits in lists:
        seen: set[str] = set()
        for hit in hits:
            if (page := canonical_url(hit.url)) not in seen:
                seen.add(page)
                pages.setdefault(page, []).append((len(seen), hit))

    # `fsum` rounds once: the order of the lists cannot turn a tie. Ties go by the URL.
    scored = sorted((-fsum(1 / (K + rank) for rank, _ in ranked), page) for page, ranked in pages.items())
    return tuple(_one([hit for _, hit in pages[page]], -score) for score, page in scored[: max(0, limit)])


def _one(hits: Sequence[Hit], score: float) -> Hit:
    return Hit(
        url=hits[0].url,
        title=next((hit.title for hit in hits if hit.title), ""),
        snippet=max((hit.snippet for hit in hits), key=len),
        score=score,
        published=next((hit.published for hit in hits if hit.published), None),
    )
