"""Periods: the days, months, years and decades that an objective names, and the days that a comparison with one leaves."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

from research.values.dates import StatedDate, dates

_DECADE: Final = re.compile(r"(?P<early>early|late|mid)?[ -]?(?P<year>[12]\d\d0)['’]?s\b", re.I)


def bounds_of(operator: str, first: date, last: date) -> tuple[date | None, date | None]:
    """The first and the last day that meet a comparison with a period: `before`, `until`, `after`, `since` or `in` it."""
    day = timedelta(days=1)
    return {
        "before": (None, first - day),
        "until": (None, last),
        "after": (last + day, None),
        "since": (first, None),
        "in": (first, last),
    }[operator]


def period(text: str) -> tuple[date, date, int] | None:
    """The date that a text begins with: its first and last day, and how long it is."""
    decade = _DECADE.match(text)
    if decade is not None:
        year = int(decade["year"])
        return date(year, 1, 1), date(year + 9, 12, 31), decade.end()
    stated = next(iter(dates(text[:40])), None)
    if stated is None or stated.start > 0:
        return None
    return _first(stated), _last(stated), stated.end


def _first(stated: StatedDate) -> date:
    return date(stated.year, stated.month or 1, stated.day or 1)


def _last(stated: StatedDate) -> date:
    if stated.day is not None:
        return _first(stated)
    year, month = (stated.year, stated.month + 1) if stated.month is not None and stated.month < 12 else (stated.year + 1, 1)
    return date(year, month, 1) - timedelta(days=1)
