"""Files that appear whole or not at all."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any, Final

TEMPORARY: Final = ".tmp"
"""How the name of a file that is still being written ends. Nothing that reads a run folder looks at such files."""


def temporary(path: Path) -> Path:
    """A new name for writing `path`: hidden, in the same folder, so that the rename stays inside one file system."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}{TEMPORARY}")


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    if path.is_dir() and os.name == "nt":  # Windows cannot open a folder to flush it
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in place of `path` in one step.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    part = temporary(path)
    try:
        part.write_bytes(data)
        flush(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    flush(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document in place of `path` in one step."""
    write_whole(path, (json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode())
