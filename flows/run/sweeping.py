"""Removes from a run folder's state what is not needed any more: of a committed shard, and of a run that is done."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from research.display.printable import printable_logger
from research.ports.fetcher import Storing
from research.ports.world import World
from research.stored_results.store import ResultStore
from research.tables.run_folder.run_folder import RunFolder

Sweep = Callable[[int, Collection[int]], None]
"""Removes what a committed shard does not need, by its number and its unfinished rows. Blocks."""

_log: Final = printable_logger(__name__)


def sweeper(folder: RunFolder, store: ResultStore, world: World) -> Sweep:
    """Sweeps the state of one run's shards: stored results and pages.

    The finished steps of unfinished rows stay, and the pages that only they have read, or from which they go on. What cannot be
    removed is logged: it is in nobody's way.
    """
    readers: list[object] = [world.fetcher, world.attached]
    stores = [reader for reader in readers if isinstance(reader, Storing)]

    def sweep(shard: int, unfinished: Collection[int]) -> None:
        try:
            store.sweep(shard, unfinished)
            suspended = store.suspended_pages(shard)
            for pages in stores:
                pages.sweep(shard, (lambda page: page in suspended or not folder.stores_page(page)) if unfinished else None)
        except OSError as error:
            _log.warning("the state of shard %d could not be swept: %s", shard, error)

    return sweep
