"""Counts become shares: the interval of a share, and shares that do not fall."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

_Z: Final = 1.959963984540054
"""The normal quantile of a two-sided interval of 95 %."""


def wilson(part: int, whole: int) -> tuple[float, float] | None:
    """The 95 % interval of a share (Wilson's score interval, 1927). None if nothing was counted.

    It takes the counted cells as independent. Cells of one row are not quite, so that the true interval is a little wider.
    """
    if whole <= 0:
        return None
    share, spread = part / whole, _Z * _Z / whole
    middle = (share + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * math.sqrt(share * (1 - share) / whole + spread / (4 * whole))
    return max(0.0, middle - half), min(1.0, middle + half)


def not_falling(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The nearest values (by weighted squares) of which none is lower than the one before: neighbours that fall are pooled
    (the pool adjacent violators algorithm of isotonic regression)."""
    pools: list[tuple[float, float, int]] = []  # value, weight, how many
    for value, weight in zip(values, weights, strict=True):
        pools.append((value, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (low, of_low, few), (high, of_high, more) = pools.pop(), pools.pop()
            both = of_low + of_high
            pools.append(((low * of_low + high * of_high) / both, both, few + more))
    return [value for value, _, count in pools for _ in range(count)]
