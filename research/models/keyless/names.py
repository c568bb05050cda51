"""Names as running text spells them."""

from __future__ import annotations

import re
from typing import Final

BIG: Final = r"[A-ZÀ-ÖØ-ÞŁŚŠŻŽČĆĐĞİА-Я]"
PARTICLES: Final = r"(?:(?:of|the|de|la|du|des|von|van|der|del|di|da|for|ibn|al)\s+){0,2}"
_WORD: Final = rf"{BIG}(?:[\w'’&-]|\.(?=\w))*(?:(?:(?<=\b\w)|(?<=\b\w\w)|(?<=\b\w\w\w))\.)?"
"""A word of a name. A stop ends it, unless it is short: `St. Leonard`."""
_LATER_WORD: Final = rf"(?:{_WORD}|\d[\w-]*(?:\.\d+)*)"
NAME: Final = rf"{_WORD}(?:\s+{PARTICLES}{_LATER_WORD})*"
"""A name."""
FULL_NAME: Final = re.compile(rf"{_WORD}(?:\s+(?:(?:and|&)\s+|{PARTICLES}){_LATER_WORD})*")
"""A name that may itself hold an `and`: `Procter & Gamble`."""
PLACE: Final = re.compile(rf"{NAME}(?:,\s+{NAME}){{0,2}}")
NAMES: Final = re.compile(rf"{NAME}(?:(?:,\s+(?:and\s+)?|\s+and\s+|\s+&\s+){NAME})*")
_TAIL: Final = re.compile(r"['’]s$|[.,'’*]+$")


COMPANY: Final = re.compile(
    rf"{NAME}(?:,?\s+(?:and\s+)?(?:Inc|INC|Incorporated|INCORPORATED|LLC|L\.L\.C|LP|L\.P|LLP|Ltd|LTD|Limited|LIMITED|"
    r"Corp|CORP|Corporation|CORPORATION|Company|COMPANY|Co|CO|PLC|plc|GmbH|AG|SE|S\.A|N\.V|B\.V)\b\.?)+"
)
"""A name with what kind of company it is of behind it."""


def bare(name: str) -> str:
    """A name without the possessive and the stops behind it."""
    return _TAIL.sub("", name)
