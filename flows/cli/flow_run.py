"""Runs a flow for a command: prepares it, shows its plan or its progress, and reports how it ended."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flows.cli.pandas_on_demand import import_pandas_on_demand
from flows.cli.terminal import Exit, Output, money, note, out, print_json
from flows.interrupt import orderly_end
from flows.run.writable import PREFECT_HOME, check_writable, prefect_home
from research.display.figures import count
from research.errors import InvalidInput
from research.faults import validation_faults
from research.web.proxies import prepare_proxies

if TYPE_CHECKING:
    from flows.cli.starting import Starting
    from flows.run.decisions import RowDecisions
    from flows.run.events import Approver
    from flows.run.options import FindOptions
    from flows.run.outcome import Enrichment, Found, RunFailed, RunStopped
    from flows.run.prepared_run import PreparedRun
    from flows.run.runtime import Runtime
    from research.secrets import Secrets

    Begin = Callable[..., Awaitable[Enrichment]]
    Prepare = Callable[[Runtime], AbstractAsyncContextManager[PreparedRun]]

MOST_REASONS: Final = 3
"""How many of the reasons why candidates of a find are no rows are shown at its end, the commonest first."""


def carry_out(
    prepare: Prepare,
    output: Output,
    starting: Starting,
    *,
    dry_run: bool,
    approve: Approver | None = None,
    decisions: RowDecisions | None = None,
) -> int:
    """Check a request whole, then show its plan, or run it. Returns the exit code.

    Args:
        prepare: opens the request, for as long as its block lasts.
        starting: says what is being done until rows are under way.
        dry_run: show the plan, and run nothing.
        approve: says after a pilot whether the run goes on.
        decisions: of people, about rows that wait for them.

    Raises:
        InvalidInput: something is wrong with the request, or no row could be researched as things are.
    """
    quiet_prefect(output.debug)
    prepare_proxies(os.environ)
    import_pandas_on_demand()
    prepared_run: PreparedRun | None = None

    async def work() -> int:
        from flows.run.runtime import Runtime
        from research.world import open_world

        def reading(done: int, total: int | None) -> None:
            starting.reading(done, total)
            if not dry_run:  # while a large corpus is read, a temporary server has the time to start
                _begin_server()

        nonlocal prepared_run
        if not dry_run:
            await check_prefect()
        opener = partial(open_world, reading=reading)
        runtime = Runtime(approve=approve, opener=opener, secrets=_secrets, decisions=decisions or {})
        with orderly_end():
            async with prepare(runtime) as prepared:
                if dry_run:
                    from flows.cli.plan import make_plan

                    plan = await make_plan(prepared)
                    starting.clear()
                    return plan.show(output.json)
                await asyncio.to_thread(prepared.check_folder)
                prepared_run = prepared
                return await _run(prepared, runtime, output.json, starting)

    try:
        return asyncio.run(work())
    except (KeyboardInterrupt, SystemExit) as error:  # before the rows, or by a person who would not wait
        code = Exit.INTERRUPTED if isinstance(error, KeyboardInterrupt) else Exit.TERMINATED
        begun = prepared_run is not None and prepared_run.path.exists()
        return _stopped(code, prepared_run.place if prepared_run is not None and begun else None, output.json)


async def _run(prepared: PreparedRun, runtime: Runtime, as_json: bool, starting: Starting) -> int:
    starting.step("starting Prefect")
    _begin_server()
    from flows.api import run

    return await _shown(partial(run, prepared), prepared.place, runtime, as_json, starting, "starting rows")


async def _shown(begin: Begin, place: Path | str | None, runtime: Runtime, as_json: bool, starting: Starting, first: str) -> int:
    """Carry out a flow while its progress is shown. Returns the exit code.

    Args:
        begin: calls the flow.
        place: the run folder, where it is known.
        first: what is being done before the first row.
    """
    from flows.cli.collector import imports_left_alone
    from flows.cli.progress import show_events
    from flows.run.outcome import RunFailed, RunStopped, StopCause

    try:
        with show_events(as_json, starting.clear) as shown, imports_left_alone(shown) as listener:
            ready = partial(starting.step, first)
            done = await begin(replace(runtime, listener=listener), ready=ready)
    except RunStopped as stopped:
        code = Exit.TERMINATED if stopped.cause is StopCause.TERMINATED else Exit.INTERRUPTED
        here = stopped.enrichment.place if place is None and stopped.enrichment is not None else place
        return _stopped(code, here, as_json, stopped)
    except RunFailed as failed:
        return _failed(failed, as_json)
    return _ended(done, as_json)


def carry_out_find(options: FindOptions, output: Output, starting: Starting) -> int:
    """Carry out a find. Returns the exit code. Unlike the rows of a table, its candidates are known only within its flow.

    Raises:
        InvalidInput: something is wrong with the request, or no candidate could be researched as things are.
    """
    quiet_prefect(output.debug)
    prepare_proxies(os.environ)
    import_pandas_on_demand()

    async def work() -> int:
        from flows.run.finding import check_find
        from flows.run.runtime import Runtime
        from research.world import open_world

        await check_prefect()
        runtime = Runtime(opener=partial(open_world, reading=starting.reading))
        with orderly_end():
            await check_find(options, runtime)
            starting.step("starting Prefect")
            _begin_server()
            from flows.api import run_find

            begin = partial(run_find, options)
            return await _shown(begin, options.out, runtime, output.json, starting, "looking for candidates")

    try:
        return asyncio.run(work())
    except (KeyboardInterrupt, SystemExit) as error:
        code = Exit.INTERRUPTED if isinstance(error, KeyboardInterrupt) else Exit.TERMINATED
        return _stopped(code, None, output.json)


async def check_prefect() -> None:
    """See that the Prefect server that a run will have can be used, before anything is read for the run.

    Raises:
        InvalidInput: Prefect's settings are wrong, or its folder cannot be written.
        PrefectUnavailable: the server that they name does not answer.
    """
    if not os.environ.get("PREFECT_API_URL"):  # otherwise Prefect warns as well, when it is imported
        check_writable(prefect_home(), PREFECT_HOME, "PREFECT_HOME")
    try:
        from flows.server import check_server
    except ValueError as error:  # all that Prefect raises of settings and of profiles that it cannot read
        raise InvalidInput(wrong_settings(error)) from error
    await check_server()


def wrong_settings(error: ValueError) -> str:
    """What Prefect says of settings that it cannot read, in one sentence."""
    from pydantic import ValidationError

    said = str(error).split("\n", 1)[0]
    if isinstance(error, ValidationError):
        faults = validation_faults(error, lambda place: ".".join(map(str, place)))
        said = f"{error.title}: " + "; ".join(f"{fault.pointer.lstrip('/')}: {fault.message}" for fault in faults)
    return f"Prefect's settings are wrong: {said}. Correct the variables PREFECT_…, or the profile (`prefect config view`)."


async def _secrets() -> Secrets:
    from flows.secret_blocks import secrets_with_blocks

    return await secrets_with_blocks()


def _begin_server() -> None:
    from flows.server import begin_server

    begin_server()


def _failed(why: RunFailed, as_json: bool) -> Exit:
    code = _ended(why.enrichment, as_json)
    if code is Exit.LIMIT:
        return code  # a higher one, and there may be rows
    note("\n".join([f"failed: {why}", *getattr(why, "__notes__", ())]))
    return Exit.FAILED


def _stopped(code: Exit, run: Path | str | None, as_json: bool, why: RunStopped | None = None) -> Exit:
    if as_json:
        print_json({"event": "interrupted", "run": None if run is None else str(run), "exit_code": int(code)})
    if why is not None and why.enrichment is not None:
        came_to = f"stopped by {why.cause.value}: {why.enrichment}"
        note(f"{came_to}; what is finished is kept in {run}. The same command goes on from there, or: research resume {run}")
    elif run is not None:
        note(f"stopped; what is finished is kept in {run}. The same command goes on from there")
    else:
        note("stopped; no row was begun")
    for more in getattr(why, "__notes__", ()):
        note(more)
    return code


def _ended(done: Enrichment, as_json: bool) -> Exit:
    if done.refused:
        left = "no run folder is left" if not done.run.exists() else f"{done.place} has {done.completed} completed rows"
        raise InvalidInput(f"{done.stopped}\nNo row was researched, and nothing was spent; {left}.")
    if not as_json:  # otherwise the last event has reported it
        _print(done)
    if done.not_exported:
        note(f"error: {done.not_exported}")
    for why in done.not_delivered:
        note(f"warning: {why}")
    if done.waiting and not done.not_exported:
        return Exit.WAITING
    if (done.stopped and not _is_enough(done)) or done.not_exported:
        return Exit.LIMIT
    if done.failed and done.failed == done.beyond_retry:
        return Exit.ROWS_REFUSED
    return Exit.ROWS_FAILED if done.failed else Exit.OK


def _tell_reasons(done: Found) -> None:
    """Why candidates of a find are no rows, and where the reason of each stands."""
    from flows.run.finding import IN_OTHER_WORDS, NOT_COMPARED
    from research.finding.found_tables import NOT_FOUND, read_summary

    summary = read_summary(done.run) or {}
    reasons = list(summary.get("reasons", {}).items())
    for reason, number in reasons[:MOST_REASONS]:
        note(f"  {count(number, 'candidate')}: {reason}")
    if done.table is not None and reasons:
        note(f"each candidate's reason: {done.table.with_name(NOT_FOUND)}; the verdicts: research show {done.place}")
    if words := summary.get("own_words"):
        note(f"{NOT_COMPARED}: {'; '.join(words)}. {IN_OTHER_WORDS}")


def _is_enough(done: Enrichment) -> bool:
    """Whether a find has stopped because it has found what it was asked for: that is its end."""
    from flows.run.outcome import Found

    return isinstance(done, Found) and done.is_enough


def _tell_all_judged(done: Found) -> None:
    """What may find more, once each candidate is judged."""
    from research.finding.found_tables import read_summary

    summary = read_summary(done.run) or {}
    if unsure := summary.get("unsure", 0):
        note(f"{count(unsure, 'more candidate')} would be found with less --confidence than {summary['confidence']}")
    if beyond := summary.get("beyond", 0):
        every = done.judged + beyond
        note(f"{done.judged:,} candidates are judged, and {beyond:,} more were named: --candidates {every} judges all")
    else:
        note("every candidate that was named is judged: --condition in other words, or more to search, may find more")


def _print_found(done: Found) -> None:
    from flows.run.causes import go_on

    out().print(f"{done} · {money(done.cost_usd)} · {done.seconds:.1f} s\n{done.table or done.place}", markup=False)
    if done.enriched is not None:
        out().print(f"enriched: {done.enriched}\n{done.enriched.place}", markup=False)
    _tell_reasons(done)
    if done.is_enough:
        note(f"{done.stopped}")
    elif done.stopped:
        note(f"stopped: {done.stopped}\n{go_on(done.stopped_kind, done.place)} goes on with it")
    elif done.judged == done.rows:
        _tell_all_judged(done)


def _print(done: Enrichment) -> None:
    from flows.run.causes import go_on
    from flows.run.outcome import Found

    if isinstance(done, Found):
        return _print_found(done)
    failed = f", {done.failed:,} failed" if done.failed else ""
    failed += f", {done.waiting:,} waiting for people" if done.waiting else ""
    failed += f", {done.left:,} left" if done.left else ""
    out().print(
        f"{count(done.rows, 'row')}: {done.completed:,} completed{failed} · {money(done.cost_usd)} · {done.seconds:.1f} s"
        + f"\n{done.place}"
        + (f"\n{done.exported}" if done.exported else ""),
        markup=False,
    )
    if done.escalated or done.not_escalated:
        missed = f"; {done.not_escalated} could not be, and stay as they were" if done.not_escalated else ""
        note(f"{count(done.escalated, 'row')} researched again on a dearer tier{missed}")
    if done.waiting:
        _tell_waiting(done)
    if done.stopped:
        note(f"stopped: {done.stopped}\n{go_on(done.stopped_kind, done.place)} goes on with it")
    elif done.failed > done.beyond_retry:
        note(f"research resume {done.place} tries the failed rows again; research show {done.place} --failed lists them")
    if done.beyond_retry:
        rows = count(done.beyond_retry, "row")
        note(
            f"{rows} cannot be asked as the table stands, and running again does not help: research show {done.place} --failed "
            "says what to correct in the table; research refresh then researches what has changed"
        )


def _tell_waiting(done: Enrichment) -> None:
    """Which rows wait, and what lets them go on."""
    from research.tables.run_folder.open_questions import waiting_rows
    from research.tables.run_folder.run_folder import RunFolder

    kinds = [each.action.kind for each in waiting_rows(RunFolder.open(done.run))]
    if plans := kinds.count("plan"):
        rows = "1 plan waits" if plans == 1 else f"{plans:,} plans wait"
        note(f"{rows} to be approved: research approve {done.place} (with --edits FILE to see and edit them)")
    if asking := kinds.count("questions"):
        rows = "1 row waits" if asking == 1 else f"{asking:,} rows wait"
        note(f"{rows} for answers: research answer {done.place} questions.csv writes the questions, and takes the answers")


def quiet_prefect(debug: bool) -> None:
    """Before Prefect is imported: its log shows each failed row's traceback, and would drown the output.

    The log still goes to Prefect's server. With `PREFECT_LOGGING_LEVEL` set, or with `--debug`, it is shown here as well.
    """
    if not debug and "PREFECT_LOGGING_LEVEL" not in os.environ:
        os.environ["PREFECT_LOGGING_LEVEL"] = "WARNING"
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
        os.environ.setdefault("PREFECT_INTERNAL_LOGGING_LEVEL", "CRITICAL")  # each event that a lost server does not take
        logging.raiseExceptions = False  # nor that a log cannot be sent there: it is told once, at the end
    os.environ.setdefault("DO_NOT_TRACK", "1")
