"""What a person should look at first in a finished run: the rows that were tried in vain, and the cells that are in doubt."""

# ruff: noqa: S608 (the SQL is made of quoted names; values are bound)

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from flows.run.events import NOT_TRIED
from flows.run.task_labels import row_label
from research.tables.inputs.database import quoted
from research.tables.run_folder.run_folder import RunFolder
from research.tables.warehouse.reading import warehouse_of


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A row that was tried in vain."""

    row: int
    label: str
    """As its task run is called; nothing of a private column is in it."""
    error: str
    kind: str
    """The error's kind, to filter by. Folders of earlier versions do not say: empty."""


@dataclass(frozen=True, slots=True)
class DoubtfulCell:
    """A value whose confidence is low, or that has none."""

    row: int
    label: str
    field: str
    value: str
    confidence: str | None
    why: str


@dataclass(frozen=True, slots=True)
class SecondLook:
    """The first of each, in the order of the table."""

    failed: tuple[FailedRow, ...]
    all_failed: int
    """How many were tried in vain, with those that are not among the first."""
    doubtful: tuple[DoubtfulCell, ...]
    all_doubtful: int
    causes: Mapping[str, int]
    """All rows that have an error, by its kind; those that were not tried, too."""

    @property
    def left(self) -> int:
        """Rows that have an error because they were not tried."""
        return sum(self.causes.get(kind, 0) for kind in NOT_TRIED)


def second_look(run: Path, most: int) -> SecondLook:
    """Read what deserves a second look from a run folder that is finished.

    Args:
        most: rows, and cells, that are returned at most. Values that no excerpt supports come first.
    """
    folder = RunFolder.open(run)
    own = folder.columns.run
    row_index, error, status = (quoted(own[name]) for name in ("row_index", "error", "status"))
    kind = f"coalesce({quoted(own['error_kind'])}, '')" if "error_kind" in own else "''"
    not_completed = f"FROM results WHERE {status} NOT IN ('completed', 'action_required')"
    with warehouse_of(run) as db:
        failed = db.execute(
            f"SELECT {row_index}, {error}, {kind} {not_completed} AND NOT list_contains(?, {kind}) ORDER BY 1 LIMIT ?",
            [list(NOT_TRIED), most],
        ).fetchall()
        causes = dict(db.execute(f"SELECT {kind}, count(*) {not_completed} GROUP BY 1 ORDER BY 1").fetchall())
        all_doubtful = db.execute("SELECT count(*) FROM low_confidence").fetchall()[0][0]
        doubtful = _doubtful(db, most) if all_doubtful else []  # to join what is empty takes as long
        labels = _labels(db, folder, {row for row, *_ in [*failed, *doubtful]})
    return SecondLook(
        tuple(FailedRow(row, labels[row], what or "", kind) for row, what, kind in failed),
        sum(number for kind, number in causes.items() if kind not in NOT_TRIED),
        tuple(DoubtfulCell(row, labels[row], field, value, sure, why or "") for row, field, value, sure, why in doubtful),
        all_doubtful,
        causes,
    )


def _doubtful(db: duckdb.DuckDBPyConnection, most: int) -> list[tuple[Any, ...]]:
    return db.execute(
        "SELECT doubt.row_index, doubt.field, doubt.value, doubt.confidence, doubt.reasoning "
        "FROM low_confidence AS doubt JOIN cells USING (row_index, field) "
        "ORDER BY cells.supporting > 0, doubt.row_index, doubt.field LIMIT ?",
        [most],
    ).fetchall()


def _labels(db: duckdb.DuckDBPyConnection, folder: RunFolder, rows: Iterable[int]) -> Mapping[int, str]:
    """What rows are called. Columns are found by their place: DuckDB renames those whose names differ in case alone."""
    inputs, private = folder.columns.inputs, set(folder.request.get("private") or ())
    shown = [place for place, name in enumerate(inputs, start=1) if name not in private]
    row_index = quoted(folder.columns.run["row_index"])
    cells: list[tuple[Any, ...]] = db.execute(
        f"SELECT * FROM results WHERE list_contains(?, {row_index})", [sorted(rows)]
    ).fetchall()
    return {cell[0]: row_label(cell[0], {inputs[place - 1]: cell[place] for place in shown}) for cell in cells}
