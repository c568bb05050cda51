"""Makes `research.duckdb` at the end of a run, unless what it is made of has not changed since it was made, and neither has the
file: a run that was done long before ends at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from research.tables.layout.made_tables import made_parts
from research.tables.layout.result_columns import ResultColumns
from research.tables.layout.reviews import read_reviews, review_files
from research.tables.run_folder.commit_records import CommitRecord, PartRecord
from research.tables.run_folder.part_files import PartFiles
from research.tables.run_folder.run_document import read_document, write_document
from research.tables.warehouse import warehouse


def make_current(folder: Path, parts: PartFiles, columns: ResultColumns, document: Mapping[str, Any]) -> dict[str, Any]:
    """Make the file, with each page once, or find it as it would be made.

    Args:
        document: `run.json` as it is.

    Returns: what `run.json` is to say of it: the `summary`, and under `warehouse` a hash of what the file was made of, the
        reviews in it, its size and its own hash.
    """
    reviews = [path.name for path in review_files(folder)]
    summary: dict[str, Any] = document["summary"]
    if not _is_current(folder, parts, columns, document):
        parts.drop_repeated_pages()
        summary = warehouse.build(folder, columns, parts.by_table(), read_reviews(folder), made_parts(folder))
    elif document["warehouse"].get("reviews", []) != reviews:
        warehouse.replace_reviews(folder, read_reviews(folder))
    else:
        return {"summary": summary, "warehouse": document["warehouse"]}
    made = PartRecord.of(folder / warehouse.FILE)
    return {
        "summary": summary,
        "warehouse": {"content": _content(folder, parts.counted(), columns), "reviews": reviews, **made._asdict()},
    }


def refresh(folder: Path) -> None:
    """Bring the file up to date with decisions made since the end of the run. For the holder of the folder's lock.

    Raises:
        InvalidRun: it is no run folder.
    """
    document = read_document(folder)
    about = {"key": document["key"], "settings": document["settings"]}
    parts = PartFiles(folder, about, recorded=document.get("commit_records", False))
    columns = ResultColumns.from_json(document["columns"])
    write_document(folder, {**document, **make_current(folder, parts, columns, document)})


def _is_current(folder: Path, parts: PartFiles, columns: ResultColumns, document: Mapping[str, Any]) -> bool:
    """Whether the file holds what the parts hold, whatever its reviews."""
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
