"""A run folder on object storage, and its working copy on this machine.

    s3://bucket/runs/missions/        <cache>/runs/<hash of the URL>/
      run.json                          copy        names this working copy
      results/part-00000.parquet …      lock        held by the process that uses it
      commits/part-00000.json …         missions/   the run folder
      research.duckdb
      .state/lease.json               who writes it (`research/storage/lease.py`)
      .state/uploads/00003/…          parts of a shard that is being written again

Everything reads and writes the working copy; `push` puts what has changed, `pull` brings what others have put. A shard counts in
the storage once its commit record is there: its parts are put first, each in one put, and the record last. A shard that is
written again would be half old and half new if its writer died in between. So its new parts go to `.state/uploads` first, with
their record, and are copied to their places from there; whoever pulls takes them from there until the record is put.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from filelock import FileLock, Timeout

from research.durable.lines import json_line, read_json_line
from research.durable.segments import PARTIAL
from research.errors import InvalidRun
from research.storage.lease import Lease
from research.storage.objects import Entry, ObjectFolder
from research.tables.layout import reviews
from research.tables.layout.durable import TEMPORARY, temporary, write_whole
from research.tables.layout.made_tables import MADE, made_part, made_parts
from research.tables.layout.parts import TABLES
from research.tables.run_folder.commit_records import FOLDER as COMMITS
from research.tables.run_folder.commit_records import CommitRecord, CommitRecords
from research.tables.run_folder.run_document import RUN_FILE, STATE
from research.tables.run_folder.run_lock import HOLDER
from research.tables.warehouse.warehouse import FILE as DATABASE

WORKING_COPIES: Final = "runs"
"""In the cache folder."""
_THREADS: Final = 16
_UPLOADS: Final = f"{STATE}/uploads"
_RECORD: Final = "record.json"
_SEGMENTS: Final = ("results", "pages")
"""Folders of the state whose files are named by their writers, and grow only."""
_LOCAL: Final = ("commits/", "damaged/", "duckdb/", "staged/", "lock", HOLDER, "lease.json", "uploads/", "probe-")
"""What in the state says something of one machine only. Damaged parts are kept where they were found."""
_STAGED: Final = "staged"
_ETAG: Final = "database"
_RECORD_NAME: Final = re.compile(rf"{COMMITS}/part-(\d{{5}})\.json")
_UPLOAD: Final = re.compile(rf"{_UPLOADS}/(\d{{5}})/")
_UPLOAD_NAME: Final = re.compile(rf"{_UPLOADS}/(\d{{5}})/{re.escape(_RECORD)}")


class FolderInUse(InvalidRun):
    """Another process of this machine uses the working copy."""


class RunMirror:
    """One run folder on object storage, with its working copy. Its methods block.

    Args:
        url: of the run folder.
        cache_dir: holds the working copies.
    """

    def __init__(self, url: str, cache_dir: Path) -> None:
        """
        Raises:
            InvalidLocation: no run can be kept at this URL.
        """
        self.place = ObjectFolder(url)
        self.url = self.place.url
        name = hashlib.sha256(self.url.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        self._home = cache_dir / WORKING_COPIES / name
        self.path = self._home / self.url.rpartition("/")[2]
        """The working copy."""
        self._put: dict[str, tuple[int, int]] = {}
        """Size and time of files here, as they were when they were put."""
        self._there: dict[int, CommitRecord] = {}
        """The commit records in the storage."""
        self._uploads: dict[int, list[str]] = {}
        """What lies in `.state/uploads`, by shard; its record comes first."""
        self._listed = False

    @property
    def name(self) -> str:
        """Of this working copy, and of no other."""
        file = self._home / "copy"
        if not file.exists():
            self._home.mkdir(parents=True, exist_ok=True)
            write_whole(file, uuid4().hex.encode())
        return file.read_text("ascii", errors="replace")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the working copy. The system frees the lock of a dead process.

        Raises:
            FolderInUse: another process of this machine uses it.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self._home / "lock", timeout=0, thread_local=False):
                yield
        except Timeout as exc:
            raise FolderInUse(f"{self.url} is being written by another process on this machine: wait for it, or end it.") from exc

    def lease(self) -> Lease:
        return Lease(self.place, self.name)

    def bring_up_to_date(self, *, state: bool = True) -> None:
        """Pull, unless all that the storage has came from this working copy: then it may be ahead of the storage, because its
        process was killed. For the holder of its lock.

        Raises:
            StorageFailed; InvalidLocation.
        """
        lease = self.lease()
        lease.read()
        if not lease.content_is_ours:
            self.pull(state=state)

    def pull(self, *, state: bool = True) -> None:
        """Make the working copy what the storage has. For the holder of its lock.

        Args:
            state: with what a run needs to go on. Results and pages that only this machine has stay: they are found by their
                content.

        Raises:
            StorageFailed; InvalidLocation.
        """
        entries = self.place.entries()
        files = CommitRecords(self.path)
        self._there, sources = self._records(entries)
        wanted: dict[Path, Callable[[], object]] = {}
        for shard, record in self._there.items():
            for table, part in record.parts.items():
                path = self._part(table, shard)
                if not part.is_whole(path):
                    wanted[path] = partial(self._download, sources.get((table, shard), self._key(path)), path)
        for path in self._tables_here():
            if (found := _shard_of(path)) is None or path.parent.name not in _tables(self._there.get(found)):
                path.unlink()
        if RUN_FILE in entries:
            wanted[self.path / RUN_FILE] = partial(self._download, RUN_FILE, self.path / RUN_FILE)
        else:
            (self.path / RUN_FILE).unlink(missing_ok=True)
        if DATABASE not in entries:
            (self.path / DATABASE).unlink(missing_ok=True)
        elif self._etag_of_database() != entries[DATABASE].etag:
            wanted[self.path / DATABASE] = partial(self._download_database, entries[DATABASE].etag)
        new = [key for key in entries if key.startswith(f"{reviews.FOLDER}/") and not (self.path / key).exists()]
        new += [key for key in (self._key(made_part(self.path, table)) for table in MADE) if key in entries]
        wanted |= {self.path / key: partial(self._download, key, self.path / key) for key in new}
        if state:
            wanted |= self._state_wanted(entries)
        self._all(wanted.values())
        for shard in {*files.numbers()} - self._there.keys():
            files.remove(shard)
        for shard, record in self._there.items():  # last: they make their parts count
            if files.get(shard) != record:
                files.write(shard, record)
        self._note(entries)

    def push(self) -> None:
        """Put what has changed since. For the holder of the lease.

        Raises:
            StorageFailed; InvalidLocation.
        """
        if not self._listed:
            self._note(self.place.entries())
        for shard in list(self._uploads):
            self._end_upload(shard)
        records = CommitRecords(self.path)
        here = records.all()
        changed = [shard for shard, record in here.items() if self._there.get(shard) != record]
        for shard in sorted(changed, key=lambda each: records.path(each).stat().st_mtime_ns):  # later ones rest on earlier pages
            self._push_shard(shard, here[shard])
        for shard in [shard for shard in self._there if shard not in here and not records.path(shard).exists()]:
            tables = _tables(self._there.pop(shard))
            self.place.delete([self._key(records.path(shard)), *(self._key(self._part(table, shard)) for table in tables)])
        files = {self._key(path): path for path in self._files_here()}
        self._all(partial(self._put_file, key, path) for key, path in files.items())
        gone = [key for key in self._put if key not in files]
        self._all(partial(self._delete, key) for key in gone)

    def adopt(self) -> None:
        """Take note of what state lies in the storage, so that `push` removes what is not needed any more. For who goes on from
        the working copy without a pull."""
        entries = self.place.entries()
        self._note(entries)
        self._put |= {key: (-1, -1) for key in entries if self._is_state(key) or key in (RUN_FILE, DATABASE)}

    def remove(self) -> None:
        """Remove everything from the storage."""
        self._all(partial(self._delete, key) for key in self.place.entries())
        self._put, self._there = {}, {}

    def _note(self, entries: Mapping[str, Entry]) -> None:
        """Take note of which shards lie in the storage."""
        self._there, self._listed = self._plain_records(entries), True
        self._uploads = {}
        for key in sorted(entries, key=lambda key: (not key.endswith(_RECORD), key)):
            if match := _UPLOAD.match(key):
                self._uploads.setdefault(int(match[1]), []).append(key)

    def _push_shard(self, shard: int, record: CommitRecord) -> None:
        """A shard whose parts are changed meanwhile is left for the next time."""
        before = self._there.get(shard)
        changed = [table for table, part in record.parts.items() if before is None or before.parts.get(table) != part]
        with self._staged(shard, record, changed) as parts:
            if parts is None:
                return
            line = json_line(record.to_json())
            if before is None:
                self._all(partial(self.place.put, self._key(self._part(table, shard)), path) for table, path in parts.items())
                self.place.put(self._key(CommitRecords(self.path).path(shard)), line)
            else:
                uploads = {table: f"{_UPLOADS}/{shard:05d}/{table}.parquet" for table in parts}
                note = f"{_UPLOADS}/{shard:05d}/{_RECORD}"
                self._all(partial(self.place.put, uploads[table], path) for table, path in parts.items())
                self.place.put(note, line)
                self._uploads[shard] = [note, *uploads.values()]
                self._end_upload(shard)
                self.place.delete(self._key(self._part(table, shard)) for table in before.parts.keys() - record.parts.keys())
            self._there[shard] = record

    def _end_upload(self, shard: int) -> None:
        """Bring the parts of a shard that was written again to their places, if their writer came to note them."""
        record = self._record(f"{_UPLOADS}/{shard:05d}/{_RECORD}")
        if record is not None and record != self._there.get(shard):
            self._all(
                partial(self.place.copy, key, self._key(self._part(Path(key).stem, shard)))
                for key in self._uploads[shard]
                if key.endswith(".parquet")
            )
            self.place.put(self._key(CommitRecords(self.path).path(shard)), json_line(record.to_json()))
            self._there[shard] = record
        self.place.delete(self._uploads.pop(shard))

    @contextmanager
    def _staged(self, shard: int, record: CommitRecord, tables: Iterable[str]) -> Iterator[dict[str, Path] | None]:
        """Parts under a second name, under which they stay as they are; None if they are not what the record says."""
        folder = self.path / STATE / _STAGED
        folder.mkdir(parents=True, exist_ok=True)
        staged: dict[str, Path] = {}
        try:
            for table in tables:
                link = folder / f"{table}-{shard:05d}-{uuid4().hex[:8]}{TEMPORARY}"
                staged[table] = link
                try:
                    os.link(self._part(table, shard), link)
                except FileNotFoundError:
                    break
                if not record.parts[table].is_whole(link):
                    break
            else:
                yield staged
                return
            yield None
        finally:
            for link in staged.values():
                link.unlink(missing_ok=True)

    def _records(self, entries: Mapping[str, Entry]) -> tuple[dict[int, CommitRecord], dict[tuple[str, int], str]]:
        """The shards that count, and where parts lie that are not in their places yet."""
        records = self._plain_records(entries)
        sources: dict[tuple[str, int], str] = {}
        for shard, key in _numbered(_UPLOAD_NAME, entries):
            record = self._record(key)
            if record is None or record == records.get(shard):
                continue
            uploads = {table: f"{_UPLOADS}/{shard:05d}/{table}.parquet" for table in record.parts}
            records[shard] = record
            sources |= {(table, shard): upload for table, upload in uploads.items() if upload in entries}
        return records, sources

    def _plain_records(self, entries: Mapping[str, Entry]) -> dict[int, CommitRecord]:
        keys = dict(_numbered(_RECORD_NAME, entries))
        with ThreadPoolExecutor(_THREADS) as threads:
            found = dict(zip(keys, threads.map(self._record, keys.values()), strict=True))
        return {shard: record for shard, record in sorted(found.items()) if record is not None}

    def _record(self, key: str) -> CommitRecord | None:
        stored = self.place.read(key)
        document = None if stored is None else read_json_line(stored.data.removesuffix(b"\n"))
        try:
            return None if document is None else CommitRecord.from_json(document)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    def _state_wanted(self, entries: Mapping[str, Entry]) -> dict[Path, Callable[[], object]]:
        """What of the state to bring; what is of another writer's past is removed here."""
        there = {key: entry for key, entry in entries.items() if self._is_state(key)}
        shutil.rmtree(self.path / STATE / COMMITS, ignore_errors=True)
        wanted: dict[Path, Callable[[], object]] = {}
        for path in self._state_here():
            if self._key(path) not in there and path.parent.name not in _SEGMENTS:
                path.unlink(missing_ok=True)
        for key, entry in there.items():
            path = self.path / key
            is_longer = path.parent.name in _SEGMENTS and path.exists() and path.stat().st_size >= entry.size
            self._put[key] = (-1, -1)
            if not is_longer and ".." not in key.split("/"):
                wanted[path] = partial(self._download, key, path)
        return wanted

    def _download(self, key: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = temporary(path)
        try:
            if self.place.download(key, part):
                part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _etag_of_database(self) -> str | None:
        """Of the database here, if it came from the storage."""
        file, database = self._home / _ETAG, self.path / DATABASE
        try:
            etag, _, time = file.read_text("utf-8").partition(" ")
            return etag if time == str(database.stat().st_mtime_ns) else None
        except FileNotFoundError:
            return None

    def _download_database(self, etag: str) -> None:
        database = self.path / DATABASE
        self._download(DATABASE, database)
        write_whole(self._home / _ETAG, f"{etag} {database.stat().st_mtime_ns}".encode())

    def _put_file(self, key: str, path: Path) -> None:
        try:
            stat = path.stat()
            seen = (stat.st_size, stat.st_mtime_ns)
            if self._put.get(key) != seen:
                self.place.put(key, path if key == DATABASE else path.read_bytes())
                self._put[key] = seen
        except FileNotFoundError:
            return  # it was swept meanwhile

    def _delete(self, key: str) -> None:
        self.place.delete([key])
        self._put.pop(key, None)

    def _files_here(self) -> Iterator[Path]:
        """Everything to put but what shards are made of."""
        yield from (path for name in (RUN_FILE, DATABASE) if (path := self.path / name).exists())
        yield from (*reviews.review_files(self.path), *made_parts(self.path).values(), *self._state_here())

    def _state_here(self) -> list[Path]:
        state = self.path / STATE
        return [path for path in state.rglob("*") if self._is_state(self._key(path)) and path.is_file()]

    def _is_state(self, key: str) -> bool:
        inside = key.removeprefix(f"{STATE}/")
        is_partial = key.endswith((PARTIAL, TEMPORARY)) or "/." in inside or inside.startswith(".")
        return inside != key and not is_partial and not inside.startswith(_LOCAL)

    def _tables_here(self) -> list[Path]:
        return [path for table in TABLES for path in (self.path / table).glob("part-*.parquet")]

    def _part(self, table: str, shard: int) -> Path:
        return self.path / table / f"part-{shard:05d}.parquet"

    def _key(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

    @staticmethod
    def _all(work: Iterable[Callable[[], Any]]) -> None:
        """Do things side by side. All end before the first fault is raised."""
        with ThreadPoolExecutor(_THREADS) as threads:
            for done in [threads.submit(each) for each in work]:
                done.result()


def _numbered(pattern: re.Pattern[str], entries: Iterable[str]) -> Iterator[tuple[int, str]]:
    for key in sorted(entries):
        if match := pattern.fullmatch(key):
            yield int(match[1]), key


def _tables(record: CommitRecord | None) -> list[str]:
    return [] if record is None else list(record.parts)


def _shard_of(path: Path) -> int | None:
    match = re.fullmatch(r"part-(\d{5})\.parquet", path.name)
    return int(match[1]) if match else None
