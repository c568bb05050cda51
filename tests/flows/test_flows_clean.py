"""`research clean`: what is not needed goes, and nothing that was paid for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from flows_doubles import below_prefect, reader, tables_of
from flows_half_done import SHARD, make_half_done, make_table

from flows.run.cleaning import clean
from research.errors import InvalidRun
from research.tables import RunFolder, verify


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_table(tmp_path_factory.mktemp("clean"))


@pytest.fixture(scope="module")
def half_done(table: Path) -> Path:
    return make_half_done(table)


async def calls_to_finish(table: Path, run: Path) -> list[tuple[str, int]]:
    calls: list[tuple[str, int]] = []
    model = reader(lambda name, subquery: calls.append((name, subquery.index)))
    await below_prefect(table, run, model=model, shard_size=SHARD)
    return sorted(calls)


async def test_a_cleaned_run_goes_on_with_all_that_was_paid_for(table: Path, half_done: Path, tmp_path: Path) -> None:
    kept, cleaned = (shutil.copytree(half_done, tmp_path / name) for name in ("kept", "cleaned"))
    assert clean(RunFolder.open(cleaned)).kept_bytes > 0
    assert await calls_to_finish(table, cleaned) == await calls_to_finish(table, kept)
    assert tables_of(cleaned) == tables_of(kept)


async def test_with_all_the_finished_steps_of_unfinished_rows_go_too(table: Path, half_done: Path, tmp_path: Path) -> None:
    kept, cleaned = (shutil.copytree(half_done, tmp_path / name) for name in ("kept", "cleaned"))
    assert clean(RunFolder.open(cleaned), everything=True).kept_bytes == 0
    assert len(await calls_to_finish(table, cleaned)) > len(await calls_to_finish(table, kept))
    assert verify(cleaned).ok


async def test_what_killed_runs_left_is_removed_and_a_finished_run_keeps_no_state(table: Path, tmp_path: Path) -> None:
    run = await below_prefect(table, tmp_path / "run", shard_size=SHARD)
    before = tables_of(run)
    left = [
        ".research.duckdb.0a.tmp",
        ".state/duckdb/spilt",
        ".state/pages/00001-7-0a1b2c3d.jsonl.part",
        "basis/.part-00001.parquet.0a.tmp",
    ]
    for name in (*left, ".state/damaged/basis-part-00001.parquet"):
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).write_bytes(b"x" * 1000)
    freed = clean(RunFolder.open(run))
    assert (freed.files >= 5, freed.bytes >= 5000, freed.kept_bytes) == (True, True, 0)
    assert not any((run / name).exists() for name in (*left, ".state/damaged/basis-part-00001.parquet"))
    assert RunFolder.open(run).status == "finished"
    assert tables_of(run) == before
    assert await calls_to_finish(table, run) == []


def test_a_run_folder_in_use_is_refused(half_done: Path, tmp_path: Path) -> None:
    run = shutil.copytree(half_done, tmp_path / "run")
    with RunFolder.open(run).lock(), pytest.raises(InvalidRun, match="is being written by process"):
        clean(RunFolder.open(run))
