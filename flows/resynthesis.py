"""Another look at what a run has read, as a Prefect flow: new columns, or another model, over the stored pages alone.

Nothing is searched for and nothing is fetched. Each row may search and read the pages that it read in that run.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import pyarrow as pa
from prefect import flow
from pydantic import Field

from flows.run.request import Request
from flows.run.reuse import Earlier, spec_of
from flows.run.runtime import current_runtime
from flows.run.spending import Spending, paying
from flows.server import quiet_task_runs
from flows.table_run import Enrichment, RunTerms, carry_out, folder_for
from research.errors import InvalidInput, InvalidRun
from research.pages.row_pages import StoredPages
from research.ports.world import World
from research.tables.inputs.read import Table, open_table
from research.tables.run_folder.request import default_run_path, request_key
from research.tables.run_folder.run_folder import RunFolder

AS_BEFORE: Final = ("processor", "max_subqueries", "max_fetches", "max_steps", "verify_loops", "source_policy")
"""Options of the run that hold again, unless others are given. Its start page and files are among its pages."""


@dataclass(frozen=True, slots=True)
class Resynthesis:
    """A request over what a run has read."""

    request: Request
    earlier: Earlier

    @classmethod
    def check(
        cls,
        run: str | Path,
        *,
        output_schema: str | dict[str, Any] | None = None,
        objective: str | None = None,
        processor: str | None = None,
        all_fields: bool = False,
    ) -> Resynthesis:
        """Read and check everything that can be wrong before a row is researched.

        Raises:
            InvalidInput: of the run, the schema, the objective or the processor.
        """
        folder = RunFolder.open(run)
        before = folder.request
        if output_schema is None and objective is None and not all_fields:
            raise InvalidInput(
                "nothing would be researched: give another schema with --schema, or research every field again with --all"
            )
        asked = before.get("objective") or {}
        if objective is not None:
            asked = {"template": objective, "column": None}
        options = {name: before.get("task", {}).get(name) for name in AS_BEFORE} | ({"processor": processor} if processor else {})
        request = Request.check(
            table=_table(folder),
            query=before.get("query"),
            limit=before.get("limit"),
            output_schema=spec_of(folder) if output_schema is None else output_schema,
            objective=asked.get("template"),
            objective_column=asked.get("column"),
            **options,
        )
        another_question = request.content["objective"] != before.get("objective")
        earlier = Earlier(folder, request, nothing_kept=all_fields or another_question)
        return cls(request.keeping({**earlier.identity, "pages": "stored"}), earlier)

    @property
    def pages(self) -> StoredPages:
        """What the world holds beside the model, before it is bound to a row."""
        return StoredPages((), self.earlier.pages.get)

    def path(self, world: World) -> Path:
        """Where it goes that was not told where: `runs/<the run's own name>-<8 hex digits>`."""
        return default_run_path(self.request.table.name, request_key(self.request.document(world)))


@flow(name="resynthesize", flow_run_name="resynthesize {run}", persist_result=False)
async def resynthesize(
    run: str,
    output_schema: str | dict[str, Any] | None = None,
    objective: str | None = None,
    processor: Literal["base", "core", "ultra", "research"] | None = None,
    model: str | None = None,
    all_fields: bool = False,
    out: str | None = None,
    concurrency: Annotated[int, Field(ge=1, le=1000)] = 16,
    shard_size: Annotated[int, Field(ge=1, le=10_000)] = 100,
    max_cost: Annotated[float | None, Field(gt=0)] = None,
) -> Enrichment:
    """Answer a schema from the pages that a run has stored, without a search and without a fetch, into another run folder.

    Fields that the run asked for in the same words keep its answers. The same call goes on where an earlier one stopped.

    Args:
        run: The run folder that holds the pages.
        output_schema: What to find out: a schema file, or the schema itself. Nothing: the run's own.
        objective: What to ask of each row. Nothing: what the run asked. Another question keeps no answer.
        processor: How much may be spent on a row. Nothing: the run's own.
        model: Which model answers. Nothing: the best that can be used.
        all_fields: Answer every field again.
        out: The new run folder. Nothing: `runs/<name>-<8 hex digits of the request's key>`.
        concurrency: Rows in flight at once.
        shard_size: Rows that are committed together. The first run of a run folder decides.
        max_cost: Most US dollars that the whole run may cost, what it has cost before included. Nothing: no cap.

    Raises:
        InvalidInput: something is wrong with the request. Nothing was spent.
    """
    runtime = current_runtime()
    async with AsyncExitStack() as held:
        asked = await asyncio.to_thread(
            Resynthesis.check,
            run,
            output_schema=output_schema,
            objective=objective,
            processor=processor,
            all_fields=all_fields,
        )
        request = asked.request
        world = await held.enter_async_context(runtime.stored_world(asked.pages, model))
        path = Path(out) if out else asked.path(world)
        folder = await asyncio.to_thread(folder_for, path, request, world, shard_size)
        held.enter_context(folder.lock())
        held.enter_context(quiet_task_runs())
        spending = await asyncio.to_thread(Spending, folder.state)
        terms = RunTerms(
            spending,
            spending.purse(max_cost),
            concurrency,
            earlier=asked.earlier,
            only_stored=True,
            called="resynthesize",
        )
        return await carry_out(request, folder, paying(world, terms.purse, request.sample.processor), runtime, terms)


def _table(folder: RunFolder) -> Table:
    """The rows that a run was asked about, as its own folder has them.

    Raises:
        InvalidRun: it is being written, or lacks rows in between.
    """
    if folder.status == "running":
        raise InvalidRun(f"{folder.path} is not finished: run its command again, and then this one.")
    next_row = 0
    for shard in folder.committed_shards():
        rows = folder.read("results", shard, [folder.columns.row_index]).column(0).to_pylist()
        if rows != list(range(next_row, next_row + len(rows))):
            raise InvalidRun(f"{folder.path} lacks row {next_row}: run its command again, and then this one.")
        next_row += len(rows)

    def inputs() -> Iterator[pa.RecordBatch]:
        for shard in folder.committed_shards():
            yield from folder.read_shard(shard).inputs.to_batches()

    opened = open_table(pa.RecordBatchReader.from_batches(folder.columns.input_schema, inputs()))
    name = re.sub(r"-[0-9a-f]{8}$", "", folder.path.resolve().name)
    return replace(opened, name=name, fingerprint=str(folder.request.get("table")))
