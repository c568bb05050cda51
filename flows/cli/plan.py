"""The plan of a run: what it will do and cost, as far as that can be known without running it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.table import Table as Printed

from flows.cli.terminal import Exit, described, out, print_json
from flows.run.estimate import Estimate
from flows.run.prepared_run import PreparedRun
from flows.run.request import Request
from flows.run.reuse import Earlier
from flows.run.row_money import run_estimate
from research.display.figures import count
from research.errors import InvalidInput
from research.faults import shortened
from research.identity import canonical_json
from research.result.escalation import part_of
from research.tables.inputs.read import json_rows
from research.tables.layout.result_columns import ResultColumns

SAMPLES: Final = 3
"""Objectives that a plan shows."""
OBJECTIVE_SHOWN: Final = 1_000
"""Characters of one. As JSON a plan has all of it."""


@dataclass(frozen=True, slots=True)
class ReusePlan:
    """What is kept of an earlier run."""

    run: str
    fields: tuple[str, ...]
    researched: tuple[str, ...]
    """The other fields."""
    rows: int
    """Rows that it has completed."""
    other_rows: int
    """The others are researched whole; where only stored pages may be read, they fail."""
    only_stored: bool
    changed_table: str | None = None
    """Of a refresh: how the table differs from what the earlier run had of it."""

    def as_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "fields_kept": list(self.fields),
            "fields_researched": list(self.researched),
            "rows_kept": self.rows,
            "rows_not_kept": self.other_rows,
            **({} if self.changed_table is None else {"table": self.changed_table}),
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        if self.changed_table is not None:
            yield "refresh of", f"{self.run}: {self.changed_table}"
            yield (
                "researched",
                f"{count(self.other_rows, 'row')} (new, edited or failed), and cells whose pages do not say the same",
            )
            return
        yield "kept", f"{', '.join(self.fields) or 'nothing'}, from {self.run}, for {count(self.rows, 'row')}"
        yield "researched", (", ".join(self.researched) or "nothing") + " for these rows"
        if self.other_rows and self.only_stored:
            yield "will fail", f"{count(self.other_rows, 'row')}: not completed in {self.run}, so none of their pages is stored"
        elif self.other_rows:
            yield "", f"every field for {count(self.other_rows, 'row')} that {self.run} has not, or has not completed"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a prepared run will do."""

    table: str
    rows: int
    inputs: tuple[str, ...]
    outputs: Mapping[str, str]
    """The output's columns in `results`, with their types."""
    renamed: Mapping[str, str]
    """Columns whose name the input has already, with their new names."""
    processor: str
    model: str
    corpus: str | None
    search: str
    """The search providers."""
    task_runs: str
    """Which pieces will be Prefect task runs."""
    run: Path | str
    rows_done: int
    """Completed rows that the run folder has already."""
    objectives: Mapping[int, str] = field(default_factory=dict)
    """The objectives of the first rows that are researched, by their places."""
    warnings: tuple[str, ...] = ()
    """What reading the table may have got wrong or has left out."""
    unaskable: tuple[str, ...] = field(default=())
    """Why rows will fail: their objective is empty. At most ten."""
    unaskable_rows: int = 0
    estimate: Estimate | None = None
    """The cost of the remaining rows. None: it is free."""
    reuse: ReusePlan | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "event": "plan",
            "table": self.table,
            "rows": self.rows,
            "inputs": list(self.inputs),
            "outputs": dict(self.outputs),
            "renamed": dict(self.renamed),
            "processor": self.processor,
            "model": self.model,
            "corpus": self.corpus,
            "search": self.search,
            "task_runs": self.task_runs,
            "run": str(self.run),
            "rows_done": self.rows_done,
            "objectives": list(self.objectives.values()),
            "objective_rows": list(self.objectives),
            "warnings": list(self.warnings),
            "unaskable": list(self.unaskable),
            "unaskable_rows": self.unaskable_rows,
            "estimate": None if self.estimate is None else self.estimate.as_json(),
            **({} if self.reuse is None else {"reuse": self.reuse.as_json()}),
        }

    def show(self, as_json: bool) -> int:
        """Print it. Returns the exit code."""
        if as_json:
            print_json(self.as_json())
        else:
            self.print()
        return Exit.OK

    def print(self) -> None:
        shown = Printed.grid(padding=(0, 2))
        shown.add_row("table", f"{self.table}: {count(self.rows, 'row')}, columns {', '.join(self.inputs)}")
        for warning in self.warnings:
            shown.add_row("warning", warning)
        for place, objective in self.objectives.items():
            shown.add_row(f"row {place}", shortened(objective, OBJECTIVE_SHOWN))
        if len(self.objectives) > 1 and len(set(self.objectives.values())) == 1:
            shown.add_row("", "every row is asked the same: what it is about stands in its cells alone")
        shown.add_row("columns out", ", ".join(f"{name} ({kind})" for name, kind in self.outputs.items()))
        if self.renamed:
            shown.add_row("renamed", ", ".join(f"{old} → {new}" for old, new in self.renamed.items()))
        for name, text in self.reuse.lines() if self.reuse is not None else ():
            shown.add_row(name, text)
        shown.add_row("processor", self.processor)
        shown.add_row("search", self.search)
        if self.corpus is not None:
            shown.add_row("corpus", self.corpus)
        shown.add_row("model", described(self.model))
        shown.add_row("cost", "nothing" if self.estimate is None else str(self.estimate))
        shown.add_row("task runs", self.task_runs)
        shown.add_row("run folder", f"{self.run}" + (f" ({count(self.rows_done, 'row')} done)" if self.rows_done else ""))
        for problem in self.unaskable:
            shown.add_row("will fail", problem)
        if more := self.unaskable_rows - len(self.unaskable):
            shown.add_row("", f"and {more} more rows")
        console = out()
        console.print(shown, markup=False)
        console.print("Nothing was run.", markup=False)


async def make_plan(prepared: PreparedRun) -> Plan:
    """What a prepared run will do, and what it will cost. Every row is read for it."""
    request, world, earlier = prepared.request, prepared.world, prepared.earlier
    scan = await asyncio.to_thread(scan_rows, request, earlier)
    columns = ResultColumns.plan(request.table.schema, request.spec)
    reuse, spec, rows = None, request.spec, request.table.row_count - prepared.rows_done - scan.unaskable
    if earlier is not None:
        others, only_stored = request.table.row_count - scan.kept, prepared.only_stored
        changed = None if prepared.refresh is None else str(prepared.refresh.table)
        reuse = ReusePlan(str(earlier.folder.path), earlier.keep, earlier.asked, scan.kept, others, only_stored, changed)
        spec = part_of(spec, earlier.asked) if earlier.asked else spec
        rows = max(0, rows - (0 if earlier.asked else scan.kept) - (others if only_stored else 0))
    return Plan(
        table=request.table.name,
        rows=request.table.row_count,
        inputs=columns.inputs,
        outputs={o.column: str(columns.schema.field(o.column).type) for o in columns.outputs},
        renamed={old: new for old, new in [*((o.field, o.column) for o in columns.outputs), *columns.run.items()] if old != new},
        processor=request.sample.processor,
        model=world.model.name,
        corpus=f"the stored pages of {earlier.folder.path}" if earlier and prepared.only_stored else prepared.settings.corpus,
        task_runs=prepared.task_runs,
        run=prepared.place,
        rows_done=prepared.rows_done,
        objectives=scan.objectives,
        warnings=(*request.table.warnings, *([prepared.hint] if prepared.hint else [])),
        unaskable=scan.problems,
        unaskable_rows=scan.unaskable,
        search=world.search.name,
        estimate=run_estimate(prepared, spec, rows, scan.characters),
        reuse=reuse,
    )


@dataclass(frozen=True, slots=True)
class RowScan:
    """What was found by reading every row."""

    objectives: Mapping[int, str]
    """Of the first rows that are researched, by their places."""
    problems: tuple[str, ...]
    """Why rows have none; at most ten."""
    unaskable: int
    """Rows without an objective."""
    characters: float
    """Of an average row's objective and cells."""
    kept: int
    """Rows that an earlier run has, completed."""


def scan_rows(request: Request, earlier: Earlier | None) -> RowScan:
    """Read every row, and make its objective."""
    objectives: dict[int, str] = {}
    problems: list[str] = []
    unaskable = row = characters = kept = 0
    is_whole = earlier is not None and not earlier.asked  # nothing is asked of a row that it has
    for batch in request.table.batches(1_000):
        for values in json_rows(batch):
            try:
                objective = request.question(row, values)
            except InvalidInput as error:
                objective = "(none)"
                unaskable += 1
                if len(problems) < 10:
                    problems.append(str(error))
            is_kept = earlier is not None and earlier.has(row, values)
            if len(objectives) < SAMPLES and not (is_kept and is_whole):
                objectives[row] = objective
            characters += len(objective) + len(canonical_json(request.visible(values)))
            kept += is_kept
            row += 1
    return RowScan(objectives, tuple(problems), unaskable, characters / max(row, 1), kept)
