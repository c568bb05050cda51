"""Quantities: the numbers of a text in the unit and the scale that are asked for, each with what leaves it open."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from research.values.dates import dates
from research.values.doubts import NONE, Doubt
from research.values.durations import durations
from research.values.labels import NOTHING, Measure
from research.values.neighbours import ORDINALS, is_denied, is_former, is_of_another, is_ordering, is_per_other, neighbour_doubts
from research.values.numerals import Number, numbers
from research.values.prices import asked_price, is_net_and_gross
from research.values.units import Measured, Unit, measured
from research.values.wanted import Wanted

_CLOCK: Final = re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})?\b")
_EXPONENT: Final = re.compile(r"[^\W\d_]\^?[-−–+⁻]?$|\d\s?\^[-−–+]?$")
"""Before a number that is a power: `mol−1`, `m^2`."""
_STRUCK: Final = re.compile(r"~~[^~]*~~")
_NOTE: Final = re.compile(r"\[\d{1,3}\]")
_OUT_OF: Final = re.compile(r"\s?(?:/|out of|of|von|sur|de|su|van|av|из)\s?\d|\s?(?:stars?|sternen?|étoiles?)\b", re.IGNORECASE)
_OUT_OF_BEFORE: Final = re.compile(r"\d\s?(?:/|out of|of|von|sur|de|su|van|av|из)\s?$", re.IGNORECASE)
"""Before the best that a rating can be: `4.5 out of 5`."""
_OF_ALL: Final = re.compile(r"\d\sout of\s$", re.IGNORECASE)
"""Before what a number is a part of: `5 out of 12`."""
_COUNTED: Final = re.compile(r"\s?(?:customer |user )?(?:reviews?|ratings?|votes?|bewertung|avis|opini|recension)", re.IGNORECASE)
"""Behind how many have rated."""
_DEGREES: Final = re.compile(r"\s?(?:degrees?|deg)\b", re.IGNORECASE)
_FIRST_END: Final = re.compile(
    r"(?<![\w.,:/-])(?:(?P<number>\d+(?:[.,]\d+)?)\s?"
    r"(?:[-–—](?!\s)|(?:to|or|bis|à)\s|(?<=between \d )and\s|(?<=between \d\d )and\s)\s?|"
    r"(?:(?<=\A)|(?<=from )|(?<=about )|(?<=[(:] ))(?P<spaced>\d+(?:[.,]\d+)?)\s[-–—]\s)\Z"
)
"""Before a length of time, the other end of its range."""
_TOLERANCE: Final = re.compile(r"\s?(?:±|\+\s?/\s?[-−–])\s?")
_ODD_SCALE: Final = re.compile(r"[ \u00a0-]?[^\W\d_]*illi(?:on|ard)(?:e?[ns]|e)?(?!\w)", re.IGNORECASE)
"""A scale that is not known, behind a number: `2.5 zillion`."""
_SMALL_SHARE: Final = re.compile(
    r"(?:\s?(?:[-–—]|to\s)\s?\d+(?:\.\d+)?)?[ \u00a0\u202f]?(?:(?P<tenth>‰)|(?:bps?|basis points?)(?!\w))", re.IGNORECASE
)
"""A tenth of a percent, and a hundredth; behind the first end of a range, too."""
_APART: Final = re.compile(r"(?P<stop>(?:(?<=ft)|(?<=lb)|(?<=lbs))\.)?[\s,]*(?:and\s|und\s|et\s|y\s)?", re.IGNORECASE)
_ENDS: Final = re.compile(r"\s*(?:\Z|[.,;:|()\n])")
"""Behind the second of two units whose first is an abbreviation with a full stop: `5 ft. 11 in.`, not `5 ft. 11 in stock`."""
_WORD: Final = re.compile(r"[^\W\d_]+")
_SINGULAR: Final = re.compile(r"([^\W\d_]+) \Z")
SAME: Final = Decimal("0.02")
"""Two amounts that differ by no more than this share are one amount in two units, rounded."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as asked; `text[start:end]` is its digits with its sign and scale word."""

    value: Decimal
    start: int
    end: int
    unit: Unit | None
    doubts: frozenset[Doubt] = NONE


def quantities(text: str, wanted: Wanted, label: Measure = NOTHING, known: str = "", *, decimal_mark: str = "") -> list[Quantity]:
    """Every number of a text that may be what is wanted, in order. What is counted in a unit of another kind, or in another
    currency, answers something else and is left out, and so are dates, times of day, powers and what is struck out.

    Args:
        text: a value as it stands, or a sentence.
        wanted: what is asked for.
        label: the unit and the scale that the text's key, head cell or caption gives.
        known: that label in words.
        decimal_mark: that of machines, or of the page where its other numbers show it.
    """
    if wanted.is_count and label.unit is not None and label.unit.is_money:
        label = NOTHING  # `Figures in € million` speaks of the other rows
    pairs = amounts_in(text)
    if wanted.is_rating:
        pairs = [
            pair for pair in pairs if not _COUNTED.match(text, pair[1].end) and not _OUT_OF_BEFORE.search(text, 0, pair[1].start)
        ]
    is_open = wanted.is_price and len(pairs) > 1 and is_net_and_gross(text)
    if wanted.is_price:
        asked = asked_price(text, [at for _, at in pairs], [number.value for number, _ in pairs], wanted.words)
        pairs = [pairs[at] for at in asked]
    words = wanted.words | frozenset(_WORD.findall(known.casefold()))
    years = {(d.start, d.end) for d in dates(text) if d.month is None}
    is_count = wanted.unit is None and not wanted.words & ORDINALS
    found = []
    for number, at in pairs:
        unit = at.unit or (None if number.percent else label.unit)
        if unit and wanted.unit and unit.kind == f"{wanted.unit.kind} per time":
            unit = None  # `820 mm per year`, for an annual rainfall: as likely what is asked as not
        if wanted.unit and (number.percent or (unit and not unit.fits(wanted.unit))):
            continue
        if wanted.unit and unit is None and (number.start, number.end) in years and len(pairs) > 1:
            continue  # `€84.2 billion (2023)`, for an amount in dollars
        if wanted.is_percent and (at.unit or number.scaled) and not number.percent:
            continue  # `£1.2 million`, for a share in percent
        if unit and unit.is_money and is_per_other(text, at.start, at.end, wanted.words):
            continue  # `£36,500 per annum`, for a monthly rent
        if (
            is_of_another(text, at.start, at.end)
            or is_denied(text, at.start)
            or _ODD_SCALE.match(text, at.end)
            or (_OF_ALL.search(text, max(0, number.start - 12), number.start) and "total" not in wanted.words)
            or (is_former(text, at.start, at.end) and not wanted.is_price)
            or (wanted.is_count and unit is not None and unit.is_money)
            or (is_count and (is_ordering(text, number.start, number.end) or _is_its_number(text, number.start, wanted.words)))
        ):
            continue
        share = _SMALL_SHARE.match(text, at.end) if wanted.is_percent else None
        if share:
            number = replace(number, readings=tuple(r / (10 if share["tenth"] else 100) for r in number.readings))
        is_decimal = decimal_mark in text[number.start : number.end] if decimal_mark else None
        if not number.scaled and label.scale == 1 and 0 < abs(number.value) * 1000 < wanted.scale != 1:
            continue  # `3.2`, for millions: of what, nothing says
        value, doubts = _counted(number, unit, wanted, label, is_decimal)
        if at.unit is None and unit is not None:
            doubts.add("unit_from_label")
        if unit is None and (number.start, number.end) in years and label.scale == 1:
            doubts.add("yearlike")
        beside = neighbour_doubts(text, at.start, at.end, words)
        if wanted.unit and unit is None and "unread_neighbour" in beside and not _is_plain_degrees(text, at.end, wanted.unit):
            continue  # `10 fathoms`, for a length in metres: in a unit that is not known
        if wanted.is_percent and not number.percent and not share and "unread_neighbour" in beside:
            continue  # `5,812 voters`, for a turnout in percent
        if number.percent and not wanted.is_share and text[number.start] in "+-−":
            doubts.add("change")
        if wanted.is_rating and _OUT_OF.match(text, at.end):
            beside -= {"unread_neighbour"}
        if is_open:
            doubts.add("partial")
        if wanted.is_price and not value:
            doubts.add("unlikely_kind")
        found.append(Quantity(value, number.start, number.end, at.unit, beside.union(doubts)))
    return _of_several(found)


def _is_its_number(text: str, start: int, words: frozenset[str]) -> bool:
    """Whether the number that begins at `start` tells one from others of those that are counted: `room 12`, for `rooms`."""
    before = _SINGULAR.search(text, 0, start)
    return before is not None and f"{before[1].casefold()}s" in words


def _is_plain_degrees(text: str, end: int, asked: Unit) -> bool:
    """Whether a temperature stands in degrees of a scale that is not named."""
    return asked.kind == "temperature" and _DEGREES.match(text, end) is not None


def lengths_of_time(text: str, per: Decimal) -> list[Quantity]:
    """The lengths of time that a text states, counted in units of `per` seconds, and behind the last end of a range the first,
    which has no unit of its own (`3–7 hours`). No time at all is none."""
    stated = [d for d in durations(text) if d.seconds] if not _TOLERANCE.search(text) else []
    several: frozenset[Doubt] = frozenset(("several",)) if len({d.seconds for d in stated}) > 1 else NONE
    found = []
    for d in stated:
        doubts = several | neighbour_doubts(text, d.start, d.end) & {"range", "bound", "approximate"}
        last, first = numbers(text[d.start : d.end]), _FIRST_END.search(text, max(0, d.start - 24), d.start)
        is_range = first is not None and len(last) == 1 and bool(last[0].value)
        found.append(Quantity(d.seconds / per, d.start, d.end, None, doubts | {"range"} if is_range else doubts))
        if first and is_range:
            group = "number" if first["number"] else "spaced"
            seconds = d.seconds / last[0].value * Decimal(first[group].replace(",", "."))
            found.append(Quantity(seconds / per, first.start(group), d.end, None, doubts | {"range"}))
    return found


def amounts_in(text: str) -> list[tuple[Number, Measured]]:
    """The numbers of a text with their units, what two make together as one (`6 ft 2 in`); no dates, times of day or powers, no
    footnote's marks and nothing that is struck out."""
    skipped = [(d.start, d.end) for d in dates(text) if d.month is not None]
    skipped += [m.span() for pattern in (_CLOCK, _STRUCK, _NOTE) for m in pattern.finditer(text)]
    found: list[tuple[Number, Measured]] = []
    for number in numbers(text):
        if any(start <= number.start and number.end <= end for start, end in skipped) or _EXPONENT.search(text, 0, number.start):
            continue
        at = measured(text, number.start, number.end)
        if found and _TOLERANCE.fullmatch(text, found[-1][1].end, number.start):
            found[-1] = _with_tolerance(*found[-1], number, at)
        elif found and (whole := _together(text, *found[-1], number, at)):
            found[-1] = whole
        else:
            found.append((number, at))
    return [_scaled_as_next(text, pair, found[n + 1 : n + 2]) for n, pair in enumerate(found)]


def _with_tolerance(number: Number, at: Measured, tolerance: Number, then: Measured) -> tuple[Number, Measured]:
    """A number with what it may be more or less, of which it has the unit and the scale: `120 ± 5 kg`."""
    scale = tolerance.scale if not number.scaled else Decimal(1)
    number = replace(number, readings=tuple(r * scale for r in number.readings), scale=number.scale * scale)
    return number, Measured(at.unit or then.unit, at.start, then.end)


def _scaled_as_next(
    text: str, pair: tuple[Number, Measured], following: list[tuple[Number, Measured]]
) -> tuple[Number, Measured]:
    """An amount; the first end of a range has the scale and the unit of its second: `$2.5–3 million`, `10–20 kg`."""
    number, at = pair
    if not following or "range" not in neighbour_doubts(text, at.start, at.end):
        return pair
    after, then = following[0]
    scale = after.scale if not number.scaled and abs(number.value) < 1000 else Decimal(1)
    unit = at.unit or then.unit
    return replace(number, readings=tuple(r * scale for r in number.readings), scale=number.scale * scale), replace(at, unit=unit)


def _together(text: str, first: Number, at: Measured, second: Number, then: Measured) -> tuple[Number, Measured] | None:
    """The one amount that two numbers make; None if they make none. The second is less than one unit of the first."""
    one, other = at.unit, then.unit
    if (
        one is None
        or other is None
        or one.kind != other.kind
        or one.factor <= other.factor
        or one.is_money
        or one.offset != other.offset
    ):
        return None
    part = other.convert(second.value, one)
    between = _APART.fullmatch(text, at.end, then.start)
    if not 0 <= part < 1 or first.value != first.value.to_integral_value() or between is None:
        return None
    if between["stop"] and not _ENDS.match(text, then.end):
        return None
    number = replace(first, end=second.end, readings=(first.value + part,), doubts=first.doubts | second.doubts)
    return number, Measured(one, at.start, then.end)


def _counted(
    number: Number, unit: Unit | None, wanted: Wanted, label: Measure, is_decimal: bool | None
) -> tuple[Decimal, set[Doubt]]:
    """A number in the unit and the scale asked, and what that leaves open."""
    value, doubts = number.value, set(number.doubts)
    separated = number.readings[:2]  # what follows are the same as shares of 1, and as less than nothing
    whole = [r for r in separated if r == r.to_integral_value()]
    if wanted.is_whole and "ambiguous_separator" in doubts and len(whole) == 1:
        value = whole[0]
        doubts.discard("ambiguous_separator")
    elif is_decimal is not None and "ambiguous_separator" in doubts:
        value = (min if is_decimal else max)(separated, key=abs)
        doubts.discard("ambiguous_separator")
    if "bracketed" in doubts and not wanted.signed:
        value = abs(value)
        doubts.discard("bracketed")
    elif value < 0:
        doubts.discard("bracketed")  # nothing but the number stands in the brackets
    if number.percent:
        if wanted.ceiling is not None and wanted.ceiling <= 1:
            value /= 100
        elif not (wanted.is_share or label.percent):
            doubts.add("percent")
    elif wanted.is_percent and not label.percent and abs(value) <= 1:
        doubts.add("ambiguous_scale")  # `Tax rate: 0.21` is 21 % as likely as 0.21 %.
    elif label.scale != 1 and not number.scaled:
        value *= label.scale
        if label.scale != wanted.scale:
            doubts.add("scale_from_label")
        if label.limited:
            doubts.add("ambiguous_scale")
    elif not number.scaled and abs(value) < wanted.scale != 1:
        doubts.add("ambiguous_scale")  # `350`, for thousands: perhaps they are some
    if wanted.unit is None:
        if unit and unit.is_money:
            value *= unit.factor
        if unit and not (unit.is_money and wanted.is_paid):
            doubts.add("unit_unasked")
    elif unit is None:
        doubts.add("unit_unstated")
    elif (unit.factor, unit.offset) != (wanted.unit.factor, wanted.unit.offset):
        doubts.add("converted")
        value = _converted(number, value, unit, wanted.unit)
    return value / wanted.scale if wanted.scale != 1 else value, doubts


def _converted(number: Number, value: Decimal, unit: Unit, asked: Unit) -> Decimal:
    """In another unit, with no more digits than the text's number makes sure."""
    converted = unit.convert(value, asked)
    if not converted:
        return converted
    digits = max(len(number.value.as_tuple().digits), 5 if unit.offset != asked.offset else 4)
    return converted.quantize(Decimal(1).scaleb(converted.adjusted() - digits + 1), ROUND_HALF_EVEN)


def _of_several(found: list[Quantity]) -> list[Quantity]:
    """Of several numbers none is marked as the one meant, unless they say the same in two units, or are the ends of a range."""
    sizes = [abs(one.value) for one in found if "yearlike" not in one.doubts]
    if not sizes or max(sizes) - min(sizes) <= SAME * max(sizes) or any("range" in one.doubts for one in found):
        return found
    clear = {one.value for one in found if not one.doubts & {"yearlike", "unread_neighbour"}}
    return [one if len(clear) == 1 and one.value in clear else replace(one, doubts=one.doubts | {"several"}) for one in found]
