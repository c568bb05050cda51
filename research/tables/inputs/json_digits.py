"""Numbers of JSON that have more digits than a floating-point number holds: written as text, so that every digit is kept."""

from __future__ import annotations

import math
import mmap
import re
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

_MAY_BE_LONG: Final = re.compile(rb"[0-9][0-9.]{16}|[eE][-+]?[0-9]{3}")
"""What stands in every number that a double may not hold, and seldom elsewhere."""
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?', re.DOTALL)
_IN_JSON: Final = re.compile(rb"[.eE]")


class LongNumbers(NamedTuple):
    """A copy of a file in which such numbers are text."""

    path: Path
    warning: str


def with_long_numbers_as_text(path: Path, copy: Path) -> LongNumbers | None:
    """Write a copy in which each number that a double would round stands in quotes; None if there is none.

    Whole numbers stay as they are: DuckDB keeps their digits.
    """
    if not path.stat().st_size:
        return None
    first: tuple[str, int] | None = None
    count = 0
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if _MAY_BE_LONG.search(data) is None:
            return None
        with copy.open("wb") as out:
            written = 0
            for token in _TOKEN.finditer(data):
                number = token[0]
                if number[:1] == b'"' or not _IN_JSON.search(number) or not _is_rounded(number.decode()):
                    continue
                out.write(data[written : token.start()] + b'"' + number + b'"')
                written = token.end()
                count += 1
                first = first or (number.decode(), data[: token.start()].count(b"\n") + 1)
            if first is None:
                return None
            out.write(data[written:])
    number_of, stands = ("numbers", "have") if count > 1 else ("number", "has")
    return LongNumbers(
        copy,
        f"{count:,} {number_of} ({first[0]} in line {first[1]:,}) {stands} more digits than a floating-point number holds; "
        "read as text, with every digit",
    )


def _is_rounded(text: str) -> bool:
    """Whether a double loses digits of a number. One that was written with 17 of them has all that its double had."""
    number = float(text)
    written = Decimal(text)
    if math.isinf(number):  # the reader finds that, and keeps the text
        return False
    return written not in (Decimal(repr(number)), Decimal(f"{number:.16e}"))
