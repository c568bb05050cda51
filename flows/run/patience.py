"""How long an outage is waited out: what people write, as seconds."""

from __future__ import annotations

import re
from typing import Final

from research.errors import InvalidInput

_UNITS: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d)\s*", re.ASCII)


def patience_seconds(text: str) -> float:
    """The seconds in `90s`, `30m`, `1h30m` or `0`.

    Raises:
        InvalidInput: it is no duration.
    """
    stated = text.strip().lower()
    if stated == "0":
        return 0.0
    parts = list(_PART.finditer(stated))
    if not parts or "".join(part[0] for part in parts) != stated:
        raise InvalidInput(f"--patience {text!r} is no duration: write it as 90s, 30m, 2h or 1h30m; 0 waits for nothing")
    return sum(float(part[1]) * _UNITS[part[2]] for part in parts)
