"""What the task runs of a table's run are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from research.faults import shortened
from research.ports.work import SubQuery

NAME_LENGTH: Final = 60


def row_label(row: int, values: Mapping[str, Any]) -> str:
    """`row 17 · Voyager 1`: its place in the input and its first cell that reads like a name."""
    texts = (value for value in values.values() if isinstance(value, str) and any(c.isalpha() for c in value))
    return _label(f"row {row}", next(texts, ""))


def subquery_label(subquery: SubQuery) -> str:
    """`sub-query 2 · launch date`."""
    return _label(f"sub-query {subquery.index}", subquery.label or subquery.question)


def shard_label(shard: int, row_start: int, rows: int) -> str:
    """`shard 3 · rows 300-399`. With a hyphen: the letters of Prefect's run graph have no dash."""
    return _label(f"shard {shard}", f"rows {row_start}-{row_start + rows - 1}")


def _label(place: str, words: str) -> str:
    words = shortened(" ".join(words.split()), NAME_LENGTH)
    return f"{place} · {words}" if words else place
