"""What the task runs of a table's run are called. Those of steps: `research.steps.labels`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from research.steps.labels import label
from research.tables.inputs.objective import Objective


def row_label(row: int, values: Mapping[str, Any]) -> str:
    """`row 17 · Voyager 1`: its place in the input and its first cell that reads like a name."""
    texts = (value for value in values.values() if isinstance(value, str) and any(c.isalpha() for c in value))
    return label(f"row {row}", next(texts, ""))


def label_columns(request: Mapping[str, Any], inputs: Sequence[str]) -> list[str]:
    """The columns that say what a row is, the best first: those that the objective names. Private ones are not among them.

    Args:
        request: of the run, as its folder keeps it.
        inputs: the table's columns.
    """
    asked = request.get("objective")
    named: Sequence[str] = ()
    if isinstance(asked, Mapping) and (asked.get("template") or asked.get("column")):
        named = Objective(template=asked.get("template"), column=asked.get("column")).columns or ()
    private = set(request.get("private") or ())
    return [name for name in dict.fromkeys((*named, *inputs)) if name in inputs and name not in private]


def shard_label(shard: int, row_start: int, rows: int) -> str:
    """`shard 3 · rows 300-399`. With a hyphen: the letters of Prefect's run graph have no dash."""
    return label(f"shard {shard}", f"rows {row_start}-{row_start + rows - 1}")
