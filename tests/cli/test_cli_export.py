"""`research export`: the file that a person asked for, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from cli_desk import Command

from research.tables import RunFolder
from tests.tables import run_samples as samples


@pytest.fixture
def run(desk: Path) -> Path:
    return samples.finished(desk / "runs" / "missions", failing={3}).path


def test_a_run_becomes_a_workbook_named_as_its_folder(run: Path, desk: Path, research: Command) -> None:
    ran = research("export", "runs/missions")
    assert (ran.code, ran.out.strip()) == (0, "4 rows: missions.xlsx")
    assert openpyxl.load_workbook(desk / "missions.xlsx").sheetnames == ["Results", "Summary", "Failed rows", "Evidence"]


def test_the_name_of_the_file_says_the_format(run: Path, desk: Path, research: Command) -> None:
    ran = research("export", "runs/missions", "--out", "x.csv", "--columns", "mission,mass", "--confidence", "--json")
    assert ran.lines == [{"path": "x.csv", "format": "csv", "rows": 4, "notes": []}]
    text = (desk / "x.csv").read_text(encoding="utf-8-sig")
    assert text.splitlines()[:2] == ["mission,mass,mass_confidence", "Mission 0,100,low"]


def test_the_table_of_the_run_is_never_replaced(
    run: Path, desk: Path, research: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export is named as its run folder, and so may the table be; whichever way its place is written."""
    table = desk / "missions.xlsx"
    table.write_bytes(b"the table")
    with RunFolder.open(run).lock({"flow": "enrich", "options": {"table": str(table)}}):
        pass
    ran = research("export", "runs/missions")
    assert (ran.code, "--out missions.xlsx is the table that is read: name another file" in ran.err) == (2, True)
    monkeypatch.setenv("HOME", str(desk))
    assert "is the table that is read" in research("export", "runs/missions", "--out", "~/missions.xlsx").err
    assert table.read_bytes() == b"the table"


def test_a_mistake_is_one_sentence(run: Path, research: Command) -> None:
    assert "did you mean" in research("export", "runs/missions", "--columns", "masss").err
    assert "run folder" in research("export", "runs").err
    assert research("export", "runs/missions", "--out", "x.doc").code == 2
    (run.parent / "file").touch()
    unwritable = research("export", "runs/missions", "--out", "runs/file/x.csv")
    assert (unwritable.code, "chosen with --out" in unwritable.err) == (4, True)
