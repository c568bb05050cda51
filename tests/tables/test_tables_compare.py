"""Two runs beside each other: rows by what they hold, values by what they mean."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from run_samples import INPUT, START, as_earlier_versions_wrote_it, completed, create, failed, page

from flows.cli import main
from research.errors import InvalidRun
from research.tables import compare
from research.tables.audit.compare import Agreement

EMPTY = {"launched": None, "crew": None}


def run(path: Path, names: list[str], *outputs: dict[str, Any] | None) -> Path:
    """A finished run over missions of these names; None: the row failed."""
    folder = create(path, shard_size=10)
    results = [
        completed(row, output={**EMPTY, **output}, basis=[], cost_usd=0.5) if output is not None else failed(row)
        for row, output in enumerate(outputs)
    ]
    cells = pa.record_batch([names, ["flying"] * len(names)], schema=INPUT)
    with folder.lock():
        folder.write_shard(0, cells, 0, results, [page(row) for row in range(len(names))])
        folder.finish(rows=len(names))
    return path


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    one = run(
        tmp_path / "one", ["Voyager", "Giotto", "Luna", "Luna"],
        {"operator": "NASA", "mass": 1000}, {"operator": "ESA", "mass": None}, {"operator": "USSR", "mass": 5}, None,
    )  # fmt: skip
    other = run(
        tmp_path / "other", ["Luna", "Voyager", "Giotto"],
        {"operator": "Russia", "mass": None}, {"operator": " nasa", "mass": 1000}, {"operator": "ESA", "mass": 960},
    )  # fmt: skip
    return one, other


def test_rows_are_found_by_what_they_hold_and_values_by_what_they_mean(runs: tuple[Path, Path]) -> None:
    found = compare(*runs)
    assert (found.rows, found.rows_of_one) == (3, 0)
    assert found.fields["operator"] == Agreement(agree=2, differ=1)
    assert found.fields["mass"] == Agreement(agree=1, only_first=1, only_second=1)
    assert found.fields["operator"].share == pytest.approx(2 / 3)
    assert (found.first.cost_usd, found.second.cost_usd) == (None, 1.5), "of the failed row the cost is not known"
    assert [(cell.row, cell.row_second, cell.first, cell.second) for cell in found.cells if cell.outcome == "differ"] == [
        (2, 0, "USSR", "Russia")
    ]
    assert next(iter(found.frame()["outcome"].value_counts().items())) == ("neither", 6)


def test_a_run_that_is_ended_once_more_took_no_longer(runs: tuple[Path, Path]) -> None:
    """Its rows are what it took time for: the same command, given again a week later, finds nothing to do."""
    as_earlier_versions_wrote_it(runs[0], created_at=(START - timedelta(seconds=88.5)).isoformat())
    as_earlier_versions_wrote_it(runs[1], created_at=(START + timedelta(days=1)).isoformat())
    found = compare(*runs)
    assert found.first.wall_seconds == 90
    assert (found.second.wall_seconds or 0) > 90, "rows that were kept from another run were completed before it began"


def test_the_command_says_it(runs: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *map(str, runs), "--differ"]) == 0
    shown = capsys.readouterr().out
    assert "66.7 %" in shown
    assert "Russia" in shown
    assert main(["compare", *map(str, runs), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["total"]["agree"], "cells" in told) == (3, False)


def test_what_has_nothing_in_common_is_refused(tmp_path: Path, runs: tuple[Path, Path]) -> None:
    stranger = run(tmp_path / "stranger", ["Sputnik"], {"operator": "USSR", "mass": 83})
    with pytest.raises(InvalidRun, match="no completed row in common"):
        compare(runs[0], stranger)
