"""What casting returns, and what it is told of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from research.values.doubts import NONE, Doubt


@dataclass(frozen=True, slots=True)
class Cast:
    """A value read from a text, where it stood, and how surely it is of the type asked (0 to 1)."""

    value: Any
    start: int
    end: int
    quality: float
    doubts: frozenset[Doubt] = NONE
    """What leaves it open whether it is the value meant."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a text that is cast stands in."""

    label: str = ""
    """The words that announce it and may name its unit or scale: key, head cell, caption. `Revenue (Millions of USD)`"""
    machine: bool = False
    """It is a page's data, written for machines: a point is decimal."""
    month_first: bool = False
    """The page's other days have the month before the day."""
    thing: str = ""
    """The kind of thing in the page's data that it belongs to: `Organization`, `Product`."""


PLAIN: Final = Setting()
