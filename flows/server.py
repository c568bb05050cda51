"""The Prefect server of a run: the one that the user's settings name, or a temporary one, a process of our own.

Prefect could start a temporary server as well. Ours is in a session of its own, because Ctrl-C in a terminal goes to every
process of the terminal's session: a server that ends on it before the run has reported its end leaves the run waiting for
minutes. And `flows.server_watcher` ends it however this process ends.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, Any, Final

import httpx
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings

from flows import server_watcher
from research.errors import TransientError

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
END_SECONDS: Final = 10.0
MESSAGE_LINES: Final = 5


class PrefectUnavailable(TransientError):
    """No Prefect server can be used. Raised before anything is spent."""

    stops_run = True


@asynccontextmanager
async def prefect_server() -> AsyncIterator[None]:
    """In this block, flows run with the user's Prefect server, or with this process's temporary one if there is none.

    Raises:
        PrefectUnavailable: the user's server does not answer, or the temporary one does not start.
    """
    settings = get_current_settings()
    if settings.api.url or not settings.server.ephemeral.enabled:
        await _check_server(settings.api.url)
        yield
        return
    with temporary_settings(set_defaults=DEFAULTS):
        url = await _temporary_server.start()
        with temporary_settings(updates={PREFECT_API_URL: url}):
            yield


async def _check_server(url: str | None) -> None:
    if url is None:
        raise PrefectUnavailable("Prefect has no server, and its settings forbid a temporary one: set PREFECT_API_URL.")
    async with get_client() as client:
        error = await client.api_healthcheck()
    if error is not None:
        raise PrefectUnavailable(
            f"Prefect's server at {url} does not answer: {error}. Start it, or unset PREFECT_API_URL (`prefect config unset "
            "PREFECT_API_URL`) to have one started for the run."
        ) from error


class TemporaryServer:
    """A Prefect server of this process: started when it is first needed, ended with the process. Later runs find it running, and
    what Prefect still sends while the process ends (logs, events) arrives."""

    def __init__(self) -> None:
        self._url = ""
        self._watcher: subprocess.Popen[bytes] | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> str:
        """The address of its API, once it answers there.

        Raises:
            PrefectUnavailable: it does not start. The message holds the last lines that it wrote.
        """
        async with self._starting:
            if self._watcher is None or self._watcher.poll() is not None:
                await self._start()
            return self._url

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

    async def _start(self) -> None:
        atexit.register(self.end)  # before Prefect's own threads register, so that it runs after they have sent what they hold
        for attempt in range(START_ATTEMPTS):
            port = _free_port()
            with tempfile.TemporaryFile() as log:
                self._watcher = _spawn(port, log)
                self._url = f"http://127.0.0.1:{port}/api"
                try:
                    if await self._answers():
                        return
                except BaseException:
                    await asyncio.to_thread(self.end)
                    raise
                ended = self._watcher.poll()
                await asyncio.to_thread(self.end)
                log.seek(0)
                lines = log.read().decode("utf-8", "replace").strip().splitlines()[-MESSAGE_LINES:]
            if attempt + 1 == START_ATTEMPTS or not _is_taken(port):
                why = f"It ended with exit code {ended}" if ended is not None else "It did not answer in time"
                raise PrefectUnavailable("\n  ".join([f"Prefect's temporary server did not start. {why}.", *lines]))

    async def _answers(self) -> bool:
        """Wait until the server answers. False: it ended, or it takes too long."""
        deadline = time.monotonic() + get_current_settings().server.ephemeral.startup_timeout_seconds
        async with httpx.AsyncClient(trust_env=False) as client:  # a proxy has no part in a call on loopback
            while time.monotonic() < deadline and self._watcher is not None and self._watcher.poll() is None:
                try:
                    response = await client.get(f"{self._url}/health")
                except httpx.TransportError:
                    pass
                else:
                    if response.status_code == httpx.codes.OK and self._watcher.poll() is None:
                        return True
                await asyncio.sleep(POLL_SECONDS)
        return False


_temporary_server: Final = TemporaryServer()


def _spawn(port: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    server = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with temporary_settings(set_defaults=TEMPORARY):
        settings = get_current_settings().to_environment_variables(exclude_unset=True)
    return subprocess.Popen(  # noqa: S603 - our own interpreter, and nothing from outside in its arguments
        [sys.executable, "-I", server_watcher.__file__, *server, "--log-level", "ERROR", "--no-ui"],
        env={**os.environ, **settings, "PREFECT_CLI_PROMPT": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=log,
        start_new_session=True,
    )


def _free_port() -> int:
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
