"""What a task reports while it goes on: `ProgressEvent`, and the recorder that gives each its place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

from research.records import PublishedRecord
from research.result.result import UtcTime, utc_now

T = TypeVar("T")


class ProgressEvent(PublishedRecord):
    """Something that happened to a task."""

    sequence: int
    """From 1, without gaps."""
    type: Literal["status", "progress"]
    """`status` (data: `{"status": …}`) or `progress` (data: `{"step": …, "message": …, "state": …}`). A step is `started`, then
    `finished`, or `stopped` where it came to no result; one whose result was stored before is not told."""
    data: dict[str, Any]
    at: UtcTime


class ProgressRecorder:
    """Records the events of one task.

    Args:
        listener: is called with each of them, in order.
    """

    def __init__(self, listener: Callable[[ProgressEvent], None] | None = None) -> None:
        self.events: list[ProgressEvent] = []
        self._listener = listener

    def status(self, status: str) -> None:
        self._add("status", {"status": status})

    async def during(self, step: str, message: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do a step of the work, and record when it begins and ends.

        Args:
            message: what a person calls it.
        """
        self._add("progress", {"step": step, "message": message, "state": "started"})
        state = "stopped"
        try:
            result = await work()
            state = "finished"
            return result
        finally:
            self._add("progress", {"step": step, "message": message, "state": state})

    def _add(self, kind: Literal["status", "progress"], data: dict[str, Any]) -> None:
        event = ProgressEvent(sequence=len(self.events) + 1, type=kind, data=data, at=utc_now())
        self.events.append(event)
        if self._listener is not None:
            self._listener(event)
