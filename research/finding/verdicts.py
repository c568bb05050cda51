"""Whether a value that was found meets a condition: decided by code, from the value alone."""

from __future__ import annotations

import calendar
import re
from datetime import date
from typing import Any, Final, Literal

from research.evidence.ranking import words
from research.ports.conditions import Condition

Verdict = Literal["met", "not met", "unknown"]

_DATE: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?:T.*)?")


def is_of_kind(condition: Condition, value: Any) -> bool:
    """Whether a value is of the kind that a condition compares: no number is a name, or a place."""
    if condition.kind == "text":
        letters = re.compile(r"[^\W\d_]")
        is_lettered = letters.search(str(value)) is not None
        return not isinstance(value, bool) and (is_lettered or not all(map(letters.search, condition.one_of)))
    if condition.kind == "date":
        return _days(str(value)) is not None
    return isinstance(value, bool) if condition.kind == "yes" else isinstance(value, int | float) and not isinstance(value, bool)


def verdict(condition: Condition, value: Any) -> Verdict:
    """Whether a value meets a condition; None is unknown, and so is a year in which only some days would meet it."""
    if value is None or not is_of_kind(condition, value):
        return "unknown"
    if condition.kind == "date":
        return _of_date(condition, str(value))
    if condition.kind == "number":
        return _of_number(condition, value)
    if condition.kind == "text":
        if any(_is_or_holds(str(value), wanted) for wanted in condition.one_of):
            return "met"
        is_part = any(_is_or_holds(wanted, str(value)) for wanted in condition.one_of)  # `Ghent`, of `Ghent, Belgium`
        return "unknown" if is_part else "not met"
    return _met(value is True)


def _is_or_holds(value: str, wanted: str) -> bool:
    """Whether a text holds another one word by word, or one is the other's initials: `ESA`, `European Space Agency`."""
    asked, found = words(wanted), words(value)
    if not asked:
        return False
    holds = any(found[at : at + len(asked)] == asked for at in range(len(found) - len(asked) + 1))
    return holds or (_initials(value) == wanted or _initials(wanted) == value)


def _initials(text: str) -> str:
    """The initials of a name of three words and more."""
    large = [word for word in re.findall(r"[^\W\d_]+", text) if word[0].isupper()]
    return "".join(word[0] for word in large) if len(large) > 2 else ""


def _of_date(condition: Condition, value: str) -> Verdict:
    span = _days(value)
    if span is None:
        return "unknown"
    (first, last), after, before = span, condition.after, condition.before
    if (after is None or first >= after) and (before is None or last <= before):
        return "met"
    outside = (after is not None and last < after) or (before is not None and first > before)
    return "not met" if outside else "unknown"


def _of_number(condition: Condition, value: Any) -> Verdict:
    return _met(
        (condition.least is None or value >= condition.least)
        and (condition.most is None or value <= condition.most)
        and (condition.above is None or value > condition.above)
        and (condition.below is None or value < condition.below)
    )


def _met(met: bool) -> Verdict:
    return "met" if met else "not met"


def _days(value: str) -> tuple[str, str] | None:
    """The first and the last day that a date may mean; None if it is none."""
    match = _DATE.fullmatch(value.strip())
    if match is None:
        return None
    year, month, day = (int(part) if part else None for part in match.groups())
    if not year:
        return None
    try:
        first = date(year, month or 1, day or 1)
        last = date(year, month or 12, day or calendar.monthrange(year, month or 12)[1])
    except ValueError:
        return None
    return first.isoformat(), last.isoformat()
