"""Researches the first rows of a table before the rest, to show what the whole will cost and bring."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from statistics import fmean, median, quantiles
from typing import Any, Final, NamedTuple

from flows.run.events import PilotFinished
from flows.run.rows import Rows
from flows.run.shards import Remaining
from research.result.result import Confidence, Result
from research.tables.inputs.read import Table, json_rows
from research.tables.run_folder.run_folder import RunFolder

STOPPED: Final = "stopped_after_pilot"
"""The name of the error of a row that waits for a person's decision after a pilot."""
HOW_TO_CONTINUE: Final = "say --yes, or leave --pilot out, and the same command goes on"

_BATCH: Final = 1_000


class Sampled(NamedTuple):
    """One row of a pilot."""

    task_id: str
    """Equal rows share one, and are paid once."""
    completed: bool
    cost_usd: float | None
    seconds: float
    confidence: Confidence | None


async def run_pilot(
    rows_wanted: int, table: Table, folder: RunFolder, left: Remaining, rows: Rows, concurrency: int
) -> PilotFinished:
    """Research the first rows of a table, but for those that are done, and say what they came to.

    What is researched is kept, and not done again when its shard's turn comes.
    """
    first = await asyncio.to_thread(lambda: {row: values for row, values in _first(table, rows_wanted) if not left.has(row)})
    results = await rows.research_first(first, left.size)
    sample = [*_committed(folder, left, rows_wanted), *map(_sampled, results.values())]
    remaining = table.row_count - left.kept - sum(result.status == "completed" for result in results.values())
    return project(sample, remaining, concurrency)


def project(sample: Sequence[Sampled], rows_left: int, concurrency: int) -> PilotFinished:
    """What a sample came to, and what that means for the rows that are left."""
    tasks = list({row.task_id: row for row in sample}.values())
    costs = [task.cost_usd for task in tasks]
    known = None if None in costs else [cost for cost in costs if cost is not None]
    p50, p90 = _percentiles(known) if known else (None, None)
    seconds = [task.seconds for task in tasks]
    seconds_p50, seconds_p90 = _percentiles(seconds) if seconds else (0.0, 0.0)
    distinct = len(tasks) / len(sample) if sample else 1.0
    counted = Counter(row.confidence or "none" for row in sample if row.completed)
    return PilotFinished(
        rows=len(sample),
        completed=sum(row.completed for row in sample),
        rows_left=rows_left,
        cost_usd_p50=p50,
        cost_usd_p90=p90,
        seconds_p50=seconds_p50,
        seconds_p90=seconds_p90,
        confidence={name: counted[name] for name in ("high", "medium", "low", "none")},
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


def _sampled(result: Result) -> Sampled:
    seconds = ((result.completed_at or result.modified_at) - result.created_at).total_seconds()
    return Sampled(result.task_id, result.status == "completed", result.cost_usd, max(seconds, 0.0), result.confidence)


def _committed(folder: RunFolder, left: Remaining, count: int) -> Iterable[Sampled]:
    """The first rows that are done already."""
    own, index = folder.columns.run, folder.columns.row_index
    wanted = [index, own["task_id"], own["cost_usd"], own["confidence"]]
    for shard in sorted(left.committed):
        if shard * left.size >= count:
            return
        seconds = folder.read("usage", shard, ["seconds"])["seconds"].to_pylist()
        table = folder.read("results", shard, wanted).to_pylist()
        for line, took in zip(table, seconds, strict=True):
            if line[index] < count and left.has(line[index]):
                yield Sampled(line[own["task_id"]], True, line[own["cost_usd"]], float(took or 0), line[own["confidence"]])
