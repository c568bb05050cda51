"""Commit records, `commits/part-00003.json`: which parts a committed shard has, each with its size and its hash, and its rows.

A record is written last, in one step, with a digest of its own. A shard without one is not committed, whatever parts there are.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from research.durable.lines import json_line, read_json_line
from research.tables.layout.durable import write_whole
from research.tables.layout.parts import REQUIRED

FOLDER: Final = "commits"
_NAME: Final = re.compile(r"part-(\d{5})\.json")
_CHUNK: Final = 1 << 20


class PartRecord(NamedTuple):
    """A part as it was written."""

    size: int
    """Bytes."""
    sha256: str
    """Lower-case hex."""

    @classmethod
    def of(cls, path: Path) -> PartRecord:
        """The size and the digest of a part as it lies there.

        Raises:
            OSError: it cannot be read.
        """
        digest = hashlib.sha256()
        with path.open("rb", buffering=0) as part:
            while chunk := part.read(_CHUNK):
                digest.update(chunk)
            return cls(part.tell(), digest.hexdigest())

    def has_size_of(self, path: Path) -> bool:
        try:
            return path.stat().st_size == self.size
        except OSError:
            return False

    def is_whole(self, path: Path) -> bool:
        """Whether a file holds what was written."""
        try:
            return path.stat().st_size == self.size and PartRecord.of(path) == self
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class ShardRows:
    """The rows of a shard, by their places in the input."""

    count: int
    completed: tuple[tuple[int, int], ...]
    """The first and the last of each stretch of completed rows."""
    waiting: int = 0
    """How many wait for people."""

    @classmethod
    def of(cls, count: int, completed: Iterable[int], waiting: int = 0) -> ShardRows:
        """Rows of a shard, the completed ones as stretches.

        Args:
            completed: in order.
        """
        stretches: list[tuple[int, int]] = []
        for row in completed:
            if stretches and stretches[-1][1] == row - 1:
                stretches[-1] = (stretches[-1][0], row)
            else:
                stretches.append((row, row))
        return cls(count, tuple(stretches), waiting)

    def not_completed(self, rows: range) -> list[int]:
        """Those of some rows that failed, or are not there."""
        left = set(rows)
        for first, last in self.completed:
            left.difference_update(range(first, last + 1))
        return sorted(left)


@dataclass(frozen=True, slots=True)
class CommitRecord:
    """What was committed of a shard."""

    parts: Mapping[str, PartRecord]
    """By table. Those of all tables that the shard has lines in; or `pages` alone, where the others are lost and other shards
    rest on its pages."""
    rows: ShardRows | None
    """None: its rows are lost."""
    run: Mapping[str, Any] = field(default_factory=dict)
    """`key` and `settings` of the run, so that a lost `run.json` can be made anew."""

    @property
    def is_complete(self) -> bool:
        return self.rows is not None and self.parts.keys() >= set(REQUIRED)

    def to_json(self) -> dict[str, Any]:
        rows = self.rows
        waiting = {"waiting": rows.waiting} if rows is not None and rows.waiting else {}
        of_rows = (
            None if rows is None else {"count": rows.count, "completed": [list(stretch) for stretch in rows.completed], **waiting}
        )
        return {
            "rows": of_rows,
            "parts": {table: part._asdict() for table, part in self.parts.items()},
            "run": dict(self.run),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> CommitRecord:
        """A record as its JSON document says it.

        Raises:
            KeyError, TypeError, ValueError: it is no record.
        """
        rows = document["rows"]
        return cls(
            parts={table: PartRecord(**part) for table, part in document["parts"].items()},
            rows=None
            if rows is None
            else ShardRows(rows["count"], tuple((first, last) for first, last in rows["completed"]), rows.get("waiting", 0)),
            run=document["run"],
        )


class CommitRecords:
    """The commit records of one run folder, kept in memory once they are read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._seen: dict[int, tuple[int, CommitRecord | None]] = {}
        """With the time of the file."""

    def make_folder(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)

    def path(self, shard: int) -> Path:
        return self._folder / f"part-{shard:05d}.json"

    def numbers(self) -> list[int]:
        """The shards that have a record, in order."""
        return sorted(shard for shard, _ in self._entries())

    def all(self) -> dict[int, CommitRecord]:
        """The records that can be read, by shard, in order."""
        entries = sorted((shard, entry.stat().st_mtime_ns) for shard, entry in self._entries())
        self._seen = {
            shard: seen if (seen := self._seen.get(shard)) is not None and seen[0] == time else (time, self._read(shard))
            for shard, time in entries
        }
        return {shard: record for shard, (_, record) in self._seen.items() if record is not None}

    def get(self, shard: int) -> CommitRecord | None:
        """A shard's record; None if it has none that can be read."""
        return self._read(shard)

    def write(self, shard: int, record: CommitRecord) -> None:
        """Write a record in one step, in place of an earlier one."""
        self.make_folder()
        write_whole(self.path(shard), json_line(record.to_json()))
        self._seen.pop(shard, None)

    def remove(self, shard: int) -> None:
        self._seen.pop(shard, None)
        self.path(shard).unlink(missing_ok=True)

    def _entries(self) -> Iterator[tuple[int, os.DirEntry[str]]]:
        try:
            with os.scandir(self._folder) as found:
                entries = [(name, entry) for entry in found if (name := _NAME.fullmatch(entry.name))]
        except (FileNotFoundError, NotADirectoryError):
            return
        yield from ((int(name[1]), entry) for name, entry in entries)

    def _read(self, shard: int) -> CommitRecord | None:
        try:
            text = self.path(shard).read_bytes()
            document = read_json_line(text.removesuffix(b"\n"))
            return None if document is None or b'"digest"' not in text else CommitRecord.from_json(document)
        except (OSError, KeyError, TypeError, ValueError, AttributeError):
            return None


def note_of(names: Mapping[str, str], record: CommitRecord) -> bytes:
    """The note of a commit that is under way: where its parts are until they are renamed, and the record that it will have."""
    return json_line({"names": dict(names), "record": record.to_json()})


def read_note(path: Path) -> tuple[dict[str, str], CommitRecord | None] | None:
    """A note; None if it cannot be read. Notes of earlier versions have no record, and no digest."""
    document = read_json_line(path.read_bytes().removesuffix(b"\n"))
    if document is None:
        return None
    try:
        return document["names"], CommitRecord.from_json(document["record"])
    except (KeyError, TypeError, AttributeError):
        names = {table: document.get(table) for table in REQUIRED}
        return None if None in names.values() else (json.loads(json.dumps(names)), None)
