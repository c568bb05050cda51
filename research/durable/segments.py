"""Records by key in append-only files, `<shard>-<process>-<token>.jsonl`: one a shard and a writing process.

    {"digest":"0f3c…","key":"plan-81ab…","row":17,"kind":"Plan","value":{…}}

Several processes may share the folder: each appends to files of its own, and reads those of all. An index of keys is kept in
memory; opening the folder builds it from the lines that end. The digest is checked when a record is read: a record that is
damaged is one that is not there. A shard's files are removed together once nothing in them is needed.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

from research.durable.lines import DIGITS, append, is_whole, line_of
from research.durable.work import current_work

PARTIAL: Final = ".part"
"""How the name of a file that is still being written ends."""
_LOOSE: Final = "loose"
"""In the place of a shard's number: work of no table."""
_NAME: Final = re.compile(rf"(\d{{5,}}|{_LOOSE})-\d+-[0-9a-f]{{8}}\.jsonl")
_HEAD: Final = re.compile(
    rb'\{"digest":"[0-9a-f]{%d}","key":"(?P<key>[\w-]+)","row":(?P<row>\d+|null),"kind":"(?P<kind>\w+)","value":' % DIGITS
)

Folder = Path | Callable[[], Path]
"""A folder, or what says which once something is stored or looked for."""


class Entry(NamedTuple):
    """A record, and what it was written for."""

    key: str
    row: int | None
    """None: for no row."""


class _Place(NamedTuple):
    file: str
    offset: int
    length: int
    """Without the newline."""
    row: int | None


class Segments:
    """The records in one folder. Its methods may be called in any thread; those that say so do not touch the disk."""

    def __init__(self, folder: Folder) -> None:
        self._given = folder
        self._turn = threading.RLock()
        self._places: dict[str, list[_Place]] = {}
        self._of_shard: dict[int | None, set[str]] = {}
        self._read: dict[str, int] = {}
        """Bytes of each file that are in the index."""
        self._token = uuid4().hex[:8]
        self.is_open = False

    @property
    def folder(self) -> Path:
        return self._given if isinstance(self._given, Path) else self._given()

    def open(self) -> None:
        """Index what the folder holds, once."""
        with self._turn:
            if not self.is_open:
                self.refresh()
                self.is_open = True

    def refresh(self) -> None:
        """Index what other processes have appended since."""
        with self._turn:
            for file, shard, size in self._files():
                if size > self._read.get(file, 0):
                    self._index(file, shard)

    def has(self, key: str, shard: int | None) -> bool:
        """Whether there is a record for a shard. Does not touch the disk."""
        return key in self._of_shard.get(shard, ())

    def has_anywhere(self, key: str) -> bool:
        """Whether there is a record, whatever shard it is for. Does not touch the disk."""
        return key in self._places

    def entries(self, shard: int | None) -> list[Entry]:
        """A shard's records. Does not touch the disk."""
        with self._turn:
            keys = self._of_shard.get(shard, ())
            return [Entry(key, place.row) for key in keys for place in self._places[key] if _shard_of(place.file) == shard]

    def append(self, key: str, kind: str, value: bytes) -> None:
        """Store a record of the current work.

        Args:
            value: JSON on one line.

        Raises:
            OSError: it cannot be written.
        """
        shard, row = current_work()
        members = f'"key":"{key}","row":{"null" if row is None else row},"kind":"{kind}","value":'
        line = line_of(members.encode() + value)
        with self._turn:
            self.open()
            file = _name(shard, self._token)
            offset = append(self.folder / file, line)
            self._note(key, shard, _Place(file, offset, len(line) - 1, row))
            self._read[file] = offset + len(line)

    def read(self, key: str) -> tuple[str, bytes] | None:
        """The kind and the value of a record, the one written last that is whole; None if there is none."""
        for place in reversed(self._places.get(key, ())):
            line = self._line(place)
            if line is not None and is_whole(line) and (head := _HEAD.match(line)) is not None and head["key"] == key.encode():
                return head["kind"].decode(), line[head.end() : -1]
        return None

    def sweep(self, shard: int | None, keep: Callable[[Entry], bool] | None = None) -> None:
        """Remove a shard's records, whichever process wrote them, but for those to keep."""
        with self._turn:
            files = [file for file, of, _ in self._files() if of == shard]
            kept = [] if keep is None else list(self._whole_lines(files, keep))
            self._forget(shard)
            if kept:
                self._rewrite(shard, kept)
            for file in files:
                self._read.pop(file, None)
                (self.folder / file).unlink(missing_ok=True)

    def shards(self) -> set[int]:
        """The shards that there are records for."""
        return {shard for _, shard, _ in self._files() if shard is not None}

    def _files(self) -> Iterator[tuple[str, int | None, int]]:
        """Name, shard and size of each file, in order of their names."""
        try:
            with os.scandir(self.folder) as found:
                files = sorted((entry.name, entry.stat().st_size) for entry in found if _NAME.fullmatch(entry.name))
        except (FileNotFoundError, NotADirectoryError):
            return
        for name, size in files:
            yield name, _shard_of(name), size

    def _index(self, file: str, shard: int | None) -> None:
        offset = self._read.get(file, 0)
        try:
            with (self.folder / file).open("rb") as lines:
                lines.seek(offset)
                for line in lines:
                    if not line.endswith(b"\n"):
                        break  # it is still being written, or its writer was killed
                    if (head := _HEAD.match(line)) is not None:
                        self._note(head["key"].decode(), shard, _Place(file, offset, len(line) - 1, _row(head)))
                    offset += len(line)
        except FileNotFoundError:
            return  # its shard was committed meanwhile
        self._read[file] = offset

    def _note(self, key: str, shard: int | None, place: _Place) -> None:
        self._places.setdefault(key, []).append(place)
        self._of_shard.setdefault(shard, set()).add(key)

    def _forget(self, shard: int | None) -> None:
        for key in self._of_shard.pop(shard, ()):
            if left := [place for place in self._places[key] if _shard_of(place.file) != shard]:
                self._places[key] = left
            else:
                del self._places[key]

    def _line(self, place: _Place) -> bytes | None:
        try:
            with (self.folder / place.file).open("rb", buffering=0) as stream:
                stream.seek(place.offset)
                return stream.read(place.length)
        except OSError:
            return None

    def _whole_lines(self, files: list[str], keep: Callable[[Entry], bool]) -> Iterator[bytes]:
        for file in files:
            for line in (self.folder / file).read_bytes().split(b"\n"):
                head = _HEAD.match(line)
                if head is not None and is_whole(line) and keep(Entry(head["key"].decode(), _row(head))):
                    yield line + b"\n"

    def _rewrite(self, shard: int | None, lines: list[bytes]) -> None:
        file = _name(shard, uuid4().hex[:8])  # another file than those that are about to be removed
        partial = self.folder / f"{file}{PARTIAL}"
        partial.write_bytes(b"".join(lines))
        partial.replace(self.folder / file)
        self._index(file, shard)


def _name(shard: int | None, token: str) -> str:
    return f"{_LOOSE if shard is None else f'{shard:05d}'}-{os.getpid()}-{token}.jsonl"


def _shard_of(file: str) -> int | None:
    prefix = file.partition("-")[0]
    return None if prefix == _LOOSE else int(prefix)


def _row(head: re.Match[bytes]) -> int | None:
    return None if head["row"] == b"null" else int(head["row"])
