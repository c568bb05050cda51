"""Everything about an enrichment that can be known without running it. What is wrong is found here, before Prefect is started."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.table import Table as Printed

from flows.cli.terminal import Exit, answered_by, out, print_json
from flows.resynthesis import Resynthesis
from flows.run.environment import read_environment
from flows.run.estimate import Estimate, estimate, keyless_estimate, search_usd
from flows.run.request import Request
from flows.run.reuse import Earlier
from flows.run.runtime import WorldRequest
from research.errors import InvalidInput
from research.identity import canonical_json
from research.ports.world import World
from research.result.escalation import part_of
from research.search.settings import SearchSettings
from research.tables.inputs.read import json_rows
from research.tables.layout.result_columns import ResultColumns
from research.tables.run_folder.request import default_run_path, request_key
from research.tables.run_folder.run_folder import RunFolder
from research.world import TIERS_OWN, open_stored_world, open_world

SAMPLES: Final = 3
"""Objectives that a plan shows."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """What of an earlier run is kept."""

    run: str
    fields: tuple[str, ...]
    researched: tuple[str, ...]
    """The other fields."""
    rows: int
    """Rows that it has, completed. The others are researched whole, or fail if there are stored pages only."""
    other_rows: int
    only_stored: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "fields_kept": list(self.fields),
            "fields_researched": list(self.researched),
            "rows_kept": self.rows,
            "rows_not_kept": self.other_rows,
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        yield "kept", f"{', '.join(self.fields) or 'nothing'}, from {self.run}, for {self.rows} rows"
        yield "researched", (", ".join(self.researched) or "nothing") + " for these rows"
        if self.other_rows and self.only_stored:
            yield "will fail", f"{self.other_rows} rows: they are not completed in {self.run}, so none of their pages is stored"
        elif self.other_rows:
            yield "", f"every field for {self.other_rows} rows that {self.run} has not, or has not completed"


@dataclass(frozen=True, slots=True)
class Plan:
    """A request that is sound, and where it leads."""

    table: str
    rows: int
    inputs: tuple[str, ...]
    outputs: Mapping[str, str]
    """The output's columns in `results`, with their types."""
    renamed: Mapping[str, str]
    """Columns that give way to the input's, with the names they get."""
    processor: str
    model: str
    corpus: str | None
    search: str
    """Who is asked for pages."""
    run: Path
    done: int
    """Rows of an earlier run of this very request that are completed."""
    objectives: tuple[str, ...] = ()
    """Of the first rows."""
    unaskable: tuple[str, ...] = field(default=())
    """Why rows will fail: their objective is empty. At most ten."""
    unaskable_rows: int = 0
    estimate: Estimate | None = None
    """What the rows that are left will cost; None: nothing."""
    keeping: Keeping | None = None

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
            "run": str(self.run),
            "rows_done": self.done,
            "objectives": list(self.objectives),
            "unaskable": list(self.unaskable),
            "unaskable_rows": self.unaskable_rows,
            "estimate": None if self.estimate is None else self.estimate.as_json(),
            **({} if self.keeping is None else {"reuse": self.keeping.as_json()}),
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
        shown.add_row("table", f"{self.table}: {self.rows} rows, columns {', '.join(self.inputs)}")
        for place, objective in enumerate(self.objectives):
            shown.add_row(f"row {place}", objective)
        shown.add_row("columns out", ", ".join(f"{name} ({kind})" for name, kind in self.outputs.items()))
        if self.renamed:
            shown.add_row("renamed", ", ".join(f"{old} → {new}" for old, new in self.renamed.items()))
        for name, said in self.keeping.lines() if self.keeping is not None else ():
            shown.add_row(name, said)
        shown.add_row("processor", self.processor)
        shown.add_row("search", self.search)
        if self.corpus is not None:
            shown.add_row("corpus", self.corpus)
        shown.add_row("model", answered_by(self.model).removeprefix("answered by: "))
        shown.add_row("cost", "nothing" if self.estimate is None else str(self.estimate))
        shown.add_row("run folder", f"{self.run}" + (f" ({self.done} rows are done)" if self.done else ""))
        for problem in self.unaskable:
            shown.add_row("will fail", problem)
        if more := self.unaskable_rows - len(self.unaskable):
            shown.add_row("", f"and {more} more rows")
        console = out()
        console.print(shown, markup=False)
        console.print("Nothing was run.", markup=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows are to be asked in batches."""

    escalate: str | None = None


async def make_plan(
    *,
    out_folder: Path | None,
    corpus: str | None,
    model: str | None,
    search: Sequence[str] | None = None,
    look_at_rows: bool,
    batch: Batch | None = None,
    reuse: str | None = None,
    **asked: Any,
) -> Plan:
    """Check a whole request, its world and its run folder.

    Args:
        look_at_rows: make every row's objective, too.
        batch: the rows are to be asked in batches.
        reuse: an earlier run, whose cells are kept.
        asked: what `Request.check` takes.

    Raises:
        InvalidInput: something is wrong with the request; the corpus cannot be read; the run folder holds another request.
    """
    environment = read_environment()
    request = Request.check(**asked)
    earlier = Earlier(RunFolder.open(reuse), request) if reuse else None
    if earlier is not None:
        request = request.keeping(earlier.identity)
    settings = WorldRequest(model, corpus, search, request.names_pages, batch is not None).settings(environment)
    async with open_world(settings, Path("pages")) as world:  # a plan reads no page, so nothing is stored there
        if batch is not None:
            from flows.run.batch import batched

            world = batched(world, request.sample, escalate=batch.escalate, start_url=asked.get("start_url"))
    document = request.document(world)
    if earlier is not None:
        earlier.refuse_other(document)
    run = out_folder or default_run_path(request.table.name, request_key(document))
    looked = await _looked(request, earlier) if look_at_rows else Looked()
    return _plan(
        request, world, run, looked, earlier, corpus=settings.corpus, providers=settings.providers, in_batches=batch is not None
    )


async def plan_resynthesis(asked: Resynthesis, *, model: str | None, out_folder: Path | None, look_at_rows: bool) -> Plan:
    """The same, of a request over what a run has stored.

    Raises:
        InvalidInput: the model cannot be used; the run folder holds another request.
    """
    settings = WorldRequest(model).settings(read_environment())
    async with open_stored_world(settings, asked.pages) as world:
        run = out_folder or asked.path(world)
    looked = await _looked(asked.request, asked.earlier) if look_at_rows else Looked()
    pages = f"the stored pages of {asked.earlier.folder.path}"
    return _plan(asked.request, world, run, looked, asked.earlier, corpus=pages, only_stored=True)


def _plan(
    request: Request,
    world: World,
    run: Path,
    looked: Looked,
    earlier: Earlier | None,
    *,
    corpus: str | None,
    providers: SearchSettings = SearchSettings(),  # noqa: B008  # frozen
    in_batches: bool = False,
    only_stored: bool = False,
) -> Plan:
    columns = ResultColumns.plan(request.table.schema, request.spec)
    processors = world.processors
    done = _done(run, request.document(world), request.table.row_count)
    model = world.model
    search = 0.0 if in_batches else search_usd(world.search.name, providers, processors.price)
    keeping = None
    spec, rows = request.spec, request.table.row_count - done - looked.unaskable
    if earlier is not None:
        others = request.table.row_count - looked.kept
        keeping = Keeping(str(earlier.folder.path), earlier.keep, earlier.asked, looked.kept, others, only_stored)
        spec = part_of(spec, earlier.asked) if earlier.asked else spec
        rows = max(0, rows - (0 if earlier.asked else looked.kept) - (others if only_stored else 0))
    return Plan(
        table=request.table.name,
        rows=request.table.row_count,
        inputs=columns.inputs,
        outputs={o.column: str(columns.schema.field(o.column).type) for o in columns.outputs},
        renamed={old: new for old, new in [*((o.field, o.column) for o in columns.outputs), *columns.run.items()] if old != new},
        processor=request.sample.processor,
        model=model.name,
        corpus=corpus,
        run=run,
        done=done,
        objectives=looked.objectives,
        unaskable=looked.problems,
        unaskable_rows=looked.unaskable,
        search=world.search.name,
        estimate=keyless_estimate(spec, rows=rows, max_subqueries=request.sample.max_subqueries, search_usd=search)
        if model.keyless
        else estimate(
            spec,
            processors[request.sample.processor],
            (lambda name: processors.batch.price(processors.price(name))) if in_batches else processors.price,
            rows=rows,
            row_characters=looked.characters,
            max_subqueries=request.sample.max_subqueries,
            model=None if model.name == TIERS_OWN else model.name,
            search_usd=search,
        ),
        keeping=keeping,
    )


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at every row shows."""

    objectives: tuple[str, ...] = ()
    """Of the first rows."""
    problems: tuple[str, ...] = ()
    """Why rows have none; at most ten."""
    unaskable: int = 0
    characters: float = 0.0
    """Of an average row's objective and cells."""
    kept: int = 0
    """Rows that an earlier run has, completed."""


async def _looked(request: Request, earlier: Earlier | None) -> Looked:
    return await asyncio.to_thread(_look, request, earlier)


def _look(request: Request, earlier: Earlier | None) -> Looked:
    objectives: list[str] = []
    problems: list[str] = []
    unaskable = row = characters = kept = 0
    for batch in request.table.batches(1_000):
        for values in json_rows(batch):
            try:
                objective = request.objective.render(values, request.spec, row)
            except InvalidInput as error:
                objective = "(none)"
                unaskable += 1
                if len(problems) < 10:
                    problems.append(str(error))
            if row < SAMPLES:
                objectives.append(objective)
            characters += len(objective) + len(canonical_json(values))
            kept += earlier is not None and earlier.has(row, values)
            row += 1
    return Looked(tuple(objectives), tuple(problems), unaskable, characters / max(row, 1), kept)


def _done(path: Path, document: Mapping[str, Any], rows: int) -> int:
    """Completed rows of an earlier run of the same request.

    Raises:
        InvalidRun: the folder holds another request, or something else.
    """
    run = RunFolder.find(path, document)
    if run is None:
        return 0
    size = int(run.settings.get("shard_size", 0))
    committed = sum(max(0, min(size, rows - shard * size)) for shard in run.committed_shards())
    return committed - sum(map(len, run.unfinished().values()))
