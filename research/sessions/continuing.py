"""Goes on from a session: its tasks are told to the model, its pages are at hand. And keeps a finished task for the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, Protocol, runtime_checkable

from research.errors import PageUnreadable
from research.identity import content_key
from research.money.usage_ledger import UsageLedger
from research.pages.row_pages import RowPages, Stored
from research.ports.model import Continues
from research.ports.page import Page
from research.ports.search import SearchResult
from research.ports.sessions import EarlierPage, EarlierTask, Session, Sessions
from research.ports.world import World
from research.result.result import Result
from research.task.source_policy import SourcePolicy
from research.task.task import Task

MOST_TASKS: Final = 10
"""The newest tasks of a session that a model is told of."""
MOST_PAGES: Final = 60
"""Pages of these tasks that are at hand, those of the newest tasks first."""
HITS: Final = 3
"""Of each search, pages at hand that are named before what the search found."""
_VERSION: Final = 1


@runtime_checkable
class _Keeps(Protocol):
    """A fetcher that can be given a page, and recalls it later."""

    async def keep(self, page: Page) -> None: ...


class SessionPages:
    """The pages of a session's tasks as `PagesAtHand`. What is read of them is kept with the pages of the task that reads it, so
    that its evidence can be proved without the session."""

    at_hand: Final = True
    sends_queries: Final = False
    name: Final = "pages of the session"

    def __init__(self, digest: str, pages: dict[EarlierPage, Page], keep: Callable[[Page], Awaitable[None]] | None) -> None:
        by_hash = {page.page_hash: page for page in pages.values()}
        stored = [Stored(each.url, each.page_hash) for each in pages]
        self._inner = RowPages(stored, by_hash.__getitem__)
        self._urls = {url.partition("#")[0] for each, page in pages.items() for url in (each.url, page.url, page.final_url)}
        self._keep = keep
        self.identity = f"session/{_VERSION}/{content_key('session pages', digest=digest, pages=[list(page) for page in stored])}"

    def holds(self, url: str) -> bool:
        return url.partition("#")[0] in self._urls

    def sends(self, url: str) -> bool:
        return False

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None, ledger: UsageLedger) -> SearchResult:
        """The few pages that speak of a query's words, best first."""
        found = await self._inner.search(query, limit=min(limit, HITS), policy=policy, ledger=ledger)
        return SearchResult(hits=tuple(hit for hit in found.hits if hit.score > 0))

    async def fetch(self, url: str, *, policy: SourcePolicy | None = None, keep_html: bool = False) -> Page:
        page = await self._inner.fetch(url, policy=policy, keep_html=keep_html)
        if self._keep is not None:
            await self._keep(page)
        return page

    def recall(self, page_hash: str) -> Page:
        return self._inner.recall(page_hash)


async def continue_session(task: Task, world: World, sessions: Sessions, session: Session, end_user_id: str | None) -> World:
    """The same world, with a session's tasks and pages. Its identity holds what the session holds; its warnings say what of it
    cannot be had."""
    tasks = session.tasks[-MOST_TASKS:]
    wanted = list(dict.fromkeys(page for task in reversed(tasks) for page in task.pages))[:MOST_PAGES]
    pages: dict[EarlierPage, Page] = {}
    for each in wanted:
        try:
            pages[each] = await sessions.page(session.session_id, end_user_id, each.page_hash)
        except PageUnreadable:
            continue
    warnings = []
    if len(pages) < len(wanted):
        lost = len(wanted) - len(pages)
        warnings.append(f"session: {lost} of the {len(wanted)} pages of the earlier tasks are not kept any more")
    model = world.model
    if isinstance(model, Continues):
        model, told = model.continuing(task, tasks)
        warnings += [told] if told is not None else []
    else:
        warnings.append(f"session: {model.name} is not told of the earlier tasks; their pages are at hand all the same")
    keep = world.fetcher.keep if isinstance(world.fetcher, _Keeps) else None
    earlier = SessionPages(Session(session_id="", tasks=tasks).digest, pages, keep)
    return replace(world, model=model, earlier=earlier, warnings=(*world.warnings, *warnings))


async def keep_task(sessions: Sessions, session_id: str, end_user_id: str | None, result: Result, world: World) -> None:
    """Add a completed task to its session, with the pages that it read.

    Raises:
        SurroundingsFault: it cannot be written.
    """
    task = earlier_task(result)
    pages = []
    for page in task.pages:
        try:
            pages.append(await asyncio.to_thread(_recall, world, page.page_hash))
        except PageUnreadable:
            continue
    await sessions.save(session_id, end_user_id, task, pages)


def earlier_task(result: Result) -> EarlierTask:
    """What a later task is told of a completed one."""
    cited = {excerpt.page_hash for basis in result.basis for citation in basis.citations for excerpt in citation.excerpts}
    read = [
        EarlierPage(url=source.url, title=source.title, page_hash=source.page_hash)
        for source in result.sources_detailed
        if source.read and source.page_hash is not None
    ]
    return EarlierTask(
        task_id=result.task_id,
        task=result.task,
        output=result.output,
        answer=result.answer,
        pages=tuple(sorted(read, key=lambda page: page.page_hash not in cited)),
        completed_at=result.completed_at or result.modified_at,
    )


def _recall(world: World, page_hash: str) -> Page:
    """A page that the task read: from the web or a corpus, given with the task, or of the session before it."""
    readers = [world.fetcher, *(reader for reader in (world.attached, world.earlier) if reader is not None)]
    for reader in readers[:-1]:
        try:
            return reader.recall(page_hash)
        except PageUnreadable:
            continue
    return readers[-1].recall(page_hash)
