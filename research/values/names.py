"""Names: what tells one from others of nearly the same (by `names.toml`)."""

from __future__ import annotations

import re
from typing import Final

from research.records import read_table
from research.values.dates import dates

_VARIANT: Final = "|".join(read_table("research.values", "names.toml")["variants"])
_MARK: Final = re.compile(
    rf"(?<![\w.'’&-])(?:[IVX]+|(?<!\d )[B-HJ-Z]|(?<=\d )[ERSXZ]|(?:(?<=\w )|(?=[JS]))(?i:{_VARIANT}))"
    rf"(?![\w'’&]|\.[^\W\d_]|(?<=[A-Z])\.)|(?<=[^\W_]-)(?:{_VARIANT})(?!\w)"
)
"""A Roman numeral, a letter that is no initial, a word such as `Jr`; with a hyphen only as a word: `libharp-dev`."""
_NAME: Final = re.compile(
    r"(?<![\w.'’&-])[^\W\d_a-zß-öø-ÿ][\w'’&-]*(?: (?:(?:of|the|de) ){0,2}[^\W\d_a-zß-öø-ÿ][\w'’&-]*| \d[\w-]*)*"
)
_PLACED: Final = re.compile(r"(?:\b(?:in|of)|\d) \Z")
_OF_A_YEAR: Final = re.compile(r"\s*\([12]\d{3}(?: [^\W\d_]+)?\)")
"""`Up (2009 film)`"""


def marks_of(name: str) -> frozenset[str]:
    """What makes another thing of a name that is the same without it: `vii`, `pro`, `jr`, in lower case."""
    return frozenset(mark[0].casefold() for mark in _MARK.finditer(name))


def things_named(sentence: str) -> list[str]:
    """The names in a sentence, but for a word that begins it, and what only tells where, when or whose: `in York`."""
    return [
        name[0]
        for name in _NAME.finditer(sentence)
        if not dates(name[0])
        and not _PLACED.search(sentence, 0, name.start())
        and (" " in name[0] or sentence[: name.start()].strip("\"“‘'*_ "))
    ]


def without_year(title: str) -> str:
    """A title without a year in brackets, which tells works of one name apart: `Up (2009 film)`."""
    return _OF_A_YEAR.sub("", title)
