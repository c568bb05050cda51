"""Tasks as background tasks of Prefect: handed over in time, run by a worker, again where they were lost."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterName
from prefect.client.schemas.objects import TERMINAL_STATES, TaskRun
from prefect.settings import get_current_settings
from serve_parts import ALICE, door, submission

from flows.serve.composition import Door, worker_of
from flows.serve.database.database import Database, default_url
from flows.serve.work.background import PrefectDispatcher, serve_tasks
from flows.serve.work.capacity import LOST_SECONDS, OUT_OF_ORDER, Capacity, Demand
from flows.serve.work.worlds import Worlds
from research.models.scripted import ScriptedModel
from research.ports.model import ResearchTools
from research.ports.work import Draft, SubQuery
from research.task.task import Task
from research.world import Settings


@asynccontextmanager
async def working(opened: Door, folder: Path) -> AsyncIterator[None]:
    """A worker on Prefect's background tasks, as `research worker` is one."""
    worlds = Worlds(Settings(cache_dir=folder / "cache", corpus=str(folder / "corpus"), model="extractive"))
    serving = asyncio.create_task(serve_tasks(worker_of(opened.records, worlds), 2))
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def _stored_results() -> set[Path]:
    folder = get_current_settings().results.local_storage_path
    return {*folder.rglob("*")} if folder.is_dir() else set()


@pytest.mark.usefixtures("prefect_server")
async def test_accepted_tasks_are_background_tasks_that_a_worker_runs_under_their_names(tmp_path: Path) -> None:
    before = _stored_results()
    async with door(tmp_path, dispatcher=lambda records: PrefectDispatcher(records.capacity)) as opened:
        accepted = await opened.service.submit_many(ALICE, [submission(f"What is {n}?") for n in range(4)])
        async with working(opened, tmp_path):
            ended = [await opened.service.wait(ALICE, task.id, 60) for task in accepted]
            async with get_client() as client:  # a record ends before its task run does, which the worker's end would crash
                runs = [await _run_named(client, task.id) for task in accepted]
    assert [task.status for task in ended] == ["completed"] * 4
    assert [run.state_name for run in runs] == ["Completed"] * 4
    assert _stored_results() == before, "the records hold what became of a task"


@pytest.mark.usefixtures("prefect_server")
async def test_a_worker_that_is_told_to_end_gives_its_task_back_unfailed(tmp_path: Path) -> None:
    begun, handler = asyncio.Event(), signal.getsignal(signal.SIGTERM)

    async def begin_and_wait(_task: Task, _subquery: SubQuery, _tools: ResearchTools) -> Draft:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with door(tmp_path, dispatcher=lambda records: PrefectDispatcher(records.capacity)) as opened:
        accepted = await opened.service.submit(ALICE, submission())
        settings = Settings(cache_dir=tmp_path / "cache", corpus=str(tmp_path / "corpus"))
        worker = worker_of(opened.records, Worlds(settings, ScriptedModel(begin_and_wait)))
        serving = asyncio.create_task(serve_tasks(worker, 1))
        try:
            await asyncio.wait_for(begun.wait(), 60)
            signal.raise_signal(signal.SIGTERM)
            await asyncio.wait_for(serving, 30)
        finally:
            signal.signal(signal.SIGTERM, handler)
            serving.cancel()
        assert (await opened.service.get(ALICE, accepted.id)).status == "running"
        again = worker_of(opened.records, Worlds(settings.changed(model="extractive")))
        await again.start(1)
        done = await again.work_one()
        await again.stop()
    assert done is not None
    assert (done.id, done.status) == (accepted.id, "completed")


async def test_what_is_cancelled_again_while_it_is_given_back_is_given_back_once_the_worker_has_ended(tmp_path: Path) -> None:
    """As Prefect's engine does: it cancels, and cancels the wait for the end as well."""
    at_once = 8
    begun, all_begun = 0, asyncio.Event()

    async def begin_and_wait(_task: Task, _subquery: SubQuery, _tools: ResearchTools) -> Draft:
        nonlocal begun
        begun += 1
        if begun == at_once:
            all_begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with door(tmp_path, works=False) as opened:
        await opened.service.submit_many(ALICE, [submission(f"What is {n}?") for n in range(at_once)])
        settings = Settings(cache_dir=tmp_path / "cache", corpus=str(tmp_path / "corpus"))
        worker = worker_of(opened.records, Worlds(settings, ScriptedModel(begin_and_wait)))
        await worker.start(at_once)
        under_way = [asyncio.create_task(worker.work_one()) for _ in range(at_once)]
        await asyncio.wait_for(all_begun.wait(), 60)
        for _ in range(3):
            for each in under_way:
                each.cancel()
            await asyncio.sleep(0)
        await worker.stop()
        taken = [await opened.records.claims.take("another", None) for _ in range(at_once)]
    assert all(each.cancelled() for each in under_way)
    assert None not in taken


async def _run_named(client: PrefectClient, name: str) -> TaskRun:
    """A task run that has ended, once Prefect has recorded it."""
    named = TaskRunFilter(name=TaskRunFilterName(any_=[name]))
    async with asyncio.timeout(60):
        while True:
            found = await client.read_task_runs(task_run_filter=named)
            if found and found[0].state_type in TERMINAL_STATES:
                return found[0]
            await asyncio.sleep(0.1)


async def test_only_as_many_are_handed_over_as_workers_can_soon_begin() -> None:
    assert Demand(waiting=10_000, slots=0, busy=0, on_their_way=0, unchanged_seconds=0).wanted == 10
    assert Demand(waiting=10_000, slots=8, busy=8, on_their_way=10, unchanged_seconds=0).wanted == 54
    assert Demand(waiting=1, slots=8, busy=0, on_their_way=0, unchanged_seconds=0).wanted == 1
    late = LOST_SECONDS + 1
    assert Demand(waiting=1, slots=8, busy=7, on_their_way=1, unchanged_seconds=late).are_lost
    assert not Demand(waiting=1, slots=8, busy=8, on_their_way=1, unchanged_seconds=late).are_lost
    assert not Demand(waiting=1, slots=0, busy=0, on_their_way=1, unchanged_seconds=late).are_lost


async def test_background_tasks_that_others_have_overtaken_are_lost(tmp_path: Path) -> None:
    async with _capacity(tmp_path) as capacity:
        numbers = await capacity.announce(2 * OUT_OF_ORDER)
        for number in numbers:
            await capacity.handed(number, f"run {number}")
        assert (await capacity.demand()).on_their_way == 2 * OUT_OF_ORDER
        await capacity.begun(f"run {numbers[0]}")
        assert (await capacity.demand()).on_their_way == 2 * OUT_OF_ORDER - 1
        await capacity.begun(f"run {numbers[-1]}")  # those between may still come, but for the oldest
        assert (await capacity.demand()).on_their_way == OUT_OF_ORDER - 1
        await capacity.lost()
        assert (await capacity.demand()).on_their_way == 0


async def test_a_background_task_may_begin_before_prefect_has_answered_who_handed_it_over(tmp_path: Path) -> None:
    async with _capacity(tmp_path) as capacity:
        [number] = await capacity.announce(1)
        await capacity.begun("run")
        await capacity.handed(number, "run")
        assert (await capacity.demand()).on_their_way == 0


@asynccontextmanager
async def _capacity(folder: Path) -> AsyncIterator[Capacity]:
    database = Database(default_url(folder))
    await database.open()
    try:
        yield Capacity(database)
    finally:
        await database.close()
