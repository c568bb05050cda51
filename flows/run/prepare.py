"""Prepares a run: its request is read, checked and hashed, and its world opened, once. Plans show this object, flows run it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from flows.run.declaration import names
from flows.run.earlier_states import LATEST, hint_of, other_rows_of_it, refuse_changed, resolve_latest
from flows.run.exporting import check_export
from flows.run.options import EnrichOptions, FindOptions, Options, RefreshOptions, ResynthesizeOptions, RunOptions, TaskOptions
from flows.run.outcome import FailOver
from flows.run.patience import patience_seconds
from flows.run.prepared_run import PreparedRun
from flows.run.remote_folder import is_remote, local_folder, open_mirror, refuse_batches
from flows.run.request import Request
from flows.run.reuse import Earlier, spec_of
from flows.run.row_agents import RowAgents
from flows.run.runtime import Runtime
from flows.run.shards import Remaining
from flows.run.workers.choice import check_runner
from flows.run.writable import CACHE, RUN_FOLDER, check_writable
from research.errors import InvalidInput, InvalidRun
from research.pages.row_pages import RowPages
from research.ports.sessions import Sessions
from research.result.escalation import Escalation
from research.sessions.folder import FolderSessions
from research.tables.inputs.read import Table, open_table
from research.tables.run_folder.mirror import RunMirror
from research.tables.run_folder.open_questions import waiting_rows
from research.tables.run_folder.part_files import check_shard_count
from research.tables.run_folder.request import default_run_path, request_key
from research.tables.run_folder.run_folder import RunFolder

if TYPE_CHECKING:
    from research.ports.world import World
    from research.tables.audit.calibration import KeptCalibration
    from research.task.task import Task
    from research.world import Settings

FROM_THE_RUN: Final = (
    *(name for name in names(TaskOptions) if name not in ("output_schema", "agent_ids", "agents_dir")),
    "source_policy",
    "agent_profiles",
)
"""Options that a resynthesis takes from the run, unless it states others. The start page and files are among the stored pages."""


Find = Callable[[Options, Request, Mapping[str, Any], RunMirror | None], Awaitable[tuple[Path, int]]]
"""Finds the run folder of a request's document, and how many of its rows are completed."""


class PagesFolder:
    """Where the pages of a run are stored. The run folder's default path contains the world's identity, so it is known only after
    the world is opened."""

    path: Path | None = None

    def __call__(self) -> Path:
        if self.path is None:
            raise RuntimeError("a page was read before the path of the run folder was known")
        return self.path


@asynccontextmanager
async def prepare_enrichment(
    options: EnrichOptions, runtime: Runtime, checked: Request | None = None, began: RunFolder | None = None
) -> AsyncIterator[PreparedRun]:
    """Check an enrichment, and open its world for as long as the block lasts.

    Args:
        checked: `Request.of(options)`, where the caller has it already.
        began: the run that goes on: its agents keep the profiles that they had.

    Raises:
        InvalidInput: something is wrong with the request, or its corpus cannot be read. Nothing was spent.
    """
    await check(options, runtime)
    request: Request = await asyncio.to_thread(Request.of, options) if checked is None else checked
    request = await request.with_row_columns(sessions_of(runtime), before=None if began is None else began.request)
    async with _open_enrichment(options, request, runtime, find_run) as prepared:
        yield prepared


@asynccontextmanager
async def prepare_resynthesis(options: ResynthesizeOptions, runtime: Runtime) -> AsyncIterator[PreparedRun]:
    """Check a resynthesis, and open a world of stored pages for as long as the block lasts.

    Raises:
        InvalidInput: of the run, the schema, the objective, the processor or the model. Nothing was spent.
    """
    await check(options, runtime)
    async with _open_resynthesis(options, runtime, find_run) as prepared:
        yield prepared


@asynccontextmanager
async def prepare_worker(run: RunFolder, options: Options, runtime: Runtime, workers: int) -> AsyncIterator[PreparedRun]:
    """Open the world of a run in one of its workers. The table is not read: the run folder says what there is to know of it.

    Args:
        workers: those of the run, which share the limits of services.

    Raises:
        InvalidRun: this process's environment makes another world than the coordinator's; each difference is named.
        InvalidInput: it makes none.
    """

    async def find(_options: Any, _request: Request, document: Mapping[str, Any], _mirror: Any) -> tuple[Path, int]:
        await asyncio.to_thread(RunFolder.find, run.path, document)
        return run.path, 0

    if isinstance(options, ResynthesizeOptions):
        async with _open_resynthesis(options, runtime, find, workers) as prepared:
            yield prepared
        return
    if isinstance(options, RefreshOptions):
        from flows.run.refresh import open_refresh  # it is made of this module's parts

        async with open_refresh(options, runtime, find, workers, run) as prepared:
            yield prepared
        return
    if isinstance(options, FindOptions):
        raise InvalidInput("a find has no workers")  # it is refused before it begins
    request = await asyncio.to_thread(request_of_run, run, options)
    request = await request.with_row_columns(sessions_of(runtime), recorded=run.request)
    async with _open_enrichment(options, request, runtime, find, workers) as prepared:
        yield prepared


@asynccontextmanager
async def _open_enrichment(
    options: EnrichOptions, request: Request, runtime: Runtime, find: Find, workers: int = 1
) -> AsyncIterator[PreparedRun]:
    escalation = Escalation.parse(options.escalate, request.sample.processor) if options.escalate else None
    earlier = None
    if options.reuse and options.reuse != LATEST:
        earlier = await asyncio.to_thread(_earlier, options.reuse, runtime.environment.cache_dir, request)
        request = request.keeping(earlier.identity)
    settings = await world_settings(options, request, runtime, options.patience, workers)
    if options.batch and options.out is not None and is_remote(options.out):
        refuse_batches(options.out)
    mirror = await checked_out(options, settings.cache_dir)
    pages = PagesFolder()
    async with runtime.opener(settings, pages) as world:
        if options.batch:
            from flows.run.batch import batched  # the SDK takes half a second to import, and most runs have no batch

            named = request.agents.profiles.values()
            world = batched(world, request.sample, agents=named, escalate=options.escalate, start_url=options.start_url)
        warnings = (*request.agents.warnings, *await check_servers(request.sample, world))
        document = request.document(world)
        if options.reuse == LATEST:
            directory = Path("runs") if options.out is None or is_remote(options.out) else Path(options.out).parent
            request, earlier, here = await asyncio.to_thread(resolve_latest, request, document, directory)
            document = request.document(world)
            out = options.out if options.out is not None or here is None else str(here)
            options = replace(options, reuse=None if earlier is None else str(earlier.folder.path), out=out)
        if earlier is not None:
            earlier.refuse_other(document)
        path, done = await find(options, request, document, mirror)
        pages.path = path / ".state" / "pages"
        hint = ""
        if earlier is None and mirror is None:
            earlier = await asyncio.to_thread(other_rows_of_it, request, document, path)
            if earlier is None and options.out is None and not path.exists():
                hint = await asyncio.to_thread(hint_of, request, document, path)
        yield PreparedRun(
            options,
            request,
            world,
            document,
            path,
            done,
            settings,
            earlier,
            escalation,
            mirror=mirror,
            calibration=await asyncio.to_thread(calibration_of, runtime, document),
            hint=hint,
            request_warnings=warnings,
        )


@asynccontextmanager
async def _open_resynthesis(
    options: ResynthesizeOptions, runtime: Runtime, find: Find, workers: int = 1
) -> AsyncIterator[PreparedRun]:
    cache_dir = runtime.environment.cache_dir
    request, earlier = await asyncio.to_thread(_request_over_stored_pages, options, cache_dir)
    mirror = await checked_out(options, cache_dir)
    settings = runtime.environment.settings(model=options.model, patience=patience_seconds(options.patience))
    settings = settings.changed(workers=workers)
    pages = RowPages((), earlier.pages.get)  # not yet bound to a row
    async with runtime.stored_opener(settings, pages) as world:
        document = request.document(world)
        path, done = await find(options, request, document, mirror)
        yield PreparedRun(
            options,
            request,
            world,
            document,
            path,
            done,
            settings,
            earlier,
            only_stored=True,
            mirror=mirror,
            calibration=await asyncio.to_thread(calibration_of, runtime, document),
        )


async def world_settings(options: EnrichOptions, request: Request, runtime: Runtime, patience: str, workers: int) -> Settings:
    """What the world of an enrichment, or of one that is refreshed, is opened with.

    Raises:
        InvalidTask: a secret that the request names is not known here.
        InvalidInput: the cache folder cannot be written.
    """
    settings = runtime.environment.settings(
        model=options.model,
        corpus=options.corpus,
        search=tuple(options.search or ()),
        names_pages=request.names_pages,
        names_servers=bool(request.sample.mcp_servers),
        service_searches=options.batch,
        patience=patience_seconds(patience),
    ).changed(workers=workers, start_pages=request.start is not None)
    if names := request.sample.secrets:
        settings = settings.with_secrets((await runtime.secrets()).resolve(names))
    await asyncio.to_thread(check_writable, settings.cache_dir, CACHE, "RESEARCH_CACHE_DIR")
    return settings


async def checked_out(options: RunOptions, cache_dir: Path) -> RunMirror | None:
    """See that the run folder that is named can be written. Returns its mirror if it is named by a URL.

    Raises:
        InvalidInput: it cannot be written; says why.
    """
    if options.out is None:
        return None
    if is_remote(options.out):
        return await asyncio.to_thread(open_mirror, options.out, cache_dir)
    await asyncio.to_thread(check_writable, Path(options.out), RUN_FOLDER, "--out")
    return None


async def find_run(options: Options, request: Request, document: Mapping[str, Any], mirror: RunMirror | None) -> tuple[Path, int]:
    """The run folder, and how many of its rows are completed.

    Raises:
        InvalidRun: the folder holds another request, or something else; or the rows make more shards than a run can have.
    """
    named = Path(options.out) if options.out else None
    path = (mirror.path if mirror is not None else named) or default_run_path(request.table.name, request_key(document))
    rows = request.table.row_count
    try:
        run = await asyncio.to_thread(RunFolder.find, path, document)
    except InvalidRun as error:
        raise await asyncio.to_thread(refuse_changed, path, request, document, error) from None
    if run is None:
        check_shard_count(rows, options.shard_size)
        return path, 0
    left = await asyncio.to_thread(lambda: Remaining.of(run, rows, (each.row for each in waiting_rows(run))))
    return path, left.kept


async def check(options: Options, runtime: Runtime) -> None:
    """See that the runner can do what is asked, and that what is only needed at the end of a run can be read."""
    await check_runner(options, runtime)
    if options.fail_over is not None:
        FailOver.parse(options.fail_over)
    await asyncio.to_thread(check_export, options)
    if options.webhook is not None or runtime.environment.webhook is not None:
        from flows.run.webhooks import receiver_of  # most runs tell nobody

        receiver_of(options, runtime.environment)


def sessions_of(runtime: Runtime) -> Sessions:
    """Where the sessions are that rows of a table go on from."""
    environment = runtime.environment
    return FolderSessions(environment.sessions or environment.cache_dir / "sessions")


async def check_servers(sample: Task, world: World) -> tuple[str, ...]:
    """Ask the MCP servers that all rows may use for their tools. Returns what is missing of them.

    Raises:
        InvalidTask: one may not be asked; says which setting would allow it.
    """
    if not sample.mcp_servers or world.tool_servers is None:
        return ()
    from research.pipeline import refuse_named_pages  # a request that is refused needs no pipeline

    refuse_named_pages(sample, world)
    return () if world.model.keyless else (await world.tool_servers.offered(sample.mcp_servers)).warnings


def calibration_of(runtime: Runtime, document: Mapping[str, Any]) -> KeptCalibration:
    from research.tables.audit.calibration import find_calibration  # a request that is refused needs none

    return find_calibration(runtime.environment.calibrations, document)


def _earlier(run: str, cache_dir: Path, request: Request) -> Earlier:
    return Earlier(RunFolder.open(local_folder(run, cache_dir)), request)


def request_of_run(run: RunFolder, options: EnrichOptions) -> Request:
    opened = open_table(run.columns.input_schema.empty_table())
    table = replace(opened, fingerprint=str(run.request.get("table")))
    return Request.of(options, table=table, agent_profiles=profiles_of(run))


def profiles_of(run: RunFolder) -> Any:
    """The profiles of a run's agents, as it keeps them."""
    return (run.request.get("task") or {}).get("agent_profiles")


def _request_over_stored_pages(options: ResynthesizeOptions, cache_dir: Path) -> tuple[Request, Earlier]:
    folder = RunFolder.open(local_folder(options.run, cache_dir))
    before = folder.request
    if options.output_schema is None and options.objective is None and not options.all_fields:
        raise InvalidInput(
            "nothing would be researched: give another schema with --schema, or research every field again with --all"
        )
    question = before.get("objective") or {}
    if options.objective is not None:
        question = {"template": options.objective, "column": None}
    if "session_id" in (before.get("id_columns") or {}):
        raise InvalidInput(
            f"{folder.path}: its rows go on from sessions, and a resynthesis has nothing but stored pages. Ask the question with "
            "`enrich` and the session column"
        )
    task = {name: before.get("task", {}).get(name) for name in FROM_THE_RUN}
    if options.processor is not None:
        task["processor"] = options.processor
    request = Request.check(
        table=_table(folder),
        query=before.get("query"),
        limit=before.get("limit"),
        output_schema=spec_of(folder) if options.output_schema is None else options.output_schema,
        objective=question.get("template"),
        objective_column=question.get("column"),
        private=before.get("private"),
        agents=RowAgents(before.get("agent_column")).recorded(before),
        agent_ids=[profile["id"] for profile in task["agent_profiles"] or ()] or None,
        **task,
    )
    other_question = request.content["objective"] != before.get("objective")
    earlier = Earlier(folder, request, nothing_kept=options.all_fields or other_question)
    return request.keeping({**earlier.identity, "pages": "stored"}), earlier


def _table(folder: RunFolder) -> Table:
    """The input rows of a run, as its folder holds them.

    Raises:
        InvalidRun: it is being written, or lacks rows in between.
    """
    if folder.status == "running":
        raise InvalidRun(f"{folder.path} is not finished: run its command again, and then this one.")
    next_row = 0
    for shard in folder.committed_shards():
        rows = folder.read("results", shard, [folder.columns.row_index]).column(0).to_pylist()
        if rows != list(range(next_row, next_row + len(rows))):
            raise InvalidRun(f"{folder.path} lacks row {next_row}: run its command again, and then this one.")
        next_row += len(rows)

    def inputs() -> Iterator[pa.RecordBatch]:
        for shard in folder.committed_shards():
            yield from folder.read_shard(shard).inputs.to_batches()

    opened = open_table(pa.RecordBatchReader.from_batches(folder.columns.input_schema, inputs()))
    name = re.sub(r"-[0-9a-f]{8}$", "", folder.path.resolve().name)
    return replace(opened, name=name, fingerprint=str(folder.request.get("table")))
