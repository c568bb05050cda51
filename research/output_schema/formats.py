"""The formats of JSON Schema: `jsonschema`'s own, and stricter ones where those let wrong values into a table."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import quote

from jsonschema import Draft202012Validator, FormatChecker
from rfc3986_validator import validate_rfc3986  # type: ignore[import-untyped]

from research.output_schema import patterns

_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)([.][0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_DATE_TIME: Final = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[Tt]{_TIME}")

# RFC 3339, appendix A.
_CLOCK = "T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)"
_DAYS = "(?:[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)"
_DURATION: Final = re.compile(rf"P(?:[0-9]+W|{_DAYS}(?:{_CLOCK})?|{_CLOCK})")

_UUID: Final = re.compile("[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")

# RFC 5321, section 4.1.2.
_WORD = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_EMAIL: Final = re.compile(
    rf'(?:{_WORD}(?:[.]{_WORD})*|"(?:[ !#-\[\]-~]|\\[ -~])*")@(?:{_LABEL}(?:[.]{_LABEL})*|\[(?:IPv6:)?([0-9A-Fa-f:.]+)\])'
)


def instant(text: str) -> datetime:
    """The moment of an RFC 3339 date-time, in UTC, to the microsecond. A leap second is the second after it.

    Raises:
        ValueError: it is none, or lies outside the years 1 to 9999.
    """
    found = _DATE_TIME.fullmatch(text)
    if not found:
        raise ValueError("is not an RFC 3339 date-time")
    leap = found[2] == "60"
    try:
        moment = datetime.fromisoformat((f"{text[:17]}59{text[19:]}" if leap else text).upper()).astimezone(UTC)
        if leap and (moment.hour, moment.minute) != (23, 59):
            raise ValueError("has a leap second in the middle of a day")
        return moment + timedelta(seconds=leap)
    except OverflowError as reason:
        raise ValueError("lies outside the years 1 to 9999") from reason


def _time(text: str) -> bool:
    return bool(instant(f"2000-01-02T{text}"))


def _email(text: str) -> bool:
    found = _EMAIL.fullmatch(text)
    return bool(found and (found[1] is None or ip_address(found[1])))


def _iri(text: str, rule: str) -> bool:
    """An IRI is a URI whose characters beyond ASCII are written as they are (RFC 3987, section 3.1).

    Not `rfc3987-syntax`, which `jsonschema` would take: importing it costs every process more than a second.
    """
    return not text.endswith("\n") and bool(
        validate_rfc3986("".join(char if char.isascii() else quote(char) for char in text), rule)
    )


def _regex(text: str) -> bool:
    return bool(patterns.compiled(text))


def _text_only(check: Callable[[str], bool]) -> Callable[[object], bool]:
    """A format says nothing of what is not text."""
    return lambda value: not isinstance(value, str) or check(value)


@cache
def checker() -> FormatChecker:
    """The formats of draft 2020-12. A date-time must also be a moment that a table can hold."""
    formats = FormatChecker(formats=())
    formats.checkers = dict(Draft202012Validator.FORMAT_CHECKER.checkers)
    own: dict[str, Callable[[str], bool]] = {
        "date-time": lambda text: bool(instant(text)),
        "time": _time,
        "duration": lambda text: bool(_DURATION.fullmatch(text)),
        "uuid": lambda text: bool(_UUID.fullmatch(text)),
        "email": _email,
        "iri": lambda text: _iri(text, "URI"),
        "iri-reference": lambda text: _iri(text, "URI_reference"),
        "regex": _regex,
    }
    formats.checkers |= {name: (_text_only(check), ValueError) for name, check in own.items()}
    return formats
