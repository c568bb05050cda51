"""Remarks: what stands with a value and is no part of it: footnote marks, since when it holds, a vocabulary's address."""

from __future__ import annotations

import re
from typing import Final

_NOTE: Final = re.compile(r"\s*\[(?:\d{1,3}|[a-z]|note \d+|citation needed)\]", re.I)
_SCHEMA_ORG: Final = re.compile(r"^https?://schema\.org/(?=\w+$)")
"""Before a member of one of schema.org's enumerations, which is written as a web address."""
_REMARK: Final = re.compile(
    r"\s*\((?:(?:since|until|till|from|as of|as at|in|appointed|elected|acting|interim|seit|depuis|desde|c\.|ca\.|"
    r"m\.|married)\s*)*"
    r"(?:[^\W\d_]{3,9}\.? )?(?:\d{1,2}[ .]\s?)?(?:[^\W\d_]{3,9}\.?,? )?[12]\d{3}"
    r"(?:\s?[-–—]\s?(?:[12]\d{3}|present|today|now)?)?\)$",
    re.IGNORECASE,
)
"""Behind a value, since when it holds: `Ingrid Bakke (since 2019)`."""


def without_remarks(text: str, *, in_brackets: bool = True) -> str:
    """A value without its footnotes, and without the years in brackets behind it unless those may be its own: `Up (2009)`."""
    value = _SCHEMA_ORG.sub("", _NOTE.sub("", text)).strip()
    return (_REMARK.sub("", value) or value) if in_brackets and value.endswith(")") else value
