"""What a run leaves behind, and every command that looks at it."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from cli_desk import Command

ENRICH = ("enrich", "missions.csv", "--schema", "mission.json", "--corpus", "pages")


@pytest.mark.usefixtures("prefect_server")
def test_a_table_goes_in_and_a_run_comes_out(research: Command, desk: Path) -> None:
    """And the same command again researches nothing."""
    ran = research(*ENRICH, "--objective", "Facts about {mission}", "--out", "run", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert [line["event"] for line in ran.lines] == [
        "run_started",
        "row_finished",
        "row_finished",
        "shard_committed",
        "run_finished",
    ]
    assert ran.lines[0]["model"] == "extractive"
    assert ran.lines[-1] | {"seconds": 0} == {
        "event": "run_finished", "run": "run", "rows": 2, "completed": 2, "failed": 0, "waiting": 0, "cost_usd": 0.0,
        "seconds": 0, "left": 0, "spent_usd": 0.0, "stopped": None, "exported": None, "not_exported": None,
    }  # fmt: skip
    again = research(*ENRICH, "--objective", "Facts about {mission}", "--out", "run")
    assert again.code == 0
    assert "2 of them done before" in again.err
    assert "answered by: extractive (keyless baseline; no model key was used)" in again.err
    assert "2 rows: 2 completed" in again.out

    other = research(*ENRICH, "--objective", "Another question about {mission}", "--out", "run")
    assert other.code == 2
    assert "/objective/template" in other.err

    _look_at_it(research, desk)


def _look_at_it(research: Command, desk: Path) -> None:
    rows = research("show", "run", "--json").lines
    assert [(row["row_index"], row["code"], row["operator"]) for row in rows] == [(0, "007", "NASA"), (1, "008", "ESA")]
    assert "NASA" in research("show", "run").out
    assert len(research("show", "run", "--limit", "1", "--json").lines) == 1
    assert {cell["field"] for cell in research("show", "run", "--row", "1", "--json").lines} == {"operator", "launched"}
    assert "1985-07-02" in research("show", "run", "--row", "1").out
    cell = research("show", "run", "--row", "0", "--field", "operator")
    assert cell.code == 0
    assert "Operator: NASA" in cell.out
    assert "Launched: 5 September 1977" in cell.out, "the excerpt's context"
    assert "corpus://pages/Voyager%201.html" in cell.out
    assert research("show", "run", "--row", "9").code == research("show", "run", "--field", "mass").code == 2
    assert research("show", "run", "--failed", "--json").lines == []

    (desk / "truth.csv").write_text("code,operator,launched\n007,NASA,1977-09-05\n008,NASA,1985-07-02\n")
    score = research("score", "run", "--truth", "truth.csv", "--wrong", "--json").lines[0]
    assert (score["accuracy"], score["fields"]["launched"]["right"]) == (0.75, 2)
    assert [(cell["row"], cell["expected"], cell["got"]) for cell in score["wrong"]] == [(1, "NASA", "ESA")]
    scored = research("score", "run", "--truth", "truth.csv")
    assert "0.750 [0.301–0.954]" in scored.out
    assert "invented: a value where the truth has none" in scored.err
    few = research("calibrate", "run", "--truth", "truth.csv")
    assert (few.code, "4 values have a truth, and no confidence has 10" in few.err) == (2, True)

    assert research("verify", "run").code == 0
    part = next((desk / "run" / "pages").glob("*.parquet"))
    pages = pq.read_table(part)
    texts = [text.replace("NASA", "NSAA") for text in pages["text"].to_pylist()]
    pq.write_table(pages.set_column(pages.schema.get_field_index("text"), pages.schema.field("text"), [texts]), part)
    verified = research("verify", "run", "--json")
    assert (verified.code, verified.lines[0]["ok"]) == (1, False)
    assert {problem["row"] for problem in verified.lines[0]["problems"]} >= {0}
    assert "row 0" in research("verify", "run").out


@pytest.mark.usefixtures("prefect_server")
def test_a_run_with_rows_that_cannot_be_asked_ends_with_6_and_names_them(research: Command) -> None:
    """The empty question of row 1 is that row's error, and running again cannot mend it."""
    ran = research(*ENRICH, "--objective-column", "question", "--out", "run")
    assert ran.code == 6
    assert "1 row cannot be asked as the table stands, and running again does not help" in " ".join(ran.err.split())
    assert "tries the failed rows again" not in ran.err
    assert "row 1 failed: InvalidTask: row 1: the objective column 'question' is empty" in ran.err
    assert "1 completed, 1 failed" in ran.out
    assert "Traceback" not in ran.out
    [row] = research("show", "run", "--failed", "--json").lines
    assert (row["row_index"], row["status"]) == (1, "failed")
    assert "objective column 'question' is empty" in research("show", "run", "--failed").out


@pytest.mark.usefixtures("prefect_server")
def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(research: Command, desk: Path) -> None:
    (desk / "missions.csv").write_text("mission\n" + "".join(f"Voyager {number}\n" for number in range(2_000)))
    ended = threading.Event()

    def press() -> None:
        while not ended.wait(0.05):
            if any((desk / "run" / "results").glob("part-*.parquet")):  # some rows are finished, and kept
                return os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=press)
    pressing.start()
    # A shell without job control has its background jobs ignore Ctrl-C, and they hand that down to the tests.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        ran = research(*ENRICH, "--out", "run", "--shard-size", "5")
    finally:
        ended.set()
        pressing.join()
        signal.signal(signal.SIGINT, inherited)
    assert ran.code == 130
    assert "what is finished is kept in run. The same command goes on from there" in ran.err
    assert json.loads((desk / "run" / "run.json").read_text())["status"] == "stopped"


def test_one_question_gets_its_whole_result_as_json(research: Command, desk: Path) -> None:
    """Without a table, and without Prefect."""
    ran = research("run", "Who operates Voyager 1?", "--schema", "mission.json", "--corpus", "pages")
    [result] = ran.lines
    assert (ran.code, result["status"], result["output"]["operator"]) == (0, "completed", "NASA")
    assert result["basis"][0]["citations"][0]["excerpts"]
    assert not (desk / "runs").exists()


def test_where_nothing_is_found_the_fields_are_null(research: Command) -> None:
    ran = research("run", "Who operates Sputnik 99?", "--schema", "mission.json", "--corpus", "pages")
    assert ran.lines[0]["output"] == {"operator": None, "launched": None}
