"""What Prefect's UI shows of a finished run: figures that people read, rows that failed, cells that are in doubt, links."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from flows import artifacts
from flows.run.events import STOPPED_AFTER_PILOT
from flows.run.outcome import Enrichment
from flows.run.second_look import second_look
from research.display.figures import count, duration, share
from research.errors import BUDGET_EXHAUSTED
from research.tables import RunFolder
from tests.tables.run_samples import SPEC, batch, completed, create, failed, page

ATTACK = "[click](javascript:alert(1))\n\x1b[2J"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Three rows: the first and the last failed. The first column is private. Row 1 has a value of low confidence."""
    inputs = pa.schema([("owner", pa.string()), ("mission", pa.string())])
    request = {"table": "abc", "private": ["owner"]}
    folder = RunFolder.create(tmp_path / "run (1)", request, input_schema=inputs, spec=SPEC, settings={"shard_size": 4})
    rows = pa.record_batch([["Jane Doe"] * 3, ["Voyager 1", "Giotto", ATTACK]], schema=inputs)
    with folder.lock():
        folder.write_shard(0, rows, 0, [failed(0), completed(1), failed(2)], [page(1)])
        folder.finish(rows=3)
    return folder.path


def enrichment(run: Path, **changes: object) -> Enrichment:
    done = {"run": run, "rows": 1234, "completed": 1230, "failed": 4, "cost_usd": 0.25, "spent_usd": None, "model": "m"}
    return Enrichment.model_validate({**done, "seconds": 7_500, **changes})


def test_rows_are_called_as_their_task_runs_and_nothing_private_is_shown(run: Path) -> None:
    look = second_look(run, 50)
    assert (look.failed[0].label, look.failed[0].error) == ("row 0 · Voyager 1", "the search did not answer")
    assert [(each.label, each.field, each.confidence) for each in look.doubtful] == [("row 1 · Giotto", "mass", "low")]
    assert "Jane" not in str(look)


def test_a_table_shows_the_first_and_says_how_many_there_are(run: Path) -> None:
    look = second_look(run, 1)
    assert (len(look.failed), look.all_failed, len(look.doubtful), look.all_doubtful) == (1, 2, 1, 1)


def test_rows_that_wait_for_a_decision_or_for_money_are_left_and_have_not_failed(tmp_path: Path) -> None:
    folder = create(tmp_path / "run", shard_size=4)
    waiting = [
        failed(row).model_copy(update={"error_kind": kind}) for row, kind in enumerate([STOPPED_AFTER_PILOT, BUDGET_EXHAUSTED], 1)
    ]
    with folder.lock():
        folder.write_shard(0, batch([0, 1, 2, 3]), 0, [completed(0), *waiting, failed(3)], [page(0)])
        folder.finish(rows=4)
    look = second_look(folder.path, 50)
    assert ([each.row for each in look.failed], look.all_failed, look.left) == ([3], 1, 2)
    facts = dict(artifacts.facts(enrichment(folder.path, rows=4, completed=1, failed=3), look))
    assert (facts["failed"], facts["left"]) == ("1 (25 %)", "2")
    assert artifacts.report(folder.path, [], look).count("the search did not answer") == 1


def test_a_cell_of_a_table_is_no_link_and_one_line(run: Path) -> None:
    row = artifacts.failed_rows(second_look(run, 50))[1]
    assert row["row"] == r"row 2 · [click] (javascript:alert(1)) \x1b[2J"


def test_figures_are_written_for_people(run: Path) -> None:
    facts = dict(artifacts.facts(enrichment(run), second_look(run, 50)))
    assert facts["rows"] == "1,234"
    assert facts["completed"] == "1,230 (> 99 %)"
    assert (facts["cost of the rows"], facts["paid so far"], facts["time"]) == ("$0.25", "not known", "2 h 5 min")


def test_links_lead_to_the_run_folder_and_to_the_review_sheet_once_there_is_one(run: Path) -> None:
    def links(runs_url: str | None = None) -> list[str]:
        return [address for _, address, *_ in artifacts.links(enrichment(run), runs_url)]

    assert links() == [f"{run.parent.as_uri()}/run%20%281%29"]
    (run / artifacts.REVIEW_SHEET).write_text("<html>")
    assert links("https://runs.example/") == [f"https://runs.example/run%20%281%29{end}" for end in ("", "/report.html")]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.84, "0.8 s"),
        (42.4, "42 s"),
        (59.7, "1 min"),
        (192, "3 min 12 s"),
        (7_261, "2 h 1 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_duration_has_the_two_units_that_say_something(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_a_share_says_neither_all_nor_nothing_where_it_is_not() -> None:
    assert [share(2, 3), share(999, 1000), share(1, 1000), share(0, 5), share(5, 5), share(0, 0)] == [
        "67 %", "> 99 %", "< 1 %", "0 %", "100 %", "–",
    ]  # fmt: skip
    assert [count(1, "row"), count(1200, "row")] == ["1 row", "1,200 rows"]
