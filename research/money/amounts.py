"""Amounts of money, in US dollars: their sum, where unknown is not zero, and how people read them."""

from __future__ import annotations

from collections.abc import Iterable


def total(parts: Iterable[float | None]) -> float | None:
    """The sum, or None if a part is not known."""
    known = list(parts)
    return None if any(part is None for part in known) else sum(part for part in known if part is not None)


def dollars(usd: float) -> str:
    """An amount for people: to the cent; below ten cents, two digits that say something."""
    return f"${usd:,.2f}" if usd >= 0.1 or not usd else f"${usd:.2g}"
