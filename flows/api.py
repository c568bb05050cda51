"""`flows.enrich(...)`, `flows.find(...)` and the others: the flows, called from Python, which may also pass objects."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, cast

from pydantic import BaseModel

from flows.enrichment import enrich as enrich_flow
from flows.finding import find as find_flow
from flows.interrupt import orderly_end, repeat_signal
from flows.refreshing import refresh as refresh_flow
from flows.resynthesis import resynthesize as resynthesize_flow
from flows.run.declaration import Option, refuse_unknown, takes, values
from flows.run.events import Approver, Listener
from flows.run.options import EnrichOptions, FindOptions, RefreshOptions, ResynthesizeOptions
from flows.run.outcome import Enrichment, Found, RunStopped, StopCause
from flows.run.prepared_run import PreparedRun
from flows.run.runtime import FlowEnd, Runtime, ignore_event, use_runtime
from flows.run.task_only_fields import refuse_task_only
from flows.server import no_flow_run, prefect_server
from flows.server_loss import CLIENT_ERRORS, PrefectLost, server_asked_once_when_lost
from flows.table_run import refuse_parameters
from research.output_schema.output_spec import OutputSpec
from research.ports.model import Model
from research.tables.inputs.read import open_table
from research.world import open_stored_world, open_world

TABLES: Final = Path("runs") / ".tables"
"""Where tables from memory are stored, by their content: the flow's parameter is a path, which a later run must find."""


@dataclass(frozen=True, kw_only=True)
class ObjectOptions:
    """Options whose values are Python objects."""

    model: Annotated[str | Model | None, Option("A model's name, or a model of your own. Default: as for the command.")] = None
    listener: Annotated[Listener, Option("Is called with each event, in order, on the event loop: it should return at once.")] = (
        ignore_event
    )


@dataclass(frozen=True, kw_only=True)
class AskingOptions(ObjectOptions):
    """The same, of a call that asks for something."""

    output_schema: Annotated[
        str | os.PathLike[str] | dict[str, Any] | type[BaseModel] | None,
        Option("What to find out: an output schema, as a file, as JSON or as a Pydantic model. Without it, one free answer."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class EnrichCall(AskingOptions, EnrichOptions):
    """What `flows.enrich` takes."""

    table: Annotated[Any, Option("A path, a pandas DataFrame or an Arrow table.")] = field(kw_only=False)
    approve: Annotated[
        Approver | None,
        Option("Is awaited with what a pilot came to, and says whether the run goes on. Default: it stops after the pilot."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ResynthesizeCall(AskingOptions, ResynthesizeOptions):
    """What `flows.resynthesize` takes."""

    run: Annotated[str | os.PathLike[str], Option("The run folder that holds the pages.")] = field(kw_only=False)  # type: ignore[assignment]


@dataclass(frozen=True, kw_only=True)
class RefreshCall(ObjectOptions, RefreshOptions):
    """What `flows.refresh` takes."""

    run: Annotated[
        str | os.PathLike[str], Option("The run folder. Of a series, any run: the newest finished one is refreshed.")
    ] = field(kw_only=False)  # type: ignore[assignment]


@dataclass(frozen=True, kw_only=True)
class FindCall(AskingOptions, FindOptions):
    """What `flows.find` takes."""


FLOWS: Final[dict[type, Callable[..., Any]]] = {
    EnrichOptions: enrich_flow,
    ResynthesizeOptions: resynthesize_flow,
    RefreshOptions: refresh_flow,
    FindOptions: find_flow,
}


@takes(EnrichCall)
async def enrich(table: Any, **options: Any) -> Enrichment:
    """Research every row of a table, as a Prefect flow run. The same call goes on where an earlier one stopped.

    Raises:
        InvalidInput: something is wrong with the request. Nothing was spent.
        PrefectUnavailable: no Prefect server can be used. Nothing was spent.
        PrefectLost: Prefect's server went away and stayed away. The rows are in the run folder.
        RunFailed: no row could be researched, or more rows failed than `fail_over` allows. It holds the `Enrichment`.
        RunStopped: Cancel in Prefect has stopped it. It holds the `Enrichment`.
        KeyboardInterrupt, asyncio.CancelledError: Ctrl-C has. What was finished is committed, as after each of these.
        SystemExit: SIGTERM has.
    """
    refuse_task_only(options)
    refuse_unknown(EnrichCall, options)
    call = EnrichCall(table, **options)
    path = os.fspath(table) if isinstance(table, str | os.PathLike) else store_table(table)
    return await _carry_out(call, EnrichOptions, call.approve, table=path)


@takes(ResynthesizeCall)
async def resynthesize(run: str | os.PathLike[str], **options: Any) -> Enrichment:
    """Answer a schema from the pages that a run has stored, as a Prefect flow run: no search, no fetch. Fields that the run asked
    for in the same words keep its answers.

    Raises:
        InvalidInput, PrefectUnavailable, PrefectLost, RunFailed, RunStopped, …: as `enrich`.
    """
    refuse_task_only(options)
    refuse_unknown(ResynthesizeCall, options)
    return await _carry_out(ResynthesizeCall(run, **options), ResynthesizeOptions, run=os.fspath(run))


@takes(RefreshCall)
async def refresh(run: str | os.PathLike[str], **options: Any) -> Enrichment:
    """Research again what is stale of a finished run, as a Prefect flow run, into a new run folder of its series.

    What has changed is in its table `changes`. A value whose pages still say the same is confirmed without a model.

    Raises:
        InvalidInput, PrefectUnavailable, PrefectLost, RunFailed, RunStopped, …: as `enrich`.
    """
    refuse_task_only(options)
    refuse_unknown(RefreshCall, options)
    return await _carry_out(RefreshCall(run, **options), RefreshOptions, run=os.fspath(run))


@takes(FindCall)
async def find(objective: str, **options: Any) -> Found:
    """Find what meets an objective, as a Prefect flow run: conditions are derived, candidates collected and judged.

    Those that evidence admits are rows of the result, each with the excerpt that admits it.

    The same call goes on where an earlier one stopped; with `extend`, for more rows.

    Raises:
        NothingDiscovered: the model found no candidate.
        InvalidInput, PrefectUnavailable, PrefectLost, RunFailed, RunStopped, …: as `enrich`.
    """
    refuse_task_only(options)
    refuse_unknown(FindCall, options)
    return cast(Found, await _carry_out(FindCall(objective, **options), FindOptions))


async def run_find(options: FindOptions, runtime: Runtime, *, ready: Callable[[], None] = lambda: None) -> Found:
    """Carry out a find, as a Prefect flow run.

    Args:
        ready: is called when Prefect's server answers.

    Raises:
        RunFailed, RunStopped: as for `find`; it was stopped by Ctrl-C and SIGTERM, too.
    """
    return cast(Found, await _run_flow(find_flow, values(options, FindOptions), runtime, ready))


async def run(prepared: PreparedRun, runtime: Runtime, *, ready: Callable[[], None] = lambda: None) -> Enrichment:
    """Run a prepared run, as a Prefect flow run. The flow uses this object, and opens nothing again.

    Args:
        ready: is called when Prefect's server answers.

    Raises:
        RunFailed: no row could be researched, or more rows failed than `fail_over` allows.
        RunStopped: it was stopped before its end, by Ctrl-C and SIGTERM, too.
    """
    options = prepared.options
    parameters, runtime = values(options, type(options)), replace(runtime, prepared=prepared)
    return await _run_flow(FLOWS[type(options)], parameters, runtime, ready, prepared.get_ready)


async def _carry_out(call: ObjectOptions, kind: type, approve: Approver | None = None, **stated: Any) -> Enrichment:
    """Run the flow of a call. What stopped it goes on to stop the program that it is part of, once it has ended in order.

    Args:
        kind: the flow's options.
        approve: decides on a pilot.
        stated: options as the flow takes them, where the call has them otherwise.
    """
    runtime, model = Runtime(listener=call.listener, approve=approve), call.model
    if model is not None and not isinstance(model, str):  # it is not JSON, and so no parameter of a flow
        opener, stored_opener = partial(open_world, model=model), partial(open_stored_world, model=model)
        runtime, model = replace(runtime, opener=opener, stored_opener=stored_opener), None
    if isinstance(call, AskingOptions):
        stated |= {"output_schema": _json_schema(call.output_schema)}
    try:
        return await _run_flow(FLOWS[kind], values(call, kind) | {"model": model, **stated}, runtime)
    except RunStopped as stopped:
        if stopped.cause is StopCause.TERMINATED:
            raise SystemExit(128 + signal.SIGTERM) from stopped
        if stopped.cause is StopCause.INTERRUPTED:
            await repeat_signal(signal.SIGINT)
        raise


async def _run_flow(
    flow: Callable[..., Any],
    parameters: dict[str, Any],
    runtime: Runtime,
    ready: Callable[[], None] = lambda: None,
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> Enrichment:
    refuse_parameters(flow, parameters)
    with orderly_end(), server_asked_once_when_lost() as ask_once:
        end = FlowEnd(on_loss=ask_once)
        with use_runtime(replace(runtime, flow_end=end)):
            async with prefect_server(meanwhile):
                ready()
                try:
                    done: Enrichment = await flow(**parameters)
                except CLIENT_ERRORS as error:  # the engine's own are `ResearchError`s
                    raise _untold(end, error) from error
                return done


def _json_schema(spelling: Any) -> Any:
    """An output schema as a parameter of a flow, which is JSON: a path's text; of all else, what it says with each `$ref`
    followed, for Prefect (3.8.8) takes any object with one for a reference to a block: https://github.com/PrefectHQ/prefect/issues/15763.

    Raises:
        InvalidSchema: it is no output schema, or has faults.
    """
    if spelling is None or isinstance(spelling, str):
        return spelling
    return os.fspath(spelling) if isinstance(spelling, os.PathLike) else OutputSpec.parse(spelling).spelling


def _untold(end: FlowEnd, why: Exception) -> BaseException:
    """The error to raise where Prefect's server does not take the end of a flow run, or not even its beginning."""
    if not end.began:
        return no_flow_run(why)
    if end.error is None or isinstance(end.error, PrefectLost):
        return end.error or PrefectLost(why, end.came_to)
    end.error.add_note(str(PrefectLost(why, end.came_to)))
    return end.error


def store_table(table: Any) -> str:
    """Write a table from memory to a Parquet file named by its content; returns its path."""
    import pyarrow.parquet as pq

    opened = open_table(table)
    file = TABLES / opened.fingerprint[:16] / "table.parquet"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        half = file.with_suffix(f".{os.getpid()}.part")
        with pq.ParquetWriter(half, opened.schema) as writer:
            for batch in opened.batches(10_000):
                writer.write_batch(batch)
        half.replace(file)
    return str(file)
