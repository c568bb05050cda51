"""How sure a cell is, by a word and by a probability: as its field's own basis says, else as the least sure part of its value
(`key_people.0.name`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from research.result.result import Confidence, lowest
from research.tables.layout.probabilities import lowest as lowest_probability
from research.tables.layout.result_columns import ResultColumns

Cell = tuple[int, str]
"""A row index and an output field."""

Stated = tuple[str, Confidence | None]
"""A basis path, and the confidence that it states."""


def confidence_of(field: str, stated: Iterable[Stated]) -> Confidence | None:
    """The confidence of one cell.

    Args:
        stated: by the field's own basis and those of its parts.
    """
    by_path = dict(stated)
    return by_path[field] if field in by_path else lowest(list(by_path.values()))


def probability_of(field: str, stated: Iterable[tuple[str, float | None]]) -> float | None:
    """The probability that one cell is right; None: it is not known."""
    by_path = dict(stated)
    return by_path[field] if field in by_path else lowest_probability(by_path.values())


def cell_confidences(columns: ResultColumns, basis: pa.Table) -> Mapping[Cell, Confidence | None]:
    """The confidence of every cell that has a basis.

    Args:
        basis: lines of the table `basis`: `row_index`, `field`, `confidence`.
    """
    stated = _by_cell(columns, basis, "confidence")
    return {cell: confidence_of(cell[1], paths.items()) for cell, paths in stated.items()}


def cell_probabilities(columns: ResultColumns, basis: pa.Table) -> Mapping[Cell, float | None]:
    """The probability that each cell is right that has a basis.

    Args:
        basis: lines of the table `basis`: `row_index`, `field`, `p_correct`.
    """
    stated = _by_cell(columns, basis, "p_correct")
    return {cell: probability_of(cell[1], paths.items()) for cell, paths in stated.items()}


def _by_cell(columns: ResultColumns, basis: pa.Table, name: str) -> dict[Cell, dict[str, Any]]:
    """What the basis states of each cell, by basis path."""
    stated: dict[Cell, dict[str, Any]] = {}
    fields: dict[str, str | None] = {}
    for row, path, value in zip(*(basis[column].to_pylist() for column in ("row_index", "field", name)), strict=True):
        if path not in fields:
            fields[path] = columns.field_of(path)
        if (field := fields[path]) is not None:
            stated.setdefault((row, field), {})[path] = value
    return stated
