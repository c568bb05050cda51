"""Durations as people write them, as seconds: how long an outage is waited out, how old a cell may be."""

from __future__ import annotations

import re
from typing import Final

from research.errors import InvalidInput

_UNITS: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)\s*", re.ASCII)


def patience_seconds(text: str) -> float:
    """The seconds in `90s`, `30m`, `1h30m` or `0`.

    Raises:
        InvalidInput: it is no duration.
    """
    seconds = duration_seconds(text)
    if seconds is None:
        raise InvalidInput(f"--patience {text!r} is no duration: write it as 90s, 30m, 2h or 1h30m; 0 waits for nothing")
    return seconds


def age_seconds(text: str) -> float:
    """The seconds in `30d`, `2w` or `12h`.

    Raises:
        InvalidInput: it is no duration.
    """
    seconds = duration_seconds(text)
    if seconds is None:
        raise InvalidInput(f"--older-than {text!r} is no duration: write it as 12h, 30d or 4w")
    return seconds


def duration_seconds(text: str) -> float | None:
    """The seconds in `12h`, `30d` or `4w`; None: it is no duration."""
    stated = text.strip().lower()
    if stated == "0":
        return 0.0
    parts = list(_PART.finditer(stated))
    if not parts or "".join(part[0] for part in parts) != stated:
        return None
    return sum(float(part[1]) * _UNITS[part[2]] for part in parts)
