"""A run goes on from its folder alone: `run.json` keeps its options, and never a secret."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cli_desk import Command

from flows.run.options import EnrichOptions
from flows.run.recorded_options import record_of, without_secrets
from research.world import Settings


@pytest.mark.usefixtures("prefect_server")
def test_a_run_goes_on_from_another_folder_without_its_options(
    research: Command, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pilot is approved there; a table with another content is refused, and one that has moved is named anew."""
    monkeypatch.setenv("RESEARCH_CORPUS", "pages")  # the folder knows it afterwards
    ask = ("enrich", "missions.csv", "--schema", "mission.json", "--objective", "On {mission}", "--pilot", "1")
    assert research(*ask, "--out", "run").code == 4
    monkeypatch.delenv("RESEARCH_CORPUS")
    (desk / "mission.json").unlink()  # the request holds the schema
    elsewhere = desk / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    plan = research("resume", "../ru", "--dry-run", "--json")
    assert plan.lines[0]["run"] == "../run", "a name that is cut off is the folder's own"
    assert (plan.code, plan.lines[0]["rows_done"], plan.lines[0]["rows"]) == (0, 1, 2)
    assert research("resume", "../run").code == 4, "the pilot asks again"
    ran = research("resume", "../run", "--yes")
    assert (ran.code, "2 rows: 2 completed" in ran.out) == (0, True), ran.err
    recorded = json.loads((desk / "run" / "run.json").read_text())["invocation"]
    assert recorded["options"] == {
        "table": f"{desk}/missions.csv", "corpus": f"{desk}/pages", "objective": "On {mission}", "pilot": 1,
    }  # fmt: skip

    moved = shutil.move(desk / "missions.csv", elsewhere / "m.csv")
    gone = research("resume", "../run")
    assert (gone.code, "name it with --table" in gone.err) == (2, True)
    assert research("resume", "../run", "--table", "m.csv", "--yes").code == 0
    Path(moved).write_text("mission,code,question\nVoyager 2,007,\n")
    changed = research("resume", "../run", "--table", "m.csv")
    assert changed.code == 2
    assert "research refresh ../run --table" in " ".join(changed.err.split())


def test_a_url_is_kept_without_what_lets_its_reader_in(tmp_path: Path) -> None:
    assert (
        without_secrets("https://me:word@a.example/x.csv?format=csv&X-Amz-Signature=ab#t")
        == "https://a.example/x.csv?format=csv#t"
    )
    assert without_secrets("s3://bucket/a%20b.csv?version=1") == "s3://bucket/a%20b.csv?version=1"
    record = record_of(EnrichOptions("https://a.example/x.csv?token=ab"), Settings(cache_dir=tmp_path, search=("ddgs",)), 1)
    assert record["options"] == {"table": "https://a.example/x.csv", "search": ["ddgs"]}
    assert record["withheld"] == ["table"]


def test_paths_mean_the_same_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    kept = [
        record_of(EnrichOptions(table), Settings(cache_dir=tmp_path), 1)["options"]["table"]
        for table in ("a.json::/rows//x", "~/a.csv", "~$a.csv", "/a.csv", "parts/*.parquet", "s3://b/a.csv")
    ]
    assert kept == [
        f"{tmp_path}/a.json::/rows//x",
        "/home/ada/a.csv",
        f"{tmp_path}/~$a.csv",
        "/a.csv",
        f"{tmp_path}/parts/*.parquet",
        "s3://b/a.csv",
    ]
