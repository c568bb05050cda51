"""`run.json`: what was asked of a run, its settings and columns, and how it ended; with a digest of all that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from research.durable.lines import digest_of
from research.errors import InvalidRun
from research.identity import canonical_json
from research.tables.layout.durable import write_json
from research.tables.layout.parts import TABLES
from research.tables.run_folder.commit_records import FOLDER as COMMITS
from research.tables.run_folder.commit_records import CommitRecords
from research.tables.run_folder.request import request_key
from research.tables.run_folder.run_lock import now

FORMAT_VERSION: Final = "1"
STATE: Final = ".state"
RUN_FILE: Final = "run.json"
_REBUILD: Final = "Run the command of the run again, with the same --out: the file is made anew, and what is committed stays."


class DamagedDocument(InvalidRun):
    """A `run.json` that is not as it was written."""


def new_document(request: Mapping[str, Any], settings: Mapping[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    """Of a run that begins."""
    return {
        "format_version": FORMAT_VERSION,
        "key": request_key(request),
        "status": "running",
        "reason": None,
        "created_at": now(),
        "finished_at": None,
        "request": dict(request),
        "settings": dict(settings),
        "summary": None,
        "columns": dict(columns),
        "commit_records": True,
    }


def read_document(folder: Path) -> dict[str, Any]:
    """What `run.json` says, once its digest has been checked.

    Raises:
        InvalidRun: there is none, or a newer version wrote it; DamagedDocument: it is not whole.
    """
    file = folder / RUN_FILE
    try:
        text = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise InvalidRun(f"{folder} is not a run folder: it holds no {RUN_FILE}.") from exc
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise DamagedDocument(f"{file} is not JSON: {exc}. {_REBUILD}") from exc
    if not isinstance(document, dict) or "format_version" not in document:
        raise DamagedDocument(f"{file} does not describe a run: it has no format_version. {_REBUILD}")
    if "digest" in document or "commit_records" in document:
        digest = document.pop("digest", None)
        if digest != _digest(document):
            raise DamagedDocument(f"{file} was changed after it was written, or is damaged. {_REBUILD}")
    if document["format_version"] != FORMAT_VERSION:
        raise InvalidRun(
            f"{folder} has format version {document['format_version']}; this version reads {FORMAT_VERSION}. "
            "Read it with the version of research-flows that wrote it."
        )
    return document


def write_document(folder: Path, document: Mapping[str, Any]) -> None:
    """Write it in one step."""
    write_json(folder / RUN_FILE, {**document, "digest": _digest(document)})


def is_startable(folder: Path) -> bool:
    """Whether a folder holds nothing but what a run makes before its first commit: a process may have been killed there."""
    if not folder.is_dir():
        return False
    others = [entry for entry in folder.iterdir() if entry.name not in (RUN_FILE, STATE)]
    return all(entry.name in (COMMITS, *TABLES) and entry.is_dir() and not any(entry.iterdir()) for entry in others)


def recorded_settings(folder: Path, key: str) -> dict[str, Any] | None:
    """The settings of the run with this key whose commits a folder holds; None if it holds none.

    Raises:
        InvalidRun: it holds commits of another run.
    """
    runs = [record.run for record in CommitRecords(folder).all().values()]
    if any(run["key"] != key for run in runs):
        raise InvalidRun(f"{folder} holds the run of another request, without a {RUN_FILE}: choose another folder with --out.")
    return dict(runs[0]["settings"]) if runs else None


def _digest(document: Mapping[str, Any]) -> str:
    return digest_of(canonical_json(dict(document)).encode("utf-8", "surrogatepass"))
