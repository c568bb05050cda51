"""Finds what is damaged in a run folder, and lets the rest count, for the holder of the lock.

- A part is damaged if its bytes are not those that were committed. Its shard does not count any more: its rows are researched
  again. What is left of it is moved to `.state/damaged`, but for its pages if they are whole: other shards may rest on them.
- A commit record that is lost is written anew if all the shard's parts can be read to the last checksum. So are the records of
  folders from before there were any.
- Pages that are lost with a part are named by the shards that cite them (`lost_pages`), to be fetched again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from research.ports.page import Page
from research.tables.layout.parts import REQUIRED, SCHEMAS, TABLES
from research.tables.run_folder.commit_records import CommitRecord, PartRecord, ShardRows
from research.tables.run_folder.part_files import PAGES, PartFiles

THREADS: Final = 4
"""That hash parts side by side."""
DAMAGED: Final = "damaged"
"""The folder in `.state` that parts of damaged shards are moved to."""
_PAGES_LOST: Final = "pages-lost"
"""In that folder: the shards whose pages were lost, a line each, until all that are cited are there again."""
_SHARD: Final = re.compile("[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Damage:
    """A committed shard that is not as it was committed."""

    shard: int
    rows: ShardRows | None
    """The rows that were in it; None if that is not known."""
    parts: tuple[str, ...]
    """What is damaged or missing, as paths inside the run folder."""

    def __str__(self) -> str:
        return f"shard {self.shard} is damaged ({', '.join(self.parts)}), and its rows are researched again"


class LostPage(NamedTuple):
    """A page that is cited and not stored."""

    url: str
    """Under which it was read."""
    shards: tuple[int, ...]
    """That rest on it."""


class Repair:
    """Looks through the parts of one run folder.

    Args:
        rows_of: reads which rows a shard has, from its part of `results`.
    """

    def __init__(self, parts: PartFiles, rows_of: Callable[[int], ShardRows]) -> None:
        self._parts = parts
        self._rows_of = rows_of
        self._aside = parts.folder / ".state" / DAMAGED

    def run(self) -> list[Damage]:
        """Write the records that are missing, and take what is damaged out of the count. Returns what that was."""
        self._adopt()
        with ThreadPoolExecutor(THREADS) as threads:
            records = self._parts.records.all()
            found = [damage for damage in threads.map(self._check, records, records.values()) if damage is not None]
        found += self._without_record(records.keys())
        for damage in found:
            self._set_aside(damage)
        return found

    def lost_pages(self) -> dict[str, LostPage]:
        """Pages that committed shards cite and no part holds, by their hashes. Nothing is read unless pages were lost."""
        if not self._marker.exists():
            return {}
        stored = self._parts.stored_pages()
        lost: dict[str, LostPage] = {}
        for shard in self._parts.shards():
            for page_hash, url in self._cited(shard):
                if bytes.fromhex(page_hash) not in stored:
                    before = lost.get(page_hash)
                    shards = () if before is None else before.shards
                    lost[page_hash] = LostPage(url, shards if shard in shards else (*shards, shard))
        if not lost:
            self._marker.unlink(missing_ok=True)
        return lost

    def restore_pages(self, pages: Sequence[Page]) -> None:
        """Store pages again that were lost, in the part of a shard that was committed with such pages, and is not any more."""
        if pages and (shard := self._free_shard()) is not None:
            self._parts.commit(shard, {}, pages, None)

    def give_up(self, shards: Iterable[int]) -> list[Damage]:
        """Take shards out of the count whose evidence is lost."""
        given_up = []
        for shard in sorted(set(shards)):
            record = self._parts.records.get(shard)
            given_up.append(Damage(shard, record.rows if record is not None else None, ("pages",)))
            self._set_aside(given_up[-1], pages_are_whole=True)
        return given_up

    @property
    def _marker(self) -> Path:
        return self._aside / _PAGES_LOST

    def _free_shard(self) -> int | None:
        words = self._marker.read_text("utf-8", errors="replace").split() if self._marker.exists() else []
        lost = [int(word) for word in words if _SHARD.fullmatch(word)]  # the marker may be damaged as well
        committed = self._parts.committed()
        return next((shard for shard in lost if shard not in committed), None)

    def _adopt(self) -> None:
        """Write the record of every shard that has all parts and no record, if they can be read whole."""
        known = self._parts.records.all()
        in_all = set.intersection(*(set(self._parts.numbers(table)) for table in REQUIRED))
        with ThreadPoolExecutor(THREADS) as threads:
            for shard, record in threads.map(self._record_of, sorted(in_all - known.keys())):
                if record is not None:
                    self._parts.records.write(shard, record)

    def _record_of(self, shard: int) -> tuple[int, CommitRecord | None]:
        paths = {table: self._parts.path(table, shard) for table in TABLES if self._parts.has(table, shard)}
        if not all(map(can_be_read, paths.values())):
            return shard, None
        return shard, self._parts.record({table: PartRecord.of(path) for table, path in paths.items()}, self._rows_of(shard))

    def _check(self, shard: int, record: CommitRecord) -> Damage | None:
        bad = [table for table, part in record.parts.items() if not part.is_whole(self._parts.path(table, shard))]
        return Damage(shard, record.rows, tuple(self._name(table, shard) for table in bad)) if bad else None

    def _without_record(self, known: Iterable[int]) -> Iterator[Damage]:
        """Shards that have parts, not all of them whole, and no record."""
        there = {shard for table in TABLES for shard in self._parts.numbers(table)} - set(known)
        for shard in sorted(there):
            of_shard = [table for table in TABLES if self._parts.has(table, shard)]
            bad = [table for table in of_shard if not can_be_read(self._parts.path(table, shard))]
            yield Damage(shard, None, tuple(self._name(table, shard) for table in bad))

    def _set_aside(self, damage: Damage, *, pages_are_whole: bool | None = None) -> None:
        shard, record = damage.shard, self._parts.records.get(damage.shard)
        pages = self._parts.path(PAGES, shard)
        if pages_are_whole is None:
            pages_are_whole = self._name(PAGES, shard) not in damage.parts
        self._aside.mkdir(parents=True, exist_ok=True)
        if not pages_are_whole:
            with self._marker.open("a") as marker:
                marker.write(f"{shard}\n")
        if pages_are_whole:
            part = PartRecord.of(pages) if record is None else record.parts[PAGES]
            self._parts.records.write(shard, self._parts.record({PAGES: part}, None))
        else:
            self._parts.records.remove(shard)
        for table in TABLES:
            path = self._parts.path(table, shard)
            if path.exists() and (table != PAGES or not pages_are_whole):
                path.replace(self._aside / f"{table}-{path.name}")
        self._parts.forget_stored_pages()

    def _name(self, table: str, shard: int) -> str:
        return f"{table}/{self._parts.path(table, shard).name}"

    def _cited(self, shard: int) -> Iterator[tuple[str, str]]:
        """Hash and URL of the pages that a shard cites or has read."""
        for table in ("basis", "sources"):
            schema = SCHEMAS[table]
            read = self._parts.read(table, shard, pa.schema([schema.field("page_hash"), schema.field("url")]))
            yield from ((line["page_hash"], line["url"]) for line in read.to_pylist() if line["page_hash"])
        citations = self._parts.read("findings", shard, pa.schema([SCHEMAS["findings"].field("citations")]))["citations"]
        cited: list[Any] = pc.list_flatten(citations).to_pylist()
        for citation in cited:
            yield from ((excerpt["page_hash"], citation["url"]) for excerpt in citation["excerpts"] or () if excerpt["page_hash"])


def can_be_read(path: Path) -> bool:
    """Whether a part can be read whole, with all its checksums."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches():
                batch.validate(full=True)
    except (OSError, pa.ArrowException):
        return False
    return True


def rows_in(table: pa.Table, index: str, status: str) -> ShardRows:
    """The rows of a part of `results`, in their columns of row index and status."""
    rows: list[Any] = table[index].to_pylist()
    states = table[status].to_pylist()
    completed = (row for row, state in zip(rows, states, strict=True) if state == "completed")
    return ShardRows.of(len(rows), completed, states.count("action_required"))
