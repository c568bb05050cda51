"""What a notebook shows of a run, a cell and a result, and a frame that goes into a spreadsheet as it is."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import run_samples as samples

from research.display import html
from research.tables import open_run
from research.tables.run_folder.reader import Cell, CellEvidence, Run

HOSTILE = "<script>alert(1)</script>\x1b[31m"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return open_run(samples.finished(tmp_path / "missions", failing={3}).path)


def test_results_have_each_cell_s_confidence_on_request(run: Run) -> None:
    frame = run.results(confidence=True)
    assert list(frame.columns)[3:7] == ["operator", "operator_confidence", "mass", "mass_confidence"]
    assert list(frame["operator_confidence"].fillna("none")) == ["high", "high", "high", "none"]
    assert list(frame["mass_confidence"].fillna("none")) == ["low", "low", "low", "none"]
    assert list(frame["crew_confidence"].fillna("none")) == ["medium", "medium", "medium", "none"]  # of its parts
    assert "operator_confidence" not in run.results()


def test_results_go_into_a_workbook_and_keep_their_types(run: Run, tmp_path: Path) -> None:
    frame = run.results()
    frame.loc[0, "mission"] = "=1+1"
    frame.to_excel(tmp_path / "x.xlsx", index=False)
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx").active
    assert sheet is not None
    header, first = (list(row) for row in list(sheet.iter_rows())[:2])
    row = {name.value: cell for name, cell in zip(header, first, strict=True)}
    assert (row["mission"].value, row["mission"].data_type) == ("=1+1", "s")
    assert (row["crew"].value, row["completed_at"].value.year) == ('[{"name": "Ada 0"}]', 2026)
    assert isinstance(frame["completed_at"].dtype, pd.DatetimeTZDtype)  # in UTC, also of a part of the frame
    frame[frame["status"] == "completed"].to_excel(tmp_path / "y.xlsx")


def test_a_notebook_shows_a_run_its_cells_and_a_result(run: Run) -> None:
    shown = run._repr_html_()
    assert all(part in shown for part in ("missions", "3 of 4 rows completed", "<b>operator</b>", "who flies it"))
    cell = run.cell(0, "operator")._repr_html_()
    assert "Agency 0</mark>" in cell
    assert "It is named." in cell
    result = samples.completed(0)._repr_html_()
    assert "<b>crew</b>" in result
    assert "No page says when." in result
    assert "the search did not answer" in samples.failed(1)._repr_html_()


def test_foreign_text_in_a_notebook_is_text(run: Run) -> None:
    piece = CellEvidence(HOSTILE, "javascript:alert(1)", HOSTILE, HOSTILE, "stated", "0" * 64, 0, 1, HOSTILE, HOSTILE, HOSTILE)
    cell = Cell(0, HOSTILE, {"a": HOSTILE}, "high", HOSTILE, (piece,))
    result = samples.completed(0, task=HOSTILE, output={HOSTILE: HOSTILE}, error=HOSTILE)
    for shown in (cell._repr_html_(), result._repr_html_()):
        assert "<script" not in shown
        assert "\x1b" not in shown
        assert "href" not in shown
    assert html.link('https://a.example/"onclick="x', "a").count('"') == 6
