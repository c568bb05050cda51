"""Retrieves pages: searched for, or by their addresses."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from research.errors import BudgetExhausted, ResearchError
from research.faults import shortened
from research.money.usage_ledger import UsageLedger
from research.ports.fetcher import Fetcher
from research.ports.page import Hit
from research.ports.world import World
from research.result.result import Result, Source, utc_now
from research.retrieval.excerpts import excerpts_of
from research.retrieval.retrieved import Retrieval, Retrieved, RetrievedPage, Shape, UnreadPage
from research.search.merged import fused
from research.task.source_policy import SourcePolicy
from research.task.task import Task
from research.task.urls import is_web

SPARE: Final = 5
"""Hits beyond those asked for: some pages cannot be read."""
AT_ONCE: Final = 8
"""Pages of one retrieval that are read side by side."""


async def retrieve(task: Task, retrieval: Retrieval, world: World) -> Result:
    """Pages, and what of them fits the task. Its output is a `Retrieved`.

    Raises:
        SearchFailed, AccessDenied, BudgetExhausted: no provider answers any of the queries.
        Interruption: something around the work failed.
    """
    began, ledger = utc_now(), UsageLedger(world.budget)
    if retrieval.urls:
        found = await _read_pages(world, retrieval, "\n".join((task.task, *retrieval.queries)), task.source_policy)
    else:
        found = await _search_pages(world, task, retrieval, ledger)
    ended = utc_now()
    urls = [page.url for page in found.pages]
    return Result(
        task_id=task.task_id or "",
        status="completed",
        task=task.task,
        processor=task.processor,
        model="none",
        metadata=task.metadata,
        output=found.model_dump(mode="json"),
        usage=ledger.usage.changed(pages_fetched=len(urls)),
        cost_usd=ledger.cost_usd,
        sources_detailed=[
            Source(index=index, url=page.url, title=page.title, domain="", fetched=None, read=True, page_hash=page.page_hash)
            for index, page in enumerate(found.pages, start=1)
        ],
        sources=urls[:10],
        read=urls,
        considered=[*urls, *(page.url for page in found.unread)],
        warnings=list(found.warnings),
        created_at=began,
        modified_at=ended,
        completed_at=ended,
    )


async def _search_pages(world: World, task: Task, retrieval: Retrieval, ledger: UsageLedger) -> Retrieved:
    queries, policy, limit = retrieval.queries or (task.task,), task.source_policy, retrieval.limit
    hits, warnings = await _hits(world, queries, limit + SPARE, policy, ledger)
    about = "\n".join((task.task, *retrieval.queries))
    pages: list[RetrievedPage] = []
    unread: list[UnreadPage] = []
    # In rounds, so that no page is read which is not needed: the spare ones only where others failed.
    while hits and len(pages) < limit:
        wanted = limit - len(pages)
        taken, hits = hits[:wanted], hits[wanted:]
        read = await _read_all(world, [hit.url for hit in taken], about, policy, retrieval.shape)
        pages += [each for each in read if isinstance(each, RetrievedPage)]
        unread += [each for each in read if isinstance(each, UnreadPage)]
    warnings += [f"{page.url} was found and could not be read: {page.message}" for page in unread]
    return Retrieved(pages=_within(pages, retrieval.shape.characters_total), unread=tuple(unread), warnings=tuple(warnings))


async def _read_pages(world: World, retrieval: Retrieval, about: str, policy: SourcePolicy | None) -> Retrieved:
    read = await _read_all(world, list(dict.fromkeys(retrieval.urls)), about, policy, retrieval.shape)
    pages = [each for each in read if isinstance(each, RetrievedPage)]
    return Retrieved(
        pages=_within(pages, retrieval.shape.characters_total),
        unread=tuple(each for each in read if isinstance(each, UnreadPage)),
    )


async def _hits(
    world: World, queries: Sequence[str], limit: int, policy: SourcePolicy | None, ledger: UsageLedger
) -> tuple[list[Hit], list[str]]:
    """What the queries find, as one list; and what is to be said of those that failed while others did not."""
    searches = (world.search.search(query, limit=limit, policy=policy, ledger=ledger) for query in queries)
    ended = await asyncio.gather(*searches, return_exceptions=True)
    found, failed = [], []
    for each in ended:
        if isinstance(each, ResearchError):
            failed.append(each)
        elif isinstance(each, BaseException):
            raise each
        else:
            found.append(each)
    exhausted = next((error for error in failed if isinstance(error, BudgetExhausted)), None)
    if exhausted is not None or not found:
        raise exhausted or failed[0]
    warnings = [*(warning for each in found for warning in each.warnings), *map(str, failed)]
    allowed = [[hit for hit in each.hits if policy is None or policy.allows(hit.url, hit.published)] for each in found]
    return list(fused(allowed, limit)), list(dict.fromkeys(warnings))


async def _read_all(
    world: World, urls: Sequence[str], about: str, policy: SourcePolicy | None, shape: Shape
) -> list[RetrievedPage | UnreadPage]:
    reading = asyncio.Semaphore(AT_ONCE)

    async def one(url: str) -> RetrievedPage | UnreadPage:
        # What the caller names is read as a task's `start_url` is; a document of the corpus, by the corpus.
        fetcher = world.attached if is_web(url) and world.attached is not None else world.fetcher
        async with reading:
            return await _read(fetcher, url, about, policy, shape)

    return await asyncio.gather(*map(one, urls))


async def _read(fetcher: Fetcher, url: str, about: str, policy: SourcePolicy | None, shape: Shape) -> RetrievedPage | UnreadPage:
    try:
        async with asyncio.timeout(shape.seconds):
            page = await fetcher.fetch(url, policy=policy)
    except TimeoutError:
        return UnreadPage(url=url, kind="FetchFailed", message=f"it did not arrive within {shape.seconds:g} seconds")
    except ResearchError as error:
        if error.stops_run:
            raise
        return UnreadPage(url=url, kind=error.kind, message=shortened(str(error), 500))
    if policy is not None and not policy.allows(page.final_url, page.published):
        return UnreadPage(url=url, kind="FetchRefused", message="it is outside the source policy")
    excerpts = await asyncio.to_thread(excerpts_of, page, about, shape.characters) if shape.excerpts else ()
    return RetrievedPage(
        url=url,
        title=page.title,
        published=page.published,
        page_hash=page.page_hash,
        excerpts=excerpts,
        full_text=None if shape.full_text is None else page.text[: shape.full_text],
    )


def _within(pages: Sequence[RetrievedPage], characters: int | None) -> tuple[RetrievedPage, ...]:
    """The pages with at most so many characters of excerpts together; what does not fit is left out, excerpt by excerpt."""
    if characters is None:
        return tuple(pages)
    kept: list[RetrievedPage] = []
    for page in pages:
        excerpts = []
        for excerpt in page.excerpts:
            if len(excerpt.text) <= characters:
                excerpts.append(excerpt)
                characters -= len(excerpt.text)
        kept.append(page.changed(excerpts=tuple(excerpts)))
    return tuple(kept)
