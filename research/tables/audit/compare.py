"""Compares two runs over the same rows, of another model, tier or schema: where they agree, who answered where the other did not,
what each cost."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    import pandas as pd

from research.errors import InvalidRun
from research.identity import canonical_json
from research.tables.inputs.json_values import json_rows
from research.tables.run_folder.cell_confidence import cell_confidences
from research.tables.run_folder.overview import overview
from research.tables.run_folder.reader import Run, open_run
from research.values.values import same

Outcome = Literal["agree", "differ", "only_first", "only_second", "neither"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("agree", "differ", "only_first", "only_second", "neither")
"""`only_first`: the first run has a value and the second has none. `neither`: both left the cell empty."""


@dataclass(frozen=True, slots=True)
class ComparedCell:
    """One field of one row, as both runs have it."""

    row: int
    """Its place in the first run's table."""
    row_second: int
    """Its place in the second run's."""
    field: str
    first: Any
    second: Any
    first_confidence: str | None
    second_confidence: str | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Agreement:
    """Cells by how the two runs compare."""

    agree: int = 0
    differ: int = 0
    only_first: int = 0
    only_second: int = 0
    neither: int = 0

    @property
    def share(self) -> float | None:
        """Of the cells that both answered, how many agree; None if there are none."""
        both = self.agree + self.differ
        return self.agree / both if both else None


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One of the two runs."""

    run: str
    models: tuple[str, ...]
    processors: tuple[str, ...]
    rows: int
    completed: int
    cost_usd: float | None
    """US dollars of its rows; None: not known."""
    work_seconds: float
    """Of all tasks together, though they run side by side."""
    wall_seconds: float | None
    """From its beginning to its last row, pauses between invocations included."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs beside each other."""

    first: ComparedRun
    second: ComparedRun
    rows: int
    """Rows that both completed."""
    rows_of_one: int
    """Rows that only one of them has, or has completed."""
    fields: Mapping[str, Agreement]
    fields_of_one: tuple[str, ...]
    """Fields that only one of them has."""
    cells: tuple[ComparedCell, ...]
    """Every cell of the rows and fields that both have."""

    @property
    def total(self) -> Agreement:
        return _agreement(cell.outcome for cell in self.cells)

    def frame(self) -> pd.DataFrame:
        """The cells as a DataFrame. Values are text where the runs' types differ from field to field."""
        import pandas as pd

        columns = ("row", "row_second", "field", "first", "second", "first_confidence", "second_confidence", "outcome")
        return pd.DataFrame([[getattr(cell, name) for name in columns] for cell in self.cells], columns=list(columns))


@dataclass(frozen=True, slots=True)
class _Row:
    place: int
    values: Mapping[str, Any]
    confidence: Mapping[str, str | None]


def compare(first: str | os.PathLike[str], second: str | os.PathLike[str]) -> Comparison:
    """Compare two runs. Rows are the same if the columns that both have hold the same, wherever they stand; values if they mean
    the same (`1,000` and `1000`, `5 September 1977` and `1977-09-05`).

    Raises:
        InvalidRun: one is no run folder; or they have no row, or no field, in common.
        InvalidLocation: one is named by a URL that cannot be read.
    """
    one, other = open_run(first), open_run(second)
    fields = [name for name in one.fields if name in other.fields]
    if not fields:
        raise InvalidRun(f"{first} and {second} have no field in common, so there is nothing to compare.")
    columns = [name for name in one.folder.columns.inputs if name in other.folder.columns.inputs]
    rows, others = _rows(one, fields, columns), _rows(other, fields, columns)
    shared = [key for key in rows if key in others]
    if not shared and rows and others:
        raise InvalidRun(f"{first} and {second} have no completed row in common: their tables hold different rows.")
    schemas = {name: one.folder.columns.output(name).schema for name in fields}
    cells = [cell for key in shared for cell in _cells(rows[key], others[key], fields, schemas)]
    of_one = [name for name in (*one.fields, *other.fields) if name not in fields]
    return Comparison(
        first=_about(one),
        second=_about(other),
        rows=len(shared),
        rows_of_one=len(rows) + len(others) - 2 * len(shared),
        fields={name: _agreement(cell.outcome for cell in cells if cell.field == name) for name in fields},
        fields_of_one=tuple(of_one),
        cells=tuple(cells),
    )


def _rows(run: Run, fields: list[str], inputs: list[str]) -> dict[tuple[str, int], _Row]:
    """The completed rows, by what they hold, and each one's place among equal ones."""
    columns = run.folder.columns
    status = columns.run["status"]
    found: dict[tuple[str, int], _Row] = {}
    seen: Counter[str] = Counter()
    for shard in run.folder.committed_shards():
        part = run.folder.read("results", shard)
        sure = cell_confidences(columns, run.folder.read("basis", shard, ["row_index", "field", "confidence"]))
        values = {name: columns.output(name).json_values(part[columns.output(name).column]) for name in fields}
        plain = [line for b in part.select([columns.row_index, status, *inputs]).to_batches() for line in json_rows(b)]
        for place, line in enumerate(plain):
            content = canonical_json({name: line[name] for name in inputs})
            key = (content, seen[content])
            seen[content] += 1
            if line[status] == "completed":
                row = line[columns.row_index]
                of_row = {name: sure.get((row, name)) for name in fields}
                found[key] = _Row(row, {name: values[name][place] for name in fields}, of_row)
    return found


def _cells(one: _Row, other: _Row, fields: list[str], schemas: Mapping[str, Mapping[str, Any]]) -> Iterator[ComparedCell]:
    for name in fields:
        first, second = one.values[name], other.values[name]
        yield ComparedCell(
            row=one.place,
            row_second=other.place,
            field=name,
            first=first,
            second=second,
            first_confidence=one.confidence[name],
            second_confidence=other.confidence[name],
            outcome=_outcome(first, second, schemas[name]),
        )


def _outcome(first: Any, second: Any, schema: Mapping[str, Any]) -> Outcome:
    if first is None or second is None:
        return "neither" if first is second else "only_second" if first is None else "only_first"
    return "agree" if same(first, second, schema) else "differ"


def _agreement(outcomes: Iterator[Outcome]) -> Agreement:
    counts = Counter(outcomes)
    return Agreement(**{name: counts[name] for name in OUTCOMES})


def _about(run: Run) -> ComparedRun:
    columns = run.folder.columns
    own = {name: columns.run[name] for name in ("status", "model", "processor", "cost_usd", "task_id", "completed_at")}
    models: dict[str, None] = {}
    processors: dict[str, None] = {}
    costs: dict[str, float | None] = {}
    seconds: dict[str, float] = defaultdict(float)
    rows = completed = 0
    last: datetime | None = None
    for shard in run.folder.committed_shards():
        lines = run.folder.read("results", shard, list(own.values())).to_pylist()
        took = run.folder.read("usage", shard, ["task_id", "seconds"]).to_pylist()
        for line in lines:
            rows += 1
            completed += line[own["status"]] == "completed"
            costs[line[own["task_id"]]] = line[own["cost_usd"]]
            if (at := line[own["completed_at"]]) is not None:
                last = at if last is None else max(last, at)
            models[line[own["model"]]] = processors[line[own["processor"]]] = None
        seconds.update({each["task_id"]: each["seconds"] or 0.0 for each in took})
    known = [cost for cost in costs.values() if cost is not None]
    return ComparedRun(
        run=str(run.path),
        models=tuple(models),
        processors=tuple(processors),
        rows=rows,
        completed=completed,
        cost_usd=sum(known) if len(known) == len(costs) else None,
        work_seconds=sum(seconds.values()),
        wall_seconds=_wall(run.folder.created_at, overview(run.path).finished_at, last),
    )


def _wall(created_at: str, finished_at: str | None, last_row: datetime | None) -> float | None:
    """From the beginning to the last row: a finished run whose command is given again ends later, and did nothing."""
    if finished_at is None:
        return None
    began, ended = datetime.fromisoformat(created_at), datetime.fromisoformat(finished_at)
    # Rows that were all kept from another run were completed before this one began.
    ended = last_row if last_row is not None and began <= last_row < ended else ended
    return (ended - began).total_seconds()
