"""The attempts to deliver events: one line of JSON each, with a digest, safe on the disk before anything else is done.

{"digest": "…", "delivery": "msg_…", "type": "research.run.finished", "to": "https://hooks.example", "attempt": 1,
 "at": "2026-01-31T09:15:00+00:00", "status": 503, "error": "answered 503", "seconds": 0.2, "accepted": false}
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from research.durable.lines import append, json_line, read_json_line
from research.records import Record


class Attempt(Record):
    """One request to a receiver, and what came of it."""

    delivery: str
    """The delivery's id, the same in all its attempts."""
    type: str
    """Of the event."""
    to: str
    """The receiver's scheme, host and port. What follows them in an address may be a secret."""
    attempt: int
    """From 1."""
    at: datetime
    status: int | None = None
    """What was answered. None: nothing."""
    error: str | None = None
    """Why it was not accepted, for a person."""
    seconds: float = 0.0
    accepted: bool = False


class Attempts:
    """A file of attempts. It need not exist."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __iter__(self) -> Iterator[Attempt]:
        """All of them, in order. A damaged line, such as a killed process leaves, says nothing."""
        try:
            lines = self._file.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        for line in lines:
            document = read_json_line(line)
            try:
                if document is not None:
                    yield Attempt.model_validate(document)
            except ValidationError:
                continue

    def of(self, delivery: str) -> list[Attempt]:
        """Those of one delivery."""
        return [attempt for attempt in self if attempt.delivery == delivery]

    def add(self, attempt: Attempt) -> None:
        """Write an attempt down, so that a killed process remembers it.

        Raises:
            OSError: it cannot be written down.
        """
        begins = b"\n" if self._is_torn() else b""
        append(self._file, begins + json_line(attempt.model_dump(mode="json")))
        with self._file.open("rb+") as file:
            os.fsync(file.fileno())

    def _is_torn(self) -> bool:
        """Whether the file ends in the middle of a line."""
        try:
            with self._file.open("rb") as file:
                file.seek(0, os.SEEK_END)
                if file.tell() == 0:
                    return False
                file.seek(-1, os.SEEK_END)
                return file.read(1) != b"\n"
        except FileNotFoundError:
            return False
