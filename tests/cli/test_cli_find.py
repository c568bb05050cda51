"""`research find` as the command line shows it: what was found, and of the rest why not and where that stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_desk import Command

FIRMS = {
    "arbor": "# Arbor Works\n\nArbor Works is a furniture maker. It was founded in 1954, and employs 412 people.",
    "quill": "# Quill Press\n\nFounded: 1921\nEmployees: 65",
    "lumen": "# Lumen Tiles\n\nLumen Tiles is a company. It was founded in 1987.\n\nEmployees: 1,350",
}


@pytest.mark.usefixtures("prefect_server")
def test_what_is_not_found_is_told_with_the_commonest_reasons_and_shown_with_its_verdicts(research: Command, desk: Path) -> None:
    for name, text in FIRMS.items():
        (desk / "firms").mkdir(exist_ok=True)
        (desk / "firms" / f"{name}.md").write_text(text)
    none = research("find", "companies founded before 1900", "--corpus", "firms", "--out", "none")
    assert none.code == 0
    assert "each candidate's reason: none/found/not_found.parquet" in none.err
    assert "3 candidates: founded before 1900: no" in none.err
    assert "research show none" in none.err

    some = research("find", "companies founded before 1960", "--corpus", "firms", "--out", "some")
    assert "2 found among 3 of 3" in some.out
    assert some.out.splitlines()[-1] == "some/found/found.parquet"
    assert "1 candidate: founded before 1960: no" in some.err
    shown = research("show", "some").out
    assert "met: 1954" in shown
    assert "not met: 1987" in shown


@pytest.mark.usefixtures("prefect_server")
def test_a_condition_that_cannot_be_compared_is_named_at_the_start_and_at_the_end(research: Command, desk: Path) -> None:
    (desk / "firms").mkdir()
    (desk / "firms" / "arbor.md").write_text(FIRMS["arbor"])
    stated = ("--condition", "makes oak chairs", "--condition", "employees more than 100")
    ran = research("find", "companies", *stated, "--corpus", "firms", "--out", "run")
    assert ran.err.count("in its own words: makes oak chairs. What can be compared") == 2
    planned = research("find", "companies", *stated, "--corpus", "firms", "--dry-run").out
    assert "makes oak chairs: yes or no in its own words" in planned
    assert "employees more than 100: employees (more than 100.0)" in planned


@pytest.mark.usefixtures("prefect_server")
def test_what_was_not_looked_at_is_told_with_the_option_that_changes_it(research: Command, desk: Path) -> None:
    """Candidates beyond `--candidates`, conditions that `--condition` puts aside, rows that a lower confidence would admit."""
    (desk / "firms").mkdir()
    for name, text in FIRMS.items():
        (desk / "firms" / f"{name}.md").write_text(text)
    asked = ("companies founded before 1960", "--corpus", "firms")
    cut = research("find", *asked, "--condition", "employees more than 100", "--candidates", "2", "--out", "cut")
    assert "not checked, as --condition states what is: founded before 1960" in cut.err
    assert "2 candidates are judged, and 1 more were named: --candidates 3 judges all" in cut.err
    assert "every candidate" not in cut.err
    dry = research("find", *asked, "--condition", "employees more than 100", "--dry-run").out
    assert "not checked, as --condition states what is: founded before 1960" in dry

    text = "# Arbor Works\n\nArbor Works is a furniture maker. It was founded in 1954.\n\n## History\n\nFounded: 1955"
    (desk / "firms" / "arbor.md").write_text(text)
    sure = research("find", *asked, "--confidence", "high", "--out", "run")
    assert "1 more candidate would be found with less --confidence than high" in sure.err
    assert "every candidate that was named is judged" in sure.err
    found = int(sure.out.split(" found", 1)[0])
    assert f"{found + 1} found" in research("find", *asked, "--confidence", "low", "--out", "run").out
