"""What a monitor does each time, as a Prefect flow: its series is refreshed, or begun."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from prefect import Flow, flow
from prefect.exceptions import ParameterTypeError
from pydantic import Field

from flows.enrichment import enrich as enrich_flow
from flows.flow_run import run_table
from flows.prefect_workarounds import parameters_unlogged
from flows.refreshing import refresh as refresh_flow
from flows.run.monitor import MonitorSettings, is_finished
from flows.run.options import EnrichOptions, RefreshOptions
from flows.run.outcome import Enrichment
from flows.run.prepare import prepare_enrichment
from flows.run.refresh import prepare_refresh
from flows.run.runtime import current_runtime
from flows.run.staleness import Staleness
from research.errors import InvalidInput
from research.faults import nearest


def _titled(title: str) -> Any:
    """Prefect makes a parameter's name its title, unless the schema says another one."""
    return Field(json_schema_extra={"title": title})


@flow(name="monitor", flow_run_name="monitor {run}", persist_result=False)
async def monitor(
    run: Annotated[str, _titled("Monitor · run")],
    first: Annotated[dict[str, Any] | None, _titled("Monitor · first")] = None,
    refresh: Annotated[dict[str, Any] | None, _titled("Monitor · refresh")] = None,
    metadata: Annotated[dict[str, str] | None, _titled("Monitor · metadata")] = None,
) -> Enrichment:
    """Refresh the newest run of a series; where there is none yet, make the first.

    Args:
        run: The first run folder of the series.
        first: How the first run is made, where it is not there yet: parameters of the flow `enrich`, as JSON.
        refresh: How each refresh is made: parameters of the flow `refresh`, as JSON: `{"stale": ["low"], "max_cost": 5}`.
        metadata: Labels of your own. They are kept and change nothing.

    Raises:
        InvalidInput: something is wrong with the request, or there is no run and nothing that makes it. Nothing was spent.
        RunFailed: no row could be researched.
        RunStopped: it was stopped. The next time goes on.
    """
    runtime = current_runtime()
    begin, again = flow_options(MonitorSettings(run=run, first=first, refresh=refresh or {}))
    if begin is not None and not await asyncio.to_thread(is_finished, run):
        return await run_table(begin, runtime, prepare_enrichment)  # type: ignore[return-value]  # what the state holds
    return await run_table(again, runtime, prepare_refresh)  # type: ignore[return-value]


def flow_options(settings: MonitorSettings) -> tuple[EnrichOptions | None, RefreshOptions]:
    """The options of the first run, if the monitor makes it, and of each refresh.

    Raises:
        InvalidInput: one is unknown, missing, not of its type, or the monitor's own to decide.
    """
    folder = "the first run folder is the monitor's own `run`, and each refresh goes into the next of its series"
    for parameter, options, own in (("refresh", settings.refresh, ("run", "out")), ("first", settings.first or {}, ("out",))):
        if stated := [name for name in own if name in options]:
            raise InvalidInput(f"{parameter}: leave {stated[0]!r} out: {folder}")
    asked = _checked("refresh", refresh_flow, {**settings.refresh, "run": settings.run})
    again = RefreshOptions(**asked)
    Staleness.parse(again.stale, again.older_than)
    if settings.first is None:
        return None, again
    cap = {"max_cost": asked["max_cost"]} if asked["max_cost"] is not None else {}
    return EnrichOptions(**_checked("first", enrich_flow, {**settings.first, "out": settings.run, **cap})), again


def _checked(parameter: str, of: Flow[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as the flow that they are for takes them, its defaults included. A form sends any JSON.

    Raises:
        InvalidInput: one is unknown, missing, or not of its type.
    """
    known = of.parameters.properties
    for name in options:
        if name not in known:
            raise InvalidInput(f"{parameter}: the flow {of.name} has no parameter {name!r}{nearest(name, known)}")
    if missing := [name for name in of.parameters.required or () if name not in options]:
        raise InvalidInput(f"{parameter}: the flow {of.name} needs the parameter {missing[0]!r}")
    try:
        with parameters_unlogged():
            return of.validate_parameters(dict(options))
    except ParameterTypeError as error:
        raise InvalidInput(f"{parameter}: {error}") from error
