"""Takes the rows that a run folder lacks through a flow run, and finishes the folder."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

from prefect import Flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.exceptions import ParameterTypeError

from flows.end_report import EndOf, report_end
from flows.prefect_workarounds import quiet_task_runs, recorded_task_runs
from flows.recording_gate import RecordingGate
from flows.run.changes import put_changes
from flows.run.decisions import decide, undecided
from flows.run.event_log import EventLog
from flows.run.events import CellsChanged, Event, RunFinished
from flows.run.exporting import export_at_end
from flows.run.mending import mend
from flows.run.outcome import Enrichment
from flows.run.prepared_run import PreparedRun
from flows.run.remote_folder import RemoteFolder, holding
from flows.run.reuse import Earlier
from flows.run.rows import Rows
from flows.run.runtime import Runtime
from flows.run.shards import Remaining
from flows.run.status import failures
from flows.run.stopping import Stopping
from flows.run.workers.charges import take_over_charges
from flows.run.workers.choice import runner_of
from flows.run.writable import RUN_FOLDER
from flows.run_rows import RunParts, RunRows
from flows.server_loss import PrefectLost, why_lost
from flows.tasks import PrefectRunner, make_logs_printable
from research.display.figures import count
from research.display.printable import printable
from research.durable.surroundings import writing
from research.errors import InvalidInput, SurroundingsFault
from research.money.charge_file import ChargeFile
from research.money.processors import ProcessorName
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
    """See that a flow takes these parameters.

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
    parts = await _parts(prepared, folder, runtime, remote)
    work, gate = RunRows(prepared, parts, runtime, stopping), parts.gate
    try:
        await work.research()
        changes, done = await _end(prepared, parts, work, started)
        is_waiting = work.is_waiting or done.waiting > 0
        if (lost := await why_lost(runtime.prefect_patience if stopping.cause is None else 0)) is None:
            is_new = not parts.left.is_empty or done.escalated > 0
            end = EndOf(folder, done, prepared.options, is_new=is_new, is_waiting=is_waiting, changes=changes)
            gate.task_run_finished(await report_end(end, runtime.environment.runs_url))
    except asyncio.CancelledError:
        await asyncio.to_thread(folder.finish, status="stopped", reason="interrupted")
        await gate.drain(AFTER_INTERRUPT_SECONDS)
        raise
    except Exception:
        await gate.drain(AFTER_INTERRUPT_SECONDS)
        raise
    if lost is None:  # a Prefect that was lost answers nothing more
        await (stopping.unless_stopped(gate.drain()) if stopping.cause is None else gate.drain(AFTER_INTERRUPT_SECONDS))
    done = await _hand_over(prepared, folder, runtime, stopping, done, changes, is_waiting=is_waiting)
    if lost is not None and stopping.cause is None and not done.refused:
        raise PrefectLost(lost, f"{done}, kept in {done.run}")
    return done


async def _parts(prepared: PreparedRun, folder: RunFolder, runtime: Runtime, remote: RemoteFolder | None) -> RunParts:
    """What the rows are researched with: what the folder lacks, and what earlier invocations have left in it.

    Raises:
        InvalidInput: there is a cap, and a price that it needs is not known; or the runner cannot be used.
    """
    table = prepared.request.table
    await mend(folder, prepared.world.fetcher, runtime.listener)
    decisions = await asyncio.to_thread(decide, folder, runtime.decisions)
    left = await asyncio.to_thread(lambda: Remaining.of(folder, table.row_count, undecided(folder, decisions)))
    choice = runner_of(prepared.options)
    has_workers = choice.kind != "local" and not left.is_empty
    if has_workers:
        from flows.engines.handing_out import check_engine  # most runs have no workers

        await check_engine(choice)
    charges = await asyncio.to_thread(take_over_charges, folder.state)
    bind_budget(prepared.world, charges, prepared.options.max_cost, _tiers(prepared))
    flow_run = await _flow_run(f"{prepared.flow_name} {table.name} · {count(table.row_count, 'row')}")
    gate = RecordingGate(recorded_task_runs(flow_run.id))
    store = ResultStore(folder.state / "results", RowReader(folder, prepared.request.spec))
    retry_delays = () if prepared.in_batches else runtime.retry_delays  # a batch is tried again by its queue
    runner = PrefectRunner(store, gate, prepared.task_runs, retry_delays)
    make_logs_printable()
    workers = choice if has_workers else None
    return RunParts(folder, left, decisions, charges, store, gate, runner, workers, flow_run, remote)


def _tiers(prepared: PreparedRun) -> tuple[ProcessorName, ...]:
    """The processors of the run."""
    first = prepared.request.sample.processor
    return (first,) if prepared.escalation is None else (first, prepared.escalation.processor)


async def _end(prepared: PreparedRun, parts: RunParts, work: RunRows, started: float) -> tuple[CellsChanged | None, Enrichment]:
    """Finish the folder. Returns what a refresh has changed, and what the run has come to.

    Args:
        started: when the run began, by the monotonic clock.
    """
    folder, rows, world = parts.folder, work.rows, prepared.world
    is_finished, row_count = rows.stopped is None, prepared.request.table.row_count
    changes = await asyncio.to_thread(put_changes, prepared, folder) if is_finished else None
    status: Literal["finished", "stopped"] = "finished" if is_finished else "stopped"
    summary = await asyncio.to_thread(_finish, folder, prepared.earlier, parts.charges, row_count, status, rows, work.warnings)
    if prepared.finding is not None:
        await asyncio.to_thread(prepared.finding.write, folder)
    failed, beyond = await asyncio.to_thread(failures, folder) if summary["failed"] else (0, 0)
    done = Enrichment(
        run=folder.path,
        url=None if prepared.mirror is None else prepared.mirror.url,
        rows=row_count,
        completed=summary["completed"],
        failed=failed,
        left=row_count - summary["completed"] - failed - summary["waiting"],
        waiting=summary["waiting"],
        beyond_retry=beyond,
        cost_usd=summary["cost_usd"],
        spent_usd=None if any(map(world.model.unpriced, _tiers(prepared))) else parts.charges.usd,
        model=world.model.name,
        seconds=round(time.monotonic() - started, 3),
        stopped=rows.stopped,
        stopped_kind=rows.stopped_kind,
        refused=rows.faulty and not rows.completed and not parts.charges.charged,
        escalated=work.escalating.escalated if work.escalating else 0,
        not_escalated=work.escalating.failed if work.escalating else 0,
    )
    return changes, done


async def _hand_over(
    prepared: PreparedRun,
    folder: RunFolder,
    runtime: Runtime,
    stopping: Stopping,
    done: Enrichment,
    changes: CellsChanged | None,
    *,
    is_waiting: bool,
) -> Enrichment:
    """Export what the run has come to, and tell it. Returns it with what could not be."""
    options = prepared.options
    if options.export is not None and not done.refused:
        why_not = await asyncio.to_thread(export_at_end, folder, options.export)
        done = done.model_copy(update={"exported": None if why_not else Path(options.export), "not_exported": why_not})
    if (options.webhook or runtime.environment.webhook) and not done.refused and not is_waiting:
        refused = await _tell_webhook(prepared, folder, runtime, stopping, done, changes)
        done = done.model_copy(update={"not_delivered": tuple(refused)})
    if changes is not None:
        get_run_logger().info("%s", changes)
        runtime.listener(changes)
    runtime.listener(
        RunFinished(
            run=prepared.place,
            rows=done.rows,
            completed=done.completed,
            failed=done.failed,
            waiting=done.waiting,
            left=done.left,
            cost_usd=done.cost_usd,
            seconds=done.seconds,
            spent_usd=done.spent_usd,
            stopped=done.stopped,
            exported=None if done.exported is None else str(done.exported),
            not_exported=done.not_exported,
        )
    )
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
