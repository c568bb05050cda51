"""Decisions as truth, to score a run against: what people accepted is right, what they corrected shows what is, what they
rejected is wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from research.tables.layout.cell_text import value_of
from research.tables.layout.reviews import Decision, latest, read_reviews
from research.tables.review.run_cells import rows_at
from research.tables.run_folder.run_folder import RunFolder


class ReviewTruth:
    """What the decisions of a run say is right: a `TruthSource`. A decision about a value that is another one by now says
    nothing, but for a correction."""

    def __init__(self, run: RunFolder) -> None:
        counts = latest(read_reviews(run.path).to_pylist())
        columns = {output.field: run.columns.schema.field(output.column) for output in run.columns.outputs}
        decided = {cell: decision for cell, decision in counts.items() if cell[1] in columns}
        self.fields = tuple(name for name in columns if any(field == name for _, field in decided))
        self.keys = (run.columns.row_index,)
        rows = rows_at(run, {row for row, _ in decided}, self.fields)
        self._expected: defaultdict[int, dict[str, tuple[Any, ...]]] = defaultdict(dict)
        for (row, field), decision in decided.items():
            there = rows.get(row)
            if there is not None and (decision["decision"] == "correct" or there.texts[field] == decision["found"]):
                self._expected[row][field] = _right(decision, columns[field])

    def expected(self, row: Mapping[str, Any]) -> Mapping[str, tuple[Any, ...]] | None:
        """By field what is right in a row: one value, None for an empty cell; nothing where the value was rejected."""
        return self._expected.get(int(row[self.keys[0]]))

    def rejected(self) -> dict[int, list[str]]:
        """The fields of each row whose value was rejected."""
        found = {row: [field for field, right in fields.items() if not right] for row, fields in self._expected.items()}
        return {row: fields for row, fields in found.items() if fields}


def _right(decision: Decision, column: Any) -> tuple[Any, ...]:
    if decision["decision"] == "reject":
        return ()
    return (value_of(column, decision["value"] if decision["decision"] == "correct" else decision["found"]),)
