"""Values: where a text states a JSON value, and whether two JSON values are the same.

Both are lenient about spelling and strict about content. `825.5` is stated by "825.5 kg" and by "825,5"; `1200000` by
"1.2 million"; `"1977-09-05"` by "5 September 1977"; `"in_stock"` by "In Stock"; but `5` is not stated by "1957".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

from research.values.coordinates import axis_of, coordinates
from research.values.dates import PARTIAL_DATE, StatedDate, dates, short_dates
from research.values.durations import MONTH, durations
from research.values.identifiers import is_same_book
from research.values.ligatures import has_ligature, unfolded, unfolded_in_place
from research.values.numerals import Number, numbers
from research.values.quantities import lengths_of_time
from research.values.units import factor_between, measured
from research.values.wanted import scale_of

__all__ = ["factor_between", "fold", "is_date", "numbers", "places", "same", "seconds_per_unit"]

Span = tuple[int, int]
Schema = Mapping[str, Any]

_TRUE: Final = ("yes", "true", "✓", "✔", "oui", "ja", "sí", "sì", "да")
_FALSE: Final = ("no", "false", "✗", "✘", "non", "nein", "нет")
_ISO_DATE: Final = re.compile(r"([12]\d{3})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2}:\d{2}\S*))?)?)?")
_TIME_UNITS: Final = {
    60: re.compile(r"minute|\bmins?\b", re.I),
    3600: re.compile(r"hour|\bhrs?\b", re.I),
    604_800: re.compile(r"\bweeks?\b", re.I),
    MONTH: re.compile(r"\bmonths?\b", re.I),
    12 * MONTH: re.compile(r"\byears\b", re.I),
    1: re.compile(r"second|\bsecs?\b", re.I),
}
_DAY_UNIT: Final = re.compile(r"\bdays?\b", re.I)


class _Fold(dict[int, str]):
    """A `str.translate` table that drops case and accents and keeps every length, so that offsets stay true."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        base = unicodedata.normalize("NFKD", character)[0].lower()
        folded = base if len(base) == 1 else character
        self[code] = folded
        return folded


_FOLD: Final = _Fold({ord(a): b for a, b in zip("ØøŁłĐđıŒœÆæ’‘", "oollddiooaa''", strict=True)})


def fold(text: str) -> str:
    """Case and accents folded, character for character: the result is exactly as long as `text`."""
    return text.lower() if text.isascii() else text.translate(_FOLD)


def places(value: Any, schema: Schema, text: str, name: str = "") -> list[Span]:
    """Spans of `text` that state `value`, in order. A list or an object is stated by its parts. `None` is stated by nothing.

    `schema` (a JSON Schema, `$ref`s followed) helps: its description may name the unit of time in which a duration is counted,
    its `format` says that a string is a date. `name`: the field's, which may name that unit, too (`warranty_months`).
    """
    if value is None or not text:
        return []
    if isinstance(value, Mapping):
        properties = schema.get("properties", {})
        return _merged(places(part, _part(properties, key), text, key) for key, part in value.items())
    if isinstance(value, str):
        if is_date(value, schema):
            return _date_places(value, text)
        length = _duration(value)
        return _length_places(value, length, text) if length else _text_places(value, text)
    if isinstance(value, Sequence):
        return _merged(places(part, _items(schema), text, name) for part in value)
    if isinstance(value, bool):
        return _merged(_text_places(word, text) for word in (_TRUE if value else _FALSE))
    return _number_places(Decimal(str(value)), schema, text, name)


def same(left: Any, right: Any, schema: Schema) -> bool:
    """Whether two JSON values are the same value in different spelling. The order of a list's items does not count. Where a date
    is asked as exactly as it is known, it is the same as its year or its month alone."""
    if left is None or right is None:
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        properties = schema.get("properties", {})
        return all(same(left.get(n), right.get(n), _part(properties, n)) for n in {*left, *right})
    if _is_list(left) and _is_list(right):
        return len(left) == len(right) and _same_items(list(left), list(right), _items(schema))
    if isinstance(left, bool) or isinstance(right, bool):
        return str(left).casefold() == str(right).casefold()
    if isinstance(left, str) and isinstance(right, str):
        if left == right or (_may_be_partial(schema) and (left.startswith(right) or right.startswith(left))):
            return True
        if (is_date(left, schema) or is_date(right, schema)) and (dated := _same_date(left, right)) is not None:
            return dated
        return _key(left) == _key(right) or (_duration(left) or 0) == _duration(right) or is_same_book(left, right)
    one, other = _decimal(left), _decimal(right)
    return one is not None and other is not None and _equal(one, other)


def is_date(value: str, schema: Schema) -> bool:
    """Whether a string is a date: its schema says so, or it is written as an ISO 8601 day."""
    is_asked = schema.get("format") in ("date", "date-time") or _may_be_partial(schema)
    return is_asked or bool(re.fullmatch(r"[12]\d{3}-\d{2}-\d{2}(T\S+)?", value))


def _may_be_partial(schema: Schema) -> bool:
    return schema.get("pattern") == PARTIAL_DATE


def _part(properties: Any, name: str) -> Schema:
    part = properties.get(name) if isinstance(properties, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def _items(schema: Schema) -> Schema:
    items = schema.get("items")
    return items if isinstance(items, Mapping) else {}


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _merged(spans: Any) -> list[Span]:
    return sorted({span for group in spans for span in group})


# strings


@lru_cache(maxsize=8192)
def _pattern(value: str) -> re.Pattern[str] | None:
    """Finds a string in folded text whatever stands between its words; None if it has no letter and no digit."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unfolded(value))
    tokens = re.findall(r"[^\W_]+", fold(spaced))
    if not tokens:
        return re.compile(re.escape(fold(value.strip()))) if value.strip() else None
    if len(tokens) == 1 and tokens[0].isdigit() and len(tokens[0]) >= 7:
        tokens = list(tokens[0])
    # What tells C++ from C, and a rating of A+ from A and A-.
    signs = re.search(r"(?<=\w)(?:[+#]+|[-−–])$", value.strip())
    start = "" if _unspaced(tokens[0][0]) else r"(?<![^\W_])" + (r"(?<!\d[.,])" if tokens[0][0].isdigit() else "")
    end = "" if _unspaced(tokens[-1][-1]) else r"(?![^\W_])" + (r"(?![.,]\d)" if tokens[-1][-1].isdigit() else "")
    if signs or (len(tokens[-1]) <= 3 and tokens[-1].isalpha()):
        end = (re.sub(r"\\?[-−–]", "[-−–]", re.escape(signs[0])) if signs else "") + r"(?![+#]|[-−–](?!\w))" + end
    return re.compile(start + r"[\W_]{0,6}".join(map(re.escape, tokens)) + end)


@lru_cache(maxsize=2048)
def _duration(value: str) -> Decimal | None:
    """The seconds of a string that is a length of time as a whole: `2 years`, `two (2) years`."""
    if len(value) > 60 or not any(c.isdigit() or c.isspace() for c in value):
        return None
    found = durations(value)
    return found[0].seconds if len(found) == 1 and (found[0].start, found[0].end) == (0, len(value)) else None


def _length_places(value: str, seconds: Decimal, text: str) -> list[Span]:
    spans = [(d.start, d.end) for d in durations(text) if d.seconds == seconds]
    spelled = [span for span in _text_places(value, text) if not any(start < span[1] and span[0] < end for start, end in spans)]
    return sorted([*spans, *spelled])


def _unspaced(character: str) -> bool:
    return "\u3040" <= character <= "\u30ff" or "\u3400" <= character <= "\u9fff"


def _text_places(value: str, text: str) -> list[Span]:
    pattern = _pattern(value)
    if pattern is None:
        return []
    if not has_ligature(text):
        return [match.span() for match in pattern.finditer(fold(text))]
    plain, at = unfolded_in_place(text)
    return [(at[match.start()], at[match.end() - 1] + 1) for match in pattern.finditer(fold(plain))]


def _key(value: str) -> str:
    """What must be equal for two strings to be the same: letters, digits and the signs that tell names apart (C, C++, C#)."""
    value = re.sub(r"^https?://(?:www\.)?", "", value.strip()).rstrip("/")
    kept = re.sub(r"[^\w+#%$€£¥₽₹]|_", "", fold(unicodedata.normalize("NFC", unfolded(value))))
    return kept or value


# numbers


def _decimal(value: Any) -> Decimal | None:
    """A number, or a string that is one (`"1,234.5"`, `"42 kg"`)."""
    if isinstance(value, str):
        found = numbers(value)
        return found[0].value if len(found) == 1 else None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _equal(left: Decimal, right: Decimal) -> bool:
    return left == right or abs(left - right) <= Decimal("1e-9") * max(abs(left), abs(right))


def seconds_per_unit(schema: Schema, name: str = "") -> tuple[int, ...]:
    """The units of time that a field may be counted in: those that its name, title or description names, or else all short
    ones."""
    words = f"{name.replace('_', ' ')} {schema.get('title', '')} {schema.get('description', '')}"
    named = tuple(seconds for seconds, pattern in _TIME_UNITS.items() if pattern.search(words))
    return named or ((86400,) if _DAY_UNIT.search(words) else (60, 3600, 1, 86400))


def _number_places(value: Decimal, schema: Schema, text: str, name: str) -> list[Span]:
    scale = scale_of(name, str(schema.get("description", "")))
    spans = {
        (n.start, n.end)
        for n in numbers(text)
        if any(_equal(r, value * scale) or (_equal(r, value) and not (n.scaled and scale != 1)) for r in n.readings)
        or _in_hundredths(n, value, text)
    }  # `$3.2 million` states 3.2 for `revenue_usd_m`, and not 3,200,000
    if axis := axis_of(name):
        spans |= {(one.start, one.end) for one in coordinates(text) if one.axis == axis and _is_rounded(one.value, value)}
    if value > 0:
        units = seconds_per_unit(schema, name)
        spans |= {(d.start, d.end) for d in durations(text) if any(_equal(d.seconds, value * unit) for unit in units)}
        stated = (d for unit in units for d in lengths_of_time(text, Decimal(unit)) if "range" in d.doubts)
        spans |= {(d.start, d.end) for d in stated if _equal(d.value, value)}  # 3, of `3–7 hours`
    if value == value.to_integral_value() and 1000 <= value <= 2999:
        inside = [(s, e) for s, e in spans]
        for date in dates(text):
            if date.year == value and not any(date.start <= s and e <= date.end for s, e in inside):
                spans.add((date.start, date.end))
    return sorted(spans)


def _is_rounded(stated: Decimal, value: Decimal) -> bool:
    """Whether a value is one that a text states, to as many decimals as the value has, but to two at least."""
    exponent = value.as_tuple().exponent
    places = -exponent if isinstance(exponent, int) else 0
    return _equal(stated, value) or (places >= 2 and abs(stated - value) <= Decimal(1).scaleb(-places))


def _in_hundredths(number: Number, value: Decimal, text: str) -> bool:
    """`99¢` states 0.99."""
    if not _equal(number.value, value * 100):
        return False
    unit = measured(text, number.start, number.end).unit
    return unit is not None and unit.is_money and _equal(unit.factor * 100, Decimal(1))


# dates


def _date_places(value: str, text: str) -> list[Span]:
    match = _ISO_DATE.fullmatch(value.strip())
    if not match:
        return _text_places(value, text)
    year, month, day = (int(part) if part else None for part in match.groups()[:3])
    stated = dates(text) + (short_dates(text) if day else ())
    return sorted((date.start, date.end) for date in stated if _states(date, year, month, day, match[4]))


def _states(date: StatedDate, year: int | None, month: int | None, day: int | None, time: str | None) -> bool:
    """Whether a date in a text is at least as exact as the one asked for, and equal to it that far."""
    if date.year != year or (month is not None and date.month is None) or (day is not None and date.day is None):
        return False
    orders = [(date.month, date.day)] + ([(date.day, date.month)] if date.swapped else [])
    if not any((month is None or m == month) and (day is None or d == day) for m, d in orders):
        return False
    return time is None or re.match(r"00:00", time) is not None or (date.time is not None and _clock(date.time) == _clock(time))


def _clock(time: str) -> str:
    """A time of day to the second, its offset as written."""
    time = re.sub(r"([+-]\d{2})(\d{2})$", r"\1:\2", time).replace("+00:00", "Z")
    short = re.fullmatch(r"(\d{2}:\d{2})(Z|[+-]\d{2}:?\d{2})?", time)
    return f"{short[1]}:00{short[2] or ''}" if short else re.sub(r"\.0+(?=Z|[+-]|$)", "", time)


def _same_date(left: str, right: str) -> bool | None:
    """Whether two strings are the same date; None if one of them is not a date as a whole."""
    stated = []
    for text in (left.strip(), right.strip()):
        found = dates(text)
        if len(found) != 1 or (found[0].start, found[0].end) != (0, len(text)):
            return None
        stated.append(found[0])
    one, other = stated
    if one.swapped or other.swapped:
        orders = {(other.month, other.day), (other.day, other.month)} if other.swapped else {(other.month, other.day)}
        ours = {(one.month, one.day), (one.day, one.month)} if one.swapped else {(one.month, one.day)}
        return one.year == other.year and bool(ours & orders)
    times = [_clock(d.time) if d.time else None for d in stated]
    return one.iso() == other.iso() and (times[0] == times[1] or None in times)


# lists


def _same_items(left: list[Any], right: list[Any], schema: Schema) -> bool:
    for item in left:
        match = next((i for i, other in enumerate(right) if same(item, other, schema)), None)
        if match is None:
            return False
        del right[match]
    return True
