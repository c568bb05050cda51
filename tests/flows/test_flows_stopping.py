"""An error that every row would meet stops the run: rows in flight end, no other is begun, and its cause is what the run says."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from flows_doubles import below_prefect, planets, reader

from research.errors import AuthenticationFailed, RequestRejected, ResearchError
from research.ports.work import SubQuery
from research.tables.run_folder.reader import open_run


async def _run(folder: Path, error: ResearchError) -> tuple[list[str], list[str]]:
    """The rows that were begun, and the error of every row."""
    begun: list[str] = []

    def hook(name: str, _: SubQuery) -> None:
        begun.append(name)
        raise error

    table = folder / "table.parquet"
    pq.write_table(pa.Table.from_pylist(planets(40)), table)
    run = await below_prefect(table, folder / "run", model=reader(hook), shard_size=10, concurrency=4, finish=False)
    return sorted(set(begun)), [row["error"] for row in open_run(run).table("results").to_pylist()]


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationFailed("the key was not accepted"),
        RequestRejected("the key was not accepted, nor anything of the kind", stops_run=True),
    ],
)
async def test_a_wrong_key_is_tried_by_the_rows_in_flight_and_no_other(tmp_path: Path, error: ResearchError) -> None:
    begun, errors = await _run(tmp_path, error)
    assert len(begun) <= 4
    assert len(errors) == 40
    assert all(said.startswith(f"{type(error).__name__}: the key was not accepted") for said in errors)


async def test_an_error_of_one_row_stops_nothing(tmp_path: Path) -> None:
    begun, errors = await _run(tmp_path, RequestRejected("this image is broken"))
    assert len(begun) == 40
    assert "broken" in json.dumps(errors)
