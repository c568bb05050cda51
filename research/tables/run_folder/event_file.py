"""Reads `.state/events.jsonl`: what the latest invocation of a run reported. `flows/run/event_log.py` writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

FILE: Final = "events.jsonl"
SERVICES: Final = "services"
"""The event that says how hosts and search providers have answered so far, and its list of them."""


def read_services(state: Path) -> list[dict[str, Any]]:
    """How hosts and search providers have answered, as was reported last; nothing if none was asked, or no file is there."""
    events, _ = read_events(state)
    return next((list(event[SERVICES]) for event in reversed(events) if event["event"] == SERVICES), [])


def read_events(state: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The whole lines of the file from a place on, and the place after them. One that was begun anew is read from its start."""
    try:
        with (state / FILE).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(offset if offset <= size else 0)
            text = file.read()
            start = file.tell() - len(text)
    except FileNotFoundError:
        return [], 0
    whole = text[: text.rfind(b"\n") + 1]
    return list(_lines(whole)), start + len(whole)


def _lines(text: bytes) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:  # the machine lost its power
            continue
        if isinstance(event, dict) and "event" in event:
            yield event
