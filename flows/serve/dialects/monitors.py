"""The dialect of monitors: a query, or a run that has completed, researched again on a schedule; what changed is an event."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from flows.serve.dialects.monitors_request import (
    ChangeBody,
    MonitorBody,
    QuerySettings,
    SnapshotSettings,
    changed_spec,
    placed,
    query_spec,
    snapshot_spec,
)
from flows.serve.dialects.monitors_shapes import MonitorEvents, Monitors, MonitorShape, event_of
from flows.serve.dialects.parallel_errors import also, errors
from flows.serve.http.access import CurrentOwner
from flows.serve.http.routing import dialect_router
from flows.serve.records.monitor_records import DIALECT, Kind, Monitor, MonitorRun, MonitorSpec, MonitorStatus, Outcome
from flows.serve.records.task_records import Owner, TaskRecord
from flows.serve.service.service import Service
from research.errors import Fault, InvalidTask

NAME: Final = DIALECT
AT_ROOT: Final = True
SHOWN: Final[tuple[Outcome, ...]] = ("baseline", "changed", "failed")
MonitorId = Annotated[str, Path(max_length=256)]


def router(service: Service) -> APIRouter:
    """The routes of the dialect."""
    api = dialect_router(errors)
    watched = _Monitors(service)
    unknown = also(s404="There is no such monitor of yours.")
    over = unknown | also(s409="It is cancelled.")
    made = also(s404="There is no such run of yours.")
    root, one = "/v1/monitors", "/v1/monitors/{monitor_id}"
    api.add_api_route(root, watched.create, methods=["POST"], status_code=201, response_model=MonitorShape, responses=made)
    api.add_api_route(root, watched.page, response_model=Monitors, responses=also())
    api.add_api_route(one, watched.get, response_model=MonitorShape, responses=unknown)
    api.add_api_route(one, watched.change, methods=["PATCH"], response_model=MonitorShape, responses=over)
    api.add_api_route(f"{one}/update", watched.change, methods=["POST"], response_model=MonitorShape, responses=over)
    api.add_api_route(one, watched.delete, methods=["DELETE"], status_code=204, response_class=Response, responses=unknown)
    for name, act in (("pause", watched.pause), ("resume", watched.resume)):
        api.add_api_route(f"{one}/{name}", act, methods=["POST"], response_model=MonitorShape, responses=over)
    api.add_api_route(f"{one}/cancel", watched.cancel, methods=["POST"], response_model=MonitorShape, responses=unknown)
    for name in ("trigger", "run"):
        api.add_api_route(
            f"{one}/{name}", watched.run, methods=["POST"], status_code=204, response_class=Response, responses=over
        )
    api.add_api_route(f"{one}/events", watched.events, response_model=MonitorEvents, responses=unknown)
    return api


class _Monitors:
    """Monitors of an owner."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._monitors = service.monitors

    async def create(self, body: MonitorBody, owner: CurrentOwner) -> MonitorShape:
        """Make a monitor. One of a query runs at once, and then on its schedule."""
        baseline: str | None = None
        if body.type == "event_stream" and isinstance(body.settings, QuerySettings):
            spec = query_spec(body, body.settings)
        elif body.type == "snapshot" and isinstance(body.settings, SnapshotSettings):
            record = await self._service.get(owner, body.settings.task_run_id)
            spec, baseline = snapshot_spec(body, record), record.id
        else:
            wanted = "query" if body.type == "event_stream" else "task_run_id"
            raise InvalidTask("The monitor cannot be made:", [Fault("/settings", f"of {body.type} have a {wanted}")])
        return await self._shape(owner, await self._accepted(owner, spec, baseline))

    async def page(
        self,
        owner: CurrentOwner,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
        status: Annotated[list[MonitorStatus] | None, Query()] = None,
        type: Annotated[list[Kind] | None, Query()] = None,
    ) -> Monitors:
        """Your monitors, the latest first: without a `status`, those that are not cancelled."""
        page = await self._monitors.page(
            owner, cursor=cursor, limit=limit, statuses=status or ["active", "paused"], kinds=type or ()
        )
        return Monitors(monitors=[await self._shape(owner, each) for each in page.monitors], next_cursor=page.next_cursor)

    async def get(self, monitor_id: MonitorId, owner: CurrentOwner) -> MonitorShape:
        """A monitor as it is now."""
        return await self._shape(owner, await self._monitors.get(owner, monitor_id))

    async def change(self, monitor_id: MonitorId, body: ChangeBody, owner: CurrentOwner) -> MonitorShape:
        """Change a monitor, for the runs to come. What is left out stays."""
        monitor = await self._monitors.get(owner, monitor_id)
        spec = changed_spec(monitor.spec, body)
        try:
            changed = await self._monitors.change(owner, monitor_id, spec)
        except InvalidTask as error:
            raise InvalidTask("The monitor cannot be changed:", placed(error)) from error
        return await self._shape(owner, changed)

    async def delete(self, monitor_id: MonitorId, owner: CurrentOwner) -> Response:
        """Take a monitor away, with its events. The runs that it made stay."""
        await self._monitors.delete(owner, monitor_id)
        return Response(status_code=204)

    async def pause(self, monitor_id: MonitorId, owner: CurrentOwner) -> MonitorShape:
        """Let no run begin by the schedule until the monitor is resumed."""
        return await self._shape(owner, await self._monitors.pause(owner, monitor_id))

    async def resume(self, monitor_id: MonitorId, owner: CurrentOwner) -> MonitorShape:
        """Go on with the schedule of a paused monitor."""
        return await self._shape(owner, await self._monitors.resume(owner, monitor_id))

    async def cancel(self, monitor_id: MonitorId, owner: CurrentOwner) -> MonitorShape:
        """End a monitor for good. Its events stay."""
        return await self._shape(owner, await self._monitors.cancel(owner, monitor_id))

    async def run(self, monitor_id: MonitorId, owner: CurrentOwner) -> Response:
        """Run a monitor now, unless a run of it is under way. Its schedule stays."""
        await self._monitors.run(owner, monitor_id)
        return Response(status_code=204)

    async def events(
        self,
        monitor_id: MonitorId,
        owner: CurrentOwner,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
        event_group_id: Annotated[str | None, Query(max_length=100, pattern="^[a-z0-9_]*$")] = None,
        include_completions: bool = False,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> MonitorEvents:
        """What the runs of a monitor have brought, the latest first. Those that changed nothing only if they are asked for."""
        monitor = await self._monitors.get(owner, monitor_id)
        outcomes: tuple[Outcome, ...] = (*SHOWN, "unchanged") if include_completions else SHOWN
        page = await self._monitors.runs(
            owner, monitor, cursor=cursor, limit=limit, outcomes=outcomes, run_id=event_group_id or None
        )
        tasks: dict[str, TaskRecord] = {}
        events = [await self._event(owner, monitor, run, tasks) for run in page.runs]
        return MonitorEvents(events=events, next_cursor=page.next_cursor)

    async def _event(self, owner: Owner, monitor: Monitor, run: MonitorRun, known: dict[str, TaskRecord]) -> Any:
        for id in (run.task_id, run.previous):
            if id is not None and id not in known:
                known[id] = await self._service.get(owner, id)
        return event_of(run, monitor, known.get(run.task_id or ""), known.get(run.previous or ""))

    async def _accepted(self, owner: Owner, spec: MonitorSpec, baseline: str | None) -> Monitor:
        try:
            return await self._monitors.create(owner, spec, baseline=baseline)
        except InvalidTask as error:
            raise InvalidTask("The monitor cannot be made:", placed(error)) from error

    async def _shape(self, owner: Owner, monitor: Monitor) -> MonitorShape:
        """A monitor as it is answered; of a snapshot with what its latest completed run found."""
        latest = monitor.baseline
        if monitor.spec.kind == "event_stream" or latest in (None, monitor.spec.request["settings"].get("task_run_id")):
            return MonitorShape.of(monitor)
        return MonitorShape.of(monitor, await self._service.get(owner, str(latest)))
