"""The Parquet parts of a run folder: written whole, committed together, repeated nowhere.

A commit: (1) each table's part is written under a temporary name and flushed; (2) a note in `.state/commits` names them;
(3) they are renamed, `results` last; (4) the note is removed. A process killed before (2) leaves temporary files, which are
swept; killed after it, the next holder of the lock ends the commit. So a shard that is written again (its failed rows
ran once more) is never half old, half new.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from research.errors import DamagedRun, InvalidRun, PageUnreadable
from research.ports.page import Page
from research.tables.layout.durable import TEMPORARY, flush, temporary, write_json
from research.tables.layout.parts import SCHEMAS, TABLES, pages_table

MAX_SHARDS: Final = 100_000
"""Of a run: a part's name has five digits."""
_PART: Final = re.compile(r"part-(\d{5})\.parquet")
_ORDER: Final = (*SCHEMAS, "results")
_PAGES_A_GROUP: Final = 32
_PARQUET: Final[Mapping[str, Any]] = {"compression": "zstd", "use_compliant_nested_type": False, "write_page_checksum": True}


def check_shard_count(rows: int, shard_size: int | None) -> None:
    """See that a run can have as many shards as these rows make.

    Raises:
        InvalidRun: it cannot; says which size of a shard would do.
    """
    if shard_size is not None and rows > shard_size * MAX_SHARDS:
        raise InvalidRun(
            f"{rows:,} rows in shards of {shard_size:,} are more than the {MAX_SHARDS:,} shards that a run can have: "
            f"ask for shards of {math.ceil(rows / MAX_SHARDS):,} rows or more with --shard-size."
        )


class PartFiles:
    """The parts of one run folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._notes = folder / ".state" / "commits"
        self._stored: set[bytes] = set()
        self._stored_of: set[int] = set()

    def make_folders(self) -> None:
        for table in TABLES:
            (self._folder / table).mkdir(parents=True, exist_ok=True)

    def path(self, table: str, shard: int) -> Path:
        if not 0 <= shard < MAX_SHARDS:
            raise ValueError(f"shard {shard} is not one of the {MAX_SHARDS:,} that a run can have")
        return self._folder / table / f"part-{shard:05d}.parquet"

    def shards(self) -> list[int]:
        """The committed shards, in order."""
        return self._shards_of("results")

    def committed(self, table: str) -> list[Path]:
        """A table's parts of committed shards, in order."""
        there = set(self._shards_of(table))
        return [self.path(table, shard) for shard in self.shards() if shard in there]

    def read(self, table: str, shard: int, schema: pa.Schema) -> pa.Table:
        """The columns of `schema` from a committed part, in its types (Parquet keeps values, and most but not all Arrow types). A
        column that the part was written without is null.

        Raises:
            DamagedRun: it is not there, or cannot be read.
        """
        path = self.path(table, shard)
        try:
            with pq.ParquetFile(path) as file:
                there = file.schema_arrow.names
                read = file.read(columns=[name for name in schema.names if name in there])
        except FileNotFoundError as exc:
            raise DamagedRun(
                f"Shard {shard} of {self._folder} is not committed: {path} is missing. {self._repair(shard)}"
            ) from exc
        except (OSError, pa.ArrowException) as exc:
            raise DamagedRun(f"{path} cannot be read: {exc}. {self._repair(shard)}") from exc
        return in_schema(read, schema)

    def stored_pages(self) -> set[bytes]:
        """The hashes (32 bytes each) of the pages in committed parts. Kept in memory; each part is read once."""
        for shard in self.shards():
            if shard not in self._stored_of:
                self._stored_of.add(shard)
                self._stored.update(self._hashes(shard))
        return self._stored

    def unstored_pages(self, hashes: Iterable[str], find: Callable[[str], Page]) -> Iterator[Page]:
        """The pages that no committed part holds.

        Raises:
            PageUnreadable: `find` does not have it, and no part has.
        """
        for page_hash in hashes:
            key = bytes.fromhex(page_hash)
            if key in self.stored_pages():
                continue
            try:
                yield find(page_hash)
            except PageUnreadable:  # a shard of an equal row was committed just now, with the page, and its state swept
                if key not in self.stored_pages():
                    raise

    def commit(self, shard: int, tables: Mapping[str, pa.Table], pages: Iterable[Page]) -> None:
        """Write a shard's parts and make them count together. Pages that a committed part holds are not written again."""
        written = {name: temporary(self.path(name, shard)) for name in TABLES}
        note = self._notes / f"{shard:05d}.json"
        try:
            for name, table in tables.items():
                _write(written[name], table)
            self._write_pages(shard, written["pages"], pages)
            note.parent.mkdir(parents=True, exist_ok=True)
            write_json(note, {table: path.name for table, path in written.items()})
        except BaseException:
            for path in written.values():
                path.unlink(missing_ok=True)
            raise
        self._rename(note)

    def recover(self) -> None:
        """End the commits that were noted; sweep what else a killed process left. For the holder of the lock only."""
        for note in sorted(self._notes.glob("*.json")):
            self._rename(note)
        committed = set(self.shards())
        for table in TABLES:
            for path in (self._folder / table).glob(f".*{TEMPORARY}"):
                path.unlink(missing_ok=True)
            for shard in set(self._shards_of(table)) - committed:
                self.path(table, shard).unlink(missing_ok=True)
        for path in self._folder.glob(f".*{TEMPORARY}"):
            path.unlink(missing_ok=True)

    def drop_repeated_pages(self) -> None:
        """Leave each page once: two processes may have stored the same page at the same time."""
        seen: set[bytes] = set()
        for shard in self.shards():
            hashes = self._hashes(shard)
            if not seen.isdisjoint(hashes):
                keep = [place for place, page_hash in enumerate(hashes) if page_hash not in seen]
                path = self.path("pages", shard)
                part = temporary(path)
                _write(part, self.read("pages", shard, SCHEMAS["pages"]).take(pa.array(keep, pa.int64())))
                part.replace(path)
            seen.update(hashes)

    def _repair(self, shard: int) -> str:
        results = self.path("results", shard)
        return f"Delete {results} and run the command of the run again: the rows of this shard are researched again."

    def _hashes(self, shard: int) -> list[bytes]:
        column = self.read("pages", shard, pa.schema([SCHEMAS["pages"].field("page_hash")])).column(0)
        return [bytes.fromhex(page_hash or "") for page_hash in column.to_pylist()]

    def _shards_of(self, table: str) -> list[int]:
        try:
            names = [_PART.fullmatch(path.name) for path in (self._folder / table).iterdir()]
        except FileNotFoundError:
            return []
        return sorted(int(name[1]) for name in names if name)

    def _write_pages(self, shard: int, part: Path, pages: Iterable[Page]) -> None:
        stored = self.stored_pages()
        new: set[bytes] = set()

        def unstored() -> Iterable[Page]:
            for page in pages:
                key = bytes.fromhex(page.page_hash)
                if key not in stored and key not in new:
                    new.add(key)
                    yield page

        with pq.ParquetWriter(part, SCHEMAS["pages"], **_PARQUET) as writer:
            if shard in self._stored_of:  # a shard that is written again keeps its pages: other shards may rest on them
                with pq.ParquetFile(self.path("pages", shard)) as old:
                    for batch in old.iter_batches(_PAGES_A_GROUP):
                        writer.write_table(in_schema(pa.Table.from_batches([batch]), SCHEMAS["pages"]))
            rest = iter(unstored())
            while group := list(islice(rest, _PAGES_A_GROUP)):
                writer.write_table(pages_table(group))
        flush(part)

    def _rename(self, note: Path) -> None:
        """Step 3 and 4 of a commit, from its note; what an earlier try has renamed is skipped."""
        shard = int(note.stem)
        names = json.loads(note.read_text(encoding="utf-8"))
        for table in _ORDER:
            path = self.path(table, shard)
            part = path.with_name(names[table])
            if part.exists():
                part.replace(path)
                flush(path.parent)
        note.unlink()
        self._stored_of.discard(shard)


def _write(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path, **_PARQUET)
    flush(path)


def in_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns of `schema` in its types; null where the table has no such column, or holds nothing but nulls in it."""
    columns: list[pa.Array[Any] | pa.ChunkedArray[Any]] = []
    for field in schema:
        column = table.column(field.name) if field.name in table.schema.names else None
        if column is None or column.null_count == len(column):
            columns.append(pa.nulls(table.num_rows, field.type))
            continue
        if column.type != field.type:
            column = column.dictionary_encode() if pa.types.is_dictionary(field.type) else column
            column = column.cast(field.type)
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=schema)
