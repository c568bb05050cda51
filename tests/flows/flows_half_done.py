"""A run that ended in the middle, and its table."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from flows_doubles import below_prefect, planets, reader

from research.errors import FetchFailed
from research.ports.work import SubQuery

ROWS: Final = 7
SHARD: Final = 2


def make_table(folder: Path) -> Path:
    """Seven planets, of which the last equals the first."""
    path = folder / "planets.parquet"
    pq.write_table(pa.Table.from_pylist([*planets(ROWS - 1), planets(1)[0]]), path)
    return path


def make_half_done(table: Path) -> Path:
    """Two shards committed, one of them with a failed row whose first sub-query is finished."""

    def hook(name: str, subquery: SubQuery) -> None:
        if name == "Planet 1" and subquery.index == 2:
            raise FetchFailed("it did not arrive")

    run = table.parent / "half"
    asyncio.run(below_prefect(table, run, model=reader(hook), shard_size=SHARD, finish=False, first=3))
    return run
