"""A disk that fills in the middle of a run: it stops before more is paid for, says which folder, and fails no row."""

from __future__ import annotations

import asyncio
import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, planets, reader, runtime

from flows.run.environment import read_environment
from flows.run.request import Request
from flows.run.rows import Rows
from flows.run.runner import Runner
from flows.run.runtime import ignore_event
from flows.run.shards import Remaining, Shards
from research.durable.surroundings import surroundings_fault, system_fault
from research.errors import SurroundingsFault
from research.money.budget import Charge
from research.money.charge_file import FILE, ChargeFile
from research.ports.work import SubQuery
from research.stored_results.store import ResultStore
from research.tables.run_folder.reader import open_run
from research.tables.run_folder.run_folder import RunFolder

ROWS, IN_FLIGHT = 60, 4


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """In this block no file grows beyond so many bytes: as good as a full disk, and the same for everybody who writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def run(table: Path, folder: Path, begun: list[str]) -> Rows:
    """The rows of one invocation, as a flow runs them, without Prefect."""

    async def hook(name: str, _: SubQuery) -> None:
        if name not in begun:  # a row has two sub-queries
            begun.append(name)
        await asyncio.sleep(0)

    request = Request.check(
        table=str(table), query=None, limit=None, output_schema=SCHEMA, objective=OBJECTIVE, objective_column=None
    )
    store = ResultStore(folder / ".state" / "results")
    runner = Runner(store)
    async with runtime(reader(hook)).opener(read_environment().settings(), folder / ".state" / "pages") as world:
        opened = RunFolder.create(
            folder, request.document(world), input_schema=request.table.schema, spec=request.spec, settings={"shard_size": ROWS}
        )
        with opened.lock():
            rows = Rows(request, world, runner, ignore_event, IN_FLIGHT)
            store.on_fault = rows.interrupt
            left = Remaining.of(opened, request.table.row_count)
            await Shards(opened, rows, world.fetcher.recall, runner, ignore_event).run(left.shards(request.table), open_at_once=2)
    return rows


async def test_a_full_disk_stops_the_run_before_more_is_paid_for_and_fails_no_row(tmp_path: Path) -> None:
    table, folder = tmp_path / "planets.csv", tmp_path / "run"
    pd.DataFrame(planets(ROWS)).to_csv(table, index=False)
    begun: list[str] = []
    with files_of_at_most(12_000):
        rows = await run(table, folder, begun)
    assert isinstance(rows.interruption, SurroundingsFault)
    assert str(folder) in rows.interruption.place
    assert rows.stopped is not None
    assert f"{folder}/.state" in rows.stopped
    assert "cannot be written: File too large. Make room there. Once that is put right, the same command goes on." in rows.stopped
    assert 0 < len(begun) < ROWS
    again: list[str] = []
    assert (await run(table, folder, again)).interruption is None
    assert list(open_run(folder).results()["status"]) == ["completed"] * ROWS
    assert len(again) + len(begun) <= ROWS + 2 * IN_FLIGHT, "what was stored is not researched again"


async def test_a_shard_that_finds_no_room_is_committed_by_the_same_command(tmp_path: Path) -> None:
    """Rows whose results are stored are not researched again only because their tables could not be written."""
    table, folder = tmp_path / "planets.csv", tmp_path / "run"
    pd.DataFrame(planets(3)).to_csv(table, index=False)
    written = RunFolder.write_shard
    begun: list[str] = []

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "write_shard", full)
        rows = await run(table, folder, begun)
    assert RunFolder.write_shard is written
    assert rows.stopped is not None
    assert rows.stopped.startswith(f"the run folder {folder} (chosen with --out) cannot be written: No space left on device.")
    again: list[str] = []
    await run(table, folder, again)
    assert (len(begun), again) == (3, [])
    assert list(open_run(folder).results()["status"]) == ["completed"] * 3


def test_a_charge_that_finds_no_room_is_written_with_the_next(tmp_path: Path) -> None:
    """Money that was spent counts. The run is told, so that nothing more is spent."""
    faults: list[SurroundingsFault] = []
    charges = ChargeFile(tmp_path)
    charges.on_fault = faults.append
    charges.record(Charge(1.0, 1.0, "plan"))
    with files_of_at_most((tmp_path / FILE).stat().st_size + 5):
        charges.record(Charge(2.0, 2.0, "plan"))
    assert [fault.place for fault in faults] == [str(tmp_path / FILE)]
    assert (charges.usd, ChargeFile(tmp_path).usd) == (3.0, 1.0)
    charges.write_rest()
    assert ChargeFile(tmp_path).usd == 3.0


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "Make room"),
        (errno.EROFS, "Let it be written"),
        (errno.ENOENT, "Put it back"),
        (errno.EIO, "See what is wrong"),
    ],
)
def test_what_is_wrong_with_a_folder_says_what_to_do(tmp_path: Path, number: int, advice: str) -> None:
    fault = surroundings_fault(OSError(number, "the system's words"), tmp_path, "the run folder", "--out")
    assert str(fault).startswith(f"the run folder {tmp_path} (chosen with --out) cannot be written: the system's words. {advice}")
    assert (fault.place, fault.setting, fault.stops_run) == (str(tmp_path), "--out", True)


def test_a_full_disk_and_the_lack_of_a_right_are_no_bugs(tmp_path: Path) -> None:
    """A read-only folder says so, by its own name and not that of a file that was to be made there."""
    (there := tmp_path / "there").touch()
    made = system_fault(PermissionError(errno.EACCES, "Permission denied", str(tmp_path / ".report.html.tmp")))
    lock = system_fault(PermissionError(errno.EACCES, "Permission denied", str(there)))
    full = system_fault(OSError(errno.ENOSPC, "No space left on device"))
    assert str(made) == f"{tmp_path} cannot be written: Permission denied. Let it be written again"
    assert str(lock) == f"{there} cannot be used: Permission denied. Give this user the right to it"
    assert "Make room" in str(full)
    assert system_fault(FileNotFoundError(errno.ENOENT, "No such file or directory", str(tmp_path / "none"))) is None
