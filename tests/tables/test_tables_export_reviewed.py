"""An export of a run that people have decided about, that is calibrated, and that has a report."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import run_samples as samples

from research.tables import RunFolder, open_run
from research.tables.export.export import ExportOptions, export_run
from research.tables.layout.probabilities import SETTING, Probabilities
from research.tables.layout.reviews import write_reviews

LIKELY = Probabilities("0" * 64, ("extractive",), {"high": 0.97, "medium": 0.8, "low": 0.4}, {"mass": {"low": 0.25}})
WHEN = datetime(2026, 2, 1, 10, tzinfo=UTC)


def decision(row: int, field: str, verdict: str, found: str | None, **more: Any) -> dict[str, Any]:
    made = {"row_index": row, "row_key": "0" * 16, "field": field, "decision": verdict, "found": found, "reviewer": "Ada"}
    return {**made, "decided_at": WHEN, "applied_at": WHEN, **more}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    path = tmp_path_factory.mktemp("reviewed") / "missions"
    settings = {"shard_size": 2, SETTING: LIKELY.to_json()}
    run = RunFolder.create(path, samples.REQUEST, input_schema=samples.INPUT, spec=samples.SPEC, settings=settings)
    with run.lock():
        results = [samples.completed(0), samples.completed(1, report="# Mission 1\n\nAgency 1 flies it [1].")]
        run.write_shard(0, samples.batch([0, 1]), 0, results, [samples.page(0), samples.page(1)])
        run.finish(rows=2)
    decisions = [
        decision(0, "operator", "accept", "Agency 0"),
        decision(0, "mass", "reject", "100", note="=of the fuel"),
        decision(1, "mass", "correct", "101", value="7250"),
        decision(1, "operator", "reject", "another value than there is by now"),
    ]
    write_reviews(path, decisions, WHEN)
    return run


def test_a_workbook_shows_what_people_decided(run: RunFolder, tmp_path: Path) -> None:
    options = ExportOptions(confidence=True, sources=True)
    loaded = openpyxl.load_workbook(export_run(run, tmp_path / "x.xlsx", options=options).path)
    assert loaded.sheetnames == ["Results", "Summary", "Decisions", "Reports", "Evidence"]
    header, *lines = ([*row] for row in loaded["Results"].iter_rows())
    rows = [{str(name.value): cell for name, cell in zip(header, line, strict=True)} for line in lines]
    assert [row["mass"].value for row in rows] == [None, 7250]
    assert [row["operator"].value for row in rows] == ["Agency 0", "Agency 1"]
    accepted, rejected, corrected = (rows[0]["operator"], rows[0]["mass"], rows[1]["mass"])
    assert accepted.fill.fgColor.rgb == corrected.fill.fgColor.rgb != rejected.fill.fgColor.rgb
    beside = [rows[1][f"mass_{name}"].value for name in ("sources", "confidence", "p_correct")]
    assert beside == [None, None, None], "they are of the value that was found"
    assert [rows[1][f"operator_{name}"].value for name in ("confidence", "p_correct")] == ["high", 0.97]
    told = [[cell.value for cell in line] for line in loaded["Decisions"].iter_rows(min_row=2)]
    assert told[1][:8] == [0, "Mission 0", "mass", "reject", "100", None, "=of the fuel", "Ada"]
    assert loaded["Decisions"]["A3"].hyperlink.location == f"'Results'!{rejected.coordinate}"
    assert loaded["Reports"]["C2"].value.startswith("# Mission 1")
    summary = [str(cell.value) for line in loaded["Summary"].iter_rows() for cell in line if cell.value is not None]
    assert any("right in 97% of such cells" in text for text in summary)
    assert "rejected by a person" in summary
    evidence = [[cell.value for cell in line] for line in loaded["Evidence"].iter_rows(max_row=3)]
    assert evidence[0][4:6] == ["confidence", "p_correct"]
    assert evidence[2][2:6] == ["mass", None, "low", 0.25]


def test_tables_hold_the_decisions_unless_what_was_found_is_asked_for(run: RunFolder, tmp_path: Path) -> None:
    export_run(run, tmp_path / "x.csv")
    export_run(run, tmp_path / "y.csv", options=ExportOptions(as_found=True))
    masses = [
        [row["mass"] for row in csv.DictReader((tmp_path / name).open(encoding="utf-8-sig"))] for name in ("x.csv", "y.csv")
    ]
    assert masses == [["", "7250"], ["100", "101"]]


def test_json_lines_hold_the_decisions_the_probabilities_and_the_report(run: RunFolder, tmp_path: Path) -> None:
    first, second = map(json.loads, export_run(run, tmp_path / "x.jsonl").path.read_text(encoding="utf-8").splitlines())
    assert first["output"]["mass"] is None
    assert first["reviews"]["mass"] == {
        "decision": "reject",
        "found": "100",
        "value": None,
        "note": "=of the fuel",
        "reviewer": "Ada",
        "decided_at": "2026-02-01T10:00:00+00:00",
    }
    assert [part["p_correct"] for part in first["basis"]] == [0.97, 0.25, None, 0.8]
    assert (first["report"], second["report"][:11]) == (None, "# Mission 1")


def test_frames_and_cells_of_a_calibrated_run_have_its_probabilities(run: RunFolder) -> None:
    frame = open_run(run.path).results(confidence=True)
    assert list(frame.columns)[6:9] == ["mass", "mass_confidence", "mass_p_correct"]
    assert (list(frame["mass_p_correct"]), list(frame["crew_p_correct"])) == ([0.25, 0.25], [0.8, 0.8])
    assert "right in 97% of such cells" in open_run(run.path).cell(0, "operator")._repr_html_()
