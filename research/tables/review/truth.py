"""Decisions as truth, to score a run against: what people accepted is right, what they corrected shows what is."""

from __future__ import annotations

from typing import Any, NamedTuple

from research.tables.layout.cell_text import value_of
from research.tables.layout.reviews import latest, read_reviews
from research.tables.run_folder.run_folder import RunFolder


class ReviewTruth(NamedTuple):
    """What the decisions of a run say, by row index and field."""

    expected: dict[tuple[int, str], Any]
    """The right JSON value of a cell that was accepted or corrected; None: the question has no answer."""
    rejected: dict[tuple[int, str], Any]
    """The value of a cell that was rejected: it is wrong, and what is right was not said."""


def review_truth(run: RunFolder) -> ReviewTruth:
    """The decisions that count, of every cell that has one."""
    truth = ReviewTruth({}, {})
    columns = {output.field: run.columns.schema.field(output.column) for output in run.columns.outputs}
    for cell, decision in latest(read_reviews(run.path).to_pylist()).items():
        if cell[1] not in columns:
            continue
        text = decision["value"] if decision["decision"] == "correct" else decision["found"]
        known = truth.rejected if decision["decision"] == "reject" else truth.expected
        known[cell] = value_of(columns[cell[1]], text)
    return truth
