"""The index of a corpus on disk: whole generations, of which one is current.

    <index_dir>/<name>-<hash of path>/lock            held while a process opens or builds
                                     /current         the name of the current generation's folder
                                     /g-<random>/     passages/  documents/  entries.parquet
                                     /.draft-<random> one being built; left behind by a killed process, and then removed

A new generation starts as hard links to the files of the last one (tantivy never changes a file it has written, it writes new
ones), is changed in its own folder, and takes the last one's place by renames. So a reader never sees half an index, and a
killed build leaves the last generation as it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from research.durable.surroundings import writing
from research.identity import content_key
from research.search.index import INDEX, SETTING, CorpusIndex

_ENTRIES: Final = "entries.parquet"
_COLUMNS: Final[list[tuple[str, pa.DataType]]] = [
    ("url", pa.string()),
    ("size", pa.int64()),
    ("mtime_ns", pa.int64()),
    ("digest", pa.string()),
    ("number", pa.int64()),
    ("warning", pa.string()),
]
_SCHEMA: Final = pa.schema(_COLUMNS)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one document."""

    size: int
    mtime_ns: int
    digest: str
    number: int | None
    """Its number in the index; None if it could not be read."""
    warning: str | None


@dataclass(frozen=True, slots=True)
class Generation:
    """One whole index."""

    folder: Path
    stamp: str
    """Of the corpus it was made from: see `Corpus.stamp`."""
    fingerprint: str
    """Of the content of all documents."""
    entries: Mapping[str, Entry]
    """By URL."""
    warnings: tuple[str, ...]
    index: CorpusIndex


class Generations:
    """The generations of one corpus's index. Whoever opens or builds holds the lock."""

    def __init__(self, index_dir: Path, corpus: Path, name: str, version: str) -> None:
        slug = re.sub(r"[^\w-]+", "-", name).strip("-")[:40] or "corpus"
        # The name stands in every URL and the version in every text: with another one the index is another.
        key = hashlib.sha256("\0".join((os.fsencode(corpus).hex(), name)).encode("utf-8", "surrogatepass")).hexdigest()[:12]
        self._folder = index_dir / f"{slug}-{key}"
        self._version = version
        with self._writing():
            self._folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time; the others wait, and then find what it has built. Freed when a process dies."""
        with FileLock(self._folder / "lock"):
            yield

    def current(self) -> Generation | None:
        """The current generation; None if there is none, it was made by another version, or it is damaged."""
        try:
            folder = self._folder / (self._folder / "current").read_text("utf-8").strip()
            with pq.ParquetFile(folder / _ENTRIES) as file:  # `read_table` would import pandas
                table = file.read()
            about = json.loads((table.schema.metadata or {}).get(b"generation", b"{}"))
            if about.get("version") != self._version:
                return None
            columns = [table.column(name).to_pylist() for name in _SCHEMA.names]
            entries = {url: Entry(*rest) for url, *rest in zip(*columns, strict=True)}
            index = CorpusIndex(folder)
            index.count()
        except (OSError, ValueError, KeyError, pa.ArrowException):
            return None
        return Generation(folder, about["stamp"], about["fingerprint"], entries, tuple(about["warnings"]), index)

    @contextmanager
    def next(self, old: Generation | None) -> Iterator[Draft]:
        """A draft to change and publish. Starts as a copy of `old`, or empty. Thrown away if it is not published."""
        for leftover in self._folder.glob(".draft-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        folder = self._folder / f".draft-{secrets.token_hex(6)}"
        try:
            with self._writing():
                folder.mkdir()
                if old is not None:
                    for part in ("passages", "documents"):
                        shutil.copytree(
                            old.folder / part, folder / part, copy_function=_link, ignore=shutil.ignore_patterns("*.lock")
                        )
            yield Draft(self._folder, folder, self._version, CorpusIndex(folder, create=old is None))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _writing(self) -> AbstractContextManager[None]:
        return writing(self._folder, INDEX, SETTING)


class Draft:
    """A generation in the making."""

    def __init__(self, home: Path, folder: Path, version: str, index: CorpusIndex) -> None:
        self.index = index
        self._home, self._folder, self._version = home, folder, version

    def publish(self, stamp: str, entries: Mapping[str, Entry], warnings: tuple[str, ...]) -> None:
        """Make it the current generation, and remove the others. Who has one of them open goes on reading it."""
        about = {
            "version": self._version,
            "stamp": stamp,
            "fingerprint": content_key("corpus", documents=sorted([url, entry.digest] for url, entry in entries.items())),
            "warnings": list(warnings),
        }
        rows = [
            {
                "url": url,
                "size": entry.size,
                "mtime_ns": entry.mtime_ns,
                "digest": entry.digest,
                "number": entry.number,
                "warning": entry.warning,
            }
            for url, entry in entries.items()
        ]
        metadata = {"generation": json.dumps(about)}
        with writing(self._home, INDEX, SETTING):
            pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA.with_metadata(metadata)), self._folder / _ENTRIES)
            name = f"g-{secrets.token_hex(6)}"
            self._folder.rename(self._home / name)
            pointer = self._home / f".current-{name}"
            pointer.write_text(name, "utf-8")
            pointer.replace(self._home / "current")
        for other in self._home.glob("g-*"):
            if other.name != name:
                shutil.rmtree(other, ignore_errors=True)


def _link(source: str, target: str) -> None:
    """A hard link where there can be one. Tantivy's two small JSON files are copied: they are the ones that get new content."""
    if source.endswith(".json"):
        shutil.copy2(source, target)
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
