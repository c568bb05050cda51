"""`research enrich`: research every row of a table."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from flows.cli.sources import Sources
from flows.cli.terminal import Exit, Output, money, note, out, print_json
from research.errors import InvalidInput

if TYPE_CHECKING:
    from flows.run.events import Listener
    from flows.table_run import Enrichment

Processor = Literal["base", "core", "ultra", "research"]
AtLeastOne = Parameter(validator=Number(gte=1))
MaxSteps = Annotated[int | None, Parameter(validator=Number(gte=4, lte=200))]
VerifyLoops = Annotated[int | None, Parameter(validator=Number(gte=0, lte=5))]


def enrich(
    table: str,
    /,
    *,
    schema: str | None = None,
    objective: str | None = None,
    objective_column: str | None = None,
    query: str | None = None,
    processor: Processor = "core",
    model: str | None = None,
    out_folder: Annotated[Path | None, Parameter(name="--out")] = None,
    limit: Annotated[int | None, AtLeastOne] = None,
    concurrency: Annotated[int, Parameter(validator=Number(gte=1, lte=1000))] = 16,
    shard_size: Annotated[int, Parameter(validator=Number(gte=1, lte=10_000))] = 100,
    max_subqueries: Annotated[int | None, Parameter(validator=Number(gte=1, lte=12))] = None,
    max_fetches: Annotated[int | None, Parameter(validator=Number(gte=1, lte=30))] = None,
    max_steps: MaxSteps = None,
    verify_loops: VerifyLoops = None,
    sources: Sources = Sources(),  # noqa: B008  # frozen, and how cyclopts gives defaults
    max_cost: Annotated[float | None, Parameter(validator=Number(gt=0))] = None,
    pilot: Annotated[int | None, AtLeastOne] = None,
    yes: bool = False,
    escalate: str | None = None,
    batch: bool = False,
    reuse: str | None = None,
    dry_run: bool = False,
    output: Output = Output(),  # noqa: B008  # frozen, and how cyclopts gives defaults
) -> int:
    """Research every row of a table, and put answers, evidence and usage into a run folder.

    The same command goes on where an earlier one stopped: rows that are completed stay, rows that failed are tried again.

    Args:
        table: CSV, TSV, Parquet, JSON lines or Excel file, or `file.duckdb::table`.
        schema: what to find out: an output schema file. Without it, one free answer a row.
        objective: what to ask of each row, with columns in braces: `"Who operates {mission}?"`
        objective_column: or the column that holds it.
        query: one SELECT over the table, which it calls `input`; its rows are researched instead.
        processor: how much may be spent on a row.
        model: which model answers. Without it, the best that can be used.
        out_folder: the run folder. Without it, `runs/<table>-<8 hex digits of the request's key>`.
        limit: only the first so many rows.
        concurrency: rows in flight at once.
        shard_size: rows that are committed together. The first run of a run folder decides.
        max_subqueries: most sub-queries of a row.
        max_fetches: most pages read for a row.
        max_steps: most model calls of one investigation. Without it, the processor's own.
        verify_loops: how often each value is checked against its evidence with fresh eyes, and what fails researched again.
        max_cost: most US dollars that the whole run may cost, what it has cost before included.
        pilot: research so many rows first, show what they cost and brought, and ask whether to go on.
        escalate: in the end, research fields of low confidence again on a dearer tier: `low:ultra`.
        batch: ask in batches: half the price for tokens, an answer within 24 hours. Only base and core.
        reuse: an earlier run folder: fields that it asked for in the same words keep its answers, the others are researched.
        yes: go on after the pilot without asking.
        dry_run: check everything, print the plan, run nothing.
    """
    quiet_prefect(output.debug)
    from flows.cli.plan import Batch, make_plan
    from flows.cli.terminal import approver
    from research.result.escalation import Escalation

    if escalate is not None:
        Escalation.parse(escalate, processor)  # what is wrong is said before Prefect is started

    asked: dict[str, Any] = {
        "table": table,
        "query": query,
        "limit": limit,
        "output_schema": schema,
        "objective": objective,
        "objective_column": objective_column,
        "processor": processor,
        "max_subqueries": max_subqueries,
        "max_fetches": max_fetches,
        "max_steps": max_steps,
        "verify_loops": verify_loops,
        **sources.asked,
    }
    world: dict[str, Any] = {"corpus": sources.corpus, "model": model, "search": sources.providers}
    batched = Batch(escalate) if batch else None
    plan = asyncio.run(make_plan(out_folder=out_folder, look_at_rows=dry_run, batch=batched, reuse=reuse, **world, **asked))
    if dry_run:
        return plan.show(output.json)
    options = {
        **asked,
        **world,
        "include_html_dump": sources.include_html_dump,
        "out": str(plan.run),
        "concurrency": concurrency,
        "shard_size": shard_size,
        "max_cost": max_cost,
        "pilot": pilot,
        "escalate": escalate,
        "batch": batch,
        "reuse": reuse,
        "approve": approver(yes, output.json),
    }

    async def work(listener: Listener) -> Enrichment:
        from flows.api import enrich as enrich_flow

        return await enrich_flow(listener=listener, **options)

    return carry_out(work, plan.run, output.json)


Work = Callable[["Listener"], Coroutine[Any, Any, "Enrichment"]]


def carry_out(work: Work, run: Path, as_json: bool) -> int:
    """Run a flow that fills a run folder, show how it goes, and say how it ended.

    Raises:
        InvalidInput: no row could be researched as things are.
    """
    try:
        done = asyncio.run(_watched(work, as_json))
    except KeyboardInterrupt:
        if as_json:
            print_json({"event": "interrupted", "run": str(run), "exit_code": int(Exit.INTERRUPTED)})
        note(f"stopped; what is finished is kept in {run}. The same command goes on from there")
        return Exit.INTERRUPTED
    if done.refused:
        left = "no run folder is left" if not run.exists() else f"{run} has {done.completed} completed rows"
        raise InvalidInput(f"{done.stopped}\nNo row was researched, and nothing was spent; {left}.")
    _tell(done, as_json)
    if done.stopped:
        return Exit.LIMIT
    return Exit.ROWS_FAILED if done.failed else Exit.OK


async def _watched(work: Work, as_json: bool) -> Enrichment:
    from flows.cli.progress import watching

    with watching(as_json) as listener:
        return await work(listener)


def _tell(done: Enrichment, as_json: bool) -> None:
    if as_json:
        return  # its last line said it
    failed = f", {done.failed} failed" if done.failed else ""
    out().print(
        f"{done.rows} rows: {done.completed} completed{failed} · {money(done.cost_usd)} · {done.seconds:.1f} s\n{done.run}",
        markup=False,
    )
    if done.escalated or done.not_escalated:
        missed = f"; {done.not_escalated} could not be, and stay as they were" if done.not_escalated else ""
        note(f"{done.escalated} rows were researched again on a dearer tier{missed}")
    if done.stopped:
        note(f"stopped: {done.stopped}")
    elif done.failed:
        note(f"the same command tries the failed rows again; research show {done.run} --failed lists them")


def quiet_prefect(debug: bool) -> None:
    """Before Prefect is imported: its log shows each failed row's traceback, and would drown the output.

    The log still goes to Prefect's server. Whoever sets `PREFECT_LOGGING_LEVEL`, or asks for `--debug`, sees it here as well.
    """
    if not debug and "PREFECT_LOGGING_LEVEL" not in os.environ:
        os.environ["PREFECT_LOGGING_LEVEL"] = "WARNING"
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("DO_NOT_TRACK", "1")
