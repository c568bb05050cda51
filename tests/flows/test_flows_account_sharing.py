"""Runs that use one account of a service know of each other through Prefect, and each keeps to its part of the limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prefect import flow
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.states import Completed, Running

from flows.account_sharing import LOST_BEATS, sharing, tag
from research.concurrency.shares import Shares

pytestmark = pytest.mark.usefixtures("prefect_server")
BEAT = 0.2


@flow
def table() -> None:
    """Its runs are made by hand here."""


def account(key: str) -> Shares:
    shares = Shares()
    shares.of("brave", key)
    return shares


async def running(client: PrefectClient, tags: tuple[str, ...] = ()) -> FlowRun:
    return await client.create_flow_run(table, state=Running(), tags=tags)


@asynccontextmanager
async def run_with(client: PrefectClient, shares: Shares) -> AsyncIterator[FlowRun]:
    flow_run = await running(client)
    async with sharing(flow_run, shares, BEAT):
        yield flow_run
    await client.set_flow_run_state(flow_run.id, Completed(), force=True)


async def becomes(shares: Shares, runs: int) -> None:
    async with asyncio.timeout(20):
        while [*shares.runs.values()] != [runs]:  # noqa: ASYNC110 - a count tells nobody of its changes
            await asyncio.sleep(BEAT / 4)


async def test_runs_with_the_same_key_count_each_other_and_those_with_another_do_not():
    first, second, other = account("key A"), account("key A"), account("key B")
    async with get_client() as client, run_with(client, other), run_with(client, first):
        async with run_with(client, second):
            await becomes(first, 2)
            await becomes(second, 2)
        await becomes(first, 1)
        assert [*other.runs.values()] == [1]


async def test_a_killed_run_that_prefect_shows_as_running_for_ever_soon_counts_no_more():
    shares = account("key C")
    name = tag(*shares.runs)
    async with get_client() as client:
        await running(client, (name,))
        async with run_with(client, shares):
            await becomes(shares, 2)
            await asyncio.sleep(LOST_BEATS * BEAT)
            await becomes(shares, 1)


async def test_a_flow_run_keeps_its_own_tags_and_none_tells_a_key():
    shares = account("brave-secret")
    async with get_client() as client:
        mine = await running(client, ("nightly",))
        async with sharing(mine, shares, BEAT):
            async with asyncio.timeout(20):
                while len(tags := (await client.read_flow_run(mine.id)).tags) < 2:  # noqa: ASYNC110 - as above
                    await asyncio.sleep(BEAT / 4)
    assert "nightly" in tags
    assert not any("secret" in each for each in tags)
