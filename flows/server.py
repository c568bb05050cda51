"""The Prefect server of a run: the one that the user's settings name, or a temporary one, a process of our own.

Prefect could start a temporary server as well. Ours is in a session of its own, because Ctrl-C in a terminal goes to every
process of the terminal's session: a server that ends on it before the run has reported its end leaves the run waiting for
minutes. And `flows.server_watcher` ends it however this process ends.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, Final

import httpx
import prefect
from prefect.client.orchestration import get_client
from prefect.context import get_settings_context
from prefect.settings import PREFECT_API_URL, Settings, get_current_settings, temporary_settings

from flows import server_watcher
from flows.run.writable import PREFECT_HOME, check_writable
from research.display.printable import printable
from research.errors import InvalidInput, TransientError
from research.web.proxies import prepare_proxies

if TYPE_CHECKING:
    from flows.run.checkup import Finding

DEFAULTS: Final[dict[str, Any]] = {
    "server.services.task_run_recorder.batch_size": 100,
    "server.services.task_run_recorder.read_batch_size": 100,
    "server.services.task_run_recorder.flush_interval": 1.0,
    "server.services.event_persister.batch_size": 200,
    "server.services.event_persister.read_batch_size": 200,
    "server.services.triggers.enabled": False,
    "server.analytics_enabled": False,
    "server.ephemeral.startup_timeout_seconds": 120,
}
"""Only defaults: what the user has set stays. Why each: `docs/design/task-runs.md`."""

TEMPORARY: Final[dict[str, Any]] = {
    "server.services.scheduler.enabled": False,
    "server.services.late_runs.enabled": False,
    "server.services.foreman.enabled": False,
    "server.services.cancellation_cleanup.enabled": False,
    "server.services.pause_expirations.enabled": False,
    "server.services.repossessor.enabled": False,
    "server.services.cleanup_reconciler.enabled": False,
}
"""What a server that lives as long as one process leaves to a real one: the schedules and flow runs of other processes."""

START_ATTEMPTS: Final = 3
"""A free port can be taken by another process before the server has it."""
POLL_SECONDS: Final = 0.1
CHECK_SECONDS: Final = 10.0
"""How long the user's server may take to say that it is well, and which version it is."""
END_SECONDS: Final = 10.0
MESSAGE_LINES: Final = 5
NO_ROOM: Final = 1_000_000
"""Bytes. The database of a new server takes more."""


class PrefectUnavailable(TransientError):
    """No Prefect server can be used. Raised before anything is spent."""

    stops_run = True


async def check_server() -> None:
    """See that the server that a run will have can be used.

    Raises:
        PrefectUnavailable: the user's server does not answer, or nothing can be written where a temporary one keeps its database.
    """
    settings = get_current_settings()
    if _needs_temporary(settings):
        check_home(settings)
    else:
        await _check_server(settings.api.url)


async def describe_server() -> list[Finding]:
    """Prefect's settings that decide which server a run has, and whether that server can be used."""
    from flows.run.checkup import Finding, without_password

    settings = get_current_settings()
    found = [Finding("prefect", "profile", get_settings_context().profile.name)]
    try:
        prepare_proxies(os.environ)  # as a run does, whose client reads them
        await check_server()
        advice = ""
    except (InvalidInput, PrefectUnavailable) as error:
        advice = str(error)
    url = settings.api.url
    temporary = "none; a temporary one is started for each command" if _needs_temporary(settings) else "none"
    what = without_password(url) if url else temporary
    return [*found, Finding("prefect", "server", what, advice)]


def begin_server() -> None:
    """Begin to start the temporary server, if a run will need one, and do not wait for it: `prefect_server` does.

    Raises:
        PrefectUnavailable: it cannot be started, or nothing can be written where Prefect keeps its database.
    """
    settings = get_current_settings()
    if _needs_temporary(settings):
        with temporary_settings(set_defaults=DEFAULTS):
            _temporary_server.begin()


@asynccontextmanager
async def prefect_server(meanwhile: Callable[[], Awaitable[None]] | None = None) -> AsyncIterator[None]:
    """In this block, flows run with the user's Prefect server, or with this process's temporary one if there is none.

    Args:
        meanwhile: is done while the temporary one starts, which takes seconds.

    Raises:
        PrefectUnavailable: the user's server does not answer, or the temporary one does not start.
    """
    prepare_proxies(os.environ)
    settings = get_current_settings()
    if not _needs_temporary(settings):
        await _check_server(settings.api.url)
        yield
        return
    with temporary_settings(set_defaults=DEFAULTS):
        other = asyncio.create_task(_do(meanwhile))
        try:
            url = await _temporary_server.start()
            await other
        finally:
            other.cancel()
        with temporary_settings(updates={PREFECT_API_URL: url}):
            yield


def check_home(settings: Settings) -> None:
    """See that a Prefect server which is started here can keep its database.

    Raises:
        PrefectUnavailable: nothing can be written there.
    """
    try:
        check_writable(settings.home, PREFECT_HOME, "PREFECT_HOME")
    except InvalidInput as error:
        raise PrefectUnavailable(str(error)) from error


async def _do(work: Callable[[], Awaitable[None]] | None) -> None:
    if work is not None:
        await work()


def _needs_temporary(settings: Settings) -> bool:
    return not settings.api.url and settings.server.ephemeral.enabled


async def _check_server(url: str | None) -> None:
    if url is None:
        raise PrefectUnavailable("Prefect has no server, and its settings forbid a temporary one: set PREFECT_API_URL.")
    try:
        async with asyncio.timeout(CHECK_SECONDS), get_client() as client:
            if (error := await client.api_healthcheck()) is not None:
                raise _unavailable(url, f"does not answer as it should: {error}") from error
            await client.raise_for_api_version_mismatch()
    except TimeoutError as error:
        raise _unavailable(url, f"does not answer within {CHECK_SECONDS:.0f} seconds") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise _unavailable(url, f"has no address that can be asked: {error}") from error
    except RuntimeError as error:  # all that Prefect raises for another version, or for something that is no Prefect server
        raise _unavailable(url, f"cannot be used with Prefect {prefect.__version__}: {error}") from error


def no_flow_run(error: Exception) -> PrefectUnavailable:
    """The error to raise where a server that is well has not accepted a flow run."""
    return _unavailable(str(get_current_settings().api.url), f"accepted no flow run: {printable(str(error), one_line=True)}")


def _unavailable(url: str, why: str) -> PrefectUnavailable:
    return PrefectUnavailable(
        f"Prefect's server at {url} {why.rstrip('.')}. Start one there, or unset PREFECT_API_URL "
        "(`prefect config unset PREFECT_API_URL`) to have one started for the run."
    )


class TemporaryServer:
    """A Prefect server of this process: started when it is first needed, ended with the process. Later runs find it running, and
    what Prefect still sends while the process ends (logs, events) arrives."""

    def __init__(self) -> None:
        self._port = 0
        self._watcher: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._beginning = threading.Lock()
        self._starting = asyncio.Lock()

    def begin(self) -> None:
        """Start it, unless it runs, and do not wait until it answers.

        Raises:
            PrefectUnavailable: nothing can be written where Prefect keeps its database.
        """
        with self._beginning:
            if self._watcher is not None and self._watcher.poll() is None:
                return
            check_home(get_current_settings())
            if self._watcher is None:
                atexit.register(self.end)  # before Prefect's own threads, so that it runs after they have sent what they hold
            self._port = free_port()
            self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this object
            self._watcher = _spawn(self._port, self._log)

    async def start(self) -> str:
        """The address of its API, once it answers there.

        Raises:
            PrefectUnavailable: it does not start. The message holds the last lines that it wrote.
        """
        async with self._starting:
            for attempt in range(START_ATTEMPTS):
                self.begin()
                try:
                    if await self._answers():
                        return self.url
                except BaseException:
                    await asyncio.to_thread(self.end)
                    raise
                ended = self._watcher.poll() if self._watcher else None
                await asyncio.to_thread(self.end)
                if attempt + 1 == START_ATTEMPTS or not _is_taken(self._port):
                    why = f"It ended with exit code {ended}" if ended is not None else "It did not answer in time"
                    raise PrefectUnavailable("Prefect's temporary server did not start. " + self._trouble(why))
        raise AssertionError  # the last attempt has returned or raised

    def end(self) -> None:
        """End the server, and wait until it has ended."""
        watcher, self._watcher = self._watcher, None
        if watcher is None or watcher.stdin is None:
            return
        watcher.stdin.close()
        try:
            watcher.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            watcher.kill()

    @property
    def url(self) -> str:
        """The address of its API."""
        return f"http://127.0.0.1:{self._port}/api"

    def _trouble(self, why: str) -> str:
        """What kept it from starting, for people."""
        if (full := folder_without_room()) is not None:
            return f"There is no room left in {full[0]} ({full[1]}). Make room there, or name another folder with it."
        return "\n  ".join([f"{why}.", *self._wrote()])

    def _wrote(self) -> list[str]:
        """The last lines that it wrote."""
        if self._log is None:
            return []
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace").strip().splitlines()[-MESSAGE_LINES:]

    async def _answers(self) -> bool:
        """Wait until the server answers. False: it ended, or it takes too long."""
        deadline = time.monotonic() + get_current_settings().server.ephemeral.startup_timeout_seconds
        async with httpx.AsyncClient(trust_env=False) as client:  # a proxy has no part in a call on loopback
            while time.monotonic() < deadline and self._watcher is not None and self._watcher.poll() is None:
                try:
                    response = await client.get(f"{self.url}/health")
                except httpx.TransportError:
                    pass
                else:
                    if response.status_code == httpx.codes.OK and self._watcher.poll() is None:
                        return True
                await asyncio.sleep(POLL_SECONDS)
        return False


_temporary_server: Final = TemporaryServer()


def folder_without_room(room: int = NO_ROOM) -> tuple[str, str] | None:
    """A folder that the temporary server writes to, and that is full, with the variable that names it. None: there is none."""
    home = str(get_current_settings().home)
    for folder, setting in ((home, "PREFECT_HOME"), (tempfile.gettempdir(), "TMPDIR")):
        with suppress(OSError):  # it is not there, which is another trouble
            if shutil.disk_usage(folder).free < room:
                return folder, setting
    return None


def is_temporary(url: str) -> bool:
    """Whether this is the address of this process's temporary server."""
    return url == _temporary_server.url


def server_url() -> str | None:
    """The address of the server that runs of this process have."""
    settings = get_current_settings()
    return _temporary_server.url if _needs_temporary(settings) else settings.api.url


def server_command(port: int) -> tuple[list[str], dict[str, str]]:
    """The command that starts a server on loopback, and the variables that it has beside this process's: the current settings."""
    server = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with temporary_settings(set_defaults=TEMPORARY):
        settings = get_current_settings().to_environment_variables(exclude_unset=True)
    return [*server, "--log-level", "ERROR", "--no-ui"], {**settings, "PREFECT_CLI_PROMPT": "0"}


def _spawn(port: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    command, variables = server_command(port)
    return subprocess.Popen(  # noqa: S603 - our own interpreter, and nothing from outside in its arguments
        [sys.executable, "-I", server_watcher.__file__, *command],
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=log,
        start_new_session=True,
    )


def free_port() -> int:
    """A port of loopback that nothing listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _is_taken(port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False
