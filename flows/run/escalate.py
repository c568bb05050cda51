"""Researches the least sure fields of a table again, on a dearer tier, and commits each row with the better of both answers.

It can be stopped anywhere: a row that two tiers answered is done; of the others, what was paid is kept like any
other work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from flows.run.events import Listener, RowEscalated
from flows.run.rows import Rows
from flows.run.runner import Runner
from flows.run.shards import Shards
from research.display.figures import count
from research.durable.work import working_for
from research.output_schema.output_spec import OutputSpec
from research.result.escalation import Escalation, below_confidence, combine_escalated
from research.result.result import CONFIDENCE_ORDER, Result
from research.tables.run_folder.reading_back import CommittedRows
from research.tables.run_folder.run_folder import RunFolder

OPEN_AT_ONCE: Final = 4
"""Shards whose rows are researched again side by side."""


class DoubtfulRow(NamedTuple):
    """A row that is to be researched again."""

    values: Mapping[str, Any]
    """Its cells as JSON."""
    first: Result


class Escalating:
    """One pass over the committed shards of a run."""

    def __init__(
        self, wanted: Escalation, spec: OutputSpec, folder: RunFolder, rows: Rows, shards: Shards, listener: Listener
    ) -> None:
        self._wanted = wanted
        self._spec = spec
        self._folder = folder
        self._rows = rows
        self._shards = shards
        self._listener = listener
        self.escalated = 0
        self.failed = 0

    async def run(self, runner: Runner) -> None:
        free = asyncio.Semaphore(OPEN_AT_ONCE)

        async def one(shard: int) -> None:
            async with free:
                if self._rows.stopped is None and (todo := await asyncio.to_thread(self._doubtful_rows, shard)):
                    label = f"escalate shard {shard} · {count(len(todo), 'row')}"
                    await runner.do("shard", label, partial(self._shard, shard, todo))

        async with asyncio.TaskGroup() as group:
            for shard in self._folder.committed_shards():
                group.create_task(one(shard))

    def _doubtful_rows(self, shard: int) -> dict[int, DoubtfulRow]:
        """A shard's completed rows that hold a doubtful field and were not researched again yet."""
        committed = self._folder.read_shard(shard)
        own = self._folder.columns.run
        levels = {None, *CONFIDENCE_ORDER[: CONFIDENCE_ORDER.index(self._wanted.level) + 1]}
        cells = committed.results.select([own["status"], own["confidence"]]).to_pylist()
        found = [
            row
            for row, line, tiers in zip(committed.rows, cells, self._folder.columns.tiers(committed.results), strict=True)
            if line[own["status"]] == "completed" and line[own["confidence"]] in levels and len(tiers) == 1
        ]
        if not found:
            return {}
        rows = CommittedRows(self._folder, shard, self._spec)
        return {row: DoubtfulRow(rows.values(row), rows.result(row)) for row in found}

    async def _shard(self, shard: int, todo: Mapping[int, DoubtfulRow]) -> None:
        running = {}
        async with asyncio.TaskGroup() as group:
            for row, doubtful in todo.items():
                with working_for(shard, row):
                    running[row] = group.create_task(self._row(row, doubtful))
        better = {row: result for row, task in running.items() if (result := task.result()) is not None}
        if better:
            await self._shards.rewrite(shard, better)
            self.escalated += len(better)

    async def _row(self, row: int, doubtful: DoubtfulRow) -> Result | None:
        """The row's better result; None: it stays as it is."""
        fields = below_confidence(doubtful.first, self._wanted.level)
        again = await self._rows.again(row, doubtful.values, fields, self._wanted.processor)
        if again is None:
            return None
        if again.status != "completed":
            self._report(row, fields, again, again.error)
            return None
        result = combine_escalated(doubtful.first, again, self._spec)
        self._report(row, fields, again, None, result)
        return result

    def _report(self, row: int, fields: tuple[str, ...], again: Result, error: str | None, result: Result | None = None) -> None:
        self.failed += error is not None
        confidence = None if result is None else result.confidence
        self._listener(RowEscalated(row, self._wanted.processor, fields, again.cost_usd, confidence, error))
