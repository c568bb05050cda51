"""People's decisions about cells: taken in, refused, applied, carried over, proved."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from run_samples import REQUEST, batch, completed, create, finished, page, write

from flows.cli import main
from research.errors import InvalidInput
from research.tables import RunFolder, Tally, open_run, score, verify
from research.tables.layout.cell_text import row_key
from research.tables.layout.reviews import latest, read_reviews, review_files
from research.tables.review.apply import apply_decisions
from research.tables.review.carry_over import carried_over, carry_over
from research.tables.review.truth import ReviewTruth

KEYS = [row_key({"mission": f"Mission {row}", "status": "flying"}) for row in range(6)]


def decision(row: int, field: str, verdict: str, found: str | None, at: int = 0, **more: Any) -> dict[str, Any]:
    made = {"row_index": row, "row_key": KEYS[row], "field": field, "decision": verdict, "found": found, "reviewer": "Ada"}
    return {**made, "decided_at": f"2026-02-01T10:{at:02}:00.250Z", **more}


def exported(path: Path, of: RunFolder, *decisions: dict[str, Any], **changes: Any) -> Path:
    """A file as the sheet writes it."""
    document = {"format": "research-review", "version": 1, "run": of.key, "name": of.path.name, "decisions": list(decisions)}
    path.write_text(json.dumps({**document, **changes}), encoding="utf-8")
    return path


DECISIONS = (
    decision(0, "operator", "accept", "Agency 0"),
    decision(0, "mass", "reject", "100", note="of the fuel"),
    decision(1, "mass", "correct", "101", value="7250"),
    decision(1, "launched", "correct", None, value="1977-09-05"),
    decision(2, "crew", "correct", '[{"name":"Ada 2"}]', value='[{"name": "Bob"}]'),
    decision(2, "operator", "correct", "Agency 2", value=None),
    decision(3, "operator", "note", "Agency 3", note="ask Bob"),
)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """Four rows, none of them decided about."""
    return finished(tmp_path / "run")


def reviewed_in_sql(path: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect(path / "research.duckdb", read_only=True) as db:
        return db.execute("SELECT operator, mass, launched, crew FROM reviewed_results ORDER BY row_index").fetchall()


def reviewed_in_python(path: Path) -> list[tuple[Any, ...]]:
    frame = open_run(path).reviewed_results()
    return [
        tuple(row) for row in frame.astype(object).where(frame.notna(), None)[["operator", "mass", "launched", "crew"]].to_numpy()
    ]


REVIEWED = [
    ("Agency 0", None, None, [{"name": "Ada 0"}]),
    ("Agency 1", 7250, date(1977, 9, 5), [{"name": "Ada 1"}]),
    (None, 102, None, [{"name": "Bob"}]),
    ("Agency 3", 103, None, [{"name": "Ada 3"}]),
]


def plain(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(list(cell) if hasattr(cell, "tolist") else cell for cell in row) for row in rows]


def test_what_was_rejected_is_empty_and_what_was_corrected_is_right_and_nothing_found_is_changed(
    run: RunFolder, tmp_path: Path
) -> None:
    before = [path.read_bytes() for path in run.parts("results")]
    applied = apply_decisions(run.path, exported(tmp_path / "a.json", run, *DECISIONS))
    assert (applied.stored, applied.already_there, applied.outdated, applied.is_in_database) == (7, 0, 0, True)
    assert plain(reviewed_in_sql(run.path)) == REVIEWED
    assert plain(reviewed_in_python(run.path)) == REVIEWED
    assert [path.read_bytes() for path in run.parts("results")] == before
    with duckdb.connect(run.path / "research.duckdb", read_only=True) as db:
        cells = db.execute("SELECT field, value, decision, corrected FROM cells WHERE row_index = 1 AND decision IS NOT NULL")
        assert sorted(cells.fetchall()) == [("launched", None, "correct", "1977-09-05"), ("mass", "101", "correct", "7250")]
    assert verify(run.path).problems == ()


def test_applying_a_file_twice_is_applying_it_once(run: RunFolder, tmp_path: Path) -> None:
    file = exported(tmp_path / "a.json", run, *DECISIONS, DECISIONS[0])
    assert apply_decisions(run.path, file).stored == 7
    again = apply_decisions(run.path, file)
    assert (again.stored, again.already_there, again.file) == (0, 8, None)
    assert len(review_files(run.path)) == 1


def test_the_latest_decision_about_a_cell_counts_and_the_history_stays(run: RunFolder, tmp_path: Path) -> None:
    apply_decisions(run.path, exported(tmp_path / "a.json", run, decision(0, "mass", "correct", "100", at=5, value="5")))
    older = decision(0, "mass", "reject", "100", at=1, reviewer="Bob")
    apply_decisions(run.path, exported(tmp_path / "b.json", run, older))
    decisions = read_reviews(run.path).to_pylist()
    assert [each["decision"] for each in decisions] == ["correct", "reject"]
    assert latest(decisions)[0, "mass"]["value"] == "5"
    with duckdb.connect(run.path / "research.duckdb", read_only=True) as db:
        assert db.execute("SELECT decision, reviewers, is_disputed FROM decisions").fetchall() == [("correct", 2, True)]
    assert open_run(run.path).reviewed_results()["mass"][0] == 5


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (decision(0, "mas", "accept", "1"), '/decisions/1/field: the run\'s output has no field "mas"'),
        (decision(0, "mass", "correct", "100", value="heavy"), '/decisions/1/value: "heavy" is not JSON, and mass is no text'),
        (decision(0, "mass", "correct", "100", value="1.5"), "/decisions/1/value: 1.5 is not of type integer"),
        (decision(0, "launched", "correct", None, value="5 May 1999"), '/decisions/1/value: "5 May 1999" is not a valid "date"'),
        (decision(0, "crew", "correct", None, value='[{"nam":"x"}]'), "/decisions/1/value"),
        ({**decision(0, "mass", "accept", "100"), "row_index": 77}, "/decisions/1/row_index: the run has no row 77"),
        ({**decision(0, "mass", "accept", "100"), "row_key": KEYS[1]}, "/decisions/1/row_key: row 0 is another one"),
        ({**decision(0, "mass", "accept", "100"), "decision": "perhaps"}, "/decisions/1/decision: must be one of accept"),
        ({**decision(0, "mass", "accept", "100"), "decided_at": "2026-02-01"}, "/decisions/1/decided_at: must be a moment"),
        ({**decision(0, "mass", "accept", "100"), "found": 100}, "/decisions/1/found: must be text or null"),
        (["no"], "/decisions/1: must be an object"),
    ],
)
def test_what_does_not_fit_the_run_is_refused_with_its_place_and_nothing_is_stored(
    run: RunFolder, tmp_path: Path, wrong: Any, said: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        apply_decisions(run.path, exported(tmp_path / "a.json", run, DECISIONS[0], wrong))
    assert said in str(refused.value)
    assert review_files(run.path) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"run": "0" * 64, "name": "other"}, "is about another run (other)"),
        ({"format": "something"}, "holds no decisions"),
        ({"version": 2}, "version 2 of this format"),
        ({"decisions": None}, "holds no decisions"),
    ],
)
def test_a_file_of_another_run_or_kind_is_refused(run: RunFolder, tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said.replace("(", r"\(").replace(")", r"\)")):
        apply_decisions(run.path, exported(tmp_path / "a.json", run, *DECISIONS, **changes))


def test_a_value_that_is_corrected_to_itself_is_accepted(run: RunFolder, tmp_path: Path) -> None:
    same = (
        decision(0, "mass", "correct", "100", value="100"),
        decision(0, "crew", "correct", '[{"name":"Ada 0"}]', value='[{"name": "Ada 0"}]'),
        decision(0, "launched", "correct", None, value=None),
    )
    elsewhere = decision(1, "mass", "correct", "99", value="99")  # the run has another value by now: the right one stands
    apply_decisions(run.path, exported(tmp_path / "a.json", run, *same, elsewhere))
    stored = {(each["row_index"], each["field"]): each for each in read_reviews(run.path).to_pylist()}
    assert [stored[0, field]["decision"] for field in ("mass", "crew", "launched")] == ["accept"] * 3
    assert stored[0, "mass"]["value"] is None
    assert (stored[1, "mass"]["decision"], stored[1, "mass"]["value"]) == ("correct", "99")


def test_a_rejection_is_of_the_value_that_was_there_and_a_correction_of_the_cell(run: RunFolder, tmp_path: Path) -> None:
    """A higher tier answers the row, and finds other values."""
    rejected, corrected = decision(0, "operator", "reject", "Agency 0"), decision(0, "mass", "correct", "100", value="1")
    file = exported(tmp_path / "a.json", run, rejected, corrected, decision(1, "operator", "reject", "Agency 1"))
    assert apply_decisions(run.path, file).outdated == 0
    with run.lock():
        run.rewrite_shard(0, {0: completed(0, number=8)}, [page(8)])
        run.finish(rows=4)
    for reviewed in (reviewed_in_sql(run.path), reviewed_in_python(run.path)):
        assert [row[:2] for row in plain(reviewed)[:2]] == [("Agency 8", 1), (None, 101)]
    assert ReviewTruth(run).rejected() == {1: ["operator"]}
    again = exported(tmp_path / "b.json", run, decision(0, "crew", "accept", '[{"name":"Ada 0"}]'))
    assert apply_decisions(run.path, again).outdated == 1


def test_decisions_survive_the_same_command_and_a_damaged_shard(run: RunFolder, tmp_path: Path) -> None:
    apply_decisions(run.path, exported(tmp_path / "a.json", run, *DECISIONS))
    run.part("results", 0).write_bytes(b"torn")
    again = RunFolder.create(run.path, REQUEST, input_schema=run.columns.input_schema, spec=_spec(), settings={"shard_size": 2})
    with again.lock():
        assert [damage.shard for damage in again.damage] == [0]
        write(again, 0, [0, 1])
        again.finish(rows=4)
    assert plain(reviewed_in_sql(run.path)) == REVIEWED
    assert verify(run.path).problems == ()


def _spec() -> Any:
    from run_samples import SPEC

    return SPEC


def test_decisions_are_carried_to_another_run_where_field_row_and_value_are_the_same(tmp_path: Path) -> None:
    old = finished(tmp_path / "old", 3)
    corrected = decision(4, "mass", "correct", "99", value="104")  # the new run finds what was said to be right
    outdated = decision(5, "operator", "accept", "Agency 7")
    apply_decisions(old.path, exported(tmp_path / "a.json", old, *DECISIONS, corrected, outdated))
    new = create(tmp_path / "new", {**REQUEST, "processor": "ultra"}, shard_size=6)
    with new.lock():
        order = [5, 4, 3, 2, 1, 0]
        new.write_shard(0, batch(order), 0, [completed(row) for row in order], [page(row) for row in order])
        assert carry_over(old, new) == 8
        assert carry_over(old, new) == 0
        new.finish(rows=6)
    carried = read_reviews(new.path).to_pylist()
    assert {each["carried_from"] for each in carried} == {old.key}
    assert [5 - each["row_index"] for each in carried] == [0, 0, 1, 1, 2, 2, 3, 4]
    assert plain(reviewed_in_python(new.path)) == [
        ("Agency 5", 105, None, [{"name": "Ada 5"}]),
        ("Agency 4", 104, None, [{"name": "Ada 4"}]),
        *REVIEWED[::-1],
    ]
    assert carried_over(new, new) == carried


def test_decisions_are_truth_to_score_by(run: RunFolder, tmp_path: Path) -> None:
    apply_decisions(run.path, exported(tmp_path / "a.json", run, *DECISIONS))
    scored = score(run.path, "reviews")
    assert (scored.rows, scored.rows_without_truth) == (3, 1)
    assert scored.total == Tally(right=1, wrong=3, missed=1, invented=1)
    assert {(wrong.row, wrong.field): wrong.expected for wrong in scored.wrong} == {
        (0, "mass"): (),
        (1, "mass"): 7250,
        (1, "launched"): "1977-09-05",
        (2, "crew"): [{"name": "Bob"}],
        (2, "operator"): None,
    }
    assert ReviewTruth(run).rejected() == {0: ["mass"]}


def test_without_a_decision_there_is_nothing_to_score_by(run: RunFolder) -> None:
    with pytest.raises(InvalidInput, match="has no decisions yet"):
        score(run.path, "reviews")


def test_decisions_that_were_changed_afterwards_are_found(run: RunFolder, tmp_path: Path) -> None:
    apply_decisions(run.path, exported(tmp_path / "a.json", run, *DECISIONS))
    (file,) = review_files(run.path)
    file.write_text(file.read_text().replace("7250", "7251") + "no decision\n")
    problems = [str(problem) for problem in verify(run.path).problems]
    assert len(problems) == 3
    assert "is not as it was written" in problems[0]
    assert "1 of its lines are no decisions" in problems[1]
    assert "table reviews does not hold what reviews/ holds" in problems[2]


def test_a_run_that_still_goes_on_gets_decisions_too(tmp_path: Path) -> None:
    run = create(tmp_path / "run")
    with run.lock():
        write(run, 0, [0, 1])
        applied = apply_decisions(run.path, exported(tmp_path / "a.json", run, DECISIONS[1]))
        assert (applied.stored, applied.is_in_database) == (1, False)
        assert open_run(run.path).reviewed_results()["mass"].isna().tolist() == [True, False]
        run.finish(status="stopped")
    assert plain(reviewed_in_sql(run.path))[0][1] is None


def test_the_commands_take_decisions_in_and_show_them(run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = exported(tmp_path / "a.json", run, *DECISIONS)
    assert main(["review", "apply", str(run.path), str(file)]) == 0
    assert "7 decisions stored" in capsys.readouterr().out
    assert main(["review", "apply", str(run.path), str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["already_there"] == 7
    assert main(["review", "show", str(run.path)]) == 0
    printed = capsys.readouterr()
    assert "of the fuel" in printed.out
    assert "7 decisions about 7 cells" in printed.err
    assert main(["review", "show", str(run.path), "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 7
    assert main(["review", "apply", str(run.path), str(tmp_path / "none.json")]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_moments_are_kept_to_the_millisecond_in_utc(run: RunFolder, tmp_path: Path) -> None:
    apply_decisions(run.path, exported(tmp_path / "a.json", run, {**DECISIONS[0], "decided_at": "2026-02-01T11:00:00.250+01:00"}))
    assert read_reviews(run.path)["decided_at"].to_pylist() == [datetime(2026, 2, 1, 10, 0, 0, 250_000, UTC)]
