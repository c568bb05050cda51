"""Territories: which names are countries'."""

from __future__ import annotations

from functools import lru_cache

from babel import Locale

from research.models.keyless.vocabulary import COUNTRIES
from research.values.values import fold


@lru_cache(maxsize=1)
def _countries() -> frozenset[str]:
    named = Locale.parse("en").territories
    return frozenset(fold(name) for name in (*(name for code, name in named.items() if len(code) == 2), *COUNTRIES))


def is_country(name: str) -> bool:
    """Whether a name is a country's, in English."""
    return fold(name.strip().removeprefix("the ")) in _countries()
