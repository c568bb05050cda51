"""Clocks: the times of day that a text states."""

from __future__ import annotations

import re
from typing import Final, Literal

_CLOCK: Final = re.compile(
    r"(?<![\w:.,])(?:(?:[01]?\d|2[0-4])[:.h][0-5]\d(?::[0-5]\d)?(?:\s?[ap]\.?m\b\.?)?|(?:1[0-2]|0?[1-9])\s?[ap]\.?m\b\.?"
    r"|(?:[01]?\d|2[0-4])\s?(?:Uhr|h)\b|(?:noon|midnight)\b)(?![\d:]|\.\d)(?-i:\s(?:UTC|GMT|[A-Z]{1,3}S?T)\b)?",
    re.IGNORECASE,
)
_SPAN: Final = re.compile(r"(?:\s?(?:Uhr|hrs|h))?\s?(?:[-–—]|to|till|until|and|bis|à|a)\s?", re.IGNORECASE)
_BARE_BEGINNING: Final = re.compile(r"\d\s?(?:[-–—]|to|bis)\s?\Z", re.IGNORECASE)
"""Before a time of day, a number that is one too: `4–6 pm`."""
_LATEST: Final = re.compile(r"(?<!\w)(?:until|till|to|before|by|latest|bis|jusqu'à|hasta)\s(?:\w{1,20}\s)?\Z", re.IGNORECASE)
_EARLIEST: Final = re.compile(r"(?<!\w)(?:from|after|since|ab|dès|desde)\s\Z", re.IGNORECASE)
_BEFORE: Final = 40
"""Characters before a time of day in which such a word stands."""
Bound = Literal["start", "end"]
Span = tuple[int, int]


def clocks(text: str, bound: Bound | None = None) -> list[Span]:
    """Where a text states times of day; a span of them (`10:00–18:00`) is one, or the end of it that is asked for. What stands
    behind `until` is no beginning, and what stands behind `from` no end."""
    found: list[tuple[Span | None, Span]] = []
    for match in _CLOCK.finditer(text):
        if found and _SPAN.fullmatch(text, found[-1][1][1], match.start()):
            found[-1] = (found[-1][0], match.span())
        else:
            is_second = _stands(_BARE_BEGINNING, text, match.start())
            found.append((None if is_second else match.span(), match.span()))
    match bound:
        case None:
            return [(first[0], last[1]) for first, last in found if first]
        case "start":
            return [first for first, last in found if first and not (first == last and _stands(_LATEST, text, first[0]))]
        case "end":
            return [last for first, last in found if not (first == last and _stands(_EARLIEST, text, last[0]))]


def _stands(pattern: re.Pattern[str], text: str, at: int) -> bool:
    """Whether what a pattern ends with stands right before a place."""
    return pattern.search(text, max(0, at - _BEFORE), at) is not None
