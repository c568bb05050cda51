"""A run over another state of its table, or over its first rows, is told of or used: nobody pays for all rows again unawares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, planets, reader, runtime
from flows_refreshed import carried_out

from flows.run.options import EnrichOptions
from flows.run.prepare import prepare_enrichment
from research.errors import InvalidRun
from research.tables.run_folder.reader import open_run


class Desk:
    """A table in a folder of its own, in which runs are made without Prefect."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(folder)
        self.asked: list[str] = []
        self.write(planets(4))

    def write(self, rows: list[dict[str, Any]]) -> None:
        pd.DataFrame(rows).to_csv("planets.csv", index=False)

    async def run(self, **options: Any) -> tuple[Path, tuple[str, ...]]:
        """The run folder, and what it was begun with a warning about."""
        self.asked.clear()
        model = reader(lambda name, _subquery: self.asked.append(name))
        asked = EnrichOptions("planets.csv", objective=OBJECTIVE, output_schema=SCHEMA, **options)
        async with prepare_enrichment(asked, runtime(model)) as prepared:
            warnings = prepared.warnings(prepared.folder())
            return (await carried_out(prepared)).folder.path, warnings

    @property
    def rows(self) -> list[str]:
        """The rows that were researched."""
        return sorted(set(self.asked))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


def edited() -> list[dict[str, Any]]:
    return [*planets(3), {"id": "0003", "name": "Planet 3b"}, *planets(6)[5:]]


async def test_the_first_rows_and_all_rows_later_share_their_work(here: Desk) -> None:
    first, _ = await here.run(limit=2)
    every, warnings = await here.run()
    assert (here.rows, warnings) == (["Planet 2", "Planet 3"], ())
    assert len(open_run(every).results()) == 4
    assert (await here.run())[0] == every
    await here.run(limit=3)
    assert here.rows == []
    again, _ = await here.run(out="elsewhere/all")
    assert (here.rows, again.name) == ([f"Planet {n}" for n in range(4)], "all")
    assert first.parent == every.parent


async def test_a_changed_table_in_the_same_folder_is_refused_with_what_changed_and_the_command(here: Desk) -> None:
    await here.run(out="runs/planets")
    here.write(edited())
    words = r"1 row new, 1 row edited, 3 the same.*--reuse runs/planets.*research refresh runs/planets"
    with pytest.raises(InvalidRun, match=words):
        await here.run(out="runs/planets")
    with pytest.raises(InvalidRun, match="/task/max_fetches"):
        await here.run(out="runs/planets", max_fetches=2)


async def test_a_changed_table_without_a_folder_is_told_what_reuse_would_do(here: Desk) -> None:
    first, _ = await here.run()
    here.write(edited())
    _, (warning,) = await here.run()
    assert len(here.rows) == 5
    assert f"{first} has researched an earlier state of this table (1 row new, 1 row edited, 3 the same)" in warning
    assert "--reuse latest would research only 2 rows, and this run researches all 5" in warning


async def test_reuse_latest_finds_the_newest_run_of_the_same_request_and_goes_on_with_its_own(here: Desk) -> None:
    first, _ = await here.run(reuse="latest")
    assert len(here.rows) == 4, "there is none yet"
    assert (await here.run(reuse="latest"))[0] == first
    here.write(edited())
    second, warnings = await here.run(reuse="latest")
    assert (here.rows, warnings) == (["Planet 3b", "Planet 5"], ())
    assert open_run(second).request["reuse"]["run"] == open_run(first).folder.key
    assert (await here.run(reuse="latest"))[0] == second
    assert here.rows == []
    here.write(edited()[1:])
    third, _ = await here.run(reuse="latest")
    assert (here.rows, open_run(third).request["reuse"]["run"]) == ([], open_run(second).folder.key)
    await here.run(reuse="latest", processor="ultra")
    assert len(here.rows) == 4, "another request"


async def test_a_run_that_another_version_of_the_program_began_is_told_as_one(
    here: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await here.run(out="run")
    monkeypatch.setattr("research.tables.inputs.read.READER_VERSION", 0)  # of a program that reads tables otherwise
    with pytest.raises(InvalidRun, match="run holds a run over the same rows that another version of this program began"):
        await here.run(out="run")
    await here.run(out="other", reuse="run")
    assert here.rows == []
