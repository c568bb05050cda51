"""The contract of rows: one row in, one row out, in order, with its values, whatever fails. Below Prefect, to try many."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from flows_doubles import below_prefect, expected, planets, reader
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.run.runner import Runner
from flows.run.runtime import ignore_event
from flows.run.shards import Remaining, Shard, Shards
from research.errors import FetchFailed, Interruption
from research.ports.page import Page
from research.ports.work import SubQuery
from research.result.result import Result
from research.stored_results.store import ResultStore
from research.tables.run_folder.reader import open_run

cells = st.none() | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
names = st.text(st.characters(categories=["Lu", "Ll", "Nd"]), min_size=1, max_size=6) | st.none()
rows = st.lists(st.fixed_dictionaries({"name": names, "note": cells, "n": st.none() | st.integers(-(2**60), 2**60)}), max_size=12)


@settings(max_examples=12)
@given(rows=rows, failing=st.sets(st.integers(0, 11)), size=st.integers(1, 5), bug=st.booleans())
def test_any_table_and_any_failing_rows_give_the_same_rows_in_the_same_order(
    rows: list[dict[str, Any]], failing: set[int], size: int, bug: bool
) -> None:
    """The input's columns come back cell by cell; a row has its answer, or an error; equal rows share one outcome."""
    schema = pa.schema([("name", pa.string()), ("note", pa.string()), ("n", pa.int64())])
    bad = {rows[i]["name"] for i in failing if i < len(rows)}

    def hook(name: str, _: SubQuery) -> None:
        if name in bad:
            raise KeyError(name) if bug else FetchFailed(f"no page about {name}")

    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema), table)
        run = asyncio.run(below_prefect(table, Path(folder) / "run", model=reader(hook), shard_size=size, finish=False))
        found = open_run(run).table("results").to_pylist()

    assert [row["row_index"] for row in found] == list(range(len(rows)))
    assert [{name: row[name] for name in ("name", "note", "n")} for row in found] == rows
    for row in found:
        if not row["name"]:
            assert row["status"] == "failed"
            assert f"row {row['row_index']}" in row["error"], "an objective that cannot be made names its row"
        elif row["name"] in bad:
            assert (row["status"], row["moons"]) == ("failed", None)
            assert row["error"]
        else:
            assert (row["status"], row["error"], row["moons"]) == ("completed", None, expected(row["name"])["moons"])


class Folder:
    """A run folder that only counts."""

    path = Path("run")

    def __init__(self) -> None:
        self.committed: list[int] = []

    def write_shard(self, shard: int, *_: Any) -> None:
        self.committed.append(shard)


class HeldRows:
    """Rows that end when they are let go."""

    winding_down = False
    interruption: Interruption | None = None

    def interrupt(self, error: Interruption) -> None:
        self.winding_down, self.interruption = True, error

    def __init__(self, held: set[int]) -> None:
        self.held = held
        self.let_go = asyncio.Event()
        self.begun: list[int] = []

    async def research(self, row: int, _: Any) -> Result:
        self.begun.append(row)
        if row in self.held:
            await self.let_go.wait()
        return Result(task_id=str(row), status="completed", task="", processor="core", model="m")


def no_page(page_hash: str) -> Page:
    raise LookupError(page_hash)


def shards_over(folder: Any, held: Any) -> Shards:
    return Shards(folder, held, no_page, Runner(ResultStore(Path(os.devnull))), ignore_event)  # type: ignore[arg-type]


def batches(count: int, pulled: list[int]) -> Iterator[Shard]:
    for index in range(count):
        pulled.append(index)
        yield Shard(index, 2 * index, pa.RecordBatch.from_pylist(planets(2)), None)


async def test_while_a_slow_row_keeps_a_shard_open_others_are_committed_but_few_are_open_at_once() -> None:
    """A table of 50 shards, two of which hold a slow row: the others pass them, and no more than 4 are ever in memory."""
    folder, held, pulled = Folder(), HeldRows({0, 7}), list[int]()
    most_open = 0

    def watched() -> Iterator[Shard]:
        nonlocal most_open
        for shard in batches(50, pulled):
            most_open = max(most_open, len(pulled) - len(folder.committed))
            if shard.index == 49:
                held.let_go.set()
            yield shard

    await shards_over(folder, held).run(watched(), open_at_once=4)
    assert sorted(folder.committed) == list(range(50))
    assert set(folder.committed[-5:]) >= {0, 3}, "the slow ones came last"
    assert most_open <= 4 + 1, "one is read ahead"


class SlowToOpen(Shard):
    """Its cells take a while to be read, the more so the earlier it is."""

    def values(self) -> dict[int, Any]:
        time.sleep(0.05 * (3 - self.index))
        return dict(Shard.values(self))


async def test_rows_ask_for_places_in_input_order_however_long_their_shards_take_to_open() -> None:
    rows = HeldRows(set())
    todo = (SlowToOpen(shard.index, shard.row_start, shard.batch, shard.unfinished) for shard in batches(4, []))
    await shards_over(Folder(), rows).run(todo, open_at_once=4)
    assert rows.begun == list(range(8))


async def test_a_shard_that_cannot_be_committed_stops_the_run_and_says_why() -> None:
    class Full(Folder):
        def write_shard(self, shard: int, *_: Any) -> None:
            raise OSError(28, "No space left on device")

    rows, pulled = HeldRows(set()), list[int]()
    await shards_over(Full(), rows).run(batches(50, pulled), open_at_once=2)
    assert len(pulled) < 50
    assert str(rows.interruption) == (
        "the run folder run (chosen with --out) cannot be written: No space left on device. Make room there"
    )


def test_what_is_left_is_what_is_not_committed_and_what_failed() -> None:
    left = Remaining(row_count=95, size=10, committed=frozenset({0, 1, 9}), unfinished={1: [12, 15]})
    assert left.kept == 10 + 8 + 5

    class Table:
        def batches(self, size: int) -> Iterator[pa.RecordBatch]:
            for start in range(0, 95, size):
                yield pa.RecordBatch.from_pylist(planets(min(size, 95 - start)))

    todo = list(left.shards(Table()))  # type: ignore[arg-type]
    assert [(shard.index, shard.row_start, shard.unfinished) for shard in todo] == [
        (1, 10, (12, 15)),
        *((index, 10 * index, None) for index in range(2, 9)),
    ]


async def test_an_equal_row_is_paid_for_once_also_after_the_state_of_its_shard_is_swept(tmp_path: Path) -> None:
    """Four equal rows in shards of their own, one after another; the run ends after two, and goes on in another process."""
    table = tmp_path / "table.parquet"
    pq.write_table(pa.Table.from_pylist(planets(1) * 4), table)
    asked: list[str] = []
    for first in (2, 4):
        model = reader(lambda name, _: asked.append(name))
        run = await below_prefect(table, tmp_path / "run", model=model, shard_size=1, concurrency=1, finish=False, first=first)
        assert {file.name.split("-")[0] for file in (run / ".state" / "results").iterdir()} == {"committed"}
        assert list((run / ".state" / "pages").iterdir()) == []
    found = open_run(run).table("results").to_pylist()
    assert [row["moons"] for row in found] == [expected("Planet 0")["moons"]] * 4
    assert len({row["task_id"] for row in found}) == 1
    assert len(asked) == 2, "the two sub-queries of one row"
