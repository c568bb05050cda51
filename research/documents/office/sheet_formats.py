"""Number formats of workbooks: a number as its cell shows it, where the format adds what the number alone does not say.

That is a percent sign, a currency, a unit, leading zeros. Dates, fractions and plain numbers are not formatted here.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final, NamedTuple

BUILT_IN: Final = {
    5: '"$"#,##0',
    6: '"$"#,##0',
    7: '"$"#,##0.00',
    8: '"$"#,##0.00',
    9: "0%",
    10: "0.00%",
    42: '"$"#,##0',
    44: '"$"#,##0.00',
}
"""Formats that a workbook names by number alone."""

_PART: Final = re.compile(
    r"""
    "(?P<quoted>[^"]*)" | \\(?P<escaped>.) | [_*]. | \[\$(?P<currency>[^\]-]*)[^\]]*\] | \[[^\]]*\]
    | (?P<digits>[#0?][#0?,]*(?:\.[#0?]*)?,*|\.[#0?]+) | (?P<other>.)
    """,
    re.X | re.S,
)
_SECTION: Final = re.compile(r'((?:"[^"]*"|\\.|\[[^\]]*\]|[^;"\\\[])*)(?:;|$)', re.S)
_EXACT: Final = Context(prec=1_000)
"""Digits of the largest float, and of the longest format."""
_PLAIN: Final = frozenset("$€£¥₹+-()/: %")
"""Signs that stand for themselves."""


class _Pattern(NamedTuple):
    before: str
    digits: str
    after: str
    percent: bool


def as_shown(value: float, code: str) -> str | None:
    """A number as a format shows it; None if the format says no more than the number does, or is of another kind.

    Args:
        value: finite.
        code: as `0.0%` or `[$€-407] #,##0.00;-[$€-407] #,##0.00`.
    """
    sections = [each for each in _SECTION.findall(code) if each]
    negative = value < 0
    own = sections[1] if negative and len(sections) > 1 else sections[0] if sections else ""
    pattern = _pattern(own)
    if pattern is None:
        return None
    sign = "-" if negative and len(sections) == 1 else ""
    says_more = (pattern.before + pattern.after).strip(" -+()") or pattern.digits.startswith("00")
    return f"{sign}{pattern.before}{_digits(abs(value), pattern)}{pattern.after}".strip() if says_more else None


def _pattern(section: str) -> _Pattern | None:
    before, digits, after = "", "", ""
    percent = False
    for part in _PART.finditer(section):
        text = part["quoted"] or part["escaped"] or part["currency"] or ""
        if part["digits"]:
            if digits:
                return None
            digits = part["digits"]
            continue
        if part["other"]:
            if part["other"] not in _PLAIN:
                return None
            percent = percent or part["other"] == "%"
            text = part["other"]
        if digits:
            after += text
        else:
            before += text
    if not digits or ("/" in after + before and not percent and _has_fraction(section)):
        return None
    return _Pattern(before, digits, after, percent)


def _has_fraction(section: str) -> bool:
    return re.search(r"[#0?]\s*/\s*[#0?\d]", section) is not None


def _digits(value: float, pattern: _Pattern) -> str:
    whole, _, places = pattern.digits.partition(".")
    thousandths = len(pattern.digits) - len(pattern.digits.rstrip(","))
    number = Decimal(repr(value)) * (100 if pattern.percent else 1) / (Decimal(1000) ** thousandths)
    most, least = len(places.rstrip(",")), places.count("0")
    rounded = number.quantize(Decimal(1).scaleb(-most), ROUND_HALF_UP, _EXACT)
    text = f"{rounded:,f}" if "," in whole.rstrip(",") else f"{rounded:f}"
    head, _, tail = text.partition(".")
    while len(tail) > least and tail.endswith("0"):
        tail = tail[:-1]
    return head.zfill(whole.count("0")) + (f".{tail}" if tail else "")
