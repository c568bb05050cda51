"""The documents of a corpus as they lie there: files in a folder, or rows of a Parquet or JSONL file."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from research.documents import sniffing
from research.errors import InvalidCorpus
from research.identity import canonical_json
from research.storage.location import local_path

SUFFIXES: Final = frozenset(sniffing.SUFFIXES)
"""Files of a folder that are documents. Others are left out, and counted in one warning."""

MAX_BYTES: Final = 50_000_000
"""A larger file is left out with a warning."""

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "url": ("url", "uri", "link", "page_url", "source_url"),
    "id": ("doc_id", "document_id", "page_id", "id", "key", "path", "file", "filename"),
    "title": ("title", "page_title", "headline", "name"),
    "html": ("html", "content_html", "raw_html", "body_html"),
    "markdown": ("markdown", "content_markdown", "md"),
    "text": ("text", "content", "body", "page_content", "plain_text", "document", "passage"),
    "published": ("published", "published_at", "publication_date", "date", "datepublished"),
    "media_type": ("media_type", "mime_type", "content_type"),
}
"""Columns of a table of documents: for each thing the names that are known, the first that is there wins. Case does not
matter."""

_MEDIA_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "markdown": "text/markdown; charset=utf-8",
    "text": "text/plain; charset=utf-8",
}
_BATCH: Final = 64


@dataclass(frozen=True, slots=True)
class Raw:
    """A document before it is read."""

    data: bytes
    media_type: str | None = None
    title: str = ""
    """What the corpus itself calls it; "" if it does not."""
    published: str = ""

    def digest(self) -> str:
        """Equal for equal documents: hex SHA-256."""
        labels = canonical_json([self.media_type, self.title, self.published]).encode("utf-8", "surrogatepass")
        return hashlib.sha256(labels + b"\n" + self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Item:
    """One document's place in a corpus."""

    url: str
    label: str
    """For people: a path inside the folder, or a row."""
    size: int
    """Bytes; -1 if only reading it tells."""
    mtime_ns: int
    load: Callable[[], Raw]
    """May raise OSError."""


class Corpus(Protocol):
    """A collection of documents."""

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> Path:
        """Absolute, without symbolic links."""
        ...

    @property
    def count(self) -> int | None:
        """How many documents there are, if that is known without reading them."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was left out. Complete once `items` has been read to its end."""
        ...

    def stamp(self) -> str:
        """Equal while no file was touched."""
        ...

    def items(self) -> Iterator[Item]:
        """Every document, in a fixed order, no URL twice."""
        ...


def open_corpus(source: str | Path, name: str | None = None) -> Corpus:
    """The corpus at a path: a folder, or a `.parquet`, `.jsonl` or `.ndjson` file. `name` stands in the documents' URLs; by
    default it is the folder's or file's own.

    Raises:
        InvalidCorpus: there is no such path, it is of another kind, or it cannot be read.
    """
    path = local_path(source)
    try:
        path = path.resolve(strict=True)
    except (OSError, RuntimeError) as exc:
        raise InvalidCorpus(f"corpus {str(source)!r}: there is no such folder or file") from exc
    if path.is_dir():
        return FolderCorpus(path, name or path.name or "root")
    if path.suffix.lower() in (".parquet", ".pq", ".jsonl", ".ndjson"):
        return TableCorpus(path, name or path.stem)
    raise InvalidCorpus(f"corpus {str(source)!r}: give a folder of documents, or a .parquet or .jsonl file of documents")


class FolderCorpus:
    """Documents as files. Hidden files and folders are passed over; a symbolic link is followed only to a file inside the
    folder."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        self._warnings: list[str] = []
        self._files = self._scan()
        self.count: int | None = len(self._files)

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(self._warnings)

    def stamp(self) -> str:
        listed = [[os.fsencode(relative).hex(), stat.st_size, stat.st_mtime_ns] for relative, stat in self._files]
        return hashlib.sha256(canonical_json(listed).encode()).hexdigest()

    def items(self) -> Iterator[Item]:
        for relative, stat in self._files:
            path = quote(os.fsencode(relative.replace(os.sep, "/")), safe="/")
            yield Item(
                url=f"corpus://{quote(self.name, safe='')}/{path}",
                label=os.fsencode(relative).decode("utf-8", "replace"),
                size=stat.st_size,
                mtime_ns=stat.st_mtime_ns,
                load=lambda file=self.path / relative: Raw(file.read_bytes()),  # type: ignore[misc]
            )

    def _scan(self) -> list[tuple[str, os.stat_result]]:
        found: list[tuple[str, os.stat_result]] = []
        others: Counter[str] = Counter()
        for folder, folders, files in os.walk(self.path, onerror=self._unreadable):
            folders[:] = sorted(each for each in folders if not each.startswith("."))
            for linked in [each for each in folders if (Path(folder) / each).is_symlink()]:
                if not (Path(folder) / linked).resolve().is_relative_to(self.path):
                    self._warnings.append(f"{self._relative(folder, linked)}: a link out of the corpus; not followed")
            for file in sorted(files):
                if file.startswith("."):
                    continue
                relative = self._relative(folder, file)
                if Path(file).suffix.lower() not in SUFFIXES:
                    others[Path(file).suffix.lower() or "no suffix"] += 1
                elif (stat := self._stat(relative)) is not None:
                    found.append((relative, stat))
        if others:
            kinds = ", ".join(f"{count} × {suffix}" for suffix, count in sorted(others.items()))
            self._warnings.append(f"{others.total()} files are not documents and were left out: {kinds}")
        return sorted(found, key=lambda entry: entry[0])

    def _stat(self, relative: str) -> os.stat_result | None:
        path = self.path / relative
        try:
            real = path.resolve(strict=True)
            stat = real.stat()
        except (OSError, RuntimeError) as exc:
            self._warnings.append(f"{relative}: cannot be read ({exc.__class__.__name__})")
            return None
        if not real.is_relative_to(self.path):
            self._warnings.append(f"{relative}: a link out of the corpus; not followed")
        elif not real.is_file():
            self._warnings.append(f"{relative}: not a file; left out")
        elif stat.st_size > MAX_BYTES:
            self._warnings.append(f"{relative}: {stat.st_size:,} bytes is more than {MAX_BYTES:,}; left out")
        else:
            return stat
        return None

    def _relative(self, folder: str, name: str) -> str:
        return os.path.relpath(Path(folder) / name, self.path)

    def _unreadable(self, error: OSError) -> None:
        self._warnings.append(f"{error.filename}: this folder cannot be read ({error.strerror})")


class TableCorpus:
    """Documents as rows of a Parquet or JSON Lines file. A column's name says what it holds: see `COLUMNS`."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        self._warnings: list[str] = []
        self.count: int | None = None
        stat = path.stat()
        self._size, self._mtime_ns = stat.st_size, stat.st_mtime_ns
        if self._is_parquet:
            try:
                metadata = pq.read_metadata(path)
            except (OSError, pa.ArrowInvalid) as exc:
                raise InvalidCorpus(f"corpus {str(path)!r}: not a Parquet file that can be read ({exc})") from exc
            self.count = metadata.num_rows
            self._columns(metadata.schema.to_arrow_schema().names)

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(self._warnings)

    @property
    def _is_parquet(self) -> bool:
        return self.path.suffix.lower() in (".parquet", ".pq")

    def stamp(self) -> str:
        return hashlib.sha256(canonical_json([self.path.name, self._size, self._mtime_ns]).encode()).hexdigest()

    def items(self) -> Iterator[Item]:
        seen: set[str] = set()
        for number, record in self._records():
            columns = self._columns(list(record))
            raw = _raw(record, columns)
            label = f"row {number}"
            if raw is None:
                self._warnings.append(f"{label}: holds no document; left out")
                continue
            url = self._url(record, columns, number)
            if url in seen:
                self._warnings.append(f"{label}: its URL stands in an earlier row; left out ({url})")
                continue
            seen.add(url)
            yield Item(url, f"{label} ({url})", -1, self._mtime_ns, lambda raw=raw: raw)  # type: ignore[misc]

    def _url(self, record: Mapping[str, Any], columns: Mapping[str, str], number: int) -> str:
        url = record.get(columns.get("url", ""))
        if isinstance(url, str) and url.strip():
            return url.strip()
        own = record.get(columns.get("id", ""))
        return f"corpus://{quote(self.name, safe='')}/{quote(str(own if own not in (None, '') else number), safe='/')}"

    def _columns(self, names: list[str]) -> dict[str, str]:
        known = {name.casefold(): name for name in reversed(names)}
        columns = {thing: known[name] for thing, spellings in COLUMNS.items() for name in reversed(spellings) if name in known}
        if not {"html", "markdown", "text"} & columns.keys():
            wanted = ", ".join(spelling for thing in ("html", "markdown", "text") for spelling in COLUMNS[thing])
            raise InvalidCorpus(
                f"corpus {str(self.path)!r}: no column holds documents. Its columns are {', '.join(names) or '(none)'}; "
                f"one must be called one of {wanted}"
            )
        return columns

    def _records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        if self._is_parquet:
            number = 0
            try:
                with pq.ParquetFile(self.path) as file:
                    for batch in file.iter_batches(_BATCH):
                        for record in batch.to_pylist():
                            yield number, record
                            number += 1
            except (OSError, pa.ArrowException) as exc:
                raise InvalidCorpus(f"corpus {str(self.path)!r}: row {number} cannot be read ({exc})") from exc
            return
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines):
                if not line.strip():
                    continue
                if isinstance(entry := _json(line), dict):
                    yield number, entry
                else:
                    self._warnings.append(f"row {number}: not a JSON object; left out")


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _raw(record: Mapping[str, Any], columns: Mapping[str, str]) -> Raw | None:
    """A row's document: its HTML if it has any, else its Markdown, else its text."""
    for kind in ("html", "markdown", "text"):
        content = record.get(columns.get(kind, ""))
        if not content or (isinstance(content, str) and not content.strip()):
            continue
        given = record.get(columns.get("media_type", ""))
        title, published = record.get(columns.get("title", "")), record.get(columns.get("published", ""))
        if isinstance(published, (date, datetime)):
            published = published.isoformat()
        labels = {"title": title if isinstance(title, str) else "", "published": published if isinstance(published, str) else ""}
        if isinstance(content, bytes):
            return Raw(content, given if isinstance(given, str) else None, **labels)
        if isinstance(content, str):
            return Raw(content.encode("utf-8", "replace"), _MEDIA_TYPES[kind], **labels)
    return None
