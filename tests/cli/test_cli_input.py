"""Bad input is refused with exit code 2 and one clear message, before Prefect is started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

import openpyxl
import pytest
from cli_desk import Command

from flows.cli.app import app
from research.money.limits import RANGES
from research.money.processors import PROCESSOR_NAMES

ASK = ("--schema", "mission.json", "--corpus", "pages")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("enrich", "none.csv", *ASK), "none.csv: there is no such file"),
        (("enrich", "-", *ASK), "-: standard input is not read: write it to a file first"),
        (("enrich", "missions.csv", "--schema", "none.json", "--corpus", "pages"), "none.json"),
        (("enrich", "missions.csv", *ASK, "--objective", "Who flies {mision}?"), "no column 'mision'; did you mean \"mission\""),
        (("enrich", "missions.csv", *ASK, "--objective-column", "q"), "objective column 'q'"),
        (("enrich", "missions.csv", *ASK, "--objective", "x", "--objective-column", "mission"), "not both"),
        (("enrich", "missions.csv", "--schema", "mission.json"), "there is nothing to search"),
        (("enrich", "missions.csv", *ASK, "--model", "gpt-0"), '"gpt-0" is none of Anthropic'),
        (("enrich", "missions.csv", *ASK, "--batch"), "the model extractive is not asked there: set ANTHROPIC_API_KEY"),
        (("enrich", "missions.csv", *ASK, "--batch", "--processor", "ultra"), "base and core, and not for ultra"),
        (("enrich", "missions.csv", *ASK, "--limit", "0"), "--limit. Must be >= 1"),
        (("enrich", "missions.csv", *ASK, "--max-cost", "0"), 'Invalid value "0" for --max-cost. Must be > 0'),
        (("enrich", "missions.csv", *ASK, "--max-steps", "3"), "--max-steps. Must be >= 4"),
        (("run", "Who?", "--max-steps", "201"), "--max-steps. Must be <= 200"),
        (("run", "Who?", "--verify-loops", "6"), "--verify-loops. Must be <= 5"),
        (("enrich", "missions.csv", *ASK, "--concurency", "2"), "--concurency. Did you mean --concurrency"),
        (("enrich", "missions.csv", *ASK, "--out", "pages"), "pages"),
        (("enrich",), "TABLE requires an argument"),
        (("enrich", "missions.csv", "--bogus"), "research enrich --help shows what there is"),
        (("enrich", "missions.csv", *ASK, "--fail-over", "5", "percent"), "`percent` belongs to no option"),
        (("run", "Who?", "--processor", "mega"), "--processor"),
        (("show", "run", "233", "moons"), "a row is named by --row 233 --field moons"),
        (("show", "pages"), "pages is not a run folder"),
        (("verify", "pages"), "pages is not a run folder"),
        (("score", "pages", "--truth", "missions.csv"), "pages is not a run folder"),
        (("verify", "pages", "--no-json"), "Unknown option: --no-json"),
        (("bogus",), "bogus"),
    ],
)
def test_bad_input_ends_with_2_and_says_what_is_wrong(
    research: Command, desk: Path, arguments: tuple[str, ...], message: str
) -> None:
    ran = research(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert message in " ".join(ran.err.split())
    assert "Traceback" not in ran.err
    assert not (desk / "runs").exists()


@pytest.mark.usefixtures("desk")
def test_a_dry_run_says_where_the_objective_is_the_same_for_every_row(research: Command) -> None:
    said = "every row is asked the same"
    assert said in research("enrich", "missions.csv", *ASK, "--objective", "Facts", "--dry-run").out
    assert said not in research("enrich", "missions.csv", *ASK, "--objective", "Facts about {mission}", "--dry-run").out


def test_an_error_is_a_line_of_json_too(research: Command, desk: Path) -> None:
    (desk / "bad.json").write_text('{"type": "object", "properties": {"a": {"type": "strin"}}}')
    ran = research("schema", "check", "bad.json", "--json")
    [line] = ran.lines
    assert (ran.code, line["event"], line["kind"], line["exit_code"]) == (2, "error", "InvalidSchema", 2)
    assert line["faults"][0]["pointer"] == "/properties/a/type"


def test_debug_shows_the_traceback(research: Command) -> None:
    assert "Traceback" in research("enrich", "none.csv", "--debug").err


def test_schema_check_prints_fields_and_column_types(research: Command) -> None:
    ran = research("schema", "check", "mission.json")
    assert ran.code == 0
    assert "operator" in ran.out
    assert "date32" in ran.out
    fields = research("schema", "check", "mission.json", "--json").lines[0]["fields"]
    assert {field["field"]: field["column_type"] for field in fields} == {"operator": "string", "launched": "date32[day]"}


def test_a_dry_run_tells_the_plan_and_runs_nothing(research: Command, desk: Path) -> None:
    (desk / "missions.csv").write_text("mission,operator,status\nVoyager 1,?,x\n,,\n")
    ran = research("enrich", "missions.csv", *ASK, "--objective", "Facts about {mission}", "--dry-run", "--json")
    [plan] = ran.lines
    assert ran.code == 0
    assert plan["objectives"] == ["Facts about Voyager 1", "(none)"]
    assert plan["unaskable_rows"] == 1
    assert "row 1: every column of the objective is empty: mission" in plan["unaskable"][0]
    assert plan["renamed"].keys() == {"operator", "status"}, "columns that the input has already"
    assert plan["model"] == "extractive"
    assert "missions.csv: line 3: no cell holds anything; a row of the table all the same" in plan["warnings"][0]
    assert not (desk / "runs").exists()
    printed = research("enrich", "missions.csv", *ASK, "--objective", "Facts about {mission}", "--dry-run").out
    assert "Facts about Voyager 1" in printed
    assert "no cell holds anything" in printed
    assert "keyless baseline; no model key was used" in printed
    assert "Nothing was run" in printed
    (desk / "missions.csv").write_text("mission,status\nVoyager 1," + 5_000 * "long " + "\n")
    printed = research("enrich", "missions.csv", *ASK, "--objective", "Facts about {mission}: {status}", "--dry-run").out
    assert printed.count("long ") < 250, "a cell of a megabyte is not printed whole"


def test_an_encoding_or_a_sheet_that_is_said_is_how_the_table_is_read_and_part_of_the_run(research: Command, desk: Path) -> None:
    (desk / "missions.csv").write_bytes("mission\nVoyager ñ £\n".encode("cp1252"))
    plan = ("enrich", "missions.csv", *ASK, "--objective", "Facts about {mission}", "--dry-run", "--json")
    first, second = (research(*plan, "--encoding", name).lines[0] for name in ("cp1252", "cp850"))
    assert first["objectives"] == ["Facts about Voyager ñ £"] != second["objectives"]
    assert first["run"] != second["run"]
    assert research(*plan, "--sheet", "Data").code == 2


def test_steps_and_second_looks_make_another_run_and_reach_the_task(research: Command) -> None:
    """The keyless model takes no second look, and says so; a tier's most is clamped with a warning."""
    plan = ("enrich", "missions.csv", *ASK, "--objective", "Facts about {mission}", "--dry-run", "--json")
    runs = {research(*plan, *more).lines[0]["run"] for more in ((), ("--max-steps", "9"), ("--verify-loops", "1"))}
    assert len(runs) == 3
    ran = research("run", "Who operates Giotto?", *ASK, "--processor", "base", "--max-steps", "31", "--verify-loops", "1")
    first, second, *_ = ran.lines[0]["warnings"]
    assert first == "max_steps: base allows 30, so 31 was taken as 30"
    assert second.startswith("verify_loops: extractive has no second look")


def test_help_needs_neither_prefect_nor_the_engine() -> None:
    """So that it comes at once."""
    slow = "{'prefect', 'duckdb', 'pyarrow', 'research.api'}"
    code = f"import sys; from flows.cli import main; main(['--help']); sys.exit(bool({slow} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_the_processors_and_the_ranges_are_the_engines() -> None:
    """What is typed is checked before the engine is imported."""
    for command in ("enrich", "run"):
        arguments = app[command].assemble_argument_collection()
        tier, _ = get_args(next(a.hint for a in arguments if a.name == "--processor"))  # or None
        assert get_args(tier) == PROCESSOR_NAMES
        limits = {a.name: a.parameter.validator for a in arguments}
        for name, (least, most) in RANGES.items():
            [asked] = limits[f"--{name.replace('_', '-')}"]
            assert (asked.gte, asked.lte) == (least, most), name


def commands() -> list[tuple[str, set[str]]]:
    """Every command with its options."""
    found = []
    for group in ([], ["schema"], ["review"], ["keys"], ["monitor"]):
        at = app
        for name in group:
            at = at[name]
        for name in at:
            if not name.startswith("-") and name not in ("schema", "review", "keys", "monitor"):
                arguments = at[name].assemble_argument_collection()
                options = {n for a in arguments for n in a.names if n.startswith("--") and not n.startswith("--no-")}
                found.append((" ".join([*group, name]), options))
    return found


@pytest.mark.parametrize(("command", "options"), commands())
def test_every_command_and_option_is_documented(command: str, options: set[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
    general, *sections = page.split("\n## ")
    section = next((text for text in sections if text.startswith((f"research {command} ", f"research {command}\n"))), None)
    assert section, f"docs/cli.md has no section on research {command}"
    assert not [name for name in options if f"`{name}" not in section + general]


def test_a_workbook_that_would_end_its_reader_is_refused_like_any_other_bad_table(research: Command, desk: Path) -> None:
    """Two cells in far corners: the library that reads sheets asks for 500 GB, and aborts. Only its own process ends."""
    book = openpyxl.Workbook()
    book.active["A1"] = "mission"
    book.active.cell(1_048_576, 16_384, "x")
    book.save(desk / "corners.xlsx")
    ran = research("enrich", "corners.xlsx", *ASK)
    assert ran.code == 2
    assert "corners.xlsx: reading this workbook takes more than" in ran.err
    assert "save the sheet as CSV" in " ".join(ran.err.split())
    assert not (desk / "runs").exists()
