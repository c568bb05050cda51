"""How people read figures: counts with thousands, shares in per cent, durations in the two units that say something."""

from __future__ import annotations

from typing import Final

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def count(number: int, noun: str = "") -> str:
    """`1,234`; with a noun `1,234 rows`, `1 row`, `2 searches`."""
    if number != 1 and noun:
        noun += "es" if noun.endswith(("s", "x", "ch", "sh")) else "s"
    return f"{number:,} {noun}".rstrip()


def share(part: float, whole: float) -> str:
    """A part in per cent: `67 %`. Never `100 %` of what is not whole, nor `0 %` of what is something. Of nothing: a dash."""
    if not whole:
        return "–"
    percent = round(100 * part / whole)
    if 0 < part < whole and percent in (0, 100):
        return "< 1 %" if percent == 0 else "> 99 %"
    return f"{percent} %"


def duration(seconds: float) -> str:
    """`0.8 s`, `42 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    left = round(seconds)
    parts: list[str] = []
    for name, size in _UNITS:
        if left >= size or parts:
            parts.append(f"{left // size} {name}")
            left %= size
        if len(parts) == 2:
            break
    return " ".join(part for place, part in enumerate(parts) if place == 0 or not part.startswith("0 "))
