"""`score`: right, wrong, missed, rightly empty, invented."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from run_samples import batch, completed, create, failed, page

from research.errors import InvalidTable
from research.output_schema.output_spec import OutputSpec
from research.result.result import FieldBasis
from research.tables import Tally, WrongCell, score


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four rows: Agency 0…3, masses 100…103, launched empty; the last row failed."""
    run = create(tmp_path_factory.mktemp("score") / "run")
    run.write_shard(0, batch([0, 1]), 0, [completed(0), completed(1)], [page(0), page(1)])
    run.write_shard(1, batch([2, 3]), 2, [completed(2), failed(3)], [page(2)])
    run.finish(rows=4)
    return run.path


def truth(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_each_cell_has_one_of_six_outcomes(run: Path) -> None:
    given = truth(
        row_index=[0, 1, 2, 3], operator=["agency 0", "ESA", None, "Agency 3"], launched=[None, "1977-09-05", None, None]
    )
    scored = score(run, given)
    assert scored.fields == {
        "operator": Tally(right=1, wrong=1, invented=1, failed=1),
        "launched": Tally(rightly_empty=2, missed=1, failed=1),
    }
    assert scored.total == Tally(right=1, wrong=1, missed=1, rightly_empty=2, invented=1, failed=2)
    assert (scored.total.accuracy, scored.total.precision) == (3 / 8, 1 / 3)
    assert scored.wrong[0] == WrongCell(1, "operator", "ESA", "Agency 1", "high", "wrong")
    assert [(w.row, w.field, w.outcome) for w in scored.wrong] == [
        (1, "operator", "wrong"),
        (1, "launched", "missed"),
        (2, "operator", "invented"),
        (3, "operator", "failed"),
        (3, "launched", "failed"),
    ]


def test_confidence_buckets_hold_the_cells_that_have_a_value(run: Path) -> None:
    scored = score(
        run, truth(row_index=[0, 1, 2], operator=["Agency 0", "x", "Agency 2"], mass=[100, 1, 102], launched=[None] * 3)
    )
    assert scored.confidence == {
        "high": Tally(right=2, wrong=1),
        "medium": Tally(),
        "low": Tally(right=2, wrong=1),
        "none": Tally(),
    }


def test_a_value_of_parts_is_as_sure_as_its_least_sure_part(run: Path) -> None:
    assert score(run, truth(row_index=[0], crew=['[{"name": "Ada 0"}]'])).confidence["medium"] == Tally(right=1)


def test_without_a_calibration_the_brier_score_is_of_what_the_words_are_published_to_mean(run: Path) -> None:
    scored = score(run, truth(row_index=[0, 1], operator=["Agency 0", "x"], mass=[100, 1], launched=[None] * 2))
    assert scored.brier.of == "published"
    assert scored.brier.score == pytest.approx((0.03**2 + 0.97**2 + 0.5**2 + 0.5**2) / 4)
    assert scored.brier.fields == {"operator": pytest.approx(0.4709), "mass": pytest.approx(0.25), "launched": None}
    assert (scored.brier.base_rate, scored.brier.cells) == (0.25, 4)


def test_what_a_review_of_doubtful_values_would_gain(run: Path) -> None:
    scored = score(run, truth(row_index=[0, 1, 2], operator=["Agency 0", "x", "Agency 2"], mass=[100, 1, 2], launched=[None] * 3))
    low, medium = scored.reviews
    assert (low.confidences, low.cells, low.error, low.error_after) == (("low",), 3, 3 / 6, 1 / 6)
    assert (medium.confidences, medium.cells, medium.error_after) == (("low", "medium"), 3, 1 / 6)


def test_a_truth_may_come_from_elsewhere_than_a_table(run: Path) -> None:
    """What people decided in a review: of each row only some cells, and of a rejected one only that it is wrong."""

    class Decisions:
        fields = ("operator", "mass")
        keys = ("row_index",)

        def expected(self, row: Mapping[str, Any]) -> dict[str, tuple[Any, ...]] | None:
            return {0: {"operator": ("Agency 0",)}, 1: {"operator": ("NASA",), "mass": ()}}.get(row["row_index"])

    scored = score(run, Decisions())
    assert scored.fields == {"operator": Tally(right=1, wrong=1), "mass": Tally(wrong=1)}
    assert (scored.rows, scored.rows_without_truth) == (2, 2)


def test_a_csv_finds_its_rows_by_the_inputs_columns(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "truth.csv"
    file.write_text('mission,mass,note\nMission 2,"[7, 102]",x\nMission 0,"1,000",y\nMission 9,3,\n')
    scored = score(run, file)
    assert (scored.keys, scored.passed_over) == (("mission",), ("note",))
    assert (scored.rows, scored.rows_without_truth, scored.truth_without_row) == (2, 2, 1)
    assert scored.fields == {"mass": Tally(right=1, wrong=1)}


def test_a_list_in_a_cell_holds_several_accepted_values_and_null_accepts_an_empty_one(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "truth.jsonl"
    lines = [
        {"row_index": 0, "operator": ["NASA", "Agency 0"], "launched": None},
        {"row_index": 1, "operator": ["x", None], "launched": ["1999-01-01", None]},
    ]
    file.write_text("\n".join(json.dumps(line) for line in lines))
    scored = score(run, file)
    assert scored.fields == {"operator": Tally(right=1, wrong=1), "launched": Tally(rightly_empty=2)}
    assert scored.wrong[0].expected == ("x", None)


def test_for_a_list_or_an_object_the_cell_holds_the_value_itself(run: Path) -> None:
    scored = score(run, truth(row_index=[0, 1, 2], crew=['[{"name": "ada 0"}]', "[]", '[{"name": "Bob"}]']))
    assert scored.fields == {"crew": Tally(right=1, wrong=2)}


def test_an_empty_list_is_right_where_none_is_expected_and_so_is_an_empty_cell(tmp_path: Path) -> None:
    run = create(tmp_path)
    run.write_shard(0, batch([0, 1]), 0, [completed(0, output={"crew": []}), completed(1, output={"crew": None})])
    assert score(tmp_path, truth(row_index=[0, 1], crew=["[]", "[]"])).fields == {"crew": Tally(right=1, rightly_empty=1)}


def test_where_the_input_has_the_fields_name_the_truth_says_which_it_means(tmp_path: Path) -> None:
    inputs = pa.schema([("operator", pa.string())])
    run = create(tmp_path, inputs=inputs)
    run.write_shard(0, pa.table([["as given"]], schema=inputs), 0, [completed(0)], [page(0)])
    scored = score(tmp_path, truth(operator=["as given"], operator_research=["Agency 0"]))
    assert (scored.keys, scored.total) == (("operator",), Tally(right=1))


def test_a_text_answer_is_scored_as_the_field_answer(tmp_path: Path) -> None:
    run = create(tmp_path, spec=OutputSpec.parse({"type": "text"}))
    basis = [FieldBasis(field="answer", confidence="low", citations=completed(0).basis[0].citations)]
    run.write_shard(0, batch([0]), 0, [completed(0, output="It is Agency 0", basis=basis)], [page(0)])
    assert score(tmp_path, truth(row_index=[0], answer=["it is agency 0"])).fields == {"answer": Tally(right=1)}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (truth(operator=["x"]), "needs row_index, or columns of the input"),
        (truth(row_index=[0], color=["x"]), "no column named as a field"),
        (truth(row_index=[0, 0], mass=[1, 2]), "line 2: says another thing"),
    ],
)
def test_a_truth_that_cannot_be_used_says_why(run: Path, given: pd.DataFrame, said: str) -> None:
    with pytest.raises(InvalidTable, match=said):
        score(run, given)
