"""Territories: which names are countries'."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from babel import Locale

from research.values.values import fold

_ALSO: Final = (
    "USA",
    "US",
    "UK",
    "England",
    "Scotland",
    "Wales",
    "Northern Ireland",
    "Czech Republic",
    "Russia",
    "Turkey",
    "Holland",
)


@lru_cache(maxsize=1)
def _countries() -> frozenset[str]:
    named = Locale.parse("en").territories
    return frozenset(fold(name) for name in (*(name for code, name in named.items() if len(code) == 2), *_ALSO))


def is_country(name: str) -> bool:
    """Whether a name is a country's, in English."""
    return fold(name.strip().removeprefix("the ")) in _countries()
