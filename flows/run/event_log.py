"""`.state/events.jsonl`: what the latest invocation of a run reported, line by line, for whoever watches it from elsewhere.

Each line is an event as `--json` prints it, with `at`, in seconds since 1970, and with `text`, its sentence, if it has one. Every
few seconds a line `services` says how the services that the run asks have answered so far. Nothing of a run depends on the file:
what it holds stands in the tables too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final

from flows.run.events import Event, RowEscalated, RowFinished, RunFinished, event_name
from research.concurrency.traffic import ServiceTraffic, Traffic
from research.display.printable import printable_logger
from research.tables.run_folder.event_file import FILE, SERVICES

SERVICES_SECONDS: Final = 5.0
"""Between two lines of how services answer."""
MOST_SERVICES: Final = 40
"""Services in such a line: all search providers, and the hosts on which most time was spent."""

_FIGURES: Final = (RowFinished, RowEscalated, RunFinished)
"""Events without a sentence."""

_log: Final = printable_logger(__name__)


class EventLog:
    """Writes the file anew. A disk that is full costs the run nothing: it is not written any more.

    Args:
        state: the run folder's `.state`.
        traffic: of the run's world.
    """

    def __init__(self, state: Path, traffic: Traffic, clock: Callable[[], float] = time.time) -> None:
        self._path = state / FILE
        self._traffic = traffic
        self._clock = clock
        self._file: BinaryIO | None = None
        self._services_at = 0.0

    def __enter__(self) -> EventLog:
        try:
            self._file = self._path.open("wb", buffering=0)
        except OSError as error:
            self._give_up(error)
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def __call__(self, event: Event) -> None:
        now = self._clock()
        text = {} if isinstance(event, _FIGURES) else {"text": str(event)}
        self._write({"event": event_name(event), "at": round(now, 3), **text, **asdict(event)})
        if self._traffic.services and (now - self._services_at >= SERVICES_SECONDS or isinstance(event, RunFinished)):
            self._services_at = now
            services = sorted(self._traffic.services.values(), key=_weight, reverse=True)[:MOST_SERVICES]
            self._write({"event": SERVICES, "at": round(now, 3), SERVICES: [asdict(each) for each in services]})

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(line, ensure_ascii=False, default=str).encode("utf-8", "replace") + b"\n")
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._file = None
        _log.warning("%s cannot be written: %s. The run goes on; research watch sees its commits only", self._path, error)


def _weight(service: ServiceTraffic) -> tuple[bool, float]:
    return service.kind == "search", service.seconds
