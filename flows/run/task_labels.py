"""What the task runs of a table's run are called. Those of steps: `research.steps.labels`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from research.steps.labels import label


def row_label(row: int, values: Mapping[str, Any]) -> str:
    """`row 17 · Voyager 1`: its place in the input and its first cell that reads like a name."""
    texts = (value for value in values.values() if isinstance(value, str) and any(c.isalpha() for c in value))
    return label(f"row {row}", next(texts, ""))


def shard_label(shard: int, row_start: int, rows: int) -> str:
    """`shard 3 · rows 300-399`. With a hyphen: the letters of Prefect's run graph have no dash."""
    return label(f"shard {shard}", f"rows {row_start}-{row_start + rows - 1}")
