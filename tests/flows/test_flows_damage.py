"""Any file of a run folder may be cut, lost or have a bit flipped: the same command makes the same tables of it, or says what is
wrong. Never is other content passed on as if it were right."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from flows_doubles import below_prefect, reader, tables_of
from flows_half_done import ROWS, SHARD, make_half_done, make_table

from research.errors import ResearchError
from research.tables import open_run, verify

SEEDS = 10


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_table(tmp_path_factory.mktemp("damage"))


@pytest.fixture(scope="module")
def unbroken(table: Path) -> dict[str, Any]:
    return tables_of(asyncio.run(below_prefect(table, table.parent / "unbroken", shard_size=SHARD)))


@pytest.fixture(scope="module")
def half_done(table: Path) -> Path:
    return make_half_done(table)


def files_of(run: Path) -> list[Path]:
    return sorted(path for path in run.rglob("*") if path.is_file() and path.stat().st_size)


def harm(file: Path, chance: random.Random) -> str:
    """Do harm to a file. Returns what it was."""
    data = file.read_bytes()
    place = chance.randrange(len(data))
    kind = chance.choice(["flip", "cut", "delete"])
    if kind == "flip":
        file.write_bytes(data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :])
    elif kind == "cut":
        file.write_bytes(data[:place])
    else:
        file.unlink()
    return f"{kind} at {place} of {len(data)} bytes of {file}"


async def same_command(table: Path, run: Path) -> bool:
    """Whether it came to an end, rather than to an error for people."""
    try:
        await below_prefect(table, run, shard_size=SHARD)
    except ResearchError:
        return False
    return True


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("state", ["finished", "half"])
async def test_a_damaged_run_folder_gives_the_same_tables_or_an_error(
    table: Path, unbroken: dict[str, Any], half_done: Path, tmp_path: Path, state: str, seed: int
) -> None:
    run = shutil.copytree(half_done if state == "half" else table.parent / "unbroken", tmp_path / "run")
    chance = random.Random(f"{state} {seed}")
    done = harm(chance.choice(files_of(run)), chance)
    if await same_command(table, run):
        assert tables_of(run) == unbroken, done
        assert verify(run).ok, (done, verify(run).problems)
        assert len(open_run(run).sql("FROM results")) == ROWS, done


async def test_a_lost_page_that_others_rest_on_is_fetched_again(table: Path, unbroken: dict[str, Any], tmp_path: Path) -> None:
    """The last row rests on the first one's page, in another shard: it is not researched again."""
    run = shutil.copytree(table.parent / "unbroken", tmp_path / "run")
    (run / "pages" / "part-00000.parquet").unlink()
    asked: list[str] = []
    await below_prefect(table, run, model=reader(lambda name, _: asked.append(name)), shard_size=SHARD)
    assert set(asked) == {"Planet 0", "Planet 1"}
    assert tables_of(run) == unbroken
    assert verify(run).ok
