"""The history of one cell over the runs of a series."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow.compute as pc

from research.errors import InvalidRun
from research.tables.changes.row_matching import RowMatcher, rows_of
from research.tables.changes.series import earlier_run, newest
from research.tables.layout.made_tables import CHANGES, read_made
from research.tables.run_folder.reader import Run, open_run
from research.tables.run_folder.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class CellVersion:
    """What one run of a series says of a cell."""

    run: str
    """The run folder."""
    begun: datetime
    """When the run was started."""
    row_index: int
    """The row's place in this run."""
    value: Any
    confidence: str | None
    excerpt: str | None
    """The best one."""
    url: str | None
    change: str | None
    """What the run's table `changes` says of it; None: it was taken over as it was, or the run is the first."""
    why: str | None
    suspected_injection: str | None = None
    """Words of that page that look like an instruction to a model; None if there are none."""


def history(path: str | os.PathLike[str], row: int, field: str) -> list[CellVersion]:
    """What the runs of a series say of one cell, the oldest first. Runs in which its row is not, are not among them.

    Args:
        path: a run folder of the series.
        row: the row's place in that run, from 0.

    Raises:
        InvalidRun: it is no run folder, it has no such row, or its output no such field.
    """
    named = open_run(path).folder
    if field not in {output.field for output in named.columns.outputs}:
        fields = ", ".join(output.field for output in named.columns.outputs)
        raise InvalidRun(f"{named.path}: the output has no field {field!r}; it has {fields}")
    chain = list(_backwards(_newest(named)))
    here = named.path.resolve()
    if here not in {run.path.resolve() for run in chain}:
        chain = list(_backwards(named))
    place = next(number for number, run in enumerate(chain) if run.path.resolve() == here)
    rows: dict[int, int] = {place: row}
    for number in range(place, len(chain) - 1):
        if (found := _before(chain[number], rows[number], chain[number + 1])) is None:
            break
        rows[number + 1] = found
    for number in range(place, 0, -1):
        if (found := _after(chain[number], rows[number], chain[number - 1])) is None:
            break
        rows[number - 1] = found
    return [_version(Run(chain[number]), rows[number], field) for number in sorted(rows, reverse=True)]


def _newest(folder: RunFolder) -> RunFolder:
    try:
        return newest(folder)
    except InvalidRun:  # none is finished
        return folder


def _backwards(folder: RunFolder | None) -> Iterator[RunFolder]:
    seen: set[str] = set()
    while folder is not None and folder.key not in seen:
        seen.add(folder.key)
        yield folder
        folder = earlier_run(folder)


def _matcher(later: RunFolder, earlier: RunFolder) -> RowMatcher:
    asked = later.request.get("refresh") or {}
    return RowMatcher(earlier, later.columns.inputs, asked.get("key") or (), later.request.get("private") or ())


def _before(later: RunFolder, row: int, earlier: RunFolder) -> int | None:
    values = next((values for place, values in rows_of(later) if place == row), None)
    return None if values is None else _matcher(later, earlier).find(values)


def _after(earlier: RunFolder, row: int, later: RunFolder) -> int | None:
    matcher = _matcher(later, earlier)
    return next((place for place, values in rows_of(later) if matcher.find(values) == row), None)


def _version(run: Run, row: int, field: str) -> CellVersion:
    try:
        cell = run.cell(row, field)
    except KeyError as error:
        raise InvalidRun(str(error.args[0])) from error
    best = next(iter(cell.evidence), None)
    change, why = _change(run.folder, row, field)
    return CellVersion(
        run=str(run.path),
        begun=datetime.fromisoformat(run.folder.created_at),
        row_index=row,
        value=cell.value,
        confidence=cell.confidence,
        excerpt=None if best is None else best.excerpt,
        url=None if best is None else best.url,
        change=change,
        why=why,
        suspected_injection=None if best is None else best.suspected_injection,
    )


def _change(folder: RunFolder, row: int, field: str) -> tuple[str | None, str | None]:
    if (changes := read_made(folder.path, CHANGES)) is None:
        return None, None
    own = changes.filter((pc.field("row_index") == row) & (pc.field("field") == field)).to_pylist()
    return (own[0]["change"], own[0]["why"]) if own else (None, None)
