"""A shard's rows as they were committed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from research.tables.layout.result_columns import ResultColumns


@dataclass(frozen=True, slots=True)
class CommittedShard:
    """A shard as it was committed."""

    results: pa.Table
    """Its rows of `results`."""
    inputs: pa.Table
    """The input's columns of these rows."""
    rows: tuple[int, ...]
    """Their row indexes: consecutive ones, unless the run was stopped before it had come to some."""
    unfinished: tuple[int, ...]
    """Row indexes whose status is not `completed`: what running again may mend."""

    @classmethod
    def of(cls, results: pa.Table, columns: ResultColumns) -> CommittedShard:
        """From a committed part of `results`."""
        unfinished = results.filter(pc.not_equal(results[columns.run["status"]], pa.scalar("completed")))
        inputs = results.select(range(1, 1 + len(columns.inputs)))
        index = columns.row_index
        return cls(results, inputs, tuple(_indexes(results[index])), tuple(_indexes(unfinished[index])))


def _indexes(column: pa.ChunkedArray[Any]) -> list[int]:
    return [int(row) for row in column.to_pylist() if row is not None]
