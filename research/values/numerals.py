"""Numerals: the numbers that a text states, with every way each can be read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal

from research.values.doubts import NONE, Doubt
from research.values.number_words import number_words
from research.values.scales import GLUED, Scale, scale_at
from research.values.units import POINT_CURRENCIES, WHOLE_CURRENCIES, currency_at


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a text. `text[start:end]` is its digits with sign and scale word, without its unit."""

    start: int
    end: int
    readings: tuple[Decimal, ...]
    """The likeliest first: `1.234` is 1.234 or 1234, `25 %` is 25 or 0.25."""
    doubts: frozenset[Doubt] = NONE
    """Why it is open which reading is meant."""
    percent: bool = False
    scale: Decimal = Decimal(1)
    """What the scale word with it multiplies by, the likeliest first: `1.2 million`. It is in the readings."""

    @property
    def value(self) -> Decimal:
        return self.readings[0]

    @property
    def scaled(self) -> bool:
        return self.scale != 1


_DIGITS: Final = r"(?>\d{1,3}(?:[\ \u00a0\u2009\u202f'’]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)*|(?<!\d)\.\d+)"
_VULGAR: Final = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_GLUED_SCALES: Final = "".join(GLUED)
_NUMBER: Final = re.compile(
    rf"""(?:(?<![\w{_VULGAR}])|(?<=[{_GLUED_SCALES}]))(?<!\d[.,])(?<!\d\^)(?<!\d\^[-−])
    (?P<sign>[-+−](?=[.\d{_VULGAR}]))?
    (?:
      (?P<body>{_DIGITS})
      (?:[eE](?P<exponent>[-+]\d{{1,2}}|(?<=\d[eE])\d{{1,2}})(?!\w)|(?![^\W\d_{_GLUED_SCALES}]*\d)(?!_\d))
    | (?=[{_VULGAR}]))
    (?:
      \s?(?P<vulgar>[{_VULGAR}])
    | (?P<mixed>[\ \u00a0-](?P<over>\d{{1,2}})[/⁄](?P<under>\d{{1,2}})(?![\d/⁄]))
    | [ ]and[ ]a[ ](?P<half>half)\b)?
    (?:
      (?:(?:\(\d{{1,3}}\))?\s?[×x·*]\s?10|(?<=(?<!\d)10))
      (?:\^(?P<power>[-−+]?\d{{1,3}})|(?P<raised>[⁻⁺]?[⁰¹²³⁴-⁹]+))(?!\d))?""",
    re.VERBOSE,
)
_PERCENT: Final = re.compile(
    r"[ \u00a0\u202f]?(?:%|per[ -]?cent\b|percent\b|pct\b|Prozent\b|pour cent\b|por ciento\b|procent\b)", re.I
)
_FRACTION: Final = re.compile(r"[/⁄](?P<under>\d{1,2})(?![\d/⁄.,])")
_MINUS_BEFORE: Final = re.compile(r"(?<![\w)])[-−](?:[$€£¥₹]|[A-Z]{3}\s)\s?$|(?<![\dA-Za-z])△(?:[$€£¥₹]\s?)?$")
"""`-$5`, and a Japanese account's `△1,200` wherever it stands."""
_MINUS_APART: Final = re.compile(r"(?:\A|[:|]\s)\s*(?P<minus>[-−](?=\s)|[–△])\s?(?:[$€£¥₹]\s?)?\Z")
"""The first thing of a value, so that it is a minus and no dash: `- 3.4 %`, `–1,200`, `△ 1,200`."""
_MAY_BE_MINUS: Final = re.compile(r"(?<![\dA-Za-z])[▲▼÷]\s?(?:[$€£¥₹]\s?)?\Z")
"""A minus in some accounts, and an arrow or something else elsewhere."""
_MONEY_ALONE: Final = re.compile(r"[ .%€$£]*(?:[A-Z]{3}|euros?|dollars?|pounds?)?[ .]*")
"""What may stand behind an amount that is negative by its brackets."""
_MINUS_WORD: Final = re.compile(r"\b(?:minus|negative)[ \u00a0]$", re.IGNORECASE)
_OPENING: Final = re.compile(r"(?<!\w)(?:[$€£¥₹]|[A-Z]{3})?\s?\(\s?(?:[$€£¥₹]|[A-Z]{3}\s)?\s?$")
_CLOSING: Final = re.compile(r"\s?(?:%|[$€£¥₹]|[A-Z]{3})?\s?\)")
_NO_CENTS: Final = re.compile(r"[.,][-–—](?![\d\w])")
"""`12,-` and `12.–` are 12.00."""
_CENTS: Final = re.compile(r"[€£](\d\d)(?![\d.,]|\s?[$€£])")
"""`19€99`, not two prices that touch: `19€15€`."""
_TRAILING: Final = re.compile(r"\s?[-−](?=\s*(?:\Z|\n|\|))")
_ENGLISH: Final = re.compile(r"\d,\d{3}[.,]\d|(?<![\d.])\d+\.\d{1,2}(?![\d.])")
_CONTINENTAL: Final = re.compile(r"\d\.\d{3}[.,]\d|(?<![\d,])\d+,\d{1,2}(?![\d,])")
"""Numbers that show which separator a text uses for what."""
_MONEY_BEFORE: Final = re.compile(r"(?:[€$£¥₹]|[A-Z]{3})[ \u00a0]?$")


_FOREIGN: Final = str.maketrans("٬٫ʼ´＇＋－％", ",.'''+-%")
_WIDE_MARK: Final = re.compile(r"(?<=[０-９])[，．](?=[０-９])")
"""Marks of numbers in other scripts, each of one character like ours."""

_PIECE: Final[frozenset[Doubt]] = frozenset(("partial",))


def decimal_mark_of(text: str) -> str:
    """The mark before the decimals of a text's numbers; "" where they do not show it, or have both."""
    comma, point = (re.search(rf"(?<![\d.,])\d+{mark}\d{{1,2}}(?![\d.,])", text) for mark in (",", r"\."))
    return "" if (comma is None) == (point is None) else "," if comma else "."


@lru_cache(maxsize=8192)
def numbers(text: str) -> tuple[Number, ...]:
    """Every number that stands in `text`, in order. Digits inside a word, an identifier or a longer number are none."""
    text = _WIDE_MARK.sub(lambda mark: ",."["，．".index(mark[0])], text.translate(_FOREIGN)) if not text.isascii() else text
    found: list[Number] = []
    at = 0
    while match := _NUMBER.search(text, at):
        read = list(_read(text, match))
        if read and found and _is_smaller_part(text, found[-1], read[0]):
            first, second = found.pop(), read[0]  # `1億2,000万`, `2조 3,000억`
            read = [Number(first.start, second.end, (first.value + second.value,), second.doubts, scale=first.scale)]
        found += read
        at = max(match.end("body"), match.start() + 1, *(number.end for number in read))
    if any(character.isalpha() for character in text):
        taken = [(n.start, n.end) for n in found]
        for spelled in number_words(text):
            if not any(start < spelled.end and spelled.start < end for start, end in taken):
                found.append(Number(spelled.start, spelled.end, (spelled.value,)))
    return tuple(sorted(found, key=lambda n: n.start))


def _is_smaller_part(text: str, first: Number, second: Number) -> bool:
    """Whether the second number goes on with the first in its next scale, as Chinese, Japanese and Korean write."""
    between = text[first.end : second.start]
    return second.scaled and first.scale > second.scale and text[first.end - 1] in GLUED and between in ("", " ")


def _read(text: str, match: re.Match[str]) -> Iterator[Number]:
    """The number of a match; two or more where commas only list them."""
    start, end = match.span()
    body, doubts = match["body"], set[Doubt]()
    readings = _plain_readings(body) if body else (Decimal(0),)
    if not readings:
        yield from _pieces(match.start("body"), body)
        return
    if len(readings) == 2:
        readings, is_open = _separated(text, start, match.end("body"), readings)
        if is_open:
            doubts.add("ambiguous_separator")
    readings, end = _with_fraction(text, match, readings)
    is_plain = body and body.isdigit() and end == match.end("body")
    if is_plain and (cents := _CENTS.match(text, end)) and not _MONEY_BEFORE.search(text, max(0, start - 5), start):
        readings, end = (readings[0] + Decimal(cents[1]) / 100,), cents.end()
    if match["exponent"] or match["power"] or match["raised"]:
        power = match["exponent"] or match["power"] or unicodedata.normalize("NFKC", match["raised"])
        bare = body == "10" and "10" not in match[0][2:]  # 10^6 has no other factor
        exponent = int(power.replace("−", "-")) - bare
        readings = (min(readings, key=abs).scaleb(exponent),)
        doubts.clear()
    percent = _PERCENT.match(text, end)
    scale = None if percent else scale_at(text, start, end) or _scale_behind_bracket(text, start, end)
    if scale:
        end = scale.end
        readings = tuple(dict.fromkeys(r * factor for factor in scale.factors for r in readings))
        if len(scale.factors) > 1:
            doubts.add("ambiguous_scale")
    if percent:
        readings = (*readings, *(r / 100 for r in readings))
    start, end, signed = _signed(text, match, start, end)
    if signed == "minus":
        readings = tuple(-r for r in readings)
    elif signed:
        negative = tuple(-r for r in readings)
        readings = (*negative, *readings) if signed == "accounting" else (*readings, *negative)
        doubts.add("bracketed")
    yield Number(start, end, readings, frozenset(doubts), percent is not None, scale.factors[0] if scale else Decimal(1))


def _scale_behind_bracket(text: str, start: int, end: int) -> Scale | None:
    """Of `$(1.2) million`."""
    closing = _CLOSING.match(text, end)
    return scale_at(text, start, closing.end()) if closing and _OPENING.search(text, max(0, start - 8), start) else None


def _signed(
    text: str, match: re.Match[str], start: int, end: int
) -> tuple[int, int, Literal["minus", "accounting", "brackets"] | None]:
    """How the sign of a number is written, with the span that includes it. Brackets are a minus where nothing else stands with
    them (`(1,200)`, `$(1,200)`), and may be one elsewhere."""
    body = match["body"] or ""
    if match["sign"]:
        return start, end, None if match["sign"] == "+" else "minus"
    if minus := _MINUS_BEFORE.search(text, max(0, start - 6), start) or _MINUS_WORD.search(text, max(0, start - 10), start):
        return minus.start(), end, "minus"
    if minus := _MINUS_APART.search(text, max(0, start - 8), start):
        # A dash before a line of a list is no minus.
        is_line = minus.start("minus") == 0
        if not (body.isdigit() and len(body) == 4 and minus["minus"] == "–"):  # `–1997` ends a span of years
            return minus.start("minus"), end, "minus" if not is_line else "accounting" if len(text) < end + 6 else None
    if mark := _MAY_BE_MINUS.search(text, max(0, start - 4), start):
        return mark.start(), end, "brackets"
    if no_cents := _NO_CENTS.match(text, end):
        return start, no_cents.end(), None
    if not body.isdigit() and (minus := _TRAILING.match(text, end)):
        return start, minus.end(), "minus"
    opening = _OPENING.search(text, max(0, start - 8), start)
    closing = _CLOSING.match(text, match.end("body")) or _CLOSING.match(text, end) if opening else None
    if not opening or not closing or (body.isdigit() and len(body) == 4):
        return start, end, None
    whole = not text[: opening.start()].strip() and _MONEY_ALONE.fullmatch(text, max(end, closing.end()))
    return start, end, "accounting" if whole else "brackets"


def _separated(text: str, start: int, end: int, readings: tuple[Decimal, ...]) -> tuple[tuple[Decimal, ...], bool]:
    """The two readings of one separator before three digits, the likeliest first, and whether it stays open which is meant."""
    point = "." in text[start:end]
    decimal, grouped = sorted(readings, key=abs)
    if (no_cents := _NO_CENTS.match(text, end)) and no_cents[0][0] != (".,"[not point]):
        return (grouped,), False
    english, continental = _ENGLISH.search(text) is not None, _CONTINENTAL.search(text) is not None
    if english != continental:  # The text's other numbers tell.
        return ((decimal, grouped) if point == english else (grouped, decimal)), False
    money = currency_at(text, start, end)
    if money is None:
        return readings, point
    if point and money.kind in WHOLE_CURRENCIES and not (scale_at(text, start, end) or _scale_behind_bracket(text, start, end)):
        return (grouped,), False
    with_point = money.kind in POINT_CURRENCIES
    if point:
        return ((decimal, grouped), money.kind != "GBP") if with_point else ((grouped, decimal), True)
    return readings, not with_point and not _MONEY_BEFORE.search(text, max(0, start - 5), start)


def _with_fraction(text: str, match: re.Match[str], readings: tuple[Decimal, ...]) -> tuple[tuple[Decimal, ...], int]:
    """Readings with the fraction that stands behind the digits (`2½`, `2 1/2`, `2 and a half`), or of a fraction (`3/4`)."""
    if match["vulgar"]:
        return tuple(r + _quotient(match["vulgar"]) for r in readings), match.end()
    if match["half"]:
        return tuple(r + Decimal("0.5") for r in readings), match.end()
    if match["mixed"]:
        over, under = int(match["over"]), int(match["under"])
        if 0 < over < under <= 64 and "." not in match["body"] and "," not in match["body"]:
            return tuple(r + Decimal(over) / under for r in readings), match.end()
        return readings, match.end("body")
    fraction = _FRACTION.match(text, match.end())
    if fraction and int(fraction["under"]) in (2, 3, 4, 8, 16) and text[match.start() - 1 : match.start()] not in ("/", "⁄"):
        part = readings[0] / int(fraction["under"])
        if 0 < part < 1:
            return (part,), fraction.end()
    return readings, match.end()


def _quotient(vulgar: str) -> Decimal:
    over, under = unicodedata.normalize("NFKC", vulgar).split("⁄")
    return Decimal(over) / Decimal(under)


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


def _pieces(start: int, body: str) -> list[Number]:
    """Numbers in a run that is none as a whole: `1,2,3` is three. A dotted run (a version, a date) is left alone."""
    if "." in body:
        return []
    return [Number(start + m.start(), start + m.end(), (Decimal(m[0]),), _PIECE) for m in re.finditer(r"\d+", body)]
