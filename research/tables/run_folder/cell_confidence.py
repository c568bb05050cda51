"""How sure a cell is: as its field's own basis says, else as the least sure part of its value (`key_people.0.name`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

import pyarrow as pa

from research.result.result import Confidence, lowest
from research.tables.layout.result_columns import ResultColumns

Stated = tuple[str, Confidence | None]
"""A basis path, and the confidence that it states."""


def confidence_of(field: str, stated: Iterable[Stated]) -> Confidence | None:
    """The confidence of one cell.

    Args:
        stated: by the field's own basis and those of its parts.
    """
    by_path = dict(stated)
    return by_path[field] if field in by_path else lowest(list(by_path.values()))


def cell_confidences(columns: ResultColumns, basis: pa.Table) -> Mapping[tuple[int, str], Confidence | None]:
    """The confidence of every cell that has a basis, by row index and output field.

    Args:
        basis: lines of the table `basis`.
    """
    stated: dict[tuple[int, str], dict[str, Confidence | None]] = {}
    fields: dict[str, str | None] = {}
    lines = zip(*(basis[name].to_pylist() for name in ("row_index", "field", "confidence")), strict=True)
    for row, path, confidence in lines:
        if path not in fields:
            fields[path] = columns.field_of(path)
        if (field := fields[path]) is not None:
            stated.setdefault((row, field), {})[path] = cast("Confidence | None", confidence)
    return {cell: confidence_of(cell[1], of_cell.items()) for cell, of_cell in stated.items()}
