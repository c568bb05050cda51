"""`RunStatus`: where a run stands, for whoever looks at its folder. Read from what the run writes: its events, its commit records
and its tables; so it works from another process, while the run goes on and after it has ended.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from flows.run.causes import Cause, Failed, Remedy, causes, remedy
from flows.run.events import CONFIDENCES, NOT_TRIED
from flows.run.task_labels import row_label
from research.money.charge_file import ChargeFile
from research.tables.inputs.json_values import json_rows
from research.tables.run_folder.event_file import SERVICES, read_events
from research.tables.run_folder.overview import RunOverview, overview
from research.tables.run_folder.reader import Run, open_run
from research.tables.run_folder.request import label_columns
from research.tables.run_folder.run_document import STATE, read_document
from research.tables.run_folder.run_folder import RunFolder
from research.tables.warehouse.reading import warehouse_of
from research.tables.warehouse.warehouse import FILE

LATELY_SECONDS: Final = 60.0
"""Over which the speed is taken."""
SLOW_SECONDS: Final = 5.0
"""A service is slow whose calls take so long on average."""
OFTEN: Final = 0.5
"""A service is in trouble of whose calls so many fail, or bring nothing."""
ENOUGH_CALLS: Final = 4


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """A host or a search provider that is slow, fails, or answers with nothing."""

    kind: str
    name: str
    calls: int
    empty: int
    failed: int
    mean_seconds: float
    slowest: float


@dataclass(frozen=True, slots=True)
class RunStatus:
    """Where a run stands."""

    run: RunOverview
    started_at: str
    """Of the invocation that runs, or ran last."""
    seconds: float | None
    """Since it started, or until it ended; None: it does not say."""
    rows_per_second: float | None
    """Lately; of a run that has ended, on average."""
    seconds_left: float | None
    spent_usd: float | None
    """US dollars paid so far, by all invocations; None: a price is not known."""
    cap_usd: float | None
    cells: dict[str, int]
    """Fields of rows by their confidence: `high`, `medium`, `low`, `none`."""
    fields: dict[str, dict[str, int]]
    """The same by field, once the run has ended."""
    causes: tuple[Cause, ...]
    services: tuple[ServiceStatus, ...]
    paused: tuple[str, ...]
    """Services that answer nobody just now, and what they said."""
    warnings: tuple[str, ...]
    stopping: str | None = None
    """If the run is being stopped: how long rows under way still have."""


class Watcher:
    """Follows one run folder: each look reads only what has been added.

    Args:
        folder: the run folder.
        name: as commands are to name it.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._offset = 0
        self._rows: dict[int, dict[str, Any]] = {}
        """The latest `row_finished` of each row."""
        self._started: dict[str, Any] | None = None
        self._services: list[dict[str, Any]] = []
        self._paused: dict[str, str] = {}
        self._warnings: list[str] = []
        self._stopping: str | None = None
        self._times: list[float] = []

    def look(self) -> RunStatus:
        """How the run stands now.

        Raises:
            InvalidRun: there is no run any more.
        """
        self._read()
        run = overview(self._folder)
        document = read_document(self._folder)
        invocation = document.get("invocation") or {}
        if run.state == "running":
            return self._running(run, invocation)
        opened = open_run(self._folder)
        fields = _by_field(opened)
        began = None if self._started is None else float(self._started["at"])
        seconds = None
        if began is not None and run.finished_at is not None:  # in whole seconds: a short run would end before its last row
            seconds = max(_seconds(run.finished_at), began, *self._times) - began
        return RunStatus(
            run=run,
            started_at=run.created_at if began is None else datetime.fromtimestamp(began, UTC).isoformat(timespec="seconds"),
            seconds=seconds,
            rows_per_second=len(self._times) / seconds if seconds and self._times else None,
            seconds_left=None,
            spent_usd=ChargeFile(self._folder / STATE).usd,
            cap_usd=(invocation.get("options") or {}).get("max_cost"),
            cells=_summed(fields.values()) if fields else self._cells(),
            fields=fields,
            causes=causes(failed_rows(opened), self._name),
            services=self._in_trouble(),
            paused=(),
            warnings=tuple(document.get("warnings") or self._warnings),
        )

    def _running(self, run: RunOverview, invocation: Mapping[str, Any]) -> RunStatus:
        now = datetime.now(UTC).timestamp()
        began = _seconds(run.holder.since) if run.holder is not None else now
        kept = 0 if self._started is None else int(self._started["kept"])
        finished = Counter(event["status"] for event in self._rows.values())
        completed = max(run.completed, kept + finished["completed"])
        waiting = max(run.waiting, finished["action_required"])
        failed = max(run.failed, sum(finished.values()) - finished["completed"] - finished["action_required"])
        lately = [time for time in self._times if time > now - LATELY_SECONDS]
        since = max(now - LATELY_SECONDS, began, 0.0)
        speed = len(lately) / (now - since) if lately and now > since else None
        left = None if run.rows is None else run.rows - completed - failed - waiting
        state = self._folder / STATE
        return RunStatus(
            run=replace(run, completed=completed, failed=failed, waiting=waiting),
            started_at=run.created_at if run.holder is None else run.holder.since,
            seconds=now - began,
            rows_per_second=speed,
            seconds_left=left / speed if left is not None and speed else None,
            spent_usd=ChargeFile(state).usd,
            cap_usd=(invocation.get("options") or {}).get("max_cost"),
            cells=self._cells(),
            fields={},
            causes=causes(self._failed(), self._name),
            services=self._in_trouble(),
            paused=tuple(self._paused.values()),
            warnings=tuple(self._warnings),
            stopping=self._stopping,
        )

    def _read(self) -> None:
        events, offset = read_events(self._folder / STATE, self._offset)
        if offset < self._offset or any(event["event"] == "run_started" for event in events):
            self._rows, self._services, self._paused, self._times = {}, [], {}, []  # another invocation has begun
            self._warnings, self._stopping, self._started = [], None, None
        self._offset = offset
        for event in events:
            self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "run_started":
                self._started = event
                self._warnings += event.get("warnings") or []
            case "row_finished":
                self._rows[event["row"]] = event
                self._times.append(event["at"])
            case "service_paused":
                self._paused[event["service"]] = event["text"]
            case "service_resumed":
                self._paused.pop(event["service"], None)
            case "search_brings_nothing":
                self._warnings.append(event["text"])
            case "run_stopping":
                self._stopping = event["text"]
            case name if name == SERVICES:
                self._services = event[SERVICES]

    def _cells(self) -> dict[str, int]:
        return _summed(event.get("cells") or {} for event in self._rows.values())

    def _failed(self) -> Iterator[Failed]:
        for event in self._rows.values():
            if event["status"] not in ("completed", "action_required"):
                yield Failed(event["row"], event.get("error_kind"), event["error"] or "", event["label"])

    def _in_trouble(self) -> tuple[ServiceStatus, ...]:
        found = []
        for each in self._services:
            mean = each["seconds"] / max(each["calls"], 1)
            share = max(each["empty"], each["failed"]) / max(each["calls"], 1)
            if each["kind"] == "search" or (each["calls"] >= ENOUGH_CALLS and (mean >= SLOW_SECONDS or share >= OFTEN)):
                counts = {name: each[name] for name in ("kind", "name", "calls", "empty", "failed", "slowest")}
                found.append(ServiceStatus(**counts, mean_seconds=mean))
        return tuple(found)


def failed_rows(run: Run) -> Iterator[Failed]:
    """The rows of a run that are committed and failed."""
    columns = run.folder.columns
    own = {name: columns.run[name] for name in ("status", "error", "error_kind") if name in columns.run}
    named_by = label_columns(run.request, columns.inputs)
    for shard in run.folder.unfinished(sys.maxsize):  # of a row too many nothing is there
        part = run.folder.read("results", shard, [columns.row_index, *columns.inputs, *own.values()])
        lines = [line for batch in part.to_batches() for line in json_rows(batch)]
        for line in lines:
            if line[own["status"]] not in ("completed", "action_required"):
                kind = line[own["error_kind"]] if "error_kind" in own else None
                row = line[columns.row_index]
                yield Failed(row, kind, line[own["error"]] or "", row_label(row, {name: line[name] for name in named_by}))


def failures(folder: RunFolder) -> tuple[int, int]:
    """How many committed rows were tried in vain; of them, how many running again cannot mend: what they are asked is wrong."""
    tried = [each.kind for each in failed_rows(Run(folder)) if each.kind not in NOT_TRIED]
    return len(tried), sum(remedy(kind) is Remedy.CORRECT_ROW for kind in tried)


def _by_field(run: Run) -> dict[str, dict[str, int]]:
    """Cells of completed rows by field and confidence. Empty while there is no `research.duckdb`."""
    if not (run.path / FILE).exists():
        return {}
    query = "SELECT field, coalesce(confidence, 'none'), count(*) FROM cells WHERE status = 'completed' GROUP BY ALL"
    found: dict[str, dict[str, int]] = {field: dict.fromkeys(CONFIDENCES, 0) for field in run.fields}
    with warehouse_of(run.path) as db:
        for field, confidence, count in db.execute(query).fetchall():
            found[field][confidence] = count
    return found


def _summed(counts: Any) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return {name: total[name] for name in CONFIDENCES if sum(total.values())}


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()
