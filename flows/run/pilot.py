"""Researches the first rows of a table before the rest, to show what the whole will cost and bring."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from statistics import fmean, median, quantiles
from typing import Any, Final, NamedTuple

from flows.run.events import FieldSample, PilotFinished
from flows.run.rows import Rows
from flows.run.shards import Remaining
from research.output_schema.field_paths import field_of
from research.result.result import Confidence, Result, lowest
from research.tables.inputs.read import Table, json_rows
from research.tables.run_folder.run_folder import RunFolder

WAITING_PILOT: Final = (
    "rows of the pilot wait for people: research approve RUN for plans, research answer RUN FILE for questions; then the pilot "
    "goes on"
)
"""Why the rows after a pilot are left."""
_BATCH: Final = 1_000


class Sampled(NamedTuple):
    """One row of a pilot."""

    task_id: str
    """Equal rows share one, and are paid once."""
    completed: bool
    cost_usd: float | None
    seconds: float
    cells: Mapping[str, Confidence | None]
    """The fields that have a value, and how sure it is."""


async def run_pilot(
    rows_wanted: int, table: Table, folder: RunFolder, left: Remaining, rows: Rows, concurrency: int
) -> PilotFinished:
    """Research the first rows of a table, but for those that are done, and say what they came to.

    What is researched is kept, and not done again when its shard's turn comes.
    """
    first = await asyncio.to_thread(lambda: {row: values for row, values in _first(table, rows_wanted) if not left.has(row)})
    results = await rows.research_first(first, left.size)
    fields = [output.field for output in folder.columns.outputs]
    sample = [*_committed(folder, left, rows_wanted), *(_sampled(result, fields) for result in results.values())]
    remaining = table.row_count - left.kept - sum(result.status == "completed" for result in results.values())
    waiting = sum(result.status == "action_required" for result in results.values())
    waiting += sum(row < rows_wanted for row in left.waiting)
    return replace(project(sample, remaining, concurrency, fields), waiting=waiting)


def project(sample: Sequence[Sampled], rows_left: int, concurrency: int, fields: Sequence[str] = ()) -> PilotFinished:
    """What a sample came to, and what that means for the rows that are left.

    Args:
        fields: the output's.
    """
    tasks = list({row.task_id: row for row in sample}.values())
    costs = [task.cost_usd for task in tasks]
    known = None if None in costs else [cost for cost in costs if cost is not None]
    p50, p90 = _percentiles(known) if known else (None, None)
    seconds = [task.seconds for task in tasks]
    seconds_p50, seconds_p90 = _percentiles(seconds) if seconds else (0.0, 0.0)
    distinct = len(tasks) / len(sample) if sample else 1.0
    completed = [row for row in sample if row.completed]
    return PilotFinished(
        rows=len(sample),
        completed=len(completed),
        rows_left=rows_left,
        cost_usd_p50=p50,
        cost_usd_p90=p90,
        seconds_p50=seconds_p50,
        seconds_p90=seconds_p90,
        fields={name: _field(row.cells[name] for row in completed if name in row.cells) for name in fields},
        projected_usd=fmean(known) * distinct * rows_left if known else None,
        projected_usd_p90=p90 * distinct * rows_left if p90 is not None else None,
        projected_seconds=fmean(seconds) * distinct * rows_left / min(concurrency, max(rows_left, 1)) if seconds else 0.0,
    )


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    """The median, and what nine in ten do not exceed."""
    if len(values) == 1:
        return values[0], values[0]
    return median(values), quantiles(values, n=10, method="inclusive")[8]


def _first(table: Table, count: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
    values = (row for batch in table.batches(min(count, _BATCH)) for row in json_rows(batch))
    return enumerate(islice(values, count))


def _field(confidences: Iterable[Confidence | None]) -> FieldSample:
    counted = Counter(confidences)
    return FieldSample(sum(counted.values()), counted["high"], counted["medium"], counted["low"])


def _sampled(result: Result, fields: Sequence[str]) -> Sampled:
    seconds = ((result.completed_at or result.modified_at) - result.created_at).total_seconds()
    output = result.output if isinstance(result.output, Mapping) else {}
    cells = _cells({name: output.get(name) for name in fields}, [(basis.field, basis.confidence) for basis in result.basis])
    return Sampled(result.task_id, result.status == "completed", result.cost_usd, max(seconds, 0.0), cells)


def _cells(values: Mapping[str, Any], basis: Iterable[tuple[str, Confidence | None]]) -> dict[str, Confidence | None]:
    """The fields of a row that have a value, each with its confidence: its own, or the lowest of its parts."""
    of_field: dict[str, dict[str, Confidence | None]] = {}
    for path, confidence in basis:
        if (name := field_of(path, values)) is not None:
            of_field.setdefault(name, {})[path] = confidence
    parts = {name: of_field.get(name, {}) for name, value in values.items() if value is not None}
    return {name: of[name] if name in of else lowest(list(of.values())) for name, of in parts.items()}


def _committed(folder: RunFolder, left: Remaining, count: int) -> Iterable[Sampled]:
    """The first rows that are done already."""
    own, index, outputs = folder.columns.run, folder.columns.row_index, folder.columns.outputs
    wanted = [index, own["task_id"], own["cost_usd"], *(output.column for output in outputs)]
    for shard in sorted(left.committed):
        if shard * left.size >= count:
            return
        seconds = folder.read("usage", shard, ["seconds"])["seconds"].to_pylist()
        table = folder.read("results", shard, wanted)
        values = [output.json_values(table[output.column]) for output in outputs]
        basis: dict[int, list[tuple[str, Confidence | None]]] = {}
        for line in folder.read("basis", shard, ["row_index", "field", "confidence"]).to_pylist():
            basis.setdefault(line["row_index"], []).append((line["field"], line["confidence"]))
        lines = table.select(wanted[:3]).to_pylist()
        for place, (line, took) in enumerate(zip(lines, seconds, strict=True)):
            if line[index] < count and left.has(line[index]) and line[index] not in left.waiting:
                found = {output.field: column[place] for output, column in zip(outputs, values, strict=True)}
                cells = _cells(found, basis.get(line[index], ()))
                yield Sampled(line[own["task_id"]], True, line[own["cost_usd"]], float(took or 0), cells)
