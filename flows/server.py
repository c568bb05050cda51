"""Settings for a Prefect server that we start ourselves. A server that the user runs is used as it is (see `docs/prefect.md`)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

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
        yield


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
