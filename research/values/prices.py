"""Prices: which of a text's amounts is the price that is asked for, since a shop names several (by `prices.toml`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from research.records import read_table
from research.values.neighbours import periods_of
from research.values.scales import alternatives
from research.values.units import Measured

_TABLE: Final = read_table("research.values", "prices.toml")
_BEFORE: Final = r"(?:[\s-]+price)?(?:\s(?:is|was|costs?))?[\s:.(]*$"
_FORMER: Final = re.compile(rf"\b(?:{alternatives(_TABLE['former'])})\b{_BEFORE}", re.IGNORECASE)
_PRESENT: Final = re.compile(rf"\b(?:{alternatives(_TABLE['present'])})\b{_BEFORE}", re.IGNORECASE)
_OTHER: Final = re.compile(rf"\b(?:{alternatives(_TABLE['other'])})\b{_BEFORE}", re.IGNORECASE)
_OTHER_BEHIND: Final = re.compile(rf"\s*(?:{alternatives(_TABLE['other_behind'])})\b|\s?%", re.IGNORECASE)
_DISCOUNT: Final = re.compile(r"(?<![\d.,])(\d{1,2})\s?%")
_SEVERAL_FOR: Final = re.compile(
    r"\b\d+\s*(?:(?:for|x|×|für|pour|por|per)|(?:[a-z-]+\s){0,2}(?:rate\s(?:da|di)|"
    r"(?:payments|instal?ments|raten|mensualités|cuotas|parcelas)\s(?:of|à|von|zu|de|da)?))\s*$",
    re.IGNORECASE,
)
"""`2 for $10`, `4 payments of $10`"""
_ASKS_FORMER: Final = frozenset(_TABLE["asks_former"])
_NET, _GROSS = (re.compile(rf"(?<!\w)(?:{alternatives(_TABLE[name])})(?!\w)", re.IGNORECASE) for name in ("net", "gross"))
_NEAR: Final = 24
"""Characters before an amount in which a word says what it is."""


def asked_price(text: str, amounts: Sequence[Measured], values: Sequence[Decimal], words: frozenset[str]) -> list[int]:
    """Places of the amounts that may be the price that a field of these words asks for: those in a currency before all others,
    none that is saved or charged for something else, and the former price only where it is asked for."""
    places = [
        at
        for at, amount in enumerate(amounts)
        if (amount.unit is None or amount.unit.is_money)
        and not _speaks_of_other(_OTHER_BEHIND.match(text, amount.end), words)
        and not _speaks_of_other(_before(_OTHER, text, amount), words)
        and not _before(_SEVERAL_FOR, text, amount)
    ]
    if any(amount.unit is not None and amount.unit.is_money for amount in amounts):
        places = [at for at in places if amounts[at].unit is not None]
    former = [at for at in places if _before(_FORMER, text, amounts[at])] or _reduced(text, places, values)
    if words & _ASKS_FORMER:
        return former or places
    return [at for at in places if _before(_PRESENT, text, amounts[at])] or [at for at in places if at not in former]


def is_net_and_gross(text: str) -> bool:
    """Whether a text says of one amount that it is without tax, and of another that it is with it."""
    return _NET.search(text) is not None and _GROSS.search(text) is not None


def _reduced(text: str, places: Sequence[int], values: Sequence[Decimal]) -> list[int]:
    """Of two prices, the former one where the text says by how much it was reduced: `64.27 € 43.97 € (-32%)`."""
    discount = _DISCOUNT.search(text)
    if len(places) != 2 or discount is None:
        return []
    high, low = sorted(places, key=lambda at: -values[at])
    reduced = values[high] * (100 - int(discount[1])) / 100
    return [high] if abs(reduced - values[low]) <= values[high] / 100 else []


def _speaks_of_other(found: re.Match[str] | None, words: frozenset[str]) -> bool:
    """Whether words beside an amount say that it is no price of the thing: not those of the field (`price per month`,
    `monthly price`)."""
    if found is None:
        return False
    beside = re.findall(r"\w+", found[0].casefold())
    return words.isdisjoint(beside) and periods_of(words).isdisjoint(periods_of(beside))


def _before(pattern: re.Pattern[str], text: str, amount: Measured) -> re.Match[str] | None:
    return pattern.search(text, max(0, amount.start - _NEAR), amount.start)
