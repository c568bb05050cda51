"""A run's rows as exports write them: shard by shard, each row with the basis of its cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, Final

import pyarrow as pa

from research.result.result import Confidence, FieldBasis
from research.tables.export.columns import BESIDE, ExportColumn, Role
from research.tables.inputs.json_values import json_value, python_values
from research.tables.layout.cell_text import cell_text
from research.tables.layout.columns import JSON_TEXT
from research.tables.layout.result_columns import ResultColumns
from research.tables.layout.reviewed import reviewed
from research.tables.layout.reviews import REVIEWS, Decision, latest, read_reviews
from research.tables.run_folder.cell_confidence import confidence_of, probability_of
from research.tables.run_folder.reading_back import basis_by_row
from research.tables.run_folder.run_folder import RunFolder

_OF_P_CORRECT: Final = ("row_index", "field", "p_correct")


@dataclass(frozen=True, slots=True)
class CellBasis:
    """What one cell rests on."""

    parts: tuple[FieldBasis, ...]
    """The basis of the field, and of each part of its value that has one of its own (`key_people.0.name`)."""
    confidence: Confidence | None
    """The field's own; else the lowest of its parts."""
    likely: Mapping[str, float | None]
    """By basis path, how likely the value is right; empty without a calibration."""
    p_correct: float | None = None
    """Of the cell: the field's own; else the lowest of its parts."""

    @classmethod
    def of(cls, field: str, parts: Sequence[FieldBasis], likely: Mapping[str, float | None]) -> CellBasis:
        confidence = confidence_of(field, ((part.field, part.confidence) for part in parts))
        known = {part.field: likely.get(part.field) for part in parts} if likely else {}
        return cls(tuple(parts), confidence, known, probability_of(field, known.items()))

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


NO_BASIS: Final = CellBasis((), None, {})


class Review(Enum):
    """What people decided about a cell, and what the decision did to it."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CORRECTED = "corrected"


class ExportedShard:
    """The rows of one committed shard."""

    def __init__(
        self, columns: ResultColumns, results: pa.Table, lines: pa.Table, decisions: Mapping[tuple[int, str], Decision]
    ) -> None:
        """
        Args:
            results: as they were found.
            lines: the shard's rows of `basis`.
            decisions: that count for its cells.
        """
        self._columns = columns
        self._lines = lines
        self._outputs = {output.column: output for output in columns.outputs}
        self.decisions = decisions
        self._found = results
        self.results = reviewed(columns, results, pa.Table.from_pylist([*decisions.values()], REVIEWS)) if decisions else results
        """With the decisions applied."""

    @cached_property
    def rows(self) -> list[int]:
        """The rows' places in the input."""
        return [int(row) for row in self.results[self._columns.row_index].to_pylist() if row is not None]

    @cached_property
    def parts(self) -> Mapping[int, list[FieldBasis]]:
        """The basis of each row, as it was written."""
        return basis_by_row(self._lines)

    @cached_property
    def likely(self) -> Mapping[int, Mapping[str, float | None]]:
        """How likely each value is right, by row and basis path; without a calibration, empty."""
        found: dict[int, dict[str, float | None]] = {}
        if self._lines["p_correct"].null_count < self._lines.num_rows:
            for row, path, p_correct in zip(*(self._lines[name].to_pylist() for name in _OF_P_CORRECT), strict=True):
                found.setdefault(row, {})[path] = p_correct
        return found

    @cached_property
    def reviews(self) -> Mapping[tuple[int, str], Review]:
        """What was decided about cells, by row and field. A decision about a value that is another one by now is not in it."""
        places = {row: place for place, row in enumerate(self.rows)}
        of: dict[tuple[int, str], Review] = {}
        for (row, field), decision in self.decisions.items():
            output, place = self._columns.output(field), places[row]
            kind = self._columns.schema.field(output.column)
            text = cell_text(kind, output.json_values(self._found[output.column].slice(place, 1))[0])
            if decision["decision"] == "correct":
                of[row, field] = Review.CORRECTED
            elif text == decision["found"]:
                of[row, field] = Review.ACCEPTED if decision["decision"] == "accept" else Review.REJECTED
        return of

    def cell_basis(self, row: int) -> dict[str, CellBasis]:
        """What each field of a row rests on; a field without basis is not in it."""
        of_field: dict[str, list[FieldBasis]] = {}
        for part in self.parts.get(row, ()):
            if (field := self._columns.field_of(part.field)) is not None:
                of_field.setdefault(field, []).append(part)
        likely = self.likely.get(row, {})
        return {field: CellBasis.of(field, parts, likely) for field, parts in of_field.items()}

    @cached_property
    def cells(self) -> list[dict[str, CellBasis]]:
        """`cell_basis` of each row."""
        return [self.cell_basis(row) for row in self.rows]

    def values(self, column: ExportColumn) -> list[Any]:
        """A column's values: scalars as Python has them (dates as dates), lists and objects as JSON values."""
        if column.role in BESIDE:
            return [_beside(column.role, basis) for basis in self._basis_of(column.of)]
        field, data = self._columns.schema.field(column.of), self.results[column.of]
        if column.role is Role.OUTPUT and (pa.types.is_nested(field.type) or (field.metadata or {}).items() >= JSON_TEXT.items()):
            return self._outputs[column.of].json_values(data)
        values = python_values(data)
        return [json_value(value) for value in values] if pa.types.is_nested(field.type) else values

    def _basis_of(self, field: str) -> Iterator[CellBasis]:
        """What the cells of a field rest on. Nothing, where a person has replaced or rejected what was found."""
        for row, cells in zip(self.rows, self.cells, strict=True):
            replaced = self.reviews.get((row, field)) in (Review.CORRECTED, Review.REJECTED)
            yield NO_BASIS if replaced else cells.get(field, NO_BASIS)

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


def shards_of(folder: RunFolder, *, as_found: bool = False) -> Iterator[ExportedShard]:
    """The committed rows of a run, in input order. One shard is in memory at a time.

    Args:
        as_found: without people's decisions.
    """
    known = {output.field for output in folder.columns.outputs}
    decisions: defaultdict[int, dict[tuple[int, str], Decision]] = defaultdict(dict)
    for (row, field), decision in ({} if as_found else latest(read_reviews(folder.path).to_pylist())).items():
        if field in known:
            decisions[row // folder.shard_size][row, field] = decision
    for shard in folder.committed_shards():
        results, lines = folder.read("results", shard), folder.read("basis", shard)
        there = set(results[folder.columns.row_index].to_pylist())
        of_shard = {cell: decision for cell, decision in decisions[shard].items() if cell[0] in there}
        yield ExportedShard(folder.columns, results, lines, of_shard)


def reports_of(folder: RunFolder, shard: ExportedShard) -> dict[int, str]:
    """The reports of a shard's rows that have one, by row."""
    if not shard.rows:
        return {}
    table = folder.read("reports", shard.rows[0] // folder.shard_size, ["row_index", "report"])
    return {int(line["row_index"]): str(line["report"]) for line in table.to_pylist()}


def _beside(role: Role, basis: CellBasis) -> Any:
    if role is Role.SOURCES:
        return basis.sources
    return basis.confidence if role is Role.CONFIDENCE else basis.p_correct
