"""A run's rows as exports write them: shard by shard, each row with the basis of its cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from research.result.result import Confidence, FieldBasis
from research.tables.export.columns import ExportColumn, Role
from research.tables.inputs.json_values import json_value, python_values
from research.tables.layout.columns import JSON_TEXT
from research.tables.layout.result_columns import ResultColumns
from research.tables.run_folder.cell_confidence import confidence_of
from research.tables.run_folder.reading_back import basis_by_row
from research.tables.run_folder.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class CellBasis:
    """What one cell rests on."""

    parts: tuple[FieldBasis, ...]
    """The basis of the field, and of each part of its value that has one of its own (`key_people.0.name`)."""
    confidence: Confidence | None
    """The field's own; else the lowest of its parts."""

    @classmethod
    def of(cls, field: str, parts: Sequence[FieldBasis]) -> CellBasis:
        return cls(tuple(parts), confidence_of(field, ((part.field, part.confidence) for part in parts)))

    @property
    def sources(self) -> list[str]:
        """The addresses of the pages that support it, each once."""
        urls = (
            citation.url
            for part in self.parts
            for citation in part.citations
            if any(excerpt.support in ("stated", "inferred") for excerpt in citation.excerpts)
        )
        return list(dict.fromkeys(urls))


NO_BASIS = CellBasis((), None)


class ExportedShard:
    """The rows of one committed shard."""

    def __init__(self, columns: ResultColumns, results: pa.Table, lines: pa.Table) -> None:
        self._columns = columns
        self.results = results
        self._lines = lines
        self._outputs = {output.column: output for output in columns.outputs}

    @cached_property
    def rows(self) -> list[int]:
        """The rows' places in the input."""
        return [int(row) for row in self.results[self._columns.row_index].to_pylist() if row is not None]

    @cached_property
    def parts(self) -> Mapping[int, list[FieldBasis]]:
        """The basis of each row, as it was written."""
        return basis_by_row(self._lines)

    def cell_basis(self, row: int) -> dict[str, CellBasis]:
        """What each field of a row rests on; a field without basis is not in it."""
        of_field: dict[str, list[FieldBasis]] = {}
        for part in self.parts.get(row, ()):
            if (field := self._columns.field_of(part.field)) is not None:
                of_field.setdefault(field, []).append(part)
        return {field: CellBasis.of(field, parts) for field, parts in of_field.items()}

    @cached_property
    def cells(self) -> list[dict[str, CellBasis]]:
        """`cell_basis` of each row."""
        return [self.cell_basis(row) for row in self.rows]

    def values(self, column: ExportColumn) -> list[Any]:
        """A column's values: scalars as Python has them (dates as dates), lists and objects as JSON values."""
        if column.role is Role.SOURCES:
            return [cells.get(column.of, NO_BASIS).sources for cells in self.cells]
        if column.role is Role.CONFIDENCE:
            return [cells.get(column.of, NO_BASIS).confidence for cells in self.cells]
        field, data = self._columns.schema.field(column.of), self.results[column.of]
        if column.role is Role.OUTPUT and (pa.types.is_nested(field.type) or (field.metadata or {}).items() >= JSON_TEXT.items()):
            return self._outputs[column.of].json_values(data)
        values = python_values(data)
        return [json_value(value) for value in values] if pa.types.is_nested(field.type) else values

    def arrow(self, columns: Sequence[ExportColumn]) -> pa.Table:
        """The columns in their exact types."""
        arrays = [
            self.results[each.of] if each.is_of_results else pa.chunked_array([pa.array(self.values(each), each.type)])
            for each in columns
        ]
        return pa.Table.from_arrays(arrays, schema=arrow_schema(self._columns, columns))


def arrow_schema(of_run: ResultColumns, columns: Sequence[ExportColumn]) -> pa.Schema:
    """The exact types of columns of an export."""
    return pa.schema(
        [
            of_run.schema.field(each.of).with_name(each.name) if each.is_of_results else pa.field(each.name, each.type)
            for each in columns
        ]
    )


def shards_of(folder: RunFolder) -> Iterator[ExportedShard]:
    """The committed rows of a run, in input order. One shard is in memory at a time."""
    for shard in folder.committed_shards():
        yield ExportedShard(folder.columns, folder.read("results", shard), folder.read("basis", shard))
