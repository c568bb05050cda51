"""Local copies: a table's bytes brought to this disk, hashed, unpacked, turned into UTF-8; rows kept in an Arrow file.

What was fingerprinted is what is read: all but local Parquet is copied into a scratch folder that is removed with the table.
"""

from __future__ import annotations

import codecs
import glob
import hashlib
import re
import shutil
import stat
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol, TypeAlias

import pyarrow as pa
from filelock import BaseFileLock, FileLock, Timeout

from research.documents.sniffing import binary_format
from research.errors import InvalidLocation, InvalidTable
from research.storage import reading

if TYPE_CHECKING:
    import pyarrow.dataset as ds

COMPRESSIONS: Final[dict[str, Literal["gzip", "bz2", "zstd"]]] = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
_CHUNK: Final = 1 << 20
_HEAD_BYTES: Final = 20_000
_AROUND: Final = 20_000
"""Bytes of a text, by which its encoding is guessed."""
_SHOWN: Final = 30
_PREFIX: Final = "research-table-"
_LOCK: Final = ".lock"
_TO_LOCK_SECONDS: Final = 60
"""How long a process may take from making a scratch folder to making the lock in it."""
_TRIES: Final = 5
"""Of making a scratch folder: another process may sweep it in the instant between the lock file and the lock."""
_SPOOL_ROWS: Final = 8192

# UTF-32 before UTF-16: the little-endian marks begin alike.
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_MARK: Final = "\ufeff"
"""A byte order mark as a character: where two programs have each written one, it stands twice."""

_NEWLINE: Final = b"\n"
_SPOILT: Final = {
    re.compile(rb"\0"): "holds NUL characters, which no text has: a part of the file may be lost",
    re.compile(b"\xef\xbf\xbd"): "holds \ufffd, where a program lost letters before. Save the file again from its source",
    re.compile(rb"\xc3[\x82\x83]\xc2[\x80-\xbf]|\xc3\xa2\xe2\x82\xac"): (
        "holds letters such as Ã¼, as of UTF-8 that a program read in another encoding. Save the file again from its source"
    ),
}
"""What says that a text in UTF-8 has been spoilt."""

Scannable: TypeAlias = "pa.Table | ds.Dataset"


class Scratch:
    """A temporary folder that lives as long as this object does.

    It is locked while its process lives. Those that killed processes left are removed when a new one is made.
    """

    def __init__(self) -> None:
        self.path, lock = _made_and_locked()
        self._count = 0
        self._removed = weakref.finalize(self, _remove, self.path, lock)
        _sweep_abandoned(self.path)

    def new(self, name: str) -> Path:
        """A path in the folder at which nothing stands yet."""
        self._count += 1
        return self.path / f"{self._count}-{name}"

    def close(self) -> None:
        self._removed()


def _made_and_locked() -> tuple[Path, BaseFileLock]:
    for _ in range(_TRIES):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = FileLock(folder / _LOCK, timeout=0, thread_local=False)
        with suppress(Timeout, FileNotFoundError):
            lock.acquire()
            return folder, lock
    raise TimeoutError(f"{tempfile.gettempdir()}: a folder made there is taken away before it can be locked")


def _remove(folder: Path, lock: BaseFileLock) -> None:
    lock.release()
    shutil.rmtree(folder, ignore_errors=True)


def _sweep_abandoned(own: Path) -> None:
    """Remove the scratch folders beside one's own that nobody holds. What cannot be removed is in nobody's way."""
    made = own.lstat()
    for folder in own.parent.glob(f"{_PREFIX}*"):
        with suppress(OSError, Timeout):
            there = folder.lstat()
            is_ours = stat.S_ISDIR(there.st_mode) and there.st_uid == made.st_uid and folder != own
            has_lock = (folder / _LOCK).exists()
            if is_ours and (has_lock or there.st_mtime < made.st_mtime - _TO_LOCK_SECONDS):
                with FileLock(folder / _LOCK, timeout=0):
                    shutil.rmtree(folder, ignore_errors=True)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def chunks_of(stream: _Readable) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def sha256_of(path: Path) -> str:
    """Lower-case hex SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for chunk in chunks_of(stream):
            digest.update(chunk)
    return digest.hexdigest()


def download(url: str, scratch: Scratch) -> Path:
    """A local copy of a remote file or folder, under its own name.

    Raises:
        InvalidTable: there is nothing there, or it cannot be read.
    """
    folder = scratch.new("source")
    folder.mkdir()
    try:
        return reading.download(url, folder)
    except InvalidLocation as exc:
        raise InvalidTable(str(exc)) from exc


class PlainText(NamedTuple):
    """A text as UTF-8."""

    path: Path
    """Plain, without a byte order mark, and with no `*`, `?` or `[` in its name, which DuckDB would take for a pattern."""
    warnings: tuple[str, ...] = ()
    """Which encoding was guessed."""


def as_utf8(path: Path, scratch: Scratch, encoding: str | None) -> PlainText:
    """A text as UTF-8: the file itself, or an unpacked, decoded copy.

    Without `encoding`, a byte order mark decides. A file without one that is not UTF-8 is read in the encoding that it is in
    beyond a doubt, with a warning.

    Raises:
        InvalidTable: the encoding is unknown, does not fit the bytes, or is doubtful; or the compressed file is broken.
    """
    packed = path.suffix.lower() in COMPRESSIONS
    warnings: tuple[str, ...] = ()
    try:
        with _open(path) as stream:
            head = stream.read(_HEAD_BYTES)
        if (kind := binary_format(head)) is not None:
            raise InvalidTable(
                f"{path}: is no text, but {kind}. Give it the name that such files have, or save the table as text"
            )
        found = next((name for mark, name in _BYTE_ORDER_MARKS if head.startswith(mark)), None)
        encoding = found or encoding
        if encoding is None:
            encoding, warnings = _guessed(path, head)
        if not packed and encoding is None and not glob.has_magic(str(path)):
            return PlainText(path, tuple(_spoilt(path)))
        decoder = codecs.getincrementaldecoder(encoding or "utf-8")("strict")
        target = scratch.new("plain")
        with _open(path) as stream, target.open("wb") as out:
            for place, chunk in enumerate(chunks_of(stream)):
                text = decoder.decode(chunk)
                out.write((text if place else text.lstrip(_MARK)).encode("utf-8"))
            out.write(decoder.decode(b"", True).encode("utf-8"))
    except LookupError as exc:
        raise InvalidTable(f"{path}: there is no encoding called {encoding!r}") from exc
    except UnicodeError as exc:
        raise InvalidTable(f"{path}: is not {encoding or 'utf-8'}: {exc}. {_say_encoding('cp1252')}") from exc
    except (OSError, EOFError) as exc:
        raise InvalidTable(f"{path}: cannot be read: {exc}") from exc
    return PlainText(target, (*warnings, *_spoilt(target)))


def _spoilt(path: Path) -> Iterator[str]:
    """What was lost in a text before it came here, each with its first line."""
    told: set[str] = set()
    lines = 1
    with path.open("rb") as stream:
        for chunk in chunks_of(stream):
            if b"\0" in chunk or not chunk.isascii():
                for pattern, what in _SPOILT.items():
                    if what not in told and (found := pattern.search(chunk)):
                        told.add(what)
                        yield f"line {lines + chunk.count(_NEWLINE, 0, found.start()):,}: {what}"
            lines += chunk.count(_NEWLINE)


def _say_encoding(name: str) -> str:
    return f"Save it as UTF-8, or say its encoding: --encoding {name}, or file.csv::{name}"


def _guessed(path: Path, head: bytes) -> tuple[str | None, tuple[str, ...]]:
    """The encoding of a file that says none, unless it is UTF-8; and how that is told.

    Raises:
        InvalidTable: it is not UTF-8, and it is doubtful what else.
    """
    from research.documents.charset import guess, is_mostly_utf8, unmarked_charset  # needed by few files

    if b"\0" in head and (wide := unmarked_charset(head)) is not None:
        return wide, (f"was read as {wide}, which nothing in it says; --encoding names another",)
    if b"\x1b$" in head and head.isascii():
        return "iso2022_jp", ("was read as iso2022_jp, which its escape characters say; --encoding names another",)
    fault = _first_foreign(path)
    if fault is None:
        return None, ()
    where, sample, begin = fault
    if is_mostly_utf8(sample):
        raise InvalidTable(f"{path}: is not UTF-8 in {where}, but is so elsewhere: two encodings are mixed. Correct that line")
    best = guess(sample)
    text = sample[begin : begin + _SHOWN].decode(best.charset, "ignore").splitlines()[0]
    if best.rival is not None:
        raise InvalidTable(
            f"{path}: is not UTF-8 in {where}. It may be {best.charset} ({text!r}), or {best.rival}. "
            + _say_encoding(best.charset)
        )
    return best.charset, (f"is not UTF-8; it was read as {best.charset} ({where}: {text!r}). --encoding names another",)


def _first_foreign(path: Path) -> tuple[str, bytes, int] | None:
    """The first place of a file that is not UTF-8, the text around it, and where in that it is. None: all of it is UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    lines = 1
    with _open(path) as stream:
        for chunk in chain(chunks_of(stream), [b""]):
            try:
                decoder.decode(chunk, not chunk)
            except UnicodeDecodeError as exc:
                data = bytes(exc.object)
                line = max(0, data.rfind(b"\n", 0, exc.start) + 1, exc.start - _SHOWN)
                begin = max(0, line - _AROUND)
                number = lines + data.count(b"\n", 0, exc.start)
                return f"line {number:,}", data[begin : exc.start + _AROUND], line - begin
            lines += chunk.count(b"\n")
    return None


def _open(path: Path) -> pa.NativeFile:
    compression = COMPRESSIONS.get(path.suffix.lower())
    plain = pa.OSFile(str(path), "rb")
    return pa.CompressedInputStream(plain, compression) if compression else plain


def rebatch(batches: Iterable[pa.RecordBatch], size: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of exactly `size`; the last may be shorter. Never holds more than one batch of each kind."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        start = 0
        while start < batch.num_rows:
            piece = batch.slice(start, size - count)
            held.append(piece)
            count += piece.num_rows
            start += piece.num_rows
            if count == size:
                yield _joined(held, schema)
                held, count = [], 0
    if held:
        yield _joined(held, schema)


def _joined(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    table = pa.Table.from_batches(batches, schema=schema).combine_chunks()
    return table.to_batches()[0]


class Spool:
    """Rows kept in an Arrow file: written once, read as often as needed, a batch in memory at a time."""

    def __init__(self, path: Path, schema: pa.Schema, row_count: int) -> None:
        self.path, self.schema, self.row_count = path, schema, row_count

    @classmethod
    def write(cls, path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Spool:
        rows = 0
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for batch in rebatch(batches, _SPOOL_ROWS, schema):
                writer.write_batch(batch)
                rows += batch.num_rows
        return cls(path, schema, rows)

    @classmethod
    def opened(cls, path: Path) -> Spool:
        """Rows that another process has written."""
        with pa.OSFile(str(path), "rb") as source, pa.ipc.open_file(source) as reader:
            rows = sum(reader.get_batch(index).num_rows for index in range(reader.num_record_batches))
            return cls(path, reader.schema, rows)

    def read(self) -> Iterator[pa.RecordBatch]:
        with pa.OSFile(str(self.path), "rb") as source, pa.ipc.open_file(source) as reader:
            for index in range(reader.num_record_batches):
                yield reader.get_batch(index)

    def scan(self, names: list[str]) -> Scannable:
        """All rows under these names, mapped from disk rather than read into memory."""
        return pa.ipc.open_file(pa.memory_map(str(self.path))).read_all().rename_columns(names)
