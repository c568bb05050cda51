"""A run that winds down starts no row; what is finished is committed, and the rest is left as if it had not been begun."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pandas as pd
from flows_doubles import OBJECTIVE, SCHEMA, Hook, below_prefect, planets, reader, runtime, tables_of

from flows.run.environment import read_environment
from flows.run.events import Event, Listener, RowFinished, ShardCommitted
from flows.run.request import Request
from flows.run.rows import Rows
from flows.run.runner import Runner
from flows.run.runtime import ignore_event
from flows.run.shards import Remaining, Shards
from research.money.charge_file import ChargeFile
from research.ports.work import SubQuery
from research.stored_results.store import ResultStore
from research.tables.audit.verify import verify
from research.tables.run_folder.reader import open_run
from research.tables.run_folder.run_folder import RunFolder
from research.world import bind_budget

SHARD, IN_FLIGHT = 3, 2


@asynccontextmanager
async def running(table: Path, run: Path, hook: Hook, listener: Listener = ignore_event) -> AsyncIterator[Rows]:
    """A run whose shards are under way in this block. After it they have ended, and the folder is finished as a stopped one."""
    request = Request.check(
        table=str(table), query=None, limit=None, output_schema=SCHEMA, objective=OBJECTIVE, objective_column=None
    )
    runner = Runner(ResultStore(run / ".state" / "results"))
    async with runtime(reader(hook)).opener(read_environment().settings(), run / ".state" / "pages") as world:
        folder = RunFolder.create(
            run,
            request.document(world),
            input_schema=request.table.schema,
            spec=request.spec,
            settings={"shard_size": SHARD},
        )
        with folder.lock():
            bind_budget(world, ChargeFile(folder.state), None, ())
            rows = Rows(request, world, runner, listener, IN_FLIGHT)
            todo = Remaining.of(folder, request.table.row_count).shards(request.table)
            shards = Shards(folder, rows, world.fetcher.recall, runner, listener)
            work = asyncio.create_task(shards.run(todo, open_at_once=2))
            yield rows
            await work
            folder.finish(status="stopped", reason=rows.stopped)


async def test_rows_under_way_end_and_no_other_is_started(tmp_path: Path) -> None:
    table, run = tmp_path / "planets.csv", tmp_path / "run"
    pd.DataFrame(planets(12)).to_csv(table, index=False)
    let_go, begun = asyncio.Event(), asyncio.Event()

    async def hook(name: str, _: SubQuery) -> None:
        if name in ("Planet 1", "Planet 4"):
            if name == "Planet 4":
                begun.set()
            await let_go.wait()

    heard: list[Event] = []
    async with running(table, run, hook, heard.append) as rows:
        await begun.wait()
        assert rows.under_way == IN_FLIGHT
        rows.wind_down("a person wants it")
        let_go.set()
    assert list(open_run(run).results()["row_index"]) == [0, 1, 2, 3, 4]
    assert set(open_run(run).results()["status"]) == {"completed"}, "a row that was not begun is not a failed one"
    commits = {event.shard: event.left for event in heard if isinstance(event, ShardCommitted)}
    assert commits == {0: 0, 1: 1}
    assert verify(run).ok
    assert (rows.under_way, rows.stopped) == (0, "a person wants it")

    await below_prefect(table, run, shard_size=SHARD)
    assert tables_of(run) == tables_of(await below_prefect(table, tmp_path / "unbroken", shard_size=SHARD))


async def test_rows_that_are_cut_off_are_left_for_the_next_time(tmp_path: Path) -> None:
    table, run = tmp_path / "planets.csv", tmp_path / "run"
    pd.DataFrame(planets(6)).to_csv(table, index=False)
    others_ended = asyncio.Event()

    async def stuck(name: str, subquery: SubQuery) -> None:
        if name == "Planet 4" and subquery.index == 2:
            await asyncio.Event().wait()

    def listener(event: Event) -> None:
        if isinstance(event, RowFinished) and event.row == 5:
            others_ended.set()

    async with running(table, run, stuck, listener) as rows:
        await others_ended.wait()
        rows.wind_down("a person wants it")
        rows.cut_off()
    assert list(open_run(run).results()["row_index"]) == [0, 1, 2, 3, 5]

    again: list[str] = []
    model = reader(lambda name, _: again.append(name))
    await below_prefect(table, run, model=model, shard_size=SHARD)
    assert set(again) == {"Planet 4"}
    assert tables_of(run) == tables_of(await below_prefect(table, tmp_path / "unbroken", shard_size=SHARD))
