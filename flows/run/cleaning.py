"""Removes from a run folder what is not needed to read it, or to go on: the state of finished rows, and what killed runs left."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from research.pages.page_store import PageStore
from research.stored_results.store import ResultStore
from research.tables.run_folder.repair import DAMAGED
from research.tables.run_folder.run_folder import RunFolder
from research.tables.run_folder.run_lock import locked

_RESULTS: Final = "results"
_PAGES: Final = "pages"


@dataclass(frozen=True, slots=True)
class Freed:
    """What was removed from a run folder, and what of its state is left."""

    files: int
    bytes: int
    kept_bytes: int
    """Of stored results and pages that unfinished rows need."""


def clean(folder: RunFolder, *, everything: bool = False) -> Freed:
    """Remove the stored results and pages of finished rows, damaged parts that were put aside, and temporary files.

    Nothing that was paid for is lost: the finished steps of unfinished rows stay, and so do the records of what was spent and of
    batches.

    Args:
        everything: remove the finished steps of unfinished rows as well. They are paid for again if the run goes on.

    Raises:
        InvalidRun: another process is running this folder; says which.
    """
    with locked(folder.path, folder.state):
        before = _sizes(folder.path)
        folder.clear_up()
        for part in (folder.state / DAMAGED).glob("*.parquet"):
            part.unlink()
        stores = [folder.state / _RESULTS, folder.state / _PAGES]
        if everything or _is_done(folder):
            for store in stores:
                shutil.rmtree(store, ignore_errors=True)
        else:
            _sweep_finished(folder)
        after = _sizes(folder.path)
    kept = sum(size for path, size in after.items() if any(store in path.parents for store in stores))
    return Freed(len(before) - len(after), sum(before.values()) - sum(after.values()), kept)


def _is_done(folder: RunFolder) -> bool:
    rows = (folder.summary or {}).get("rows")
    return folder.status == "finished" and rows is not None and not folder.unfinished(rows)


def _sweep_finished(folder: RunFolder) -> None:
    """Sweep the committed shards; rows of the others are unfinished."""
    unfinished = folder.unfinished(sys.maxsize)  # how many rows the table has is not known; of a row too many nothing is stored
    results, pages = ResultStore(folder.state / _RESULTS), PageStore(folder.state / _PAGES)
    for shard in folder.committed_shards():
        left = unfinished.get(shard, ())
        results.sweep(shard, left)
        suspended = frozenset(results.suspended_pages(shard))
        needed = partial(_is_needed, folder, suspended)
        pages.sweep(shard, needed if left else None)


def _is_needed(folder: RunFolder, suspended: frozenset[str], page: str) -> bool:
    return page in suspended or not folder.stores_page(page)


def _sizes(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}
