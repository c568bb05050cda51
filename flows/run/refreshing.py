"""Refreshes the rows of an earlier run: what its pages still say is confirmed without a model, and only the rest researched."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow.compute as pc

from flows.run.request import Request
from flows.run.reuse import Earlier, EarlierRow
from flows.run.row_work import RowWork, completed
from flows.run.runner import Runner
from flows.run.staleness import Staleness
from research.errors import FetchFailed, FetchRefused, PageUnreadable, SearchFailed
from research.evidence.confirmation import Confirmation, Visit, confirm, pages_to_visit, with_times
from research.money.usage import Usage
from research.money.usage_ledger import UsageLedger
from research.pipeline import is_one_investigation, research
from research.ports.fetcher import Sends as FetcherSends
from research.ports.search import Sends as SearchSends
from research.ports.world import World
from research.result.combining import value_of
from research.result.result import Result
from research.result.reuse import wholly_kept, with_kept
from research.steps.keys import Keys
from research.tables.layout.reviews import latest, read_reviews
from research.task.task import Task

HITS: Final = 5
"""Hits of a search for a row, among which a page that no row has considered before may answer what had no answer."""


@dataclass(frozen=True, slots=True)
class RefreshedRow(RowWork):
    """One row that the earlier run has: its stale fields are looked at, and researched where that is needed."""

    refreshed: Callable[[Runner], Awaitable[Result]] = field(kw_only=True)

    async def do(self, runner: Runner) -> Result:
        return await self.refreshed(runner)


class Refreshing:
    """The rows of a refresh: a `FindWork`."""

    def __init__(self, request: Request, world: World, earlier: Earlier, stale: Staleness, document: Mapping[str, Any]) -> None:
        """
        Args:
            document: the request as the run folder keeps it: it says whether the corpus has changed.
        """
        self._request = request
        self._world = world
        self._identity = world.identity
        self._earlier = earlier
        self._stale = stale
        before = earlier.folder.request
        self._is_local = isinstance(world.search, SearchSends) and not world.search.sends_queries
        # A refresh that looked at a part of its cells has others, whose pages are those of an earlier state of the corpus.
        looked_at_all = (before.get("refresh") or {}).get("stale", ["all"]) == ["all"]
        self._same_documents = looked_at_all and all(before.get(part) == document.get(part) for part in ("search", "fetcher"))
        self._rejected = _rejected(earlier)
        self._considered: frozenset[str] | None = None
        self._reading = asyncio.Lock()

    async def work(self, row: int, values: Mapping[str, Any]) -> RowWork:
        task = self._request.task(row, values)
        before = await self._earlier.row(row, values)
        world = await self._request.world_of(task, row, self._world)
        identity = self._identity if world is self._world else world.identity
        if before is None or not before.keep:
            return RowWork.of(task, world, identity)
        keys = Keys.of(task, identity)
        key = keys.row(before.digest)

        async def refreshed(runner: Runner) -> Result:
            return await self._refreshed(row, values, task, key, before, runner, world)

        return RefreshedRow(task=task, world=world, keys=keys, key=key, refreshed=refreshed)

    async def _refreshed(
        self, row: int, values: Mapping[str, Any], task: Task, key: str, before: EarlierRow, runner: Runner, world: World
    ) -> Result:
        """A row's completed result.

        Raises:
            RowFailed: what had to be researched of it failed.
        """
        spec = self._request.spec
        stale = self._stale.of(before.result, before.keep, self._rejected.get(before.place, ()))
        result, read = before.result, 0
        doubtful: Sequence[str] = ()
        if stale.to_look_at:
            looked, read = await self._look(result, stale.to_look_at, task)
            result, doubtful = looked.result, looked.doubtful
        ask = [name for name in spec.names if name not in before.keep or name in doubtful or name in stale.to_research]
        kept = [name for name in spec.names if name not in ask]
        result = with_times(result, kept)
        visits = Usage(pages_fetched=read)
        if not ask:
            return wholly_kept(result, spec, task.task, key.removeprefix("row-")[:32], None).changed(usage=visits)
        part = self._request.part(row, values, ask, task.processor) if kept else task
        steps = runner.steps(Keys.of(part, world.identity), here=is_one_investigation(part, world))
        found = completed(await research(part, world, steps))
        found = found.changed(usage=found.usage + visits)
        if not kept:
            return found
        asked = {finding.subquery for finding in found.findings}
        result = result.changed(findings=[finding for finding in result.findings if finding.subquery not in asked])
        return with_kept(found, result, spec, kept, None)

    async def _look(self, result: Result, names: Sequence[str], task: Task) -> tuple[Confirmation, int]:
        """Read the pages of some fields again. Also returns how many were read."""
        visits, read = {}, 0
        hashes = {source.url: source.page_hash for source in result.sources_detailed if source.page_hash}
        for url in pages_to_visit(result, names):
            if self._same_documents and not self._sends(url) and url in hashes and url != task.start_url:
                visits[url] = await asyncio.to_thread(self._stored, hashes[url])
            else:
                visits[url] = await self._visit(url, task)
                read += 1
        empty = [name for name in names if value_of(result, name) is None]
        nothing_new = not empty or not await self._may_answer(task)
        confirmation = await asyncio.to_thread(
            confirm, result, names, visits, self._earlier.pages.get, datetime.now(UTC), nothing_new=nothing_new
        )
        return confirmation, read

    async def _visit(self, url: str, task: Task) -> Visit:
        named = url in (task.start_url, *(file.url for file in task.files))  # by the task itself: not what a search may find
        fetcher = self._world.attached if named and self._world.attached is not None else self._world.fetcher
        try:
            return Visit(await fetcher.fetch(url, policy=task.source_policy))
        except FetchFailed:
            return Visit(None)
        except (FetchRefused, PageUnreadable):
            return Visit(None, is_gone=True)

    def _stored(self, page_hash: str) -> Visit:
        """A page of a corpus that has not changed since."""
        try:
            return Visit(self._earlier.pages.get(page_hash))
        except PageUnreadable:
            return Visit(None, is_gone=True)

    def _sends(self, url: str) -> bool:
        fetcher = self._world.fetcher
        return url.startswith("file:") or not isinstance(fetcher, FetcherSends) or fetcher.sends(url)

    async def _may_answer(self, task: Task) -> bool:
        """Whether there is a page in the corpus that no row of the earlier run had considered, and that speaks of a row. Asked
        only where a search costs nothing; the web is searched again where a cell is researched."""
        if not self._is_local or self._same_documents:
            return False
        try:
            found = await self._world.search.search(task.task, limit=HITS, policy=task.source_policy, ledger=UsageLedger())
        except SearchFailed:
            return False
        considered = await self._considered_urls()
        return any(hit.url not in considered for hit in found.hits)

    async def _considered_urls(self) -> Collection[str]:
        async with self._reading:
            if self._considered is None:
                self._considered = await asyncio.to_thread(_urls_considered, self._earlier)
            return self._considered


def _rejected(earlier: Earlier) -> dict[int, set[str]]:
    """The fields that a person has rejected, by row of the earlier run."""
    rejected: defaultdict[int, set[str]] = defaultdict(set)
    for (row, field_), decision in latest(read_reviews(earlier.folder.path).to_pylist()).items():
        if decision["decision"] == "reject":
            rejected[row].add(field_)
    return rejected


def _urls_considered(earlier: Earlier) -> frozenset[str]:
    folder = earlier.folder
    columns = [folder.read("sources", shard, ["url"]).column(0) for shard in folder.committed_shards()]
    return frozenset(url for column in columns for url in pc.unique(column).to_pylist() if url is not None)
