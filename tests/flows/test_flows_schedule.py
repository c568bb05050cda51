"""A schedule that is switched on makes flow runs by itself, on a Prefect server of its own, started as `docs/prefect.md` says."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import TERMINAL_STATES
from prefect.settings import PREFECT_API_URL, temporary_settings

from research.tables import open_run
from tests import prefect_database

T = TypeVar("T")

PAGE = "<html><body><h1>{}</h1><table><tr><th>Operator</th><td>{}</td></tr><tr><th>Launched</th><td>{}</td></tr></table>"

SETTINGS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",  # it is cut to whole seconds: less is 0, and never rests
}
"""Prefect's own, but that nothing is sent home, and that what is done every five, ten or sixty seconds is done every second."""


@contextmanager
def running(log: Path, environment: dict[str, str], *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes to this log. After the block it is gone, and so is every process that it has started."""
    with log.open("a") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def seen(look: Callable[[], T], log: Path, *processes: subprocess.Popen[bytes], seconds: float = 120) -> T:
    """What there is to see, as soon as there is something. Fails when a process has ended, or after many times the usual wait."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and all(process.poll() is None for process in processes):
        if found := look():
            return found
        time.sleep(0.25)
    codes = [process.poll() for process in processes]
    raise AssertionError(f"there was nothing to see; exit codes {codes}; the log ends with\n{log.read_text()[-6000:]}")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_a_schedule_that_is_switched_on_enriches_the_table_without_being_asked(
    tmp_path: Path, prefect_server: None, made_prefect_database: Path
) -> None:
    (tmp_path / "pages").mkdir()
    for name, facts in {"Voyager 1": ("NASA", "5 September 1977"), "Giotto": ("ESA", "2 July 1985")}.items():
        (tmp_path / "pages" / f"{name}.html").write_text(PAGE.format(name, *facts))
    (tmp_path / "missions.csv").write_text("mission\nVoyager 1\nGiotto\n")
    parameters = {
        "table": str(tmp_path / "missions.csv"),
        "output_schema": {"operator": "who operates it", "launched": "date"},
        "objective": "Facts about the space mission {mission}",
        "corpus": str(tmp_path / "pages"),
        "model": "extractive",
        "out": str(tmp_path / "run"),
    }

    port = str(free_port())
    api = f"http://127.0.0.1:{port}/api"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "RESEARCH_"))}
    scratch = {"PREFECT_HOME": str(tmp_path / "prefect"), "RESEARCH_CACHE_DIR": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    prefect_database.take(made_prefect_database, tmp_path / "prefect")
    environment = {**kept, **SETTINGS, **scratch, "PREFECT_API_URL": api}
    start = (sys.executable, "-m", "prefect", "server", "start", "--port", port, "--no-ui")
    serve = (sys.executable, str(Path(__file__).with_name("flows_served.py")), "5", json.dumps(parameters))
    ended = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=sorted(TERMINAL_STATES))))

    log = tmp_path / "log"
    with ExitStack() as held:
        held.enter_context(temporary_settings({PREFECT_API_URL: api}))
        client = held.enter_context(get_client(sync_client=True))
        server = held.enter_context(running(log, environment, *start))
        seen(lambda: client.api_healthcheck() is None, log, server)
        served = held.enter_context(running(log, environment, *serve))
        run = seen(lambda: client.read_flow_runs(flow_run_filter=ended), log, server, served)[0]

    assert (run.state_name, run.name) == ("Completed", "enrich missions · 2 rows"), log.read_text()[-6000:]
    assert run.auto_scheduled
    results = open_run(tmp_path / "run").results()
    assert list(results["status"]) == ["completed", "completed"]
    assert list(results["operator"]) == ["NASA", "ESA"]
