"""Settings for a Prefect server that we start ourselves. A server that the user runs is used as it is (see `docs/prefect.md`)."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import get_current_settings, temporary_settings

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


@contextmanager
def own_server() -> Iterator[None]:
    """In this block, a Prefect server that has to be started is started with `DEFAULTS`. Nothing changes if there is one."""
    if get_current_settings().api.url:
        yield
        return
    with temporary_settings(set_defaults=DEFAULTS):
        ServerApart()  # the one instance: Prefect's client starts it when it needs a server
        yield


class ServerApart(SubprocessASGIServer):
    """Prefect's temporary server, in a session of its own. Ctrl-C in a terminal goes to every process of the terminal's session:
    a server that ends on it before the run has told it how it ended leaves the run waiting for minutes."""

    def _run_uvicorn_command(self) -> subprocess.Popen[Any]:
        app = ["--factory", "prefect.server.api.server:create_app", "--log-level", "error", "--lifespan", "on"]
        where = ["--host", "127.0.0.1", "--port", str(self.port)]
        own = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
        settings = get_current_settings().to_environment_variables(exclude_unset=True)
        return subprocess.Popen(  # noqa: S603 - our own interpreter, and nothing from outside in its arguments
            [sys.executable, "-m", "uvicorn", *app, *where],
            env={**os.environ, **own, **settings},
            start_new_session=True,
        )


@contextmanager
def quiet_task_runs(level: int = logging.ERROR) -> Iterator[None]:
    """In this block, task runs log at `level` and above only: a log line for each finished task run costs as much as a task run
    is worth (1 ms), and says what the UI shows anyway."""
    logger = logging.getLogger("prefect.task_runs")
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)
