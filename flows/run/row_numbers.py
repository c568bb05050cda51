"""Rows as people name them: `0-9,12`."""

from __future__ import annotations

from collections.abc import Iterable

from research.errors import InvalidInput


def row_numbers(text: str) -> list[int]:
    """The rows that a text names, by their places in the input, each once.

    Raises:
        InvalidInput: it names none.
    """
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = (each.strip() for each in part.partition("-"))
        if not first.isdigit() or (dash and not last.isdigit()):
            raise InvalidInput(f"{text!r:.80} names no rows: write their places in the input, as `0-9,12`.")
        found += range(int(first), int(last if dash else first) + 1)
    return list(dict.fromkeys(found))


def as_ranges(rows: Iterable[int]) -> str:
    """Rows as `row_numbers` reads them."""
    stretches: list[list[int]] = []
    for row in sorted(set(rows)):
        if stretches and stretches[-1][1] == row - 1:
            stretches[-1][1] = row
        else:
            stretches.append([row, row])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in stretches)
