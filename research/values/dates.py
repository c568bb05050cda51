"""Dates: the days, months and years that a text states."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import dateparser

from research.values.number_words import ORDINALS
from research.values.scales import alternatives

LANGUAGES: Final = (
    *("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "nb", "fi"),
    *("pl", "cs", "ro", "hu", "tr", "ru", "uk", "el", "id"),
)
"""Languages whose month names are read. dateparser knows two hundred; trying them all on every phrase takes seconds."""

PARTIAL_DATE: Final = r"^\d{4}(-\d{2}(-\d{2})?)?$"
"""The `pattern` of a field that takes a date as exactly as it is known: `1977`, `1977-09` or `1977-09-05`."""


@dataclass(frozen=True, slots=True)
class StatedDate:
    """A date in a text, as exact as the text is: `month` and `day` are None where it does not say them."""

    start: int
    end: int
    year: int
    month: int | None = None
    day: int | None = None
    time: str | None = None
    """`HH:MM:SS`, with the offset or Z if the text gives one."""
    swapped: bool = False
    """`03/04/2021`: day and month may stand the other way round. Read day first."""

    def iso(self) -> str:
        """`1977-09-05`, `1977-09` or `1977`."""
        parts = [f"{self.year:04d}", *(f"{p:02d}" for p in (self.month, self.day) if p is not None)]
        return "-".join(parts)


_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_ENGLISH: Final = {
    spelling: number
    for number, name in enumerate(_MONTHS, start=1)
    for spelling in {name, name[:3], *({name[:4]} & {"june", "july", "sept"})}
}

_ERAS: Final = {"令和": (2018, 50), "平成": (1988, 31), "昭和": (1925, 64), "大正": (1911, 15), "明治": (1867, 45)}
"""Eras of Japan, each with the year before its first and the number of its years; of the present one, how many are foreseen."""
_FIGURES: Final = {zero + n: str(n) for zero in (0xFF10, 0x0660, 0x06F0, 0x0966) for n in range(10)}
"""Digits of other scripts: full width, Arabic, Persian, Devanagari."""
_ANY_YEAR: Final = re.compile(rf"[12]\d{{3}}|(?:{'|'.join(_ERAS)})\s?[\d元]")
_WORD: Final = r"[^\W\d_]{3,12}"
_YEAR: Final = r"(?P<year>[12]\d{3})"
_LINK: Final = r"(?:\s+(?:of|de|del|di))?"
_UNTIL: Final = r"\s?(?:[-–—]|to|until|till|through|and|bis|au|al|a|hasta)\s?"
_ZONE: Final = (
    r"(?:\s?[(]?(?P<utc>Z|UTC|GMT)(?P<ahead>[+-]\d{2}:?\d{2})?|(?P<offset>\s?[+-]\d{2}:?\d{2})"
    r"|(?!\s?[(]?(?-i:[A-Z]{2,5}\b|[A-Z][a-z]+/[A-Z])))(?!\w|:\d|[+-]\d|\s?(?:[-–—]|to\s|bis\s)\s?\d{1,2}[:.]\d{2}(?![\d.]))"
)
"""Behind a time of day. One in a zone that is told by a name alone, or that begins a span of time, is not read."""
_OFFSET: Final = re.compile(r"\s?([+-](?:0\d|1[0-4])):?(00|15|30|45)")
_PATTERNS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<![\d./-])(?P<year>[12]\d{3})-(?P<month>\d{2})-(?P<day>\d{2})"
        rf"(?:(?P<joint>[T ])(?P<hour>\d{{2}}):(?>(?P<minute>\d{{2}})(?::(?P<second>\d{{2}}(?:\.\d+)?))?){_ZONE})?(?!\d)",
        r"(?<![\d./-])(?P<year>[12]\d{3})-(?P<month>0[1-9]|1[0-2])(?![\d-])",
        r"(?<![\d./-])(?P<year>[12]\d{3})[./](?P<month>\d{1,2})[./](?P<day>\d{1,2})(?![\d/])",
        r"(?<![\d./-])(?P<year>[12]\d{3})\.\ (?P<month>\d{1,2})\.\ (?P<day>\d{1,2})(?=\.|\s*(?:\Z|[()~|\n]))",
        r"(?<![\d./-])(?P<first>\d{1,2})(?P<mark>[./-])(?P<second>\d{1,2})(?P=mark)(?P<year>[12]\d{3})(?!\d)",
        r"(?P<year>[12]\d{3})\s?[年년](?:\s?(?P<month>\d{1,2})\s?[月월](?:\s?(?P<day>\d{1,2})\s?[日일])?)?",
        rf"(?P<era>{'|'.join(_ERAS)})\s?(?P<year>\d{{1,2}}|元)\s?年(?:\s?(?P<month>\d{{1,2}})\s?月(?:\s?(?P<day>\d{{1,2}})\s?日)?)?",
        rf"(?<!\w)(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|\.|º)?(?:\s+day)?{_LINK}[\s-]+(?P<word>{_WORD})\.?{_LINK}\s?,?[\s-]+{_YEAR}(?!\w)",
        rf"(?<!\w)(?P<ordinal>{alternatives(ORDINALS)})(?:\s*\(\d+\w\w\))?\s+(?:day\s+)?of\s+(?P<word>{_WORD})\s?,?\s+{_YEAR}(?!\w)",
        rf"(?<!\w)(?P<word>{_WORD})\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s?,?\s+{_YEAR}(?!\w)",
        # Behind a full stop a capital letter begins a sentence: `in 1945. May 8 is a holiday`.
        rf"(?<!\w)(?P<year>[12]\d{{3}})(?:\s+|\.\s+(?=(?-i:[a-zà-ÿ])))(?P<word>{_WORD})\s+(?P<day>\d{{1,2}})(?!\w)",
        rf"(?<!\w)(?P<word>{_WORD})\.?\s+(?P<early>\d{{1,2}}){_UNTIL}(?P<day>\d{{1,2}}),?\s+{_YEAR}(?!\w)",
        rf"(?<!\w)(?P<word>{_WORD})\.?{_LINK},?\s+{_YEAR}(?!\w)",
        r"(?<![\w.,/])(?P<year>1\d{3}|20\d{2})(?![\w/]|[.,]\d)",
    )
)
_BEGINNINGS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?<![\w.,/-])(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?{_UNTIL}\Z",
        rf"(?<!\w)(?P<word>{_WORD})\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?{_UNTIL}\Z",
        rf"(?<![\w.,/-])(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?{_LINK}\s+(?P<word>{_WORD})\.?{_UNTIL}\Z",
    )
)
"""Before a date, the day on which a span of time begins that it ends: `16 to` 19 June 2025, `30 May –` 2 June 2025."""


_OTHER_ERA: Final = re.compile(
    r"\s?(?:BCE?|B\.\s?C\.(?:\s?E\.)?|AH|A\.H\.|BE|B\.E\.|v\.\s?(?:Chr|u\. ?Z)|av\.\s?J|avant J|a\.\s?C\.|до н)(?!\w)"
)
"""Behind a year: it is none of ours."""
_CLOCK: Final = re.compile(
    r",?\s(?:at\s|um\s|à\s|kl\.?\s|[-–]\s)?(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?::(?P<second>\d{2}))?(?![\d.:])"
    rf"(?>(?:\s?(?P<half>[ap])\.?m\b\.?)?(?:\s?(?:Uhr|hrs)\b)?){_ZONE}",
    re.IGNORECASE,
)
"""The time of day behind a day: `14 February 2024, 10:15 pm`."""
_SHORT_YEAR: Final = re.compile(r"(?<![\w./-])(\d{1,2})(?:([./-])(\d{1,2})\2|-([^\W\d_]{3,9})-)(\d{2})(?![\w./-])")
_LAST_CENTURY: Final = 40
_ORDER: Final = re.compile(r"(?<![\d./-])([0-3]?\d)[./-]([0-3]?\d)[./-](?:\d{4}|\d{2})(?![\w./-])")


@lru_cache(maxsize=4096)
def _month(word: str) -> int | None:
    """The month that a word names, in any of `LANGUAGES`."""
    folded = word.casefold()
    if english := _ENGLISH.get(folded):
        return english
    if len(folded) < 3:
        return None
    parsed = dateparser.parse(f"1 {folded} 2001", languages=list(LANGUAGES), settings={"REQUIRE_PARTS": ["month"]})
    return parsed.month if parsed and (parsed.year, parsed.day) == (2001, 1) else None


def _is_day(year: int, month: int, day: int) -> bool:
    lengths = (31, 29 if year % 4 == 0 and (year % 100 or year % 400 == 0) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return 1 <= month <= 12 and 1 <= day <= lengths[month - 1]


def _dated(match: re.Match[str]) -> StatedDate | None:
    parts = match.groupdict()
    year, day, swapped = int(parts["year"].replace("元", "1")), int(parts["day"]) if parts.get("day") else None, False
    if era := parts.get("era"):
        before, length = _ERAS[era]
        if not 1 <= year <= length:
            return None
        year += before
    month = int(parts["month"]) if parts.get("month") else None
    if ordinal := parts.get("ordinal"):
        day = ORDINALS[ordinal.casefold()]
    if word := parts.get("word"):
        month = _month(word)
        if month is None:
            return None
    if first := parts.get("first"):
        day, month = int(first), int(parts["second"])
        swapped = _is_day(year, day, month) and _is_day(year, month, day) and day != month
        if not _is_day(year, month, day):
            day, month = month, day
    if month is not None and not _is_day(year, month, day or 1):
        return None
    clock = match if parts.get("hour") else _CLOCK.match(match.string, match.end()) if day else None
    time = _time(clock.groupdict()) if clock else None
    return StatedDate(match.start(), match.end(), year, month, day, time, swapped)


def _time(clock: Mapping[str, str | None]) -> str | None:
    """`HH:MM:SS` with the offset or Z; None where it is no time of day, or the offset may be the end of a span of time."""
    hour, minute, second = int(clock["hour"] or 0), clock["minute"] or "", clock["second"] or "00"
    half, offset = clock.get("half"), clock["ahead"] or clock["offset"]
    if hour > (12 if half else 23) or int(minute) > 59 or float(second) >= 60:
        return None
    if half:
        hour = hour % 12 + (12 if half in "pP" else 0)
    zone = "Z" if clock["utc"] else ""
    if offset:
        is_span = "-" in offset and ":" in offset and not (zone or clock["second"] or clock.get("joint") in ("T", "t"))
        if is_span or not (match := _OFFSET.fullmatch(offset)):
            return None
        zone = f"{match[1]}:{match[2]}"
    return f"{hour:02d}:{minute}:{second}{zone}"


@lru_cache(maxsize=8192)
def dates(text: str) -> tuple[StatedDate, ...]:
    """Every date that stands in `text`, in order, bare years included. Where readings overlap, the most exact is kept."""
    if not text.isascii():
        text = text.translate(_FIGURES)
    if not _ANY_YEAR.search(text):
        return ()
    found: list[StatedDate] = []
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            if any(match.start() < f.end and f.start < match.end() for f in found):
                continue
            if (stated := _dated(match)) and not _OTHER_ERA.match(text, match.end()):
                found.extend(_both(match, stated))
    if not found:
        return ()
    found.extend([early for date in found if (early := _beginning(text, date, found))])
    return tuple(sorted(found, key=lambda d: d.start))


@lru_cache(maxsize=8192)
def short_dates(text: str) -> tuple[StatedDate, ...]:
    """The days of `text` whose year has two digits: `3.4.21`. Years above 40 are taken for the last century's."""
    found = []
    for match in _SHORT_YEAR.finditer(text):
        day, month, year = int(match[1]), int(match[3]) if match[3] else _month(match[4]) or 0, int(match[5])
        year += 1900 if year > _LAST_CENTURY else 2000
        if match[3] and not _is_day(year, month, day):
            day, month = month, day
        if _is_day(year, month, day):
            swapped = bool(match[3]) and _is_day(year, day, month) and day != month
            found.append(StatedDate(match.start(), match.end(), year, month, day, swapped=swapped))
    return tuple(found)


def writes_month_first(text: str) -> bool:
    """Whether the days of a text that can be read in one way only have the month before the day: `10/26/2009`."""
    orders = [int(match[2]) - int(match[1]) for match in _ORDER.finditer(text) if max(int(match[1]), int(match[2])) > 12]
    return sum(order > 0 for order in orders) > len(orders) / 2


def _both(match: re.Match[str], stated: StatedDate) -> list[StatedDate]:
    """The dates of a match: two where it is a span of time within a month (`June 16–19, 2025`)."""
    early = match.groupdict().get("early")
    if not early or stated.month is None:
        return [stated]
    last = replace(stated, start=match.start("day"))
    first = replace(stated, end=match.end("early"), day=int(early))
    return [first, last] if _is_day(stated.year, stated.month, int(early)) else [last]


def _beginning(text: str, date: StatedDate, found: Sequence[StatedDate]) -> StatedDate | None:
    """The first day of the span of time that a date ends; its text has no year of its own."""
    if date.month is None or date.day is None:
        return None
    before = text[max(0, date.start - 32) : date.start]
    for pattern in _BEGINNINGS:
        if (match := pattern.search(before)) is None:
            continue
        start = date.start - len(before) + match.start()
        word, day = match.groupdict().get("word"), int(match["day"])
        month = _month(word) if word else date.month
        if month is None or not _is_day(date.year, month, day) or (month, day) >= (date.month, date.day):
            continue
        end = start + len(re.sub(_UNTIL + r"\Z", "", match[0], flags=re.IGNORECASE))
        if not any(start < other.end and other.start < end for other in found):
            return StatedDate(start, end, date.year, month, day)
    return None
