"""Takes the rows that a run folder lacks through a flow run, and finishes the folder."""

from __future__ import annotations

import asyncio
import copy
import math
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

from prefect import Flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.exceptions import ParameterTypeError

from flows import artifacts
from flows.account_sharing import sharing
from flows.end_report import EndOf, report_end
from flows.prefect_workarounds import quiet_task_runs, recorded_task_runs
from flows.recording_gate import RecordingGate
from flows.run.changes import put_changes
from flows.run.decisions import decide, undecided
from flows.run.escalate import Escalating
from flows.run.event_log import EventLog
from flows.run.events import CellsChanged, Event, RowEscalated, RowFinished, RunFinished, RunStarted, RunStopping
from flows.run.exporting import export_at_end
from flows.run.mending import mend
from flows.run.outcome import Enrichment
from flows.run.pilot import STOPPED, WAITING_PILOT, run_pilot
from flows.run.prepared_run import PreparedRun
from flows.run.remote_folder import RemoteFolder, holding
from flows.run.reuse import Earlier
from flows.run.row_money import RowMoney, expected_row_usd
from flows.run.rows import Rows
from flows.run.runtime import Runtime
from flows.run.shards import Remaining, Shards
from flows.run.status import beyond_retry
from flows.run.stopping import Stopping
from flows.run.sweeping import sweeper
from flows.run.workers.charges import take_over_charges
from flows.run.workers.choice import runner_of
from flows.run.workers.coordinator import LOST
from flows.run.workers.files import WorkerFiles
from flows.run.workers.rows_everywhere import RowsEverywhere
from flows.run.writable import RUN_FOLDER
from flows.server_loss import PrefectLost, why_lost
from flows.tasks import PrefectRunner, make_logs_printable
from research.concurrency.outages import Notice, ServicePaused
from research.concurrency.traffic import SearchBringsNothing
from research.display.printable import printable
from research.durable.surroundings import writing
from research.errors import InvalidInput, SurroundingsFault
from research.faults import shortened
from research.money.charge_file import ChargeFile
from research.stored_results.store import ResultStore
from research.tables.review.carry_over import carry_over
from research.tables.run_folder.reading_back import RowReader
from research.tables.run_folder.run_folder import RunFolder
from research.world import bind_budget

AFTER_INTERRUPT_SECONDS: Final = 5.0
"""How long a stopped run still waits for Prefect's database."""
ERROR: Final = 300
"""Characters of a failed row's error in the log. The table has all of it."""


def refuse_parameters(flow: Callable[..., Any], parameters: dict[str, Any]) -> None:
    """
    Raises:
        InvalidInput: a parameter is not what the flow takes; says which.
    """
    if isinstance(flow, Flow):
        try:
            flow.validate_parameters(parameters)
        except ParameterTypeError as error:
            raise InvalidInput(str(error)) from error


async def carry_out(prepared: PreparedRun, runtime: Runtime, stopping: Stopping) -> Enrichment:
    """Research the rows that a run folder lacks, inside a flow run. A new folder in which nothing could be done is discarded.

    Args:
        stopping: ends it in order before its last row.

    Raises:
        InvalidRun: the folder holds another request, or another process is filling it.
        InvalidInput: there is a cap, and a price that it needs is not known.
    """
    async with holding(prepared.mirror, prepared.world.outages) as remote:
        if remote is not None:
            remote.is_hurried = lambda: stopping.cause is not None
        folder = await asyncio.to_thread(prepared.folder)
        log = EventLog(folder.state, prepared.world.outages.traffic)
        with folder.lock(prepared.record), quiet_task_runs(), log as events:

            def listener(event: Event) -> None:
                events(event)
                runtime.listener(event)

            done = await _run(prepared, folder, replace(runtime, listener=listener), stopping, remote)
            if done.refused and folder.is_new and not prepared.in_batches:  # a batch may be under way, and paid for
                await asyncio.to_thread(folder.discard)  # what is put right (a model's id, an address) makes another request
                if remote is not None:
                    remote.discarded = True
    return done


async def _run(
    prepared: PreparedRun, folder: RunFolder, runtime: Runtime, stopping: Stopping, remote: RemoteFolder | None
) -> Enrichment:
    started = time.monotonic()
    request, world, options, escalation = prepared.request, prepared.world, prepared.options, prepared.escalation
    table = request.table
    await mend(folder, world.fetcher, runtime.listener)
    decisions = await asyncio.to_thread(decide, folder, runtime.decisions)
    left = await asyncio.to_thread(lambda: Remaining.of(folder, table.row_count, undecided(folder, decisions)))
    tiers = (request.sample.processor, *([escalation.processor] if escalation else []))
    choice = runner_of(options)
    has_workers = choice.kind != "local" and not left.is_empty
    if has_workers:
        from flows.engines.handing_out import check_engine  # most runs have no workers

        await check_engine(choice)
    charges = await asyncio.to_thread(take_over_charges, folder.state)
    bind_budget(world, charges, options.max_cost, tiers)
    flow_run = await _flow_run(f"{prepared.flow_name} {table.name} · {table.row_count} rows")
    gate = RecordingGate(recorded_task_runs(flow_run.id))
    retry_delays = () if prepared.in_batches else runtime.retry_delays  # a batch is tried again by its queue
    store = ResultStore(folder.state / "results", RowReader(folder, request.spec))
    runner = PrefectRunner(store, gate, prepared.task_runs, retry_delays)
    log = get_run_logger()
    escalating = None
    warnings: list[str] = []
    make_logs_printable()
    try:
        async with artifacts.Progress(table.row_count, left.kept) as progress, AsyncExitStack() as held:

            def report(event: Event) -> None:
                if isinstance(event, RowFinished):
                    progress.row_finished(failed=event.is_failed, waiting=event.status == "action_required")
                    if event.is_failed and rows.stopped is None:
                        log.warning("%s failed: %s", event.label, shortened(" ".join((event.error or "").split()), ERROR))
                elif not isinstance(event, RowEscalated | RunStopping):
                    log.info("%s", event)
                runtime.listener(event)

            concurrency, pilot = options.concurrency, prepared.pilot
            if prepared.in_batches:
                from flows.run.batch import ROWS, through_batches

                world = await held.enter_async_context(through_batches(world, folder.state, runner, report, runtime.polling))
                concurrency = ROWS  # they wait together
            find_work, recall = prepared.work(world)
            money = RowMoney(world.budget, expected_row_usd(prepared))
            finding = prepared.finding
            watch = None if finding is None else finding.row_finished
            rows = Rows(request, world, runner, report, concurrency, find_work, money, watch, decisions)
            store.on_fault = charges.on_fault = rows.interrupt
            if remote is not None:
                remote.on_fault = rows.interrupt

            def announce(notice: Notice) -> None:
                if isinstance(notice, ServicePaused):  # rows in flight that are busy elsewhere come to it, too
                    notice = replace(notice, waiting=max(notice.waiting, rows.under_way))
                progress.service_changed(notice)
                if isinstance(notice, SearchBringsNothing):
                    warnings.append(str(notice))
                log.warning("%s", notice)
                runtime.listener(notice)

            world.outages.listener = announce
            if finding is not None:
                await asyncio.to_thread(finding.begin, folder, rows.wind_down)
            shards = Shards(folder, rows, recall, runner, report, sweeper(folder, store, world))
            everywhere = RowsEverywhere(rows)
            await held.enter_async_context(sharing(flow_run, world.shares))
            await held.enter_async_context(stopping.gently(everywhere, report, grace=0 if prepared.in_batches else None))
            warnings += prepared.warnings(folder)
            report(
                RunStarted(
                    run=prepared.place,
                    rows=table.row_count,
                    kept=left.kept,
                    model=world.model.name,
                    task_runs=prepared.task_runs,
                    warnings=tuple(warnings),
                )
            )
            for warning in warnings:
                log.warning("%s", warning)
            only, is_waiting = None, False
            if pilot is not None and left.kept < table.row_count:
                pilot_report = await run_pilot(pilot, table, folder, left, rows, concurrency)
                report(pilot_report)
                go_on = pilot_report.rows_left == 0 or rows.stopped is not None
                if pilot_report.waiting and not go_on:
                    rows.stop_starting_rows(STOPPED, WAITING_PILOT)
                    go_on, only = True, pilot
                if not go_on and runtime.approve is not None:
                    go_on = bool(await stopping.unless_stopped(runtime.approve(pilot_report))) or stopping.cause is not None
                if not go_on:
                    rows.stop_starting_rows(STOPPED, runtime.not_approved.reason)
                    is_waiting, only = runtime.not_approved.is_waiting, pilot
            todo, open_at_once = left.shards(table, only), 2 + math.ceil(2 * concurrency / left.size)
            if has_workers and rows.stopped is None:
                from flows.engines.handing_out import through_workers

                held.callback(WorkerFiles(folder.state).end)
                coordinator = await through_workers(
                    choice, prepared, folder, everywhere, charges, gate, report, announce, todo, left.shard_count
                )
                await asyncio.to_thread(store.refresh)
                for dropped in coordinator.lost():
                    failing = Rows(request, world, runner, report, concurrency, find_work)
                    failing.stop_starting_rows(LOST, dropped.reason)
                    of_dropped = Shards(folder, failing, recall, runner, report, sweeper(folder, store, world))
                    await of_dropped.run(iter([dropped.shard]), open_at_once=1)
                todo = coordinator.left(todo)
            await shards.run(todo, open_at_once)
            if escalation is not None and rows.stopped is None:
                escalating = Escalating(escalation, request.spec, folder, rows, shards, report)
                await escalating.run(runner)
        ended: Literal["finished", "stopped"] = "stopped" if rows.stopped else "finished"
        changes = await asyncio.to_thread(put_changes, prepared, folder) if ended == "finished" else None
        summary = await asyncio.to_thread(_finish, folder, prepared.earlier, charges, table.row_count, ended, rows, warnings)
        if prepared.finding is not None:
            await asyncio.to_thread(prepared.finding.write, folder)
        done = Enrichment(
            run=folder.path,
            url=None if prepared.mirror is None else prepared.mirror.url,
            rows=table.row_count,
            completed=summary["completed"],
            failed=summary["failed"],
            waiting=summary["waiting"],
            beyond_retry=await asyncio.to_thread(beyond_retry, folder) if summary["failed"] else 0,
            cost_usd=summary["cost_usd"],
            spent_usd=None if any(map(world.model.unpriced, tiers)) else charges.usd,
            model=world.model.name,
            seconds=round(time.monotonic() - started, 3),
            stopped=rows.stopped,
            refused=rows.faulty and not rows.completed and not charges.charged,
            escalated=escalating.escalated if escalating else 0,
            not_escalated=escalating.failed if escalating else 0,
        )
        if (lost := await why_lost(runtime.prefect_patience if stopping.cause is None else 0)) is None:
            is_new = not left.is_empty or done.escalated > 0
            is_waiting = is_waiting or done.waiting > 0
            end = EndOf(folder, done, prepared.options, is_new=is_new, is_waiting=is_waiting, changes=changes)
            gate.task_run_finished(await report_end(end, runtime.environment.runs_url))
    except asyncio.CancelledError:
        await asyncio.to_thread(folder.finish, status="stopped", reason="interrupted")
        await gate.drain(AFTER_INTERRUPT_SECONDS)
        raise
    except Exception:
        await gate.drain(AFTER_INTERRUPT_SECONDS)
        raise
    if lost is not None:
        pass  # there is nobody to wait for
    elif stopping.cause is None:
        await stopping.unless_stopped(gate.drain())
    else:
        await gate.drain(AFTER_INTERRUPT_SECONDS)
    if options.export is not None and not done.refused:
        why_not = await asyncio.to_thread(export_at_end, folder, options.export)
        done = done.model_copy(update={"exported": None if why_not else Path(options.export), "not_exported": why_not})
    if (options.webhook or runtime.environment.webhook) and not done.refused and not is_waiting:
        refused = await _tell_webhook(prepared, folder, runtime, stopping, done, changes)
        done = done.model_copy(update={"not_delivered": tuple(refused)})
    if changes is not None:
        log.info("%s", changes)
        runtime.listener(changes)
    runtime.listener(
        RunFinished(
            run=prepared.place,
            rows=done.rows,
            completed=done.completed,
            failed=done.failed,
            waiting=done.waiting,
            cost_usd=done.cost_usd,
            seconds=done.seconds,
            spent_usd=done.spent_usd,
            stopped=done.stopped,
            exported=None if done.exported is None else str(done.exported),
            not_exported=done.not_exported,
        )
    )
    if lost is not None and stopping.cause is None and not done.refused:
        raise PrefectLost(lost, f"{done}, kept in {done.run}")
    return done


async def _tell_webhook(
    prepared: PreparedRun,
    folder: RunFolder,
    runtime: Runtime,
    stopping: Stopping,
    done: Enrichment,
    changes: CellsChanged | None,
) -> list[str]:
    """Tell the webhook what the run came to. Returns what it did not accept, and why."""
    from flows.run.webhooks import IN_A_HURRY, receiver_of, tell  # most runs tell nobody

    receiver = receiver_of(prepared.options, runtime.environment)
    if receiver is None:
        return []
    told = (receiver, folder, done, prepared.options.max_cost, changes)
    if stopping.cause is None:
        return await stopping.unless_stopped(tell(*told)) or []
    return await tell(*told, IN_A_HURRY)


def _finish(
    folder: RunFolder,
    earlier: Earlier | None,
    charges: ChargeFile,
    rows: int,
    ended: Literal["finished", "stopped"],
    done: Rows,
    warnings: Sequence[str],
) -> dict[str, Any]:
    """Finish the folder, with the decisions about the earlier run that hold in it. Returns the summary.

    Raises:
        SurroundingsFault: it cannot be written; the first fault of the run, if there was one.
    """
    try:
        with writing(folder.path, RUN_FOLDER, "--out"):
            charges.write_rest()
            if earlier is not None:
                carry_over(earlier.folder, folder)
            return folder.finish(rows=rows, status=ended, reason=done.stopped, warnings=warnings)
    except SurroundingsFault as error:
        fault = done.interruption or error
    raise copy.copy(fault)  # without the frames of the one that was caught, which hold a database open


async def _flow_run(name: str) -> FlowRun:
    """The flow run, called what it is."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("there is no flow run")
    async with get_client() as client:
        await client.update_flow_run(context.flow_run.id, name=printable(name, one_line=True))
    return context.flow_run
