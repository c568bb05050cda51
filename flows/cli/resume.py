"""`research resume`: go on with a run whose folder is all that is at hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from flows.cli.flow_run import carry_out, carry_out_find
from flows.cli.named_run import open_named
from flows.cli.pandas_on_demand import import_pandas_on_demand
from flows.cli.starting import Starting
from flows.cli.terminal import Output, approver
from flows.run.options import EnrichOptions, FindOptions, RefreshOptions
from research.errors import InvalidInput

if TYPE_CHECKING:
    from flows.cli.flow_run import Prepare
    from flows.run.decisions import RowDecisions
    from flows.run.options import Options, ResynthesizeOptions
    from research.tables.run_folder.run_folder import RunFolder

NONE = Output()


def resume(
    run: str,
    /,
    *,
    table: str | None = None,
    corpus: str | None = None,
    max_cost: Annotated[float | None, Parameter(validator=Number(gt=0))] = None,
    concurrency: Annotated[int | None, Parameter(validator=Number(gte=1, lte=1_000))] = None,
    runner: str | None = None,
    patience: str | None = None,
    yes: bool = False,
    dry_run: bool = False,
    output: Output = NONE,
) -> int:
    """Go on with a run that was stopped, or try its failed rows again: the command of the run, without typing it again.

    Args:
        run: the run folder, or its URL.
        table: where its table is now, if that has moved. Its content must be what it was.
        corpus: where its documents are now.
        max_cost: another cap in US dollars, earlier invocations included.
        concurrency: rows in flight at once.
        runner: where rows are researched.
        patience: how long an outage is waited out.
        yes: go on after the pilot without asking.
        dry_run: check everything, print the plan, run nothing.
    """
    changes = {"table": table, "corpus": corpus, "max_cost": max_cost, "concurrency": concurrency, "runner": runner}
    with Starting(output) as starting:
        starting.step("reading what the run was asked")
        import_pandas_on_demand()
        options, folder = _options(run, {**changes, "patience": patience})
        if isinstance(options, FindOptions):
            return _find(options, output, starting, dry_run=dry_run)
        prepare = _prepared(options, folder)
        return carry_out(prepare, output, starting, dry_run=dry_run, approve=approver(yes, output.json))


def go_on_with(run: str, decisions: RowDecisions, output: Output, *, max_cost: float | None = None) -> int:
    """Go on with a run whose rows waited for people."""
    with Starting(output) as starting:
        starting.step("reading what the run was asked")
        import_pandas_on_demand()
        options, folder = _options(run, {"max_cost": max_cost})
        if isinstance(options, FindOptions):
            raise InvalidInput(f"{run} is a find, whose rows wait for nobody.")
        prepare, ask = _prepared(options, folder), approver(False, output.json)
        return carry_out(prepare, output, starting, dry_run=False, approve=ask, decisions=decisions)


def _options(run: str, changes: dict[str, Any]) -> tuple[Options, RunFolder]:
    from flows.run.recorded_options import recorded_options
    from research.storage.location import is_url

    folder = open_named(run)
    return recorded_options(folder, run if is_url(run) else str(folder.path), **changes), folder


def _find(options: FindOptions, output: Output, starting: Starting, *, dry_run: bool) -> int:
    from flows.cli.find import show_plan

    return show_plan(options, output) if dry_run else carry_out_find(replace(options, extend=None), output, starting)


def _prepared(options: EnrichOptions | RefreshOptions | ResynthesizeOptions, folder: RunFolder) -> Prepare:
    if isinstance(options, EnrichOptions):
        return _enrichment(folder, options)
    if isinstance(options, RefreshOptions):
        return _refresh(options)
    return _resynthesis(options)


def _enrichment(folder: RunFolder, options: EnrichOptions) -> Prepare:
    from flows.run.prepare import prepare_enrichment, profiles_of
    from flows.run.recorded_options import refuse_changed_table
    from flows.run.request import Request
    from research.errors import InvalidTable

    try:
        request = Request.of(options, agent_profiles=profiles_of(folder))
    except InvalidTable as error:
        error.add_note("If the table of the run has moved, name it with --table.")
        raise
    refuse_changed_table(folder, options, request)
    return lambda runtime: prepare_enrichment(options, runtime, request, folder)


def _resynthesis(options: ResynthesizeOptions) -> Prepare:
    from flows.run.prepare import prepare_resynthesis

    return lambda runtime: prepare_resynthesis(options, runtime)


def _refresh(options: RefreshOptions) -> Prepare:
    from flows.run.refresh import prepare_refresh

    return lambda runtime: prepare_refresh(options, runtime)
