"""Names: what tells one from others of nearly the same (by `names.toml`)."""

from __future__ import annotations

import re
from typing import Final

from research.records import read_table

_VARIANT: Final = "|".join(read_table("research.values", "names.toml")["variants"])
_MARK: Final = re.compile(
    rf"(?<![\w.'’&-])(?:[IVX]+|(?<!\d )[B-HJ-Z]|(?<=\d )[ERSXZ]|(?:(?<=\w )|(?=[JS]))(?i:{_VARIANT}))"
    rf"(?![\w'’&]|\.[^\W\d_]|(?<=[A-Z])\.)|(?<=[^\W_]-)(?:{_VARIANT})(?!\w)"
)
"""A Roman numeral, a letter that is no initial, a word such as `Jr`; with a hyphen only as a word: `libharp-dev`."""
_OF_A_YEAR: Final = re.compile(r"\s*\([12]\d{3}(?: [^\W\d_]+)?\)")
"""`Up (2009 film)`"""


def marks_of(name: str) -> frozenset[str]:
    """What makes another thing of a name that is the same without it: `vii`, `pro`, `jr`, in lower case."""
    return frozenset(mark[0].casefold() for mark in _MARK.finditer(name))


def without_year(title: str) -> str:
    """A title without a year in brackets, which tells works of one name apart: `Up (2009 film)`."""
    return _OF_A_YEAR.sub("", title)
