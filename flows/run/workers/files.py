"""What a coordinator and its workers tell each other, as files in the run folder: they need not share anything else.

    .state/workers/
      coordinator.json       which invocation of the run coordinates, that it is alive, and whether workers are to stop
      request.json           the options of the run
      inputs/00007.arrow     the rows of shard 7, from when it is handed out until it is committed
      orders/<name>/         one worker's order
        order.json           the order itself, where it is handed over by its path
        alive.json           the worker's process, and that it is alive
        events.jsonl         what happened, as it happens
        spending.jsonl       what was paid, call by call
        report.json          how it ended

All of it goes when the run ends. Every JSON file is replaced whole.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from flows.run.events import Event, RowFinished, ShardCommitted
from flows.run.workers.order import CoordinatorState, OrderReport, ShardOrder, WorkerState
from research.concurrency.outages import ServicePaused, ServiceResumed
from research.concurrency.traffic import SearchBringsNothing
from research.records import Record
from research.tables.layout.durable import temporary

R = TypeVar("R", bound=Record)

FOLDER: Final = "workers"
ORDER: Final = "order.json"

WorkerEvent = RowFinished | ShardCommitted | ServicePaused | ServiceResumed | SearchBringsNothing
"""What a coordinator is told as it happens."""


class WorkerFiles:
    """The files of one run.

    Args:
        state: the run folder's `.state`.
    """

    def __init__(self, state: Path) -> None:
        self._folder = state / FOLDER
        self._orders = self._folder / "orders"

    def begin(self, coordinator: str, request: Mapping[str, Any]) -> None:
        """Record that this invocation coordinates from now on, and what the request is."""
        self._orders.mkdir(parents=True, exist_ok=True)
        (self._folder / "inputs").mkdir(exist_ok=True)
        self.write_state(CoordinatorState(coordinator=coordinator))
        _write(self._folder / "request.json", request)

    def end(self) -> None:
        """Remove all of them."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def request(self) -> dict[str, Any]:
        """The options of the run: `{"flow": "enrich", "options": {…}}`.

        Raises:
            OSError, ValueError: they are not there, or cannot be read.
        """
        document: dict[str, Any] = json.loads((self._folder / "request.json").read_text("utf-8"))
        return document

    def write_state(self, state: CoordinatorState) -> None:
        _write(self._folder / "coordinator.json", state.model_dump(mode="json"))

    def state(self) -> CoordinatorState | None:
        """What the coordinator last wrote; None: nothing, as the run has ended or its folder cannot be reached."""
        return _read(self._folder / "coordinator.json", CoordinatorState)

    def put_inputs(self, shard: int, batch: pa.RecordBatch) -> None:
        path = self._inputs(shard)
        part = temporary(path)
        with pa.OSFile(str(part), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
            writer.write_batch(batch)
        part.replace(path)

    def inputs(self, shard: int) -> pa.RecordBatch:
        """The rows of a shard that is handed out."""
        with pa.OSFile(str(self._inputs(shard)), "rb") as source, pa.ipc.open_file(source) as reader:
            return reader.get_batch(0)

    def drop_inputs(self, shard: int) -> None:
        self._inputs(shard).unlink(missing_ok=True)

    def order(self, name: str) -> OrderFiles:
        return OrderFiles(self._orders / name)

    def orders(self) -> list[str]:
        """The names of the orders that there are files of."""
        return sorted(path.name for path in self._orders.iterdir()) if self._orders.exists() else []

    def _inputs(self, shard: int) -> Path:
        return self._folder / "inputs" / f"{shard:05d}.arrow"


class OrderFiles:
    """The files of one order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._events = folder / "events.jsonl"

    def begin(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def put(self, order: ShardOrder) -> Path:
        """Write the order down, for a worker that is told where it is. Returns the place."""
        self.begin()
        path = self.folder / ORDER
        _write(path, order.model_dump(mode="json"))
        return path

    def order(self) -> ShardOrder | None:
        """What `put` has written; None: the order was taken back."""
        return _read(self.folder / ORDER, ShardOrder)

    def write_state(self, state: WorkerState) -> None:
        """Write how the worker stands.

        Raises:
            FileNotFoundError: the order was taken back.
        """
        _write(self.folder / "alive.json", state.model_dump(mode="json"))

    def state(self) -> WorkerState | None:
        """What the worker last wrote; None: it has not begun."""
        return _read(self.folder / "alive.json", WorkerState)

    def add_event(self, event: Event) -> None:
        """Events of other kinds than `WorkerEvent` are left out."""
        if isinstance(event, WorkerEvent):
            kind = type(event).__name__
            line = json.dumps([kind, _adapters()[kind].dump_python(event, mode="json")], ensure_ascii=False)
            with self._events.open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    def events(self, offset: int) -> tuple[list[WorkerEvent], int]:
        """The events from a place in their file on, and the place after the last."""
        try:
            with self._events.open("rb") as file:
                file.seek(offset)
                text = file.read()
        except FileNotFoundError:
            return [], offset
        whole = text[: text.rfind(b"\n") + 1]
        return [event for line in whole.splitlines() if (event := _event(line)) is not None], offset + len(whole)

    def end(self, report: OrderReport) -> None:
        _write(self.folder / "report.json", report.model_dump(mode="json"))

    def report(self) -> OrderReport | None:
        """How the order ended; None: it has not, or its worker is lost."""
        return _read(self.folder / "report.json", OrderReport)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@cache
def _adapters() -> dict[str, TypeAdapter[Any]]:
    """By the names of the kinds of events."""
    kinds = (RowFinished, ShardCommitted, ServicePaused, ServiceResumed, SearchBringsNothing)
    return {kind.__name__: TypeAdapter(kind) for kind in kinds}


def _event(line: bytes) -> WorkerEvent | None:
    try:
        name, fields = json.loads(line)
        event: WorkerEvent = _adapters()[name].validate_python(fields)
    except (ValueError, KeyError, TypeError):
        return None
    return event


def _write(path: Path, document: Mapping[str, Any]) -> None:
    part = temporary(path)
    part.write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    part.replace(path)


def _read(path: Path, kind: type[R]) -> R | None:
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
