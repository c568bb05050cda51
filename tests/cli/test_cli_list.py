"""`research runs` tells run folders apart, and a pattern that stands for two is told, whoever expanded it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from cli_desk import Command

from research.output_schema.output_spec import OutputSpec
from research.tables import RunFolder


@pytest.fixture
def two_runs(desk: Path) -> None:
    for name in ("missions-0a", "missions-0b"):
        RunFolder.create(
            desk / "runs" / name,
            {"objective": {"template": f"On {{mission}} {name}", "column": None}, "model": "claude"},
            input_schema=pa.schema([("mission", pa.string())]),
            spec=OutputSpec.parse({"operator": "who"}),
            settings={"shard_size": 2},
        )


@pytest.mark.usefixtures("two_runs")
def test_runs_are_listed(research: Command) -> None:
    listed = research("runs", "--json")
    assert listed.code == 0
    assert {(line["path"], line["state"], line["objective"]) for line in listed.lines} == {
        ("runs/missions-0a", "killed", "On {mission} missions-0a"),
        ("runs/missions-0b", "killed", "On {mission} missions-0b"),
    }
    assert "killed" in research("runs").out
    assert research("runs", "nowhere").code == 2


@pytest.mark.usefixtures("two_runs")
@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "runs/missions-0a", "runs/missions-0b"), ("show", "missions"), ("verify", "runs/missions-*"),
        ("score", "missions", "--truth", "t.csv"), ("clean", "missions"), ("resume", "missions"),
        ("resynthesize", "missions", "--all"), ("enrich", "missions.csv", "--corpus", "pages", "--reuse", "missions"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_name_of_two_runs_is_refused_wherever_a_run_is_named(arguments: tuple[str, ...], research: Command) -> None:
    ran = research(*arguments)
    assert ran.code == 2
    assert "names 2 run folders: runs/missions-0a, runs/missions-0b" in " ".join(ran.err.split())
