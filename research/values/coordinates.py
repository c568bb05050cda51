"""Coordinates: the degrees of latitude and longitude that a text states."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from research.values.names import spaced

Axis = Literal["latitude", "longitude"]

_SIDES: Final[dict[str, tuple[Axis, int]]] = {
    "N": ("latitude", 1),
    "S": ("latitude", -1),
    "E": ("longitude", 1),
    "W": ("longitude", -1),
}
AXES: Final[tuple[Axis, ...]] = ("latitude", "longitude")
_LIMITS: Final[dict[Axis, int]] = {"latitude": 90, "longitude": 180}
_ANGLE: Final = (
    r"(?P<degrees>\d{1,3}(?:[.,]\d+)?)(?:\s?[°º˚]\s?|(?<=\.\d\d\d)\s?|(?<=\.\d\d\d\d)\d{0,6}\s?)"
    r"(?:(?P<minutes>[0-5]?\d(?:\.\d+)?)\s?[′'’]\s?(?:(?P<seconds>[0-5]?\d(?:\.\d+)?)\s?(?:[″\"”]|''|′′)\s?)?)?"
)
_SIDE_BEHIND: Final = re.compile(rf"(?<![\w.,]){_ANGLE}(?P<side>[NSEW])(?![\w'’])")
_SIDE_BEFORE: Final = re.compile(rf"(?<![\w.,])(?P<side>[NSEW])\s?{_ANGLE}(?!\w)")
_PAIR: Final = re.compile(
    r"(?<![\w.,/-])(?P<latitude>[-−]?\d{1,2}\.\d{2,10})\s?°?\s?[,;/]?\s?(?P<longitude>[-−]?\d{1,3}\.\d{2,10})\s?°?(?!\w|[.,/]\d)"
)
_LATITUDE_FIRST: Final = re.compile(r"\blat\w*\W+l(?:on|ng)", re.IGNORECASE)
_ASKED: Final = re.compile(r"\b(?:lat|latitude|lon|lng|long|longitude)\b")
_LONGITUDE_FIRST: Final = re.compile(r"\bl(?:on|ng)\w*\W+lat", re.IGNORECASE)


class Degrees(NamedTuple):
    """`46°33′N`, or one of the numbers of `48.8566, 2.3522`: degrees, south and west below zero, to a millionth."""

    axis: Axis
    value: Decimal
    start: int
    end: int
    is_open: bool = False
    """One of a pair that may be meant the other way round."""


@lru_cache(maxsize=4096)
def coordinates(text: str, label: str = "") -> tuple[Degrees, ...]:
    """The degrees that a text states with their side, or else as its only pair of decimals: latitude first, unless the words that
    announce it say otherwise."""
    behind, before = list(_SIDE_BEHIND.finditer(text)), list(_SIDE_BEFORE.finditer(text))
    is_before = bool(before) and (not behind or before[0].start() < behind[0].start())
    found = [_of_side(match) for match in (before if is_before else behind)]
    pairs = [] if found else list(_PAIR.finditer(text))
    if len(pairs) == 1 and not _LONGITUDE_FIRST.search(label):
        first, second = (Decimal(pairs[0][axis].replace("−", "-")) for axis in AXES)
        is_open = abs(second) <= _LIMITS["latitude"] and not _LATITUDE_FIRST.search(label)
        found = [Degrees(axis, value, *pairs[0].span(axis), is_open) for axis, value in zip(AXES, (first, second), strict=True)]
        return tuple(found) if all(abs(one.value) <= _LIMITS[one.axis] for one in found) else ()
    return tuple(one for one in found if abs(one.value) <= _LIMITS[one.axis])


def axis_of(name: str) -> Axis | None:
    """The part of a position that a field of this name asks for: `latitude` of `lat`."""
    found = _ASKED.search(spaced(name))
    return (AXES[0] if found[0].startswith("lat") else AXES[1]) if found else None


def _of_side(match: re.Match[str]) -> Degrees:
    axis, sign = _SIDES[match["side"]]
    minutes, seconds = Decimal(match["minutes"] or 0), Decimal(match["seconds"] or 0)
    value = Decimal(match["degrees"].replace(",", ".")) + minutes / 60 + seconds / 3600
    return Degrees(axis, sign * round(value, 6), *match.span())
