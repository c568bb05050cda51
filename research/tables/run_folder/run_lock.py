"""The lock of a run folder: one process at a time writes it. The system frees the lock of a dead process."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from research.errors import InvalidRun
from research.tables.layout.durable import write_json

HOLDER: Final = "holder.json"
LOCK: Final = "lock"


@contextmanager
def locked(folder: Path, state: Path) -> Iterator[None]:
    """Hold a run folder.

    Raises:
        InvalidRun: another process holds it; says which.
    """
    lock, holder = _acquired(folder, state), state / HOLDER
    try:
        write_json(holder, {"pid": os.getpid(), "host": socket.gethostname(), "since": now()})
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def refuse_locked(folder: Path, state: Path) -> None:
    """Refuse to work on a run folder that is being filled.

    Raises:
        InvalidRun: another process holds the run folder; says which.
    """
    _acquired(folder, state).release()


def _acquired(folder: Path, state: Path) -> FileLock:
    state.mkdir(parents=True, exist_ok=True)
    lock = FileLock(state / LOCK, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout as exc:
        raise InvalidRun(f"{folder} is being written by {_describe(state / HOLDER)}: wait for it, or end it.") from exc
    return lock


def now() -> str:
    """The moment, as run folders write it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _describe(holder: Path) -> str:
    try:
        held = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {held['pid']} on {held['host']} (since {held['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
