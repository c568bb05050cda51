"""`research resynthesize`: new columns, or another model, over the pages that a run has stored."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from flows.cli.enrich import Processor, carry_out, quiet_prefect
from flows.cli.terminal import Output

if TYPE_CHECKING:
    from flows.run.events import Listener
    from flows.table_run import Enrichment


def resynthesize(
    run: Path,
    /,
    *,
    schema: str | None = None,
    objective: str | None = None,
    processor: Processor | None = None,
    model: str | None = None,
    all_fields: Annotated[bool, Parameter(name="--all")] = False,
    out_folder: Annotated[Path | None, Parameter(name="--out")] = None,
    concurrency: Annotated[int, Parameter(validator=Number(gte=1, lte=1000))] = 16,
    shard_size: Annotated[int, Parameter(validator=Number(gte=1, lte=10_000))] = 100,
    max_cost: Annotated[float | None, Parameter(validator=Number(gt=0))] = None,
    dry_run: bool = False,
    output: Output = Output(),  # noqa: B008  # frozen, and how cyclopts gives defaults
) -> int:
    """Answer a schema from the pages that a run has stored, into another run folder. Nothing is searched for, nothing is fetched.

    Fields that the run asked for in the same words keep its answers. The same command goes on where an earlier one stopped.

    Args:
        run: the run folder that holds the pages.
        schema: what to find out: an output schema file. Without it, the run's own.
        objective: what to ask of each row. Without it, what the run asked. Another question keeps no answer.
        processor: how much may be spent on a row. Without it, the run's own.
        model: which model answers. Without it, the best that can be used.
        all_fields: answer every field again.
        out_folder: the new run folder. Without it, `runs/<name>-<8 hex digits of the request's key>`.
        concurrency: rows in flight at once.
        shard_size: rows that are committed together. The first run of a run folder decides.
        max_cost: most US dollars that the whole run may cost, what it has cost before included.
        dry_run: check everything, print the plan, run nothing.
    """
    quiet_prefect(output.debug)
    from flows.cli.plan import plan_resynthesis
    from flows.resynthesis import Resynthesis

    asked: dict[str, Any] = {
        "output_schema": schema,
        "objective": objective,
        "processor": processor,
        "all_fields": all_fields,
    }
    checked = Resynthesis.check(run, **asked)
    plan = asyncio.run(plan_resynthesis(checked, model=model, out_folder=out_folder, look_at_rows=dry_run))
    if dry_run:
        return plan.show(output.json)
    terms: dict[str, Any] = {"concurrency": concurrency, "shard_size": shard_size, "max_cost": max_cost, "out": str(plan.run)}

    async def work(listener: Listener) -> Enrichment:
        from flows.api import resynthesize as resynthesize_flow

        return await resynthesize_flow(run, model=model, listener=listener, **asked, **terms)

    return carry_out(work, plan.run, output.json)
