"""A run leaves the spreadsheet that was asked for, also when it was stopped; and it is called what its caller calls it."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, planets, runtime
from flows_seen import task_runs

import flows.api
from flows.enrichment import enrich
from flows.run.events import Event, RunFinished
from flows.run.exporting import check_export, export_at_end, write_export
from flows.run.options import EnrichOptions
from flows.run.recorded_options import recorded_options
from flows.run.runtime import use_runtime
from research.errors import InvalidInput
from research.tables.run_folder.run_folder import RunFolder
from tests.tables import run_samples as samples


@pytest.mark.usefixtures("prefect_server")
async def test_a_named_frame_is_exported_with_what_rows_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pilot that nobody approves leaves two rows, and the workbook has these; the same call goes on and replaces it."""
    monkeypatch.chdir(tmp_path)
    heard: list[Event] = []
    table = flows.api.store_table(pd.DataFrame(planets(4)))
    options = {"table": table, "name": "My planets", "export": "planets.xlsx", "shard_size": 2}
    with use_runtime(runtime(heard=heard)):
        stopped = await enrich(**options, output_schema=SCHEMA, objective=OBJECTIVE, pilot=2)
        assert rows_of(tmp_path / "planets.xlsx") == ["0000", "0001"]
        done = await enrich(**options, output_schema=SCHEMA, objective=OBJECTIVE)
    assert (stopped.completed, stopped.exported) == (2, Path("planets.xlsx"))
    assert (done.run, done.completed) == (stopped.run, 4)
    assert done.run.name.startswith("My-planets-")
    assert rows_of(tmp_path / "planets.xlsx") == ["0000", "0001", "0002", "0003"]
    assert isinstance(heard[-1], RunFinished)
    assert heard[-1].exported == "planets.xlsx"
    await task_runs("enrich My planets · 4 rows")
    assert recorded_options(RunFolder.open(done.run), "x").export == str(tmp_path / "planets.xlsx")


def rows_of(book: Path) -> list[str]:
    return [row[0].value for row in openpyxl.load_workbook(book)["Results"].iter_rows(min_row=2)]


def test_a_file_that_cannot_be_written_is_told_before_anything_is_spent(tmp_path: Path) -> None:
    table = tmp_path / "planets.csv"
    table.write_text("name\nMars\n")
    link = tmp_path / "other.csv"
    link.symlink_to(table)
    for export, why in (
        (str(link), "is the table that is read"),
        (str(tmp_path), "should end with"),
        ("x.xls", "should end with"),
        ("s3://bucket/x.csv", "a file on this machine"),
        ("/proc/none/x.csv", "Name another folder with --export"),
    ):
        with pytest.raises(InvalidInput, match=why):
            check_export(EnrichOptions(str(table), export=export))
    check_export(EnrichOptions(str(table), export=str(tmp_path / "x.csv")))
    assert {path.name for path in tmp_path.iterdir()} == {"planets.csv", "other.csv"}


def test_a_folder_that_is_not_there_passes_the_check_and_is_made(tmp_path: Path) -> None:
    """What was promised before the run is kept at its end."""
    export = tmp_path / "for" / "people" / "x.csv"
    check_export(EnrichOptions("planets.csv", export=str(export)))
    assert export_at_end(samples.finished(tmp_path / "run"), str(export)) is None
    assert export.exists()


def test_an_export_that_fails_fails_no_run(tmp_path: Path) -> None:
    run = samples.finished(tmp_path / "run")
    (tmp_path / "file").touch()
    why = export_at_end(run, str(tmp_path / "file" / "x.csv"))
    assert why is not None
    assert "research export" in why
    assert export_at_end(run, str(tmp_path / "x.csv")) is None


def test_an_export_that_people_changed_stays_until_they_ask_for_it_anew(tmp_path: Path) -> None:
    """A run that goes on has no right to what was written into its workbook since."""
    run, export = samples.finished(tmp_path / "run"), tmp_path / "x.csv"
    assert export_at_end(run, str(export)) is None
    written = export.read_bytes()
    assert export_at_end(run, str(export)) is None
    export.write_bytes(written + b"by hand\n")
    why = export_at_end(run, str(export))
    assert why is not None
    assert f"research export {run.path} --out" in why
    assert export.read_bytes().endswith(b"by hand\n")
    write_export(run, export, "--out")
    assert export.read_bytes() == written
    assert export_at_end(run, str(export)) is None
    export.unlink()
    assert export_at_end(run, str(export)) is None
    assert export.read_bytes() == written


def test_a_file_that_the_run_did_not_write_is_replaced_as_the_command_says(tmp_path: Path) -> None:
    run, export = samples.finished(tmp_path / "run"), tmp_path / "x.csv"
    export.write_text("of last week\n")
    assert export_at_end(run, str(export)) is None
    assert export.read_text() != "of last week\n"
