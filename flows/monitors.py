"""Monitors at a Prefect server: made, listed, changed, paused, run and deleted. Each is a deployment of the flow `monitor`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy, FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.client.schemas.sorting import DeploymentSort, FlowRunSort
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.settings import get_current_settings
from prefect.types.entrypoint import EntrypointType
from pydantic import ValidationError

from flows.monitoring import flow_options
from flows.monitoring import monitor as monitor_flow
from flows.run.monitor import Monitor, MonitorSettings, Schedule, monitor_name
from research.display.printable import printable
from research.errors import InvalidInput

TAG: Final = "research-monitor"
MOST: Final = 200
"""Deployments of one page."""
_BEGUN: Final[list[StateType]] = [each for each in StateType if each not in (StateType.SCHEDULED, StateType.PENDING)]


class UnknownMonitor(InvalidInput):
    """There is no such monitor."""


@asynccontextmanager
async def monitors_at_server() -> AsyncIterator[Monitors]:
    """The monitors of the Prefect server that the settings name.

    Raises:
        InvalidInput: they name none, or it does not do what it is asked.
    """
    url = get_current_settings().api.url
    if not url:
        raise InvalidInput(
            "a monitor is kept by a Prefect server of yours: start one (prefect server start), and set PREFECT_API_URL to its "
            "address."
        )
    try:
        async with get_client() as client:
            yield Monitors(client)
    except (httpx.HTTPError, PrefectException) as error:
        raise InvalidInput(f"the Prefect server at {url} refuses: {printable(str(error), one_line=True)}") from error


class Monitors:
    """The monitors of a Prefect server. Made by `monitors_at_server`."""

    def __init__(self, client: PrefectClient) -> None:
        self._client = client

    async def create(
        self, name: str, schedule: Schedule, settings: MonitorSettings, pool: str, *, paused: bool = False
    ) -> Monitor:
        """Make a monitor.

        Raises:
            InvalidInput: the name is taken or none, the schedule cannot be kept, an option is none of the flow that it is for, or
                there is no such work pool.
        """
        name = monitor_name(name)
        flow_options(settings)
        if any(name == deployment.name for deployment in await self._deployments()):
            raise InvalidInput(f"there is a monitor called {name!r} already: choose another name, or change that one")
        await self._see_pool(pool)
        deployment = await monitor_flow.ato_deployment(
            name,
            schedules=[_schedule(schedule)],
            parameters=settings.model_dump(mode="json"),
            tags=[TAG],
            paused=paused,
            work_pool_name=pool,
            entrypoint_type=EntrypointType.MODULE_PATH,
            concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE),
        )
        return await self._monitor(await self._client.read_deployment(await deployment.aapply()))

    async def all(self) -> Sequence[Monitor]:
        """The latest first."""
        return [await self._monitor(each) for each in await self._deployments()]

    async def get(self, name: str) -> Monitor:
        """A monitor.

        Args:
            name: its name, or its id.

        Raises:
            UnknownMonitor: there is none.
        """
        return await self._monitor(await self._deployment(name))

    async def change(self, name: str, *, schedule: Schedule | None = None, settings: MonitorSettings | None = None) -> Monitor:
        """Change when it runs, or what it does.

        Raises:
            UnknownMonitor: there is none.
            InvalidInput: the schedule cannot be kept, or an option is none of the flow that it is for.
        """
        deployment = await self._deployment(name)
        changes: dict[str, Any] = {}
        if settings is not None:
            flow_options(settings)
            changes["parameters"] = settings.model_dump(mode="json")
        if changes:
            await self._client.update_deployment(deployment.id, DeploymentUpdate(**changes))
        if schedule is not None:
            before = deployment.schedules
            await self._client.create_deployment_schedules(
                deployment.id, [DeploymentScheduleCreate(schedule=_schedule(schedule), active=True)]
            )
            for each in before:
                await self._client.delete_deployment_schedule(deployment.id, each.id)
        return await self.get(str(deployment.id))

    async def pause(self, name: str) -> Monitor:
        """It runs no more until it is resumed; what it is at goes on."""
        deployment = await self._deployment(name)
        await self._client.pause_deployment(deployment.id)
        return await self.get(str(deployment.id))

    async def resume(self, name: str) -> Monitor:
        deployment = await self._deployment(name)
        await self._client.resume_deployment(deployment.id)
        return await self.get(str(deployment.id))

    async def run_now(self, name: str) -> FlowRun:
        """Have it run once, whatever its schedule says. A worker of its pool takes the flow run."""
        deployment = await self._deployment(name)
        return await self._client.create_flow_run_from_deployment(deployment.id)

    async def delete(self, name: str) -> Monitor:
        """Forget it. Its run folders stay."""
        deployment = await self._deployment(name)
        monitor = await self._monitor(deployment)
        await self._client.delete_deployment(deployment.id)
        return monitor

    async def failures(self, name: str, limit: int = 20) -> Sequence[FlowRun]:
        """Its flow runs that failed, the latest first."""
        deployment = await self._deployment(name)
        failed = [StateType.FAILED, StateType.CRASHED]
        return await self._flow_runs(deployment.id, failed, limit)

    async def _monitor(self, deployment: DeploymentResponse) -> Monitor:
        runs = await self._flow_runs(deployment.id, _BEGUN, 1)
        last = runs[0] if runs else None
        upcoming = await self._flow_runs(deployment.id, [StateType.SCHEDULED], 1, FlowRunSort.EXPECTED_START_TIME_ASC)
        return Monitor(
            id=str(deployment.id),
            name=deployment.name,
            state="paused" if deployment.paused else "active",
            schedule=_read_schedule(deployment),
            settings=MonitorSettings.model_validate(deployment.parameters),
            pool=deployment.work_pool_name,
            created_at=deployment.created,
            last_run_at=None if last is None else last.start_time or last.expected_start_time,
            last_state=None if last is None or last.state is None else last.state.name,
            next_run_at=None if deployment.paused else await _next_run(deployment, upcoming),
        )

    async def _flow_runs(
        self, deployment: UUID, states: list[StateType], limit: int, sort: FlowRunSort = FlowRunSort.EXPECTED_START_TIME_DESC
    ) -> list[FlowRun]:
        return await self._client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])),
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=states))),
            sort=sort,
            limit=limit,
        )

    async def _deployment(self, name: str) -> DeploymentResponse:
        for deployment in await self._deployments():
            if name in (deployment.name, str(deployment.id)):
                return deployment
        raise UnknownMonitor(f"there is no monitor {name!r}; research monitor list names those that there are")

    async def _deployments(self) -> list[DeploymentResponse]:
        found: list[DeploymentResponse] = []
        while len(page := await self._page(len(found))) == MOST:
            found += page
        return found + page

    async def _page(self, offset: int) -> list[DeploymentResponse]:
        return await self._client.read_deployments(
            deployment_filter=DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG])),
            sort=DeploymentSort.CREATED_DESC,
            limit=MOST,
            offset=offset,
        )

    async def _see_pool(self, pool: str) -> None:
        try:
            await self._client.read_work_pool(pool)
        except ObjectNotFound as error:
            raise InvalidInput(
                f"there is no work pool {pool!r}: make it (prefect work-pool create {pool} --type process), and start a worker "
                f"of it (prefect worker start --pool {pool})"
            ) from error


def changed_settings(settings: MonitorSettings, refresh: Mapping[str, Any]) -> MonitorSettings:
    """Settings with other options of the refresh. None takes an option away."""
    options = {**settings.refresh, **refresh}
    return settings.changed(refresh={name: value for name, value in options.items() if value is not None})


async def _next_run(deployment: DeploymentResponse, upcoming: Sequence[FlowRun]) -> datetime | None:
    """When a monitor runs next. Prefect plans the flow runs of a schedule some seconds after it was made; until then it is asked
    what it will plan."""
    if upcoming:
        return upcoming[0].expected_start_time
    from prefect.server.schemas import schedules

    for each in deployment.schedules:
        kind = schedules.CronSchedule if isinstance(each.schedule, CronSchedule) else schedules.IntervalSchedule
        if each.active and (dates := await kind.model_validate(each.schedule.model_dump()).get_dates(1)):
            return dates[0]
    return None


def _schedule(schedule: Schedule) -> CronSchedule | IntervalSchedule:
    try:
        if schedule.cron is not None:
            return CronSchedule(cron=schedule.cron, timezone=schedule.timezone)
        return IntervalSchedule(interval=timedelta(seconds=schedule.every_seconds or 0))
    except ValidationError as error:
        what = f"{schedule.cron!r} in {schedule.timezone!r}" if schedule.cron is not None else str(schedule)
        raise InvalidInput(f"the schedule {what} cannot be kept: {error.errors()[0]['msg']}") from error


def _read_schedule(deployment: DeploymentResponse) -> Schedule:
    for each in deployment.schedules:
        if isinstance(each.schedule, CronSchedule):
            return Schedule(cron=each.schedule.cron, timezone=each.schedule.timezone or "UTC")
        if isinstance(each.schedule, IntervalSchedule):
            return Schedule(every_seconds=each.schedule.interval.total_seconds())
    raise UnknownMonitor(f"the monitor {deployment.name!r} has no schedule any more: give it one with research monitor change")
