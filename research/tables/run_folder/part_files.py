"""The Parquet parts of a run folder: written whole, committed together, repeated nowhere.

A commit: (1) each table's part is written under a temporary name and flushed; (2) a note in `.state/commits` names them;
(3) they are renamed, `results` last; (4) the shard's commit record is written, and the note removed. A process killed before
(2) leaves temporary files, which are swept; killed after it, the next holder of the lock ends the commit. So a shard that is
written again (its failed rows ran once more) is never half old, half new.

A shard counts if its record is there and all its parts are as large as it says. What is damaged otherwise is found by
`research/tables/run_folder/repair.py`.
"""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from research.durable.segments import PARTIAL
from research.errors import DamagedRun, InvalidRun, PageUnreadable
from research.ports.page import Page
from research.tables.layout.durable import TEMPORARY, flush, temporary, write_whole
from research.tables.layout.parts import OPTIONAL, REQUIRED, SCHEMAS, TABLES, pages_table
from research.tables.run_folder.commit_records import CommitRecord, CommitRecords, PartRecord, ShardRows, note_of, read_note
from research.tables.warehouse.warehouse import SCRATCH as DUCKDB_SCRATCH

MAX_SHARDS: Final = 100_000
"""Of a run: a part's name has five digits."""
PAGES: Final = "pages"
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
    """The parts of one run folder.

    Args:
        run: what each commit record says of the run.
        recorded: whether every commit has a record. In folders of earlier versions none has, until they are adopted.
    """

    def __init__(self, folder: Path, run: Mapping[str, Any], *, recorded: bool = True) -> None:
        self.folder = folder
        self.records = CommitRecords(folder)
        self.recorded = recorded
        self._run = run
        self._notes = folder / ".state" / "commits"
        self._stored: set[bytes] = set()
        self._stored_of: set[int] = set()

    def make_folders(self) -> None:
        self.records.make_folder()
        for table in TABLES:
            (self.folder / table).mkdir(parents=True, exist_ok=True)

    def path(self, table: str, shard: int) -> Path:
        if not 0 <= shard < MAX_SHARDS:
            raise ValueError(f"shard {shard} is not one of the {MAX_SHARDS:,} that a run can have")
        return self.folder / table / f"part-{shard:05d}.parquet"

    def counted(self) -> dict[int, CommitRecord]:
        """The records whose parts are all there, by shard, in order; also of those of which only pages are left."""
        return {shard: record for shard, record in self.records.all().items() if self._is_there(shard, record)}

    def committed(self) -> dict[int, ShardRows | None]:
        """The committed shards, in order, with their rows; None of a shard that has no record."""
        found: dict[int, ShardRows | None] = {
            shard: record.rows for shard, record in self.counted().items() if record.is_complete
        }
        if not self.recorded:
            in_all = set.intersection(*(set(self.numbers(table)) for table in REQUIRED))
            found |= dict.fromkeys(in_all - found.keys())
        return dict(sorted(found.items()))

    def shards(self) -> list[int]:
        """The committed shards, in order."""
        return list(self.committed())

    def shards_with_pages(self) -> list[int]:
        """The shards whose part of `pages` counts, in order: the committed ones, and those of which only pages are left."""
        of_pages = {
            shard
            for shard, record in self.records.all().items()
            if (part := record.parts.get(PAGES)) is not None and part.has_size_of(self.path(PAGES, shard))
        }
        return sorted(of_pages if self.recorded else of_pages | set(self.numbers(PAGES)))

    def parts(self, table: str) -> list[Path]:
        """A table's parts that count, in order."""
        shards = self.shards_with_pages() if table == PAGES else self.shards()
        return [self.path(table, shard) for shard in shards if self.has(table, shard)]

    def by_table(self) -> dict[str, list[Path]]:
        """The parts that count, in order, by table."""
        committed = self.shards()
        of_pages = self.shards_with_pages()
        return {
            table: [self.path(table, shard) for shard in (of_pages if table == PAGES else committed) if self.has(table, shard)]
            for table in TABLES
        }

    def has(self, table: str, shard: int) -> bool:
        """Whether a committed shard has a part of a table. It may lack one of a table that it has no lines in."""
        return table not in OPTIONAL or self.path(table, shard).exists()

    def recorded_parts(self, table: str) -> dict[int, PartRecord | None]:
        """A table's parts that were committed, by shard, whether they are there or not; None of one without a record."""
        records = self.records.all()
        found: dict[int, PartRecord | None] = {
            shard: record.parts[table] for shard, record in records.items() if table in record.parts
        }
        if not self.recorded:
            numbers = set().union(*map(self.numbers, TABLES)) - records.keys()
            found |= dict.fromkeys(shard for shard in numbers if self.has(table, shard))
        return dict(sorted(found.items()))

    def read(self, table: str, shard: int, schema: pa.Schema) -> pa.Table:
        """The columns of `schema` from a committed part, in its types (Parquet keeps values, and most but not all Arrow types). A
        column that the part was written without is null.

        Raises:
            DamagedRun: it is not there, or cannot be read.
        """
        path = self.path(table, shard)
        if not self.has(table, shard):
            return schema.empty_table()
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                there = file.schema_arrow.names
                read = file.read(columns=[name for name in schema.names if name in there])
        except FileNotFoundError as exc:
            raise DamagedRun(f"Shard {shard} of {self.folder} is not committed: {path} is missing. {_REPAIR}") from exc
        except (OSError, pa.ArrowException) as exc:
            raise DamagedRun(f"{path} cannot be read: {exc}. {_REPAIR}") from exc
        return in_schema(read, schema)

    def stored_pages(self) -> set[bytes]:
        """The hashes (32 bytes each) of the pages in committed parts. Kept in memory; each part is read once."""
        for shard in self.records.numbers() if self.recorded else self.shards_with_pages():
            if shard not in self._stored_of and self._has_pages(shard):
                self._stored.update(self.hashes(shard))
                self._stored_of.add(shard)  # only now: other threads take it for read
        return self._stored

    def unstored_pages(self, hashes: Iterable[str], find: Callable[[str], Page]) -> Iterator[Page]:
        """The pages that no committed part holds.

        Raises:
            PageUnreadable: `find` does not have it, and no part has.
        """
        stored = self.stored_pages()
        for page_hash in hashes:
            key = bytes.fromhex(page_hash)
            if key in stored:
                continue
            try:
                yield find(page_hash)
            except PageUnreadable:  # a shard of an equal row was committed just now, with the page, and its state swept
                if key not in self.stored_pages():
                    raise

    def record(self, parts: Mapping[str, PartRecord], rows: ShardRows | None) -> CommitRecord:
        """A commit record of this run."""
        return CommitRecord(parts, rows, self._run)

    def forget_stored_pages(self) -> None:
        """Read them anew when they are asked for."""
        self._stored, self._stored_of = set(), set()

    def hashes(self, shard: int) -> list[bytes]:
        """Of the pages in a shard's part, in their order."""
        column = self.read(PAGES, shard, pa.schema([SCHEMAS[PAGES].field("page_hash")])).column(0)
        return [bytes.fromhex(page_hash or "") for page_hash in column.to_pylist()]

    def commit(self, shard: int, tables: Mapping[str, pa.Table], pages: Iterable[Page], rows: ShardRows | None) -> None:
        """Write a shard's parts and make them count together. Pages that a committed part holds are not written again.

        Args:
            tables: of all tables but `pages` and those that it has no lines in; none for a shard of which only pages are kept.
            rows: the shard's rows; None with no tables.
        """
        written = {name: temporary(self.path(name, shard)) for name in (*tables, PAGES)}
        self.records.make_folder()  # a copy of the folder may lack what was empty: object storage, for one, has no folders
        for name in written:
            (self.folder / name).mkdir(exist_ok=True)
        names = {table: path.name for table, path in written.items()}
        try:
            for name, table in tables.items():
                _write(written[name], table)
            self._write_pages(shard, written[PAGES], pages)
            parts = {name: PartRecord.of(path) for name, path in written.items()}
            record = self.record(parts, rows)
            note = self._note(shard, names, record)
        except BaseException:
            for path in written.values():
                path.unlink(missing_ok=True)
            raise
        self._rename(shard, names)
        self._end(note, record)

    def end_commits(self) -> None:
        """End the commits that were noted. One whose parts are not all as they were written is given up: what it has renamed
        already does not fit the shard's record."""
        for note in sorted(self._notes.glob("*.json")):
            shard, found = int(note.stem), read_note(note)
            if found is None:
                note.unlink()
                continue
            names, record = found
            if record is not None:
                places = {
                    table: (self.path(table, shard).with_name(name), self.path(table, shard)) for table, name in names.items()
                }
                if not all(any(record.parts[table].is_whole(path) for path in paths) for table, paths in places.items()):
                    note.unlink()
                    continue
            self._rename(shard, names)
            self._end(note, record)

    def sweep_temporary(self) -> None:
        """Remove what a killed process has left half written. For the holder of the lock only."""
        folders = [self.folder, self.folder / ".state", self._notes, self.records.path(0).parent]
        for folder in (*folders, *(self.folder / table for table in TABLES)):
            for path in folder.glob(f".*{TEMPORARY}*"):
                path.unlink(missing_ok=True)
        for path in (self.folder / ".state").glob(f"*/*{PARTIAL}"):  # of stored results and pages
            path.unlink(missing_ok=True)
        shutil.rmtree(self.folder / DUCKDB_SCRATCH, ignore_errors=True)

    def drop_repeated_pages(self) -> None:
        """Leave each page once: two processes may have stored the same page at the same time."""
        seen: set[bytes] = set()
        for shard in self.shards_with_pages():
            hashes = self.hashes(shard)
            if not seen.isdisjoint(hashes):
                keep = [place for place, page_hash in enumerate(hashes) if page_hash not in seen]
                self._replace_pages(shard, self.read(PAGES, shard, SCHEMAS[PAGES]).take(pa.array(keep, pa.int64())))
            seen.update(hashes)

    def numbers(self, table: str) -> list[int]:
        """The shards that a table has a part of, whether it counts or not, in order."""
        try:
            names = [_PART.fullmatch(path.name) for path in (self.folder / table).iterdir()]
        except FileNotFoundError:
            return []
        return sorted(int(name[1]) for name in names if name)

    def _has_pages(self, shard: int) -> bool:
        if not self.recorded:
            return self.path(PAGES, shard).exists()
        record = self.records.get(shard)
        part = record.parts.get(PAGES) if record is not None else None
        return part is not None and part.has_size_of(self.path(PAGES, shard))

    def _is_there(self, shard: int, record: CommitRecord) -> bool:
        return all(part.has_size_of(self.path(table, shard)) for table, part in record.parts.items())

    def _replace_pages(self, shard: int, pages: pa.Table) -> None:
        """Put other pages in the place of a shard's: a commit of that table alone."""
        part = temporary(self.path(PAGES, shard))
        _write(part, pages)
        names = {PAGES: part.name}
        before = self.records.get(shard)
        if before is None:  # of an earlier version
            self._rename(shard, names)
            return
        record = replace(before, parts={**before.parts, PAGES: PartRecord.of(part)})
        note = self._note(shard, names, record)
        self._rename(shard, names)
        self._end(note, record)

    def _note(self, shard: int, names: Mapping[str, str], record: CommitRecord) -> Path:
        """Step 2 of a commit."""
        note = self._notes / f"{shard:05d}.json"
        note.parent.mkdir(parents=True, exist_ok=True)
        write_whole(note, note_of(names, record))
        return note

    def _write_pages(self, shard: int, part: Path, pages: Iterable[Page]) -> None:
        stored = self.stored_pages()
        new: set[bytes] = set()

        def unstored() -> Iterable[Page]:
            for page in pages:
                key = bytes.fromhex(page.page_hash)
                if key not in stored and key not in new:
                    new.add(key)
                    yield page

        with pq.ParquetWriter(part, SCHEMAS[PAGES], **_PARQUET) as writer:
            if shard in self._stored_of:  # a shard that is written again keeps its pages: other shards may rest on them
                with pq.ParquetFile(self.path(PAGES, shard)) as old:
                    for batch in old.iter_batches(_PAGES_A_GROUP):
                        writer.write_table(in_schema(pa.Table.from_batches([batch]), SCHEMAS[PAGES]))
            rest = iter(unstored())
            while group := list(islice(rest, _PAGES_A_GROUP)):
                writer.write_table(pages_table(group))
        flush(part)

    def _rename(self, shard: int, names: Mapping[str, str]) -> None:
        """Step 3 of a commit; what an earlier try has renamed is skipped."""
        for table in (name for name in _ORDER if name in names):
            path = self.path(table, shard)
            part = path.with_name(names[table])
            if part.exists():
                part.replace(path)
                flush(path.parent)

    def _end(self, note: Path, record: CommitRecord | None) -> None:
        """Step 4 of a commit. A note of an earlier version has no record; its shard is adopted like the others."""
        shard = int(note.stem)
        if record is not None:
            self.records.write(shard, record)
        note.unlink()
        self._stored_of.discard(shard)


_REPAIR: Final = "Run the command of the run again: the rows of this shard are researched again, and the others are not."


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
