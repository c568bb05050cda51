"""Prefect's server goes away in the middle of a run: the rows go on, and what then is said is whose fault it was.

A real server stands behind a door, which can be shut (nothing listens there any more) or broken (all is answered with 500).
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, Hook, planets, reader, runtime
from flows_seen import states, task_runs
from prefect.context import FlowRunContext
from prefect.events.worker import EventsWorker
from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings

import flows.api
from flows.prefect_workarounds import recorded_task_runs
from flows.run.events import Event, Listener, RunFinished
from flows.run.options import EnrichOptions
from flows.run.outcome import Enrichment
from flows.run.prepare import prepare_enrichment
from flows.run.runtime import ignore_event
from flows.server_loss import PrefectLost
from research.ports.work import SubQuery
from research.tables.run_folder.reader import open_run

BROKEN = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
ROWS = 12


class Door:
    """Forwards connections to a server, until it is shut. It has a thread of its own: Prefect also asks the server from code that
    waits without the event loop."""

    def __init__(self, behind: str) -> None:
        self._behind = urlsplit(behind)
        self._port = 0
        self._broken = False
        self._listener: socket.socket | None = None
        self._through: list[socket.socket] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/api"

    def open(self) -> None:
        self._broken = False
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self._port))
            self._port = self._listener.getsockname()[1]
            threading.Thread(target=self._listen, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self._hang_up()

    def break_down(self) -> None:
        self._broken = True
        self._hang_up()

    def _hang_up(self) -> None:
        for connection in self._through:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._through.clear()

    def _listen(self, listener: socket.socket) -> None:
        with suppress(OSError):  # it is shut
            while True:
                outside, _ = listener.accept()
                threading.Thread(target=self._enter, args=(outside,), daemon=True).start()

    def _enter(self, outside: socket.socket) -> None:
        with suppress(OSError), outside:
            if self._broken:
                outside.recv(65_536)
                outside.sendall(BROKEN)
                return
            with socket.create_connection((self._behind.hostname or "", self._behind.port or 0)) as inside:
                self._through += [outside, inside]
                back = threading.Thread(target=_copy, args=(inside, outside), daemon=True)
                back.start()
                _copy(outside, inside)
                back.join()


def _copy(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while some := source.recv(65_536):
            to.sendall(some)
        to.shutdown(socket.SHUT_WR)


@pytest.fixture
async def door(prefect_server: None) -> AsyncIterator[Door]:
    url = get_current_settings().api.url
    assert url is not None
    made = Door(url)
    made.open()
    await _send_events()
    with temporary_settings(updates={PREFECT_API_URL: made.url}):
        yield made
        made.open()
        await _send_events()  # later tests have a worker of their own, which knows nothing of the door
    made.shut()


async def _send_events() -> None:
    drained = EventsWorker.drain_all()
    if asyncio.iscoroutine(drained):
        await drained


async def enriched(folder: Path, name: str, hook: Hook | None = None, listener: Listener = ignore_event) -> Enrichment:
    """A run whose patience with Prefect is short."""
    table = folder / f"{name}.csv"
    pd.DataFrame(planets(ROWS)).to_csv(table, index=False)
    options = EnrichOptions(
        table=str(table), output_schema=SCHEMA, objective=OBJECTIVE, out=str(folder / "run"), shard_size=4, concurrency=2
    )
    by = replace(runtime(reader(hook)), prefect_patience=0.5, listener=listener)
    async with prepare_enrichment(options, by) as prepared:
        return await flows.api.run(prepared, by)


async def test_a_server_that_comes_back_has_lost_nothing(tmp_path: Path, door: Door) -> None:
    begun = set()
    one_by_one = asyncio.Lock()

    async def hook(row: str, _: SubQuery) -> None:
        async with one_by_one:
            if row not in begun and len(begun) == 4:
                await _recorded()
                door.shut()
            begun.add(row)
            if len(begun) == 9:
                door.open()

    done = await enriched(tmp_path, "back", hook)
    assert (done.completed, done.failed, done.stopped) == (ROWS, 0, None)
    flow_run, runs = await task_runs(f"enrich back · {ROWS} rows")
    assert flow_run.state_name == "Completed"
    assert states(runs, "row") == {"Completed": ROWS}


async def _recorded() -> None:
    """Wait until Prefect has sent an event. If its first greeting is cut, it gives up all that it holds (3.8.8)."""
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    count = recorded_task_runs(context.flow_run.id)
    for _ in range(100):
        if await count():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("no task run is recorded")


@pytest.mark.parametrize(
    ("how", "what"), [(Door.shut, "does not answer any more"), (Door.break_down, "fails: it answers 500 Internal Server Error")]
)
async def test_a_server_that_stays_away_costs_no_row(tmp_path: Path, door: Door, how: Callable[[Door], None], what: str) -> None:
    """All rows are completed and committed, the folder is finished, and the error is about Prefect. The same call does nothing
    again."""
    begun = set()

    def hook(row: str, _: SubQuery) -> None:  # a row has two sub-queries
        begun.add(row)
        if len(begun) == 4:
            how(door)

    with pytest.raises(PrefectLost, match=rf"{door.url} \(PREFECT_API_URL\) {what}.*{ROWS} of {ROWS} rows, kept in") as caught:
        await enriched(tmp_path, "away", hook)
    assert (caught.value.place, caught.value.setting) == (door.url, "PREFECT_API_URL")
    run = open_run(tmp_path / "run")
    assert {row["status"] for row in run.table("results").to_pylist()} == {"completed"}
    assert len(begun) == ROWS
    door.open()
    begun.clear()
    assert (await enriched(tmp_path, "away", hook)).completed == ROWS
    assert not begun


async def test_a_server_that_has_forgotten_the_run_costs_no_row(tmp_path: Path, door: Door) -> None:
    """As one that comes back with an empty database."""

    def forget(event: Event) -> None:
        if isinstance(event, RunFinished):
            context = FlowRunContext.get()
            assert context is not None
            assert context.flow_run is not None
            for _ in range(100):  # the server refuses a change while its database is locked
                answer = httpx.delete(f"{door.url}/flow_runs/{context.flow_run.id}")
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    break
                time.sleep(0.1)
            answer.raise_for_status()

    with pytest.raises(PrefectLost, match="does not know this run any more"):
        await enriched(tmp_path, "forgotten", listener=forget)
    assert open_run(tmp_path / "run").results()["status"].tolist() == ["completed"] * ROWS


def test_the_console_does_not_wait_for_a_lost_server() -> None:
    """Prefect itself tries each event for seven seconds."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        program = (
            "from flows.cli.ending import ProcessEnd\n"
            "end = ProcessEnd()\n"
            "import flows.server_loss, prefect.events\n"
            "for number in range(20):\n"
            "    prefect.events.emit_event('tried', {'prefect.resource.id': f'row.{number}'})\n"
            "end(4)\n"
        )
        environment = {"PREFECT_API_URL": f"http://127.0.0.1:{nobody.getsockname()[1]}/api"}
        ended = _python(program, environment)
    assert ended.returncode == 4


def _python(program: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
