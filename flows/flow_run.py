"""A table's run as a Prefect flow run: what stops it, and as what it ends."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, Final, TypeVar
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger
from prefect.states import Cancelled, Completed, Failed

from flows.interrupt import answer_signals
from flows.pilot_approval import PilotInPrefect, pilot_in_prefect
from flows.run.environment import environment_secrets
from flows.run.options import EnrichOptions, FindOptions, RefreshOptions, ResynthesizeOptions
from flows.run.outcome import Enrichment, FailOver, RunStopped, StopCause, failure
from flows.run.prepared_run import PreparedRun
from flows.run.runtime import Runtime
from flows.run.stopping import Stopping
from flows.secret_blocks import secrets_with_blocks
from flows.server_loss import PrefectLost, why_lost
from flows.table_run import carry_out
from flows.waiting_in_prefect import Waits, waits_in_prefect
from research.display.printable import printable
from research.errors import ResearchError
from research.tables.run_folder.run_folder import RunFolder

Options = TypeVar("Options", EnrichOptions, ResynthesizeOptions, RefreshOptions, FindOptions)
Prepare = Callable[[Options, Runtime], AbstractAsyncContextManager[PreparedRun]]

POLL_SECONDS: Final = 2.0
"""Between two looks whether somebody has cancelled the flow run. Prefect tells only the process that has started it."""
ANSWER_SECONDS: Final = 3.0
"""How long the server may take for such a look."""
MOST_GRACE_IN_A_DEPLOYMENT: Final = 20
"""Seconds. Prefect's runner and workers kill a flow run's process 30 seconds after SIGTERM (3.8.8), and a commit takes some."""
SIGNALS: Final = {signal.SIGINT: StopCause.INTERRUPTED, signal.SIGTERM: StopCause.TERMINATED}


async def run_table(options: Options, runtime: Runtime, prepare: Prepare[Options]) -> State[Enrichment]:
    """Prepare a run, unless the caller has done so, and carry it out. Returns the state in which the flow run ends.

    Whoever awaits the flow gets the `Enrichment` of a completed run. The state of another one holds an error, which is raised
    there: what was wrong with the request, `RunFailed`, or `RunStopped`. It is returned here rather than raised, because Prefect
    logs a traceback of what a flow raises. If Prefect's server is lost, so is the state: `runtime.flow_end` has what it said.
    """
    end = runtime.flow_end
    end.began = True
    state = await _carry_out(options, runtime, prepare)
    data = state.data
    end.came_to = f"{state.message}, kept in {data.run}" if isinstance(data, Enrichment) else state.message or ""
    end.error = data if isinstance(data, ResearchError | asyncio.CancelledError) else None
    if isinstance(data, PrefectLost) or await why_lost(seconds=0) is not None:
        end.on_loss()
    return state


async def _carry_out(options: Options, runtime: Runtime, prepare: Prepare[Options]) -> State[Enrichment]:
    stopping = Stopping(_grace(options.grace))
    if runtime.secrets is environment_secrets:
        runtime = replace(runtime, secrets=secrets_with_blocks)
    pilot = await pilot_in_prefect(_flow_run(), options, runtime)
    if pilot is not None:
        options, runtime = pilot.applied(options), pilot.of(runtime)
    waits = await waits_in_prefect(_flow_run())
    if waits is not None and not runtime.decisions:
        runtime = replace(runtime, decisions=waits.decisions)
    try:
        async with _told_to_stop(stopping):
            if runtime.prepared is not None and runtime.prepared.options == options:
                done = await carry_out(runtime.prepared, runtime, stopping)
            else:
                async with prepare(options, runtime) as prepared:
                    done = await carry_out(prepared, runtime, stopping)
    except asyncio.CancelledError:
        return _cancelled(stopping.task_was_cancelled(), None)
    except ResearchError as error:
        return Failed(message=printable(str(error)), data=error)
    if stopping.cause is not None and (done.stopped or stopping.cause is StopCause.CANCELLED):
        return _cancelled(stopping.cause, done)
    if pilot is not None and pilot.is_open and stopping.cause is None:
        await _suspend(pilot, done, options.max_cost)
    if waits is not None and done.waiting and stopping.cause is None:
        await _wait_for_people(waits, done)
    if failed := failure(done, FailOver.parse(options.fail_over) if options.fail_over is not None else None):
        return Failed(message=printable(str(failed)), data=failed)
    stopped = f"; stopped: {done.stopped}" if done.stopped else ""
    return Completed(message=printable(f"{done}{stopped}"), data=done)


async def _suspend(pilot: PilotInPrefect, done: Enrichment, max_cost: float | None) -> None:
    """Suspend the flow run, whose process then ends here. If that cannot be, it ends as one that nobody has approved."""
    folder = await asyncio.to_thread(RunFolder.open, done.run)
    get_run_logger().info("the pilot waits to be approved: choose Resume on this page, or research approve %s", done.address)
    try:
        await pilot.suspend(_flow_run(), folder.key, done.spent_usd, max_cost)
    except RuntimeError as error:  # all that Prefect raises where its server does not suspend a run (3.8.8)
        get_run_logger().warning("the flow run is not suspended: %s", error)


async def _wait_for_people(waits: Waits, done: Enrichment) -> None:
    """Suspend the flow run, whose process then ends here. If that cannot be, its rows wait all the same."""
    folder = await asyncio.to_thread(RunFolder.open, done.run)
    try:
        await waits.suspend(_flow_run(), folder, done.address)
    except RuntimeError as error:  # all that Prefect raises where its server does not suspend a run (3.8.8)
        get_run_logger().warning("the flow run is not suspended: %s", error)


def _cancelled(cause: StopCause, done: Enrichment | None) -> State[Any]:
    stopped = RunStopped(cause, done)
    return Cancelled(message=str(stopped), data=asyncio.CancelledError() if cause is StopCause.TASK_CANCELLED else stopped)


def _grace(wanted: int) -> int:
    return wanted if _flow_run().deployment_id is None else min(wanted, MOST_GRACE_IN_A_DEPLOYMENT)


@asynccontextmanager
async def _told_to_stop(stopping: Stopping) -> AsyncIterator[None]:
    """In this block, Ctrl-C, SIGTERM and Cancel in Prefect ask for the end of the run.

    Prefect answers SIGTERM with an exception wherever the process just is, and would show the run as crashed (3.8.8).
    """
    flow_run = _flow_run().id
    async with get_client() as client:
        watching = asyncio.create_task(_watch(client, flow_run, stopping))
        try:
            with answer_signals(SIGNALS, lambda number: _request(stopping, SIGNALS[number])):
                yield
        finally:
            watching.cancel()
            await asyncio.wait([watching])
        if stopping.cause is None and await _is_cancelled(client, flow_run):
            stopping.cause = StopCause.CANCELLED  # since the last look, and Prefect accepts no other end any more


async def _watch(client: PrefectClient, flow_run: UUID, stopping: Stopping) -> None:
    while stopping.cause is None:
        await asyncio.sleep(POLL_SECONDS)
        if await _is_cancelled(client, flow_run):
            _request(stopping, StopCause.CANCELLED)


def _request(stopping: Stopping, cause: StopCause) -> None:
    first = stopping.cause is None
    stopping.request(cause)
    if first:
        get_run_logger().warning("%s: no row is started any more, and what is finished is committed", cause.value)


async def _is_cancelled(client: PrefectClient, flow_run: UUID) -> bool:
    """Whether somebody has cancelled a flow run. A server that does not answer has not said so."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            state = (await client.read_flow_run(flow_run)).state
    except (TimeoutError, httpx.HTTPError, PrefectException):
        return False
    return state is not None and (state.is_cancelling() or state.is_cancelled())


def _flow_run() -> FlowRun:
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("there is no flow run")
    return context.flow_run
