"""Finds the pages that a run stored, by the hash of their text."""

from __future__ import annotations

import threading
from collections.abc import MutableMapping
from typing import Final

import pyarrow.parquet as pq
from cachetools import LRUCache

from research.errors import PageUnreadable
from research.ports.page import Page
from research.tables.layout.parts import SCHEMAS
from research.tables.run_folder.part_files import in_schema
from research.tables.run_folder.run_folder import RunFolder

CHARACTERS_IN_MEMORY: Final = 64_000_000
"""Of the pages read last, their HTML included."""

_Place = tuple[int, int, int]
"""Shard, row group, and row inside it."""


class RunPages:
    """The pages of a run folder, read a row group at a time. What is remembered of all of them is their hashes and places. May be
    shared by threads."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._places: dict[bytes, _Place] | None = None
        self._groups: MutableMapping[tuple[int, int], list[Page]] = LRUCache(CHARACTERS_IN_MEMORY, _size)
        self._lock = threading.Lock()

    def __contains__(self, page_hash: str) -> bool:
        with self._lock:
            return bytes.fromhex(page_hash) in self._index()

    def get(self, page_hash: str) -> Page:
        """A stored page.

        Raises:
            PageUnreadable: this run has no such page, or it cannot be read.
        """
        with self._lock:
            page = self._find(page_hash)
            if page is None:  # stored since the places were noted, or moved when its shard was written again
                self._places = None
                self._groups.clear()
                page = self._find(page_hash)
        if page is None:
            raise PageUnreadable(f"no page with the hash {page_hash} is stored in {self._folder.path}")
        return page

    def _find(self, page_hash: str) -> Page | None:
        place = self._index().get(bytes.fromhex(page_hash))
        if place is None:
            return None
        shard, group, row = place
        try:
            page = self._group(shard, group)[row]
        except IndexError:
            return None
        return page if page.page_hash == page_hash else None

    def _index(self) -> dict[bytes, _Place]:
        if self._places is None:
            self._places = {}
            for shard in self._folder.shards_with_pages():
                with pq.ParquetFile(self._folder.part("pages", shard)) as file:
                    for group in range(file.num_row_groups):
                        hashes = file.read_row_group(group, columns=["page_hash"]).column(0).to_pylist()
                        for row, page_hash in enumerate(hashes):
                            self._places.setdefault(bytes.fromhex(page_hash or ""), (shard, group, row))
        return self._places

    def _group(self, shard: int, group: int) -> list[Page]:
        if (found := self._groups.get((shard, group))) is not None:
            return found
        with pq.ParquetFile(self._folder.part("pages", shard)) as file:
            lines = in_schema(file.read_row_group(group), SCHEMAS["pages"]).to_pylist()
        pages = self._groups[shard, group] = [Page.model_validate(line) for line in lines]
        return pages


def _size(pages: list[Page]) -> int:
    """Characters, at most as many as there is room for, so that every group can be kept."""
    return min(sum(len(page.text) + len(page.html or "") for page in pages), CHARACTERS_IN_MEMORY)
