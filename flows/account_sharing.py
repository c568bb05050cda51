"""Counts the runs that use the same accounts of services, so that each keeps to its part of their limits.

A flow run bears a tag for each account, and is renewed in Prefect every 15 seconds. Runs with such a tag that Prefect shows as
running, and that were renewed within the last minute by the clock of its server, use the account: a killed run, which stays
Running for ever, soon counts no more. Deployments and machines that report to one server see each other; calls wait for nobody.

Prefect's global concurrency limits are not used: a server keeps their leases in its memory (3.8.8), so a slot whose holder was
killed stays taken after the server's next start.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import PrefectException

from research.concurrency.shares import Shares

TAG: Final = "account "
BEAT_SECONDS: Final = 15.0
"""Between two renewals."""
LOST_BEATS: Final = 4
"""A run that was not renewed for so many does not count any more."""
ANSWER_SECONDS: Final = 10.0
"""How long the server may take."""


@asynccontextmanager
async def sharing(flow_run: FlowRun, shares: Shares, beat: float = BEAT_SECONDS) -> AsyncIterator[None]:
    """In this block, the world's shares know how many runs use each account. While Prefect does not answer, they keep to what was
    last known.

    Args:
        beat: seconds between two renewals.
    """
    if not shares.runs:
        yield
        return
    counting = asyncio.create_task(_keep_counting(flow_run, shares, beat))
    try:
        yield
    finally:
        counting.cancel()
        await asyncio.wait([counting])


async def _keep_counting(flow_run: FlowRun, shares: Shares, beat: float) -> None:
    tags = [*{*flow_run.tags, *map(tag, shares.runs)}]
    async with get_client() as client:
        while True:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await client.update_flow_run(flow_run.id, tags=tags)
                    shares.set_runs(await _runs(client, shares.runs, timedelta(seconds=LOST_BEATS * beat)))
            except (TimeoutError, httpx.HTTPError, PrefectException):
                pass  # the shares stay as they are; that Prefect is lost is noticed and said elsewhere
            await asyncio.sleep(beat)


async def _runs(client: PrefectClient, accounts: Collection[str], lost_after: timedelta) -> dict[str, int]:
    """How many runs use each account."""
    running = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            tags=FlowRunFilterTags(any_=[tag(account) for account in accounts]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING])),
        ),
        sort=FlowRunSort.START_TIME_DESC,
    )
    renewed = [run.updated for run in running if run.updated is not None]
    alive = [run for run in running if run.updated is not None and max(renewed) - run.updated < lost_after]
    return {account: sum(tag(account) in run.tags for run in alive) for account in accounts}


def tag(account: str) -> str:
    """The tag of flow runs that use an account."""
    return TAG + account
