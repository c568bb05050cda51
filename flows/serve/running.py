"""`research serve` and `research worker`: the service and its workers as processes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import uvicorn
from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings

from flows.run.environment import Environment, names_of, read_environment
from flows.secret_blocks import secrets_with_blocks
from flows.serve.composition import Door, Records, in_process, open_door, worker_of
from flows.serve.database.database import Database, default_url
from flows.serve.dialects import DIALECTS, words
from flows.serve.http.access import Access
from flows.serve.http.app import create_app
from flows.serve.http.keys import Keys, default_folder, keys_of
from flows.serve.http.limits import RequestRate
from flows.serve.http.listener import listen
from flows.serve.options import DoorOptions, WorkOptions
from flows.serve.processes import KeptProcess
from flows.serve.readiness import check_admission, check_world
from flows.serve.service.admission import Admission
from flows.serve.shown_warnings import show_warnings
from flows.serve.work.background import PrefectDispatcher, serve_tasks
from flows.serve.work.dispatch import Dispatcher
from flows.serve.work.worlds import Worlds
from flows.server import DEFAULTS, PrefectUnavailable, check_home, free_port, server_command
from research.display.printable import printable_logger
from research.secrets import KnownSecrets
from research.world import Settings

DATABASE: Final = "RESEARCH_DATABASE"
READY_SECONDS: Final = 120.0
"""How long Prefect's server may take to start."""
PREFECT_SECONDS: Final = 2.0
"""After how long a Prefect server is asked again that did not answer."""
END_SECONDS: Final = 5
"""How long open connections may take to end when the service is stopped."""

_log: Final = printable_logger(__name__)


@dataclass(frozen=True)
class Listening:
    """Where the service answers."""

    url: str
    folder: Path
    database: str
    has_keys: bool
    prefect: str | None
    """The address of Prefect's API; None: tasks run in this process."""


def folder_of(options: WorkOptions) -> Path:
    """The folder of keys and records."""
    return options.folder or default_folder()


async def serve(options: WorkOptions, door_options: DoorOptions, on_start: Callable[[Listening], None]) -> None:
    """Serve until a signal ends it. Nothing starts before all is seen that it needs.

    Args:
        on_start: is told where it answers.

    Raises:
        InvalidInput: an option, the database, the world or the port cannot be used.
    """
    show_warnings()
    environment = read_environment()
    records, keys = _records(options, environment), keys_of(options.folder)
    has_keys = bool(keys.all())
    check_admission(environment)
    if door_options.in_process or door_options.workers:
        has_cap = door_options.max_cost is not None or options.max_cost_per_task is not None
        await check_world(_settings(options, environment), has_cap=has_cap)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(records.database.close)
        await records.database.open()
        listener = stack.enter_context(listen(door_options.host, door_options.port))
        prefect = None
        if not door_options.in_process:
            prefect = await stack.enter_async_context(prefect_beside())
            await stack.enter_async_context(_workers(options, door_options.workers, prefect))
        secrets = await _secrets()
        _warn_of_secrets(keys, secrets)
        door = _door(options, door_options, environment, records, keys, secrets)
        access = Access(keys, RequestRate(door_options.requests_per_minute))
        most_bytes = int(door_options.max_body_mb * 1_000_000)
        app = create_app(door.service, access, DIALECTS, most_bytes=most_bytes)
        config = uvicorn.Config(
            app, log_level="warning", lifespan="off", ws="websockets-sansio", timeout_graceful_shutdown=END_SECONDS
        )
        host, port = listener.getsockname()[:2]
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        await stack.enter_async_context(door.running())
        on_start(Listening(url, folder_of(options), records.database.name, has_keys, prefect))
        await uvicorn.Server(config).serve(sockets=[listener])


def _door(
    options: WorkOptions, door_options: DoorOptions, environment: Environment, records: Records, keys: Keys, secrets: KnownSecrets
) -> Door:
    """The service over the records, whose tasks are worked on here, or handed to Prefect."""

    def dispatcher(records: Records) -> Dispatcher:
        if door_options.in_process:
            worlds = Worlds(_settings(options, environment), secrets=secrets)
            return in_process(worlds, options.concurrency, options.max_cost_per_task)(records)
        return PrefectDispatcher(records.capacity)

    admission = Admission(
        environment.web,
        environment.webhook_secret,
        secrets,
        environment.agents_dir,
        environment.mcp,
        environment.base_url,
        environment.processors,
    )
    return open_door(
        records,
        dispatcher,
        admission,
        door_options.max_open_tasks,
        words(),
        max_cost=door_options.max_cost,
        owners=keys.owner_by_id,
    )


async def work(options: WorkOptions, on_start: Callable[[str], None]) -> None:
    """Work on the tasks of a service until a signal ends it.

    Raises:
        InvalidInput: an option, the database or the world cannot be used.
        PrefectUnavailable: it is not said which Prefect server the service uses.
    """
    if (url := get_current_settings().api.url) is None:
        raise PrefectUnavailable(
            "A worker takes its tasks from the service's Prefect server: set PREFECT_API_URL to its address (docs/serve.md)."
        )
    show_warnings()
    environment = read_environment()
    records = _records(options, environment)
    await records.database.open()
    worlds = Worlds(_settings(options, environment), secrets=await _secrets())
    worker = worker_of(records, worlds, options.max_cost_per_task)
    try:
        on_start(url)
        await serve_tasks(worker, options.concurrency)
    finally:
        await records.database.close()


async def _secrets() -> KnownSecrets:
    """The secrets of the service, once Prefect's server, which keeps some of them, is there: it may be starting.

    Raises:
        PrefectUnavailable: its address is none.
    """
    while True:
        try:
            return await secrets_with_blocks()
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise PrefectUnavailable(
                f"PREFECT_API_URL is {get_current_settings().api.url!r:.200}, which is no URL: http://HOST:4200/api, for example."
            ) from error
        except httpx.TransportError as error:
            _log.warning("Prefect's server does not answer yet; trying again (%s)", error or type(error).__name__)
            await asyncio.sleep(PREFECT_SECONDS)


def _records(options: WorkOptions, environment: Environment) -> Records:
    url = options.database or (environment.database.get_secret_value() if environment.database is not None else None)
    return Records.of(Database(url or default_url(folder_of(options))))


def _settings(options: WorkOptions, environment: Environment) -> Settings:
    """What tasks are researched with, here or in a worker."""
    return environment.settings(model=options.model, corpus=options.corpus, search=names_of(options.search or ""))


def _warn_of_secrets(keys: Keys, secrets: KnownSecrets) -> None:
    """Name the secrets that keys allow and that are not here: tasks that name them are refused."""
    for key in keys.all():
        if key.revoked_at is None and (missing := sorted({*key.secrets} - {*secrets.names})):
            _log.warning(
                "%s, a key of %s, allows secrets that this service does not have: %s", key.id, key.owner, ", ".join(missing)
            )


@asynccontextmanager
async def prefect_beside() -> AsyncIterator[str]:
    """The address of the Prefect server that the user's settings name, or of one that is kept running beside the service.

    Raises:
        PrefectUnavailable: it cannot be started, or does not answer.
    """
    if (url := get_current_settings().api.url) is not None:
        yield url
        return
    await asyncio.to_thread(check_home, get_current_settings())
    port = free_port()
    with temporary_settings(set_defaults=DEFAULTS):
        command, environment = server_command(port)
        process = KeptProcess("Prefect's server", command, environment)
        url = f"http://127.0.0.1:{port}/api"
        with temporary_settings(updates={PREFECT_API_URL: url}):
            await process.start()
            try:
                await until_answers(url)
                yield url
            finally:
                await process.stop()


async def until_answers(url: str) -> None:
    """Wait until a Prefect server answers: the first thing that it is asked for is its Secret blocks.

    Raises:
        PrefectUnavailable: it does not, for `READY_SECONDS`.
    """
    try:
        async with asyncio.timeout(READY_SECONDS), httpx.AsyncClient(trust_env=False) as client:
            while True:
                with suppress(httpx.TransportError):
                    if (await client.get(f"{url}/health")).is_success:
                        return
                await asyncio.sleep(0.2)
    except TimeoutError as error:
        raise PrefectUnavailable(f"Prefect's server at {url} did not start within {READY_SECONDS:.0f} seconds.") from error


@asynccontextmanager
async def _workers(options: WorkOptions, count: int, prefect: str) -> AsyncIterator[None]:
    command = [sys.executable, "-m", "flows.cli", "worker", *_arguments(options)]
    variables = {"PREFECT_API_URL": prefect, "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore"}
    if options.database is not None:
        variables[DATABASE] = options.database
    processes = [KeptProcess(f"worker {number + 1}", command, variables) for number in range(count)]
    for process in processes:
        await process.start()
    try:
        yield
    finally:
        await asyncio.gather(*(process.stop() for process in processes))


def _arguments(options: WorkOptions) -> list[str]:
    """The options as a worker's command has them. The database's address may hold a password, so it is no argument."""
    stated = {
        "--folder": folder_of(options).absolute(),
        "--corpus": options.corpus,
        "--search": options.search,
        "--model": options.model,
        "--concurrency": options.concurrency,
        "--max-cost-per-task": options.max_cost_per_task,
    }
    return [f"{name}={value}" for name, value in stated.items() if value is not None]
