"""Moments: the days and years of a text that may be the one asked for, each with what leaves it open."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from research.values.dates import StatedDate, dates, short_dates
from research.values.doubts import NONE, Doubt
from research.values.neighbours import neighbour_doubts

_UNTIL: Final = re.compile(r"\s*(?:[-–—]|to|until|till|through|and|bis|au|al|a|hasta)\s*(?:the\s+)?")
_OR: Final = re.compile(r"\b\d{1,2}(?:st|nd|rd|th|\.)?\s(?:or|oder|ou|o)\s$", re.IGNORECASE)
"""Before a day that is one of two: `1 or 2 May 1900`."""
_CLOCK: Final = re.compile(
    r"(?<!\d)\d{1,2}:\d{2}|\d\s?(?:h\d{0,2}|[ap]\.?m|Uhr)(?!\w)|(?<=\d)T\d|\d\s?[時时点點시]", re.IGNORECASE
)
"""A time of day that is told, in a way that is understood or not: `22:15`, `22h15`, `10 pm`."""
_IN_FIGURES: Final = re.compile(r"\d+([-/.])\d+\1\d+")
_OTHER_CALENDARS: Final = ((1340, 1480), (2480, 2620))
"""Years that in the Iranian and the Islamic, and in the Thai calendar are those of people alive."""
_QUARTER: Final = re.compile(r"\b(?:[QqTH][1-4]|[1-4]\.?\s?(?:Quartal|quarter|trimestre))\s*[/,]?\s*$")


class Moment(NamedTuple):
    """A date in a text, and what leaves open whether it is the one meant."""

    date: StatedDate
    doubts: frozenset[Doubt]


def moments(
    text: str, bound: Literal["start", "end"] | None = None, *, month_first: bool = False, timed: bool = False
) -> list[Moment]:
    """The dates of a text; of spans of time (`from 16 to 19 June 2025`) only the days that begin or end them, where those are
    asked for. A quarter of a year is none. `month_first`: how to read what may be read both ways. `timed`: a time of day is asked
    for, so that a day is none whose time is told but not understood (`10:15 PM EST`)."""
    found, doubts = dates(text), NONE
    if not found and (found := short_dates(text)):
        doubts = frozenset(("ambiguous_century",))
    if month_first:
        found = tuple(replace(date, month=date.day, day=date.month) if date.swapped else date for date in found)
    if timed and _CLOCK.search(text):
        found = tuple(date for date in found if date.time)
    spans = [pair for pair in pairwise(found) if _UNTIL.fullmatch(text, pair[0].end, pair[1].start)]
    if spans and bound:
        found = tuple(pair[bound == "end"] for pair in spans)
    elif len({date.iso() for date in found}) > 1:
        doubts = frozenset(("range",)) if spans else frozenset(("several",))
    return [
        Moment(date, doubts | _beside(text, date))
        for date in found
        if date.month is not None or not _QUARTER.search(text, 0, date.start)
    ]


def _beside(text: str, date: StatedDate) -> frozenset[Doubt]:
    beside = neighbour_doubts(text, date.start, date.end, is_time=True) & {"approximate", "bound", "hypothetical"}
    if date.day is not None and _OR.search(text, 0, date.start):
        beside |= {"range"}
    if _IN_FIGURES.match(text, date.start) and any(first <= date.year < end for first, end in _OTHER_CALENDARS):
        beside |= {"other_calendar"}
    return beside | {"ambiguous_order"} if date.swapped else beside
