"""Durations: the lengths of time that a text states."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from research.values.number_words import ORDINALS
from research.values.numerals import Number, numbers
from research.values.scales import alternatives


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time in a text: `PT1H30M`, `1 hour 30 minutes`, `1h30`."""

    start: int
    end: int
    seconds: Decimal
    spelled: str = ""
    """In digits and the text's own word for the unit, where it is one number of long units: `2 years` for `two (2) years`."""


MONTH: Final = 2_629_800
"""Seconds of a month, a twelfth of a year of 365.25 days: so 24 months are two years."""
_LONG: Final = {
    r"years?|yrs?\.?|jahre?n?|ans|années?|años?|anni|anno|anos?|jaar|jaren|år|lat|лет|года?": 12 * MONTH,
    r"months?|mos\.?|monate?n?|mois|mes(?:es)?|mesi|mese|maanden?|måneder|månader|miesięcy|месяц(?:а|ев)?": MONTH,
    r"weeks?|wks?\.?|wochen?|semaines?|semanas?|settiman[ae]|weken|veckor|uker|uger|недел[иья]": 604_800,
    r"days?|tage?n?|jours?|giorni|días|dias|dagen|dagar|dni|дн(?:я|ей)": 86_400,
}
"""Words for the longer units of time, in the languages that people write terms in, and the seconds of one."""
_AFTER: Final = re.compile(
    r"[ ]?\)?[\s-]{0,2}(?:(?:calendar|full|consecutive|business|working)\s+)?(?P<unit>"
    + "|".join(f"(?P<u{seconds}>{names})" for names, seconds in _LONG.items())
    + r")(?!\w)",
    re.IGNORECASE,
)
_ANNIVERSARY: Final = re.compile(
    rf"\b(?:(?P<word>{alternatives(ORDINALS)})(?:\s*\(\d+\w\w\))?|(?P<digits>\d{{1,2}})(?:st|nd|rd|th))\s+anniversary\b",
    re.IGNORECASE,
)
"""`until the second (2nd) anniversary`: two years."""
_SINGULAR: Final = frozenset(("year", "month", "week", "day"))
"""As in `a two-year term`."""
_JOINED: Final = re.compile(r"[\s,]*(?:(?:and|und|et|y|e|&)\s)?")
_UNIT_SECONDS: Final = {"y": 12 * MONTH, "o": MONTH, "w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_LETTER: Final = re.compile(r"(?![間간])[^\W\d]")
_ISO_DURATION: Final = re.compile(
    r"(?<!\w)P(?=[\dT])(?:(?P<y>\d+)Y)?(?:(?P<o>\d+)M)?(?:(?P<w>\d+)W)?(?:(?P<d>\d+(?:\.\d+)?)D)?(?:T(?:(?P<h>\d+(?:\.\d+)?)H)?(?:(?P<m>\d+(?:\.\d+)?)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?(?!\w)"
)
_DAYS: Final = r"(?:days?|d|tage?|jours?|giorni|días|dagen)\b"
_HOURS: Final = (
    r"(?:(?:hours?|hrs?|h|std|stunden?|heures?|horas?|ore|ora|uur|timmar|timmer|ч|час(?:а|ов)?|saat|godz\w*)\b\.?"
    r"|時間|小时|小時|시간)"
)
_MINUTES: Final = r"(?:minut[a-zë]*|mins?|m|мин|минут\w?|dk|dakika)\b\.?|′|分钟|分鐘|分|분"
_SECONDS: Final = r"(?:(?:seconds?|secs?|s|sekunden?|secondes?)\b\.?|秒|초)"
_AND: Final = r"[\s,]*(?:(?:and|und|et|y|e|&)\s)?"
_DURATION: Final = re.compile(
    # A unit may be there twice: once for the eye, once for readers of the screen.
    rf"(?<![\w.,])(?=\d)(?:(?P<d>\d+(?:[.,]\d+)?)\s*-?{_DAYS}{_AND})?"
    rf"(?:(?P<h>\d+(?:[.,]\d+)?)\s*-?(?:{_HOURS}|(?=h\d)h)(?:\s+{_HOURS})?{_AND})?"
    rf"(?:(?P<m>\d+(?:[.,]\d+)?)(?:\s*-?(?P<word>{_MINUTES})(?:\s+(?:{_MINUTES}))?|(?!\w)){_AND})?"
    rf"(?:(?P<s>\d+(?:[.,]\d+)?)\s*-?{_SECONDS})?",
    re.IGNORECASE,
)


_PART_OR_TIMES: Final = re.compile(r"(?<!\w)(?:half|(?:quarters?|thirds?) of|once|twice|times)\s\Z", re.IGNORECASE)
"""Before an hour that is not one: `half an hour`, `twice an hour`."""
_HOURS_BEFORE: Final = re.compile(rf"([^\W\d_]+)[ -]{_HOURS}{_AND}\Z", re.IGNORECASE)
"""Hours in words before minutes in digits: `two hours and 41 minutes`."""


_DIGITS: Final = 15
"""Of a number that is a length of time. What has more is no number of anything, and would be of no use to count with."""


@lru_cache(maxsize=8192)
def durations(text: str) -> tuple[Duration, ...]:
    """Every length of time that stands in `text` with its unit, in order."""
    found = []
    for pattern in (_ISO_DURATION, _DURATION):
        for match in pattern.finditer(text):
            parts = {unit: part for unit, part in match.groupdict().items() if part and unit in _UNIT_SECONDS}
            if not parts or not _is_duration(pattern, match, parts) or max(map(len, parts.values())) > _DIGITS:
                continue
            seconds = sum((Decimal(part.replace(",", ".")) * _UNIT_SECONDS[unit] for unit, part in parts.items()), Decimal(0))
            tail = len(match[0]) - len(match[0].rstrip(" .,\t\n\u00a0"))
            start = match.start()
            if "h" not in parts and (before := _HOURS_BEFORE.search(text, max(0, start - 60), start)):
                is_one = before[1].casefold() in ("a", "an")
                hours = [1] if is_one else [number.value for number in numbers(text) if number.end == before.end(1)]
                is_apart = is_one and "," in before[0]
                if len(hours) != 1 or is_apart or _PART_OR_TIMES.search(text, 0, before.start()):
                    continue  # the minutes alone would be a part of the time
                start, seconds = before.start(), seconds + hours[0] * _UNIT_SECONDS["h"]
            found.append(Duration(start, match.end() - tail, seconds))
    spans = [(d.start, d.end) for d in found if d.seconds % 86_400 or d.seconds == 0]
    long = [d for d in _long(text) if not any(start < d.end and d.start < end for start, end in spans)]
    found = [d for d in found if not any(one.start <= d.start < one.end for one in long)]
    return tuple(sorted([*found, *long], key=lambda d: d.start))


def _long(text: str) -> list[Duration]:
    """Lengths of time in days and longer units, whose numbers may be words: `two (2) years`, `18 months`."""
    found = [
        Duration(match.start(), match.end(), Decimal(12 * MONTH * years), f"{years} {'year' if years == 1 else 'years'}")
        for match in _ANNIVERSARY.finditer(text)
        for years in [ORDINALS[match["word"].casefold()] if match["word"] else int(match["digits"])]
    ]
    before: Number | None = None
    for number in numbers(text):
        match = _AFTER.match(text, number.end)
        if match:
            seconds = next(unit for unit in _LONG.values() if match[f"u{unit}"])
            twice = before and before.value == abs(number.value) and re.fullmatch(r"\s*\(\s*", text[before.end : number.start])
            start = before.start if before and twice else number.start
            amount = abs(number.value) if text[number.start - 1 : number.start] == "(" else number.value
            word = match["unit"] + ("s" if amount != 1 and match["unit"].casefold() in _SINGULAR else "")
            spelled = f"{amount.normalize():f} {word}"
            duration = Duration(start, match.end(), amount * seconds, spelled)
            if found and seconds < found[-1].seconds and _JOINED.fullmatch(text, found[-1].end, start):
                last = found.pop()
                duration = Duration(last.start, match.end(), last.seconds + duration.seconds)
            found.append(duration)
        before = number
    return found


def _is_duration(pattern: re.Pattern[str], match: re.Match[str], parts: dict[str, str]) -> bool:
    """A bare number counts as minutes only after hours (`1h30`), and a bare `m` never does (it is a metre); nor does a `分` in a
    word of its own, where it is a part: `3分の1` is a third."""
    if pattern is _ISO_DURATION or "m" not in parts or "h" in parts:
        return True
    if match["word"] in ("分", "분"):
        return not _LETTER.match(match.string, match.end("word"))
    return (match["word"] or "m").casefold() != "m"
