"""Checks the decisions that a run folder holds: that their files are as they were written, and that they are about its cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from research.tables.layout.reviews import DECISIONS, FOLDER, Decision, decisions_in, is_whole, review_files
from research.tables.review.run_cells import RunRow, rows_at
from research.tables.run_folder.run_folder import RunFolder


class ReviewFault(NamedTuple):
    """What is wrong with a stored decision, and where."""

    message: str
    file: str
    row: int | None = None
    field: str | None = None


def review_faults(run: RunFolder) -> Iterator[ReviewFault]:
    """All that is wrong with the decisions of a run folder."""
    for path in review_files(run.path):
        name = f"{FOLDER}/{path.name}"
        if not is_whole(path):
            yield ReviewFault("is not as it was written: its content has another hash than its name", name)
        decisions = list(decisions_in(path))
        lines = len(path.read_bytes().splitlines())
        if len(decisions) < lines:
            yield ReviewFault(f"{lines - len(decisions)} of its lines are no decisions", name)
        rows = rows_at(run, [decision["row_index"] for decision in decisions], [])
        for decision in decisions:
            if (message := _fault(run, decision, rows.get(decision["row_index"]))) is not None:
                yield ReviewFault(message, name, decision["row_index"], decision["field"])


def _fault(run: RunFolder, decision: Decision, row: RunRow | None) -> str | None:
    if decision["decision"] not in DECISIONS:
        return f"{decision['decision']!r} is no decision"
    if decision["field"] not in {output.field for output in run.columns.outputs}:
        return "has a decision, and the output has no such field"
    # A run that was stopped, or lost a shard, may not have the row at present.
    if row is not None and row.key != decision["row_key"]:
        return "has a decision that was made about another input row"
    return None
