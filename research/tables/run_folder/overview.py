"""What a run folder is, at a glance: read from `run.json` and the commit records alone, so that hundreds are listed at once."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from filelock import FileLock, Timeout

from research.money.charge_file import ChargeFile
from research.tables.run_folder.commit_records import CommitRecords
from research.tables.run_folder.run_document import STATE, read_document
from research.tables.run_folder.run_lock import HOLDER, LOCK

RunState = Literal["running", "killed", "stopped", "finished"]
"""`running`: a process holds it. `killed`: none does, and it did not come to its end."""
_NO_OBJECTIVE: Final = "(from the row and the schema)"


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that runs a folder."""

    pid: int
    host: str
    since: str

    @property
    def is_here(self) -> bool:
        return self.host == socket.gethostname()


@dataclass(frozen=True, slots=True)
class RunOverview:
    """One run folder."""

    path: Path
    table: str
    """The table's path or URL; of folders of earlier versions the name in the folder's own."""
    objective: str
    model: str
    state: RunState
    reason: str | None
    """Why it was stopped."""
    rows: int | None
    """Of the table; None: it does not say."""
    completed: int
    failed: int
    waiting: int
    """Rows that wait for people: for the approval of a plan, or for answers."""
    cost_usd: float | None
    """US dollars of the rows as they stand; of a run that has not ended, paid so far. None: not known."""
    created_at: str
    finished_at: str | None
    holder: Holder | None = None


def overview(folder: Path) -> RunOverview:
    """Look at a run folder. Takes no lock and writes nothing.

    Raises:
        InvalidRun: its `run.json` is not whole, or a newer version wrote it.
    """
    document = read_document(folder)
    request, invocation, summary = document["request"], document.get("invocation") or {}, document["summary"]
    holder = holder_of(folder) if document["status"] == "running" else None
    state: RunState = document["status"]
    if state == "running" and holder is None:
        state = "killed"
    if summary is not None and state in ("finished", "stopped"):
        completed, failed, cost = summary["completed"], summary["failed"], summary["cost_usd"]
        waiting = summary.get("waiting", 0)
    else:
        completed, failed, waiting = _committed(folder)
        cost = ChargeFile(folder / STATE).usd
    rows = invocation.get("rows")
    return RunOverview(
        path=folder,
        table=_table(invocation)
        or _table(invocation.get("enrichment") or {})
        or re.sub(r"-[0-9a-f]{8}$", "", folder.resolve().name),
        objective=_objective(request),
        model=", ".join((summary or {}).get("models") or ()) or str(request.get("model", "")).partition("/")[0],
        state=state,
        reason=document["reason"],
        rows=summary["rows"] if rows is None and summary is not None else rows,
        completed=completed,
        failed=failed,
        waiting=waiting,
        cost_usd=cost,
        created_at=document["created_at"],
        finished_at=document["finished_at"],
        holder=holder,
    )


def holder_of(folder: Path) -> Holder | None:
    """The process that runs a folder; None if none does. One of another machine is believed, whose lock cannot be seen."""
    try:
        held = json.loads((folder / STATE / HOLDER).read_text(encoding="utf-8"))
        holder = Holder(int(held["pid"]), str(held["host"]), str(held["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return holder if not holder.is_here or (_is_process(holder.pid) and _is_locked(folder / STATE / LOCK)) else None


def _is_process(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def _is_locked(lock: Path) -> bool:
    """Whether the lock is held. It is tried only where a process with the holder's number lives, so as good as never taken."""
    try:
        with FileLock(lock, timeout=0, thread_local=False):
            return False
    except Timeout:
        return True
    except OSError:  # a folder that may only be read
        return True


def _committed(folder: Path) -> tuple[int, int, int]:
    """Completed, failed and waiting rows of the committed shards."""
    rows = [record.rows for record in CommitRecords(folder).all().values() if record.rows is not None]
    completed = sum(last - first + 1 for each in rows for first, last in each.completed)
    waiting = sum(each.waiting for each in rows)
    return completed, sum(each.count for each in rows) - completed - waiting, waiting


def _objective(request: Mapping[str, Any]) -> str:
    asked = request.get("objective")
    if not isinstance(asked, Mapping):
        return str(asked or _NO_OBJECTIVE)
    if template := asked.get("template"):
        return str(template)
    return f"{{{column}}}" if (column := asked.get("column")) else _NO_OBJECTIVE


def _table(invocation: Mapping[str, Any]) -> str | None:
    """What an invocation names as the table. A refresh names it in the enrichment that it amounts to."""
    table: str | None = (invocation.get("options") or {}).get("table")
    return table
