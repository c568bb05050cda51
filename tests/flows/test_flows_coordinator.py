"""The coordinator of a run's workers, on an engine that does orders in this process: leases, stops, and workers that are lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, Hook, below_prefect, planets, reader, runtime, tables_of

from flows.run.events import Event, RowFinished
from flows.run.options import EnrichOptions
from flows.run.prepare import prepare_enrichment
from flows.run.rows import Rows
from flows.run.runner import Runner
from flows.run.shards import Remaining, Shards
from flows.run.workers.charges import take_over_charges
from flows.run.workers.coordinator import LOST, Coordinator
from flows.run.workers.files import WorkerFiles
from flows.run.workers.order import ShardOrder
from flows.run.workers.request import request_for_workers
from flows.run.workers.worker import do_order
from research.errors import ServiceUnavailable
from research.ports.work import SubQuery
from research.stored_results.store import ResultStore
from research.tables.run_folder.reader import open_run
from research.tables.run_folder.reading_back import RowReader

ROWS, SHARD = 12, 2


@dataclass
class Here:
    """An engine whose workers are tasks of this process."""

    hook: Hook | None = None
    model: dict[str, Any] = field(default_factory=dict)
    """Of the scripted model."""
    is_lost: Callable[[ShardOrder], bool] = lambda _order: False
    """Which orders' workers die when they have begun."""
    dies_at: Callable[[], bool] = lambda: True
    begins: bool = True
    orders: list[ShardOrder] = field(default_factory=list)

    async def run(self, order: ShardOrder) -> str | None:
        self.orders.append(order)
        if not self.begins:
            return "no machine is free"
        doing = asyncio.create_task(do_order(order, runtime(reader(self.hook, **self.model)), Runner, lambda: 0))
        if not self.is_lost(order):
            await doing
            return None
        files = WorkerFiles(Path(order.run) / ".state").order(order.name)
        await until(lambda: files.state() is not None and self.dies_at())
        doing.cancel()
        with suppress(asyncio.CancelledError):
            await doing
        return "its process ended with code -9"


@dataclass
class Case:
    """A run by two workers, below Prefect."""

    folder: Path
    engine: Here
    rows: Rows | None = None
    coordinator: Coordinator | None = None
    heard: list[Event] = field(default_factory=list)

    @property
    def run(self) -> Path:
        return self.folder / "workers"

    async def enrich(self, rows: int = ROWS, *, max_cost: float | None = None) -> Rows:
        table = self.folder / "planets.csv"
        pd.DataFrame(planets(rows)).to_csv(table, index=False)
        options = EnrichOptions(
            str(table), output_schema=SCHEMA, objective=OBJECTIVE, out=str(self.run), shard_size=SHARD, concurrency=4
        )
        async with AsyncExitStack() as held:
            model = reader(self.engine.hook, **self.engine.model)
            prepared = await held.enter_async_context(prepare_enrichment(options, runtime(model)))
            folder = held.enter_context(prepared.folder().lock())
            charges = take_over_charges(folder.state)
            charges.bind(prepared.world.budget, max_cost)
            store = ResultStore(folder.state / "results", RowReader(folder, prepared.request.spec))
            runner = Runner(store)
            find_work, recall = prepared.work(prepared.world)

            def new_rows() -> Rows:
                return Rows(prepared.request, prepared.world, runner, self.heard.append, 4, find_work)

            self.rows = new_rows()
            self.coordinator = Coordinator(
                folder,
                self.rows,
                charges,
                prepared.world,
                self.engine,
                self.heard.append,
                self.heard.append,
                workers=2,
                concurrency=4,
                private=(),
                task_runs="shards",
                ready=_at_once,
                ended=lambda _count: None,
            )
            left = Remaining.of(folder, rows)
            todo = left.shards(prepared.request.table)
            await self.coordinator.run(todo, left.shard_count, request_for_workers(prepared))
            store.refresh()
            for lost in self.coordinator.lost():
                failing = new_rows()
                failing.stop_starting_rows(LOST, lost.reason)
                await Shards(folder, failing, recall, runner, self.heard.append).run(iter([lost.shard]), 1)
            await Shards(folder, self.rows, recall, runner, self.heard.append).run(self.coordinator.left(todo), 3)
            folder.finish(rows=rows, status="stopped" if self.rows.stopped else "finished", reason=self.rows.stopped)
            WorkerFiles(folder.state).end()
        return self.rows

    async def same_as_local(self, rows: int = ROWS) -> bool:
        local = await below_prefect(self.folder / "planets.csv", self.folder / "local", shard_size=SHARD)
        return answers_of(self.run) == answers_of(local)


def answers_of(run: Path) -> dict[str, Any]:
    """The tables of a run, without which of two sub-queries side by side was the first to see a page."""
    tables: dict[str, Any] = tables_of(run)
    for source in tables["sources"]:
        del source["first_seen_subquery"]
    return tables


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 - files, and counts, tell nobody of their changes
        await asyncio.sleep(0.01)


async def _at_once() -> None:
    return None


class Counting:
    """Counts the sub-queries that were begun."""

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()

    def __call__(self, name: str, subquery: SubQuery) -> None:
        self.begun[f"{name}/{subquery.index}"] += 1


async def test_a_shard_whose_worker_is_lost_is_done_by_another(tmp_path: Path) -> None:
    """What the lost one had finished is not done again, and each row is reported once."""
    hook = Counting()
    case = Case(tmp_path, Here(hook, is_lost=lambda order: order.name.endswith("-0002")))
    rows = await case.enrich()
    assert rows.stopped is None
    assert await case.same_as_local()
    assert sum(hook.begun.values()) <= 2 * (ROWS + 2)
    finished = Counter(event.row for event in case.heard if isinstance(event, RowFinished))
    assert finished == dict.fromkeys(range(ROWS), 1)


async def test_a_shard_that_every_worker_dies_of_becomes_failed_rows(tmp_path: Path) -> None:
    at_work = asyncio.Event()

    async def die(name: str, _subquery: SubQuery) -> None:
        if name == "Planet 0":
            at_work.set()
            await asyncio.Event().wait()

    engine = Here(die, is_lost=lambda order: order.shards[0].index == 0, dies_at=at_work.is_set)
    case = Case(tmp_path, engine)
    await case.enrich()
    results = open_run(case.run).results()
    assert results["status"][0] == "failed"
    assert set(results["status"][SHARD:]) == {"completed"}
    assert results["error"][0].startswith("worker_lost: 3 workers were lost with this row's shard")


async def test_where_no_worker_begins_the_run_stops_and_no_row_fails(tmp_path: Path) -> None:
    case = Case(tmp_path, Here(begins=False))
    rows = await case.enrich()
    assert rows.stopped is not None
    assert rows.stopped.startswith("no worker begins what it is handed: no machine is free")
    assert len(open_run(case.run).results()) == 0


async def test_leases_keep_to_the_cap_and_the_rest_is_spent_here(tmp_path: Path) -> None:
    """Twelve rows of 5 cents, which may be 7, under 35: as many are paid for as in one process, and none twice."""
    hook = Counting()
    case = Case(tmp_path, Here(hook, {"keyless": False, "cost_usd": 0.05, "max_usd": 0.075}))
    rows = await case.enrich(max_cost=0.35)
    results = open_run(case.run).results()
    paid = sum(hook.begun.values()) * 0.05
    assert 0.35 <= paid <= 0.35 + 0.05 + 1e-9
    assert set(hook.begun.values()) == {1}
    assert (results["status"] == "completed").sum() >= 6
    assert rows.stopped is not None
    assert len(results) == ROWS

    again = Case(tmp_path, Here(hook, case.engine.model))
    rows = await again.enrich(max_cost=5)
    assert rows.stopped is None
    assert set(hook.begun.values()) == {1}
    assert sum(hook.begun.values()) == ROWS


@pytest.mark.parametrize("in_order", [True, False])
async def test_a_stop_reaches_the_workers(tmp_path: Path, in_order: bool) -> None:
    """Rows under way end, or are cut off, and stay out of the tables; the same command goes on, and repeats nothing finished."""
    at_work, go_on = asyncio.Event(), asyncio.Event()
    hook = Counting()

    async def wait(name: str, subquery: SubQuery) -> None:
        hook(name, subquery)
        if name == "Planet 1" and not go_on.is_set():
            at_work.set()
            await go_on.wait()

    case = Case(tmp_path, Here(wait))
    running = asyncio.create_task(case.enrich())
    await at_work.wait()
    assert case.rows is not None
    assert case.coordinator is not None
    case.rows.wind_down("stopped by Ctrl-C")
    coordinator = case.coordinator
    await until(lambda: coordinator.under_way > 0)
    if in_order:
        await asyncio.sleep(1.5)  # until the workers have heard of it
        go_on.set()
    else:
        case.coordinator.cut_off()
    rows = await running
    assert rows.stopped == "stopped by Ctrl-C"
    names = list(open_run(case.run).results()["name"])
    assert ("Planet 1" in names) == in_order
    assert len(names) < ROWS
    go_on.set()
    before = hook.begun.total()
    await Case(tmp_path, Here(wait)).enrich()
    assert await case.same_as_local()
    assert hook.begun.total() - before <= 2 * (ROWS - len(names))


async def test_an_outage_that_outlasts_patience_in_a_worker_stops_the_run(tmp_path: Path) -> None:
    def fail(name: str, _subquery: SubQuery) -> None:
        if name == "Planet 9":
            raise ServiceUnavailable("the service has answered nobody for 1 h", service="the service")

    case = Case(tmp_path, Here(fail))
    rows = await case.enrich()
    assert rows.stopped is not None
    assert rows.stopped.startswith("the service has answered nobody for 1 h")
    results = open_run(case.run).results()
    assert set(results["status"]) == {"completed"}
    assert "Planet 9" not in set(results["name"])
    await Case(tmp_path, Here()).enrich()
    assert await case.same_as_local()
