"""Regular expressions as JSON Schema means them (ECMA 262, Unicode mode), and never for longer than a moment."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import regex

SECONDS: Final = 0.5
"""Of matching, after which a pattern counts as too slow: a pattern such as `(a+)+$` can take for ever on a page's text."""

_SPACE: Final = r"\t\n\v\f\r \u00a0\ufeff\u2028\u2029\p{Zs}"
_CLASSES: Final = {
    "d": "[0-9]",
    "D": "[^0-9]",
    "w": "[A-Za-z0-9_]",
    "W": "[^A-Za-z0-9_]",
    "s": f"[{_SPACE}]",
    "S": f"[^{_SPACE}]",
}
_GROUP: Final = re.compile(r"\(\?(?::|=|!|<=|<!|<[A-Za-z_$][\w$]*>)")
_QUANTIFIER: Final = re.compile(r"\{[0-9]+(?:,[0-9]*)?\}")
_CODE: Final = re.compile(
    r"\\u(?:\{([0-9A-Fa-f]{1,6})\}|([Dd][89ABab][0-9A-Fa-f]{2})\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})|([0-9A-Fa-f]{4}))"
)
_KEPT: Final = re.compile(r"\\(?:[pP]\{[^{}]+\}|x[0-9A-Fa-f]{2}|[1-9][0-9]*|[tnvfr]|[^0-9A-Za-z])")


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> regex.Pattern[str]:
    """A pattern, ready to search with.

    Raises:
        ValueError: it is not a regular expression of ECMA 262.
    """
    try:
        return regex.compile(_translated(pattern), regex.VERSION1)
    except (regex.error, OverflowError, RecursionError) as reason:
        raise ValueError(str(reason)) from reason


def found(pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text.

    Raises:
        ValueError: it is no pattern.
        TimeoutError: it took more than `SECONDS`.
    """
    return compiled(pattern).search(text, timeout=SECONDS) is not None


def _translated(pattern: str) -> str:
    """The pattern in the words of the `regex` library, version 1 (where sets nest)."""
    out: list[str] = []
    place, in_set = 0, False
    while place < len(pattern):
        text, length = _set_part(pattern, place) if in_set else _part(pattern, place)
        if in_set and pattern[place] == "]":
            in_set = False
        elif not in_set and text == "[":
            in_set = True
        out.append(text)
        place += length
    return "".join(out)


def _part(pattern: str, place: int) -> tuple[str, int]:
    """One part outside a set: its translation, and how much of the pattern it takes."""
    char = pattern[place]
    if char == "\\":
        if name := re.compile(r"\\k<([^<>]+)>").match(pattern, place):
            return f"(?P={name[1]})", len(name[0])
        if pattern[place + 1 : place + 2] in ("b", "B"):
            return pattern[place : place + 2], 2
        return _escape(pattern, place)
    if char == "$":
        return r"\Z", 1
    if char == ".":
        return r"[^\n\r\u2028\u2029]", 1
    if pattern.startswith("[]", place):
        return "(?!)", 2
    if pattern.startswith("[^]", place):
        return "(?s:.)", 3
    if pattern.startswith("[^", place):
        return "[", 1
    if pattern.startswith("(?", place) and not _GROUP.match(pattern, place):
        raise ValueError(f"unknown group {pattern[place : place + 4]} at position {place}")
    if char == "{" and not _QUANTIFIER.match(pattern, place):
        return r"\{", 1
    return char, 1


def _set_part(pattern: str, place: int) -> tuple[str, int]:
    """One part inside a set. Set operators of the library are plain characters here."""
    char = pattern[place]
    if char == "\\":
        return (r"\x08", 2) if pattern.startswith(r"\b", place) else _escape(pattern, place)
    if char == "-" and pattern.startswith("--", place):
        return r"-\-", 2
    return (f"\\{char}" if char in "[&|~" else char), 1


def _escape(pattern: str, place: int) -> tuple[str, int]:
    letter = pattern[place + 1 : place + 2]
    if letter in _CLASSES:
        return _CLASSES[letter], 2
    if code := _CODE.match(pattern, place):
        pair = code[2] and int(code[2] + code[3], 16)  # two halves of a surrogate pair
        number = 0x10000 + ((pair >> 16) - 0xD800) * 0x400 + (pair & 0xFFFF) - 0xDC00 if pair else int(code[1] or code[4], 16)
        if number > 0x10FFFF:
            raise ValueError(f"no such character {code[0]} at position {place}")
        return f"\\U{number:08x}", len(code[0])
    if letter == "c" and pattern[place + 2 : place + 3].isascii() and pattern[place + 2 : place + 3].isalpha():
        return f"\\x{ord(pattern[place + 2]) % 32:02x}", 3
    if letter == "0" and not pattern[place + 2 : place + 3].isdigit():
        return r"\x00", 2
    if kept := _KEPT.match(pattern, place):
        return kept[0], len(kept[0])
    raise ValueError(f"unknown escape \\{letter} at position {place}")
