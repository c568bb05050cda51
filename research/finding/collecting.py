"""Collects candidates without a model: what the pages of searches name in their titles, tables, lists and headings."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from research.errors import FetchFailed, FetchRefused, PageUnreadable, SearchFailed
from research.finding.candidate import MOST_EXCERPT, Candidate
from research.finding.names import Named, names_in
from research.money.usage_ledger import UsageLedger
from research.ports.conditions import FindPlan
from research.ports.page import Page
from research.ports.search import Sends
from research.ports.world import World
from research.task.source_policy import SourcePolicy

HITS: Final = 50
"""Hits of each search."""
PAGES: Final = 100
"""Pages that are read at most."""
AT_HAND: Final = 4
"""How many times as many hits and pages where no query is sent anywhere: documents at hand cost nothing but a little time."""
AT_ONCE: Final = 8
"""Pages that are read side by side."""


def queries(objective: str, plan: FindPlan) -> list[str]:
    """What is searched for: the objective, and what is looked for with each condition."""
    kind = plan.kind or objective
    described = (f"{kind} {each.description}" for each in plan.conditions)
    asked = [objective, f"list of {kind}", *described, kind, *(each.value for each in plan.conditions if each.value)]
    return list(dict.fromkeys(" ".join(query.split()) for query in asked))


async def collect(
    objective: str, plan: FindPlan, world: World, *, ledger: UsageLedger, policy: SourcePolicy | None = None
) -> list[Candidate]:
    """Candidates, those that most places name first.

    Args:
        ledger: pays for the searches.

    Raises:
        SearchFailed: no search was answered.
    """
    more = 1 if not isinstance(world.search, Sends) or world.search.sends_queries else AT_HAND
    urls = (await _found(queries(objective, plan), world, HITS * more, ledger, policy))[: PAGES * more]
    free = asyncio.Semaphore(AT_ONCE)

    async def read(url: str) -> Page | None:
        async with free:
            try:
                return await world.fetcher.fetch(url, policy=policy)
            except (FetchRefused, PageUnreadable, FetchFailed):
                return None

    read_pages = await asyncio.gather(*map(read, urls))
    return await asyncio.to_thread(ranked, [page for page in read_pages if page is not None])


def ranked(pages: Iterable[Page]) -> list[Candidate]:
    """The things that pages name, those first that are named in more and in likelier places."""
    places: defaultdict[str, list[Named]] = defaultdict(list)
    for page in pages:
        for named in names_in(page):
            candidate = Candidate(name=named.name)
            if candidate.key:
                places[candidate.key].append(named)
    order = sorted(places.values(), key=lambda found: -sum(sorted((each.weight for each in found), reverse=True)[:5]))
    return [_candidate(found) for found in order]


async def _found(asked: Sequence[str], world: World, limit: int, ledger: UsageLedger, policy: SourcePolicy | None) -> list[str]:
    """The pages that searches bring, the best of each first."""
    hits: list[list[str]] = []
    failure: SearchFailed | None = None
    for query in asked:
        try:
            result = await world.search.search(query, limit=limit, policy=policy, ledger=ledger)
        except SearchFailed as error:
            failure = error
        else:
            hits.append([hit.url for hit in result.hits])
    if not hits and failure is not None:
        raise failure
    longest = max(map(len, hits), default=0)
    in_turn = [found[place] for place in range(longest) for found in hits if place < len(found)]
    return list(dict.fromkeys(in_turn))


def _candidate(found: Sequence[Named]) -> Candidate:
    best = max(found, key=lambda each: each.weight)
    spellings = [each.name for each in found]
    name = max(dict.fromkeys(spellings), key=lambda spelled: (not spelled.isupper(), spellings.count(spelled)))
    mention = best.page.text[best.start : best.end][:MOST_EXCERPT]
    return Candidate(name=name, url=best.page.url, title=best.page.title, mention=mention)
