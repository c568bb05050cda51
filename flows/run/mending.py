"""Brings back the pages of a damaged run folder that its committed rows rest on; rows whose pages are lost for good are left to
be researched again."""

from __future__ import annotations

import asyncio

from flows.run.events import DamageFound, Listener
from research.errors import ResearchError
from research.ports.fetcher import Fetcher
from research.ports.page import Page
from research.tables.run_folder.run_folder import RunFolder


async def mend(folder: RunFolder, fetcher: Fetcher, listener: Listener) -> None:
    """Say what was found damaged when the folder was locked, and fetch lost pages again: from the run's state, the corpus or the
    web. A page that reads otherwise now is lost, and so is the evidence that rests on it.

    Args:
        fetcher: of the run's world.
    """
    damage = list(folder.damage)
    lost = await asyncio.to_thread(folder.repair.lost_pages)
    if lost:
        again = await asyncio.gather(*(_fetched(fetcher, page_hash, page.url) for page_hash, page in lost.items()))
        await asyncio.to_thread(folder.repair.restore_pages, [page for page in again if page is not None])
        without = {shard for page in (await asyncio.to_thread(folder.repair.lost_pages)).values() for shard in page.shards}
        damage += await asyncio.to_thread(folder.repair.give_up, without)
    if damage:
        listener(DamageFound(len(damage), tuple(map(str, damage))))


async def _fetched(fetcher: Fetcher, page_hash: str, url: str) -> Page | None:
    """A page by its hash; None if it cannot be had any more."""
    try:
        return await asyncio.to_thread(fetcher.recall, page_hash)
    except ResearchError:
        try:
            page = await fetcher.fetch(url)
        except ResearchError:
            return None
        return page if page.page_hash == page_hash else None
