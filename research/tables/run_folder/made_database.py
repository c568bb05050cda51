"""Makes `research.duckdb` at the end of a run, unless what it is made of has not changed since it was made, and neither has the
file: a run that was done long before ends at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from research.tables.layout.made_tables import made_parts
from research.tables.layout.result_columns import ResultColumns
from research.tables.run_folder.commit_records import CommitRecord, PartRecord
from research.tables.run_folder.part_files import PartFiles
from research.tables.warehouse import warehouse


def make_current(folder: Path, parts: PartFiles, columns: ResultColumns, document: Mapping[str, Any]) -> dict[str, Any]:
    """Make the file, with each page once, or find it as it would be made.

    Args:
        document: `run.json` as it is.

    Returns: what `run.json` is to say of it: the `summary`, and under `warehouse` a hash of what the file was made of, its size
        and its own hash.
    """
    if _is_current(folder, parts, columns, document):
        return {"summary": document["summary"], "warehouse": document["warehouse"]}
    parts.drop_repeated_pages()
    summary = warehouse.build(folder, columns, parts.by_table(), made_parts(folder))
    made = PartRecord.of(folder / warehouse.FILE)
    return {"summary": summary, "warehouse": {"content": _content(folder, parts.counted(), columns), **made._asdict()}}


def _is_current(folder: Path, parts: PartFiles, columns: ResultColumns, document: Mapping[str, Any]) -> bool:
    made = document.get("warehouse")
    if document["summary"] is None or made is None or made["content"] != _content(folder, parts.counted(), columns):
        return False
    return PartRecord(made["size"], made["sha256"]).is_whole(folder / warehouse.FILE)


def _content(folder: Path, records: Mapping[int, CommitRecord], columns: ResultColumns) -> str:
    """A hash of everything that the file is made of: the committed parts, by their own hashes, and the tables and views."""
    digest = hashlib.sha256(warehouse.definition(columns).encode("utf-8", "surrogatepass"))
    for shard, record in records.items():
        for table, part in sorted(record.parts.items()):
            digest.update(f"\n{shard} {table} {part.size} {part.sha256}".encode())
    for table, path in made_parts(folder).items():
        part = PartRecord.of(path)
        digest.update(f"\n{table} {part.size} {part.sha256}".encode())
    return digest.hexdigest()
