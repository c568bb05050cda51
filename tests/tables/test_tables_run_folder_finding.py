"""Run folders are found by how their names begin, and known at a glance."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from run_samples import REQUEST, create, finished, write

from research.errors import InvalidRun
from research.tables import RunFolder, open_run
from research.tables.run_folder.finding import find_run, run_folders
from research.tables.run_folder.overview import overview


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("missions-0a", "missions-0b", "weekly/planets-1c"):
        create(tmp_path / "runs" / name)
    (tmp_path / "runs" / "missions-notes").mkdir()
    return tmp_path


def test_a_run_is_found_by_its_path_its_beginning_or_a_pattern(desk: Path) -> None:
    for named in ("runs/missions-0a", "missions-0a", "runs/missions-0a/", "runs/*0a", desk / "runs" / "missions-0a"):
        assert find_run(named).resolve() == desk / "runs" / "missions-0a"
    assert open_run("runs/weekly/pl").path == Path("runs/weekly/planets-1c")


def test_a_table_s_whole_name_wins_over_tables_whose_names_begin_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("co-cd2360a2", "const-0b1c2d3e", "co-op-0b1c2d3e"):
        create(tmp_path / "runs" / name)
    assert find_run("runs/co") == find_run("co").resolve().relative_to(tmp_path) == Path("runs/co-cd2360a2")
    with pytest.raises(InvalidRun, match="names 3 run folders"):
        find_run("runs/c")


def test_of_a_run_and_its_refreshes_the_newest_is_meant_unless_one_is_named(tmp_path: Path) -> None:
    first = create(tmp_path / "co-cd2360a2")
    for number in (2, 3):
        asked = {"run": f"the key of the one before {number}", "series": first.key}
        create(tmp_path / f"co-cd2360a2.{number}", request=REQUEST | {"refresh": asked})
    for named in ("co", "co-cd", "co-*"):
        assert find_run(tmp_path / named).name == "co-cd2360a2.3"
    assert find_run(tmp_path / "co-cd2360a2").name == "co-cd2360a2"
    create(tmp_path / "co-cd2360a2-copy")
    with pytest.raises(InvalidRun, match="names 4 run folders"):
        find_run(tmp_path / "co-cd")


@pytest.mark.parametrize("named", ["missions", "runs/missions-0", "runs/missions-*"])
def test_a_name_that_stands_for_two_runs_says_so(named: str, desk: Path) -> None:
    with pytest.raises(InvalidRun, match=r"names 2 run folders: runs/missions-0a, runs/missions-0b\."):
        find_run(named)


@pytest.mark.parametrize("named", ["rockets", "runs/missions-notes", "runs", "", "no/such"])
def test_a_name_that_stands_for_none_says_so(named: str, desk: Path) -> None:
    with pytest.raises(InvalidRun, match="is not a run folder"):
        find_run(named)


def test_a_tilde_that_no_shell_has_read_is_the_home_folder(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(desk))
    (run, *_) = run_folders(desk / "runs")
    named = f"~/{run.relative_to(desk)}"
    assert find_run(named) == run
    assert RunFolder.open(named).path == run
    with pytest.raises(InvalidRun, match="is not a run folder"):
        find_run("~$run")  # of no user


def test_the_runs_of_a_folder_are_those_in_its_folders_too(desk: Path) -> None:
    assert [str(each) for each in run_folders(Path("runs"))] == ["runs/missions-0a", "runs/missions-0b", "runs/weekly/planets-1c"]


def test_a_run_is_killed_unless_a_process_holds_it(tmp_path: Path) -> None:
    """A killed process leaves its name in the folder, and that number may belong to another process now."""
    run = create(tmp_path / "missions-0a1b2c3d")
    invocation = {"flow": "enrich", "options": {"table": "/data/m.csv"}, "rows": 4}
    with run.lock(invocation):
        write(run, 0, [0, 1], failing=[1])
        seen = overview(run.path)
        assert (seen.state, seen.holder and seen.holder.pid) == ("running", os.getpid())
        assert (seen.table, seen.rows, seen.completed, seen.failed, seen.cost_usd) == ("/data/m.csv", 4, 1, 1, 0)
        left = (run.state / "holder.json").read_text()
    (run.state / "holder.json").write_text(left)
    assert overview(run.path).state == "killed"


def test_a_finished_run_is_known_from_its_summary(tmp_path: Path) -> None:
    run = finished(tmp_path / "missions-0a1b2c3d", failing=[1])
    seen = overview(run.path)
    assert (seen.state, seen.table, seen.rows, seen.failed) == ("finished", "missions", seen.completed + 1, 1)
    assert seen.objective == "Who flies {mission}?"
