"""The search of one candidate that is judged: it begins with the page that names it, and leaves out those of its siblings.

A list or a table that names a thing often says of it what is looked for, and a search for the thing's name need not bring that
page. What it does bring is pages of things of nearly the same name (`Viking 2` for `Vostok 2`). A model that compares words
alone would read those first, and a few pages are all that it reads.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from research.evidence.ranking import words
from research.finding.candidate import Candidate
from research.finding.names import name_key, title_name
from research.identity import content_key
from research.money.usage_ledger import UsageLedger
from research.ports.page import Hit
from research.ports.search import Search, SearchResult, Sends
from research.ports.world import World
from research.task.source_policy import SourcePolicy

_VERSION: Final = 1


class CandidateSearch:
    """The `Search` of one candidate.

    Args:
        inner: the world's.
        candidate: whose search it is.
        siblings: the keys of other candidates' names, whose pages are left out where their names share a word with this one's.
    """

    def __init__(self, inner: Search, candidate: Candidate, siblings: Collection[str] = ()) -> None:
        self._inner = inner
        self._candidate = candidate
        self._words = frozenset(words(candidate.name))
        self._siblings = siblings
        self.name = inner.name
        self.sends_queries = not isinstance(inner, Sends) or inner.sends_queries

    @property
    def identity(self) -> str:
        parts = {"inner": self._inner.identity, "candidate": self._candidate.model_dump(), "siblings": sorted(self._siblings)}
        return f"candidate/{_VERSION}/{content_key('candidate search', **parts)[:16]}"

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None, ledger: UsageLedger) -> SearchResult:
        found = await self._inner.search(query, limit=limit, policy=policy, ledger=ledger)
        known = self._candidate
        first = (Hit(url=known.url, title=known.title, snippet=known.mention, score=0.0),) if known.url else ()
        others = (hit for hit in found.hits if hit.url != known.url and not self._is_of_a_sibling(hit))
        return found.changed(hits=(*first, *others)[:limit])

    def _is_of_a_sibling(self, hit: Hit) -> bool:
        name = title_name(hit.title)
        own = frozenset(words(name))
        return name_key(name) in self._siblings and bool(own & self._words) and not own >= self._words


def judging_world(world: World, candidate: Candidate, names: Collection[str]) -> World:
    """The world in which a candidate is judged.

    Args:
        names: the keys of all candidates' names.
    """
    # Claude reads more pages than a few, and tells a sibling from the thing itself.
    siblings = frozenset(names) - {candidate.key} if world.model.keyless else frozenset[str]()
    return replace(world, search=CandidateSearch(world.search, candidate, siblings))
