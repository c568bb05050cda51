"""A small world for the flow's tests: a table of planets, one page each, and a model that reads it and keeps count."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from flows.run.environment import read_environment
from flows.run.events import Event, Listener
from flows.run.mending import mend
from flows.run.outcome import Enrichment, RunFailed
from flows.run.request import Request
from flows.run.rows import Rows
from flows.run.runner import Runner
from flows.run.runtime import Runtime, ignore_event
from flows.run.shards import Remaining, Shards
from flows.run.sweeping import sweeper
from research.models.scripted import ScriptedModel
from research.money.charge_file import ChargeFile
from research.money.usage import Usage
from research.money.usage_ledger import UsageLedger
from research.pages.page_store import PageStore, StoringFetcher
from research.ports.model import ResearchTools
from research.ports.page import Hit, Page
from research.ports.search import SearchResult
from research.ports.work import Draft, FieldAnswer, SubQuery
from research.ports.world import World
from research.stored_results.store import ResultStore
from research.tables.run_folder.reader import open_run
from research.tables.run_folder.reading_back import RowReader
from research.tables.run_folder.run_folder import RunFolder
from research.task.task import SourcePolicy, Task
from research.testing import Pages, make_page
from research.world import Settings, bind_budget

SCHEMA = {"moons": "integer", "colour": "its colour"}
OBJECTIVE = "How many moons has {name}, and what colour is it?"

Hook = Callable[[str, SubQuery], Any]
"""Is called (and awaited) before each sub-query with the row's name. It may wait, raise or write down."""


def planets(count: int) -> list[dict[str, Any]]:
    return [{"id": f"{i:04}", "name": f"Planet {i}"} for i in range(count)]


class OnePageEach(Pages):
    """A page for each planet, made when it is asked for."""

    def __init__(self, identity: str = "one-page-each/1") -> None:
        super().__init__({}, identity=identity)

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None, ledger: UsageLedger) -> SearchResult:
        self.queries.append(query)
        ledger.add(Usage(search_queries=1))
        return SearchResult(hits=(Hit(url=f"test://{query}", title=query, snippet="", score=1.0),))

    def page(self, url: str) -> Page:
        name = url.removeprefix("test://")
        return make_page(url, f"# {name}\n\nMoons: {len(name)}\nColour: blue")


def expected(name: str) -> dict[str, Any]:
    return {"moons": len(name), "colour": "blue"}


def reader(hook: Hook | None = None, **options: Any) -> ScriptedModel:
    """A model that reads a planet's page for each sub-query, and cites it."""

    async def script(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        name = task.input["name"]
        if hook is not None and asyncio.iscoroutine(waited := hook(name, subquery)):
            await waited
        (hit,) = await tools.search(name)
        passages = await tools.read(hit.url)
        answers = [
            FieldAnswer(field=field, value=expected(name)[field], passages=(passages[-1].id,), confidence="high")
            for field in subquery.fields
        ]
        return Draft(answers=tuple(answers))

    return ScriptedModel(script, **options)


def runtime(
    model: ScriptedModel | None = None, heard: list[Event] | None = None, pages: Callable[[], OnePageEach] = OnePageEach
) -> Runtime:
    """A runtime whose world is `OnePageEach` and this model, and that loses no time between tries."""
    judge = model or reader()

    @asynccontextmanager
    async def opener(_settings: Settings, folder: Path) -> AsyncIterator[World]:
        source = pages()
        yield World(model=judge, search=source, fetcher=StoringFetcher(source, PageStore(folder)))

    return Runtime(listener=[].append if heard is None else heard.append, opener=opener, retry_delays=(0.0, 0.0))


def finished_steps(run: Path, step: str, of_a_row: int) -> int:
    """How many results of a step a run has that was killed: stored ones, and those of rows that are committed. A commit that was
    killed before it swept what it had stored has both."""
    committed = tuple(f"{shard:05d}-" for shard in RunFolder.open(run).committed_shards())
    files = [file for file in (run / ".state" / "results").glob("*.jsonl") if not file.name.startswith(committed)]
    lines = [line for file in files for line in file.read_text().splitlines()]
    return sum(f'"key":"{step}-' in line for line in lines) + of_a_row * len(open_run(run).results())


async def came_to(run: Awaitable[Enrichment]) -> Enrichment:
    """What a run came to, also one that has failed as a whole."""
    try:
        return await run
    except RunFailed as failed:
        return failed.enrichment


def tables_of(run: Path) -> dict[str, list[dict[str, Any]]]:
    """Every table of a run but its pages, row by row, without what differs between two runs of the same work."""
    times = {"completed_at", "seconds"}
    opened = open_run(run)
    return {
        name: [{k: v for k, v in row.items() if k not in times} for row in opened.table(name).to_pylist()]
        for name in ("results", "basis", "usage", "findings", "sources")
    }


async def below_prefect(
    table: Path,
    run: Path,
    *,
    model: ScriptedModel | None = None,
    shard_size: int = 100,
    concurrency: int = 4,
    finish: bool = True,
    max_cost: float | None = None,
    first: int | None = None,
    listener: Listener = ignore_event,
    **options: Any,
) -> Path:
    """The whole run without Prefect: the same rows and shards. `first`: only the shards of so many first rows."""
    request = Request.check(
        table=str(table),
        query=None,
        limit=None,
        output_schema=SCHEMA,
        objective=OBJECTIVE,
        objective_column=None,
        **options,
    )

    async with runtime(model).opener(read_environment().settings(), run / ".state" / "pages") as world:
        document, settings = request.document(world), {"shard_size": shard_size}
        folder = RunFolder.create(run, document, input_schema=request.table.schema, spec=request.spec, settings=settings)
        with folder.lock():
            bind_budget(world, ChargeFile(folder.state), max_cost, ())
            await mend(folder, world.fetcher, ignore_event)
            store = ResultStore(folder.state / "results", RowReader(folder, request.spec))
            runner = Runner(store)
            rows = Rows(request, world, runner, listener, concurrency)
            left = Remaining.of(folder, request.table.row_count)
            sweep = sweeper(folder, store, world)
            await Shards(folder, rows, world.fetcher.recall, runner, listener, sweep).run(
                left.shards(request.table), open_at_once=3
            )
            if finish:
                folder.finish(rows=request.table.row_count)
    return run
