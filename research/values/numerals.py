"""Numerals: the numbers and durations that a text states, with every way each can be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a text. `text[start:end]` is its digits with sign and scale word, without its unit."""

    start: int
    end: int
    readings: tuple[Decimal, ...]
    """The likeliest first: `1.234` is 1.234 or 1234, `25 %` is 25 or 0.25."""

    @property
    def value(self) -> Decimal:
        return self.readings[0]


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time in a text: `PT1H30M`, `1 hour 30 minutes`, `1h30`."""

    start: int
    end: int
    seconds: Decimal


_SCALES: Final = {
    **dict.fromkeys(("k", "thousand", "tausend", "mille", "mil", "tys"), 10**3),
    **dict.fromkeys(("m", "mn", "mio", "million", "millions", "millionen", "millones", "milhões", "milioni", "miljoen"), 10**6),
    **dict.fromkeys(("b", "bn", "billion", "billions", "mrd", "milliarden", "milliard", "milliards", "miliardi"), 10**9),
    **dict.fromkeys(("tn", "trillion", "trillions"), 10**12),
    "lakh": 10**5,
    "crore": 10**7,
}
_AMBIGUOUS_SCALES: Final = frozenset(("k", "m", "b", "mil"))
"""Also units or words of their own (metres, bytes, Spanish `mil`): both readings are kept."""

_SMALL: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS: Final = {word: Decimal(value) for value, word in enumerate(_SMALL)} | {
    word: Decimal(10 * tens) for tens, word in enumerate(_TENS, start=2)
}

_LONG_SCALES: Final = "|".join(sorted((s for s in _SCALES if len(s) > 1), key=len, reverse=True))
_NUMBER: Final = re.compile(
    r"""(?<!\w)(?<!\d[.,])
    (?P<sign>[-+−](?=[.\d]))?
    (?P<body>(?>\d{1,3}(?:[\ \u00a0\u202f'’]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)*|(?<!\d)\.\d+))
    (?![^\W\d_]*\d)
    (?:[\s-]?(?P<scale>(?:"""
    + _LONG_SCALES
    + r""")\b)|(?P<letter>(?-i:[kKmMB])\b)|\s?(?P<percent>%))?""",
    re.VERBOSE | re.IGNORECASE,
)
_WORD: Final = re.compile(r"\b(?:(?P<tens>" + "|".join(_TENS) + r")[-\s])?(?P<word>" + "|".join(_WORDS) + r")\b", re.I)
_SIGN: Final = re.compile(r"[$€£¥₹]")

_UNIT_SECONDS: Final = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_ISO_DURATION: Final = re.compile(
    r"(?<!\w)P(?=[\dT])(?:(?P<d>\d+(?:\.\d+)?)D)?(?:T(?:(?P<h>\d+(?:\.\d+)?)H)?(?:(?P<m>\d+(?:\.\d+)?)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?(?!\w)"
)
_DAYS: Final = r"(?:days?|d|tage?|jours?|giorni|días|dagen)\b"
_HOURS: Final = r"(?:hours?|hrs?|h|std|stunden?|heures?|horas?|ore|ora|uur|timmar|timmer)\b\.?"
_MINUTES: Final = r"(?:minut[a-zë]*|mins?|m)\b\.?|′"
_SECONDS: Final = r"(?:seconds?|secs?|s|sekunden?|secondes?)\b\.?"
_AND: Final = r"[\s,]*(?:(?:and|und|et|y|e|&)\s)?"
_DURATION: Final = re.compile(
    # A unit may be there twice: once for the eye, once for readers of the screen.
    rf"(?<![\w.,])(?=\d)(?:(?P<d>\d+(?:[.,]\d+)?)\s*-?{_DAYS}{_AND})?"
    rf"(?:(?P<h>\d+(?:[.,]\d+)?)\s*-?(?:{_HOURS}|(?=h\d)h)(?:\s+{_HOURS})?{_AND})?"
    rf"(?:(?P<m>\d+(?:[.,]\d+)?)(?:\s*-?(?P<word>{_MINUTES})(?:\s+(?:{_MINUTES}))?|(?!\w)){_AND})?"
    rf"(?:(?P<s>\d+(?:[.,]\d+)?)\s*-?{_SECONDS})?",
    re.IGNORECASE,
)


def _plain_readings(body: str) -> tuple[Decimal, ...]:
    """Readings of digits with separators, the likeliest first; none if they make no number (`1.2.3`)."""
    body = re.sub(r"[\s'’]", "", body)
    dots, commas = body.count("."), body.count(",")
    if not dots and not commas:
        return (Decimal(body),)
    if dots and commas:
        decimal = max(".,", key=body.rfind)
        whole, _, fraction = body.rpartition(decimal)
        if decimal in whole:
            return ()
        groups = re.split(r"[.,]", whole)
        return (Decimal("".join(groups) + "." + fraction),) if _are_groups(groups) else ()
    separator = "." if dots else ","
    groups = body.split(separator)
    if dots + commas > 1:
        return (Decimal("".join(groups)),) if _are_groups(groups) else ()
    decimal_reading = Decimal(f"{groups[0] or 0}.{groups[1]}")
    if not _are_groups(groups):
        return (decimal_reading,)
    grouped_reading = Decimal("".join(groups))
    return (grouped_reading, decimal_reading) if separator == "," else (decimal_reading, grouped_reading)


def _are_groups(groups: list[str]) -> bool:
    """`1 234 567` and the Indian `12 34 567` are grouped; `0 123` is a fraction's digits."""
    head, *middle = groups[:-1] or [""]
    if len(groups) == 1:
        return True
    return 1 <= len(head) <= 3 and not head.startswith("0") and len(groups[-1]) == 3 and all(len(g) in (2, 3) for g in middle)


@lru_cache(maxsize=8192)
def numbers(text: str) -> tuple[Number, ...]:
    """Every number that stands in `text`, in order. Digits inside a word, an identifier or a longer number are none."""
    found: list[Number] = []
    for match in _NUMBER.finditer(text):
        start, end, body = match.start(), match.end(), match["body"]
        readings = _plain_readings(body)
        if not readings:
            found.extend(_pieces(match.start("body"), body))
            continue
        if match["sign"] and match["sign"] != "+":
            readings = tuple(-r for r in readings)
        if match["percent"]:
            end = match.end("body")
            readings = (*readings, *(r / 100 for r in readings))
        elif match["letter"] in ("m", "b") and not _SIGN.search(text, max(0, start - 3), start):
            end = match.end("body")  # A unit: metres, not millions.
        elif scale := match["scale"] or match["letter"]:
            scaled = tuple(r * _SCALES[scale.casefold()] for r in readings)
            kept = scale.casefold() in _AMBIGUOUS_SCALES
            readings = (*scaled, *readings) if kept else scaled
        found.append(Number(start, end, readings))
    for match in _WORD.finditer(text):
        value = _WORDS[match["word"].casefold()]
        if match["tens"]:
            if not 0 < value < 10:
                continue
            value += _WORDS[match["tens"].casefold()]
        found.append(Number(match.start(), match.end(), (value,)))
    return tuple(sorted(found, key=lambda n: n.start))


def _pieces(start: int, body: str) -> list[Number]:
    """Numbers in a run that is none as a whole: `1,2,3` is three. A dotted run (a version, a date) is left alone."""
    if "." in body:
        return []
    return [Number(start + m.start(), start + m.end(), (Decimal(m[0]),)) for m in re.finditer(r"\d+", body)]


@lru_cache(maxsize=8192)
def durations(text: str) -> tuple[Duration, ...]:
    """Every length of time that stands in `text` with its unit, in order."""
    found = []
    for pattern in (_ISO_DURATION, _DURATION):
        for match in pattern.finditer(text):
            parts = {unit: match[unit] for unit in _UNIT_SECONDS if match[unit]}
            if not parts or not _is_duration(pattern, match, parts):
                continue
            seconds = sum((Decimal(part.replace(",", ".")) * _UNIT_SECONDS[unit] for unit, part in parts.items()), Decimal(0))
            tail = len(match[0]) - len(match[0].rstrip(" .,\t\n\u00a0"))
            found.append(Duration(match.start(), match.end() - tail, seconds))
    return tuple(sorted(found, key=lambda d: d.start))


def _is_duration(pattern: re.Pattern[str], match: re.Match[str], parts: dict[str, str]) -> bool:
    """A bare number counts as minutes only after hours (`1h30`), and a bare `m` never does (it is a metre)."""
    if pattern is _ISO_DURATION or "m" not in parts or "h" in parts:
        return True
    return (match["word"] or "m").casefold() != "m"
