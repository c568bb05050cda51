"""A calibration: how often each confidence was right, and what that makes of the same words in later runs of the kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from run_samples import (
    INPUT,
    REQUEST,
    SPEC,
    as_earlier_versions_wrote_it,
    batch,
    citation,
    completed,
    everything,
    page,
)

from research.errors import InvalidInput, InvalidRun
from research.result.result import Confidence, FieldBasis
from research.tables import RunFolder, open_run, score, verify
from research.tables.audit.calibrate import DRAWN, calibrate
from research.tables.audit.calibration import find_calibration
from research.tables.audit.statistics import not_falling, wilson
from research.tables.layout.probabilities import SETTING, Probabilities

ASKED: dict[str, Any] = {**REQUEST, "model": "extractive/1", "task": {"output_schema": dict(SPEC.schema)}}
PROBABILITIES = Probabilities(
    "ab" * 32, ("extractive",), {"low": 0.4, "medium": 0.7, "high": 0.98}, {"crew": {"low": 0.3, "medium": 0.6, "high": 0.9}}
)


def run_of(
    path: Path,
    words: Sequence[Confidence | None],
    request: Mapping[str, Any] = ASKED,
    settings: Mapping[str, Any] | None = None,
) -> RunFolder:
    """A run in one shard: `operator` of each row is of the confidence given; the other fields are empty."""
    kept = {"shard_size": max(len(words), 1), **(settings or {})}
    run = RunFolder.create(path, request, input_schema=INPUT, spec=SPEC, settings=kept)
    results = [
        completed(
            row,
            0,
            output={"operator": "Agency 0"},
            basis=[FieldBasis(field="operator", citations=[citation(0, "Agency 0")], confidence=word)],
        )
        for row, word in enumerate(words)
    ]
    run.write_shard(0, batch(range(len(words))), 0, results, [page(0)])
    run.finish(rows=len(words))
    return run


def truth(right: Sequence[bool]) -> pd.DataFrame:
    return pd.DataFrame({"row_index": range(len(right)), "operator": ["Agency 0" if each else "ESA" for each in right]})


@pytest.mark.parametrize(
    ("part", "whole", "interval"),
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0.0, 0.1611)), (1, 29, (0.0061, 0.1718))],
)
def test_intervals_are_those_of_newcombe_1998(part: int, whole: int, interval: tuple[float, float]) -> None:
    """Two-sided confidence intervals for the single proportion, table I, method 3."""
    assert wilson(part, whole) == pytest.approx(interval, abs=5e-5)
    assert wilson(whole - part, whole) == pytest.approx((1 - interval[1], 1 - interval[0]), abs=5e-5)
    assert wilson(0, 0) is None


def test_values_that_fall_are_pooled_by_their_weights() -> None:
    assert not_falling([1, 2, 3], [1, 1, 1]) == [1, 2, 3]
    assert not_falling([3, 1], [1, 3]) == [1.5, 1.5]
    assert not_falling([4, 5, 1, 6], [1, 1, 2, 1]) == pytest.approx([2.75, 2.75, 2.75, 6])


def test_a_words_probability_is_the_share_that_was_right_drawn_a_little_towards_a_half(tmp_path: Path) -> None:
    run = run_of(tmp_path, ["high"] * 19 + ["medium"] * 10 + ["low"] * 9)
    made = calibrate([(run.path, truth([True] * 19 + [True] * 6 + [False] * 13))])
    assert {word: (each.right, each.cells) for word, each in made.overall.items()} == {"medium": (6, 10), "high": (19, 19)}
    assert made.overall["high"].p_correct == pytest.approx(19.5 / 20)
    assert made.overall["medium"].p_correct == pytest.approx(6.5 / 11, abs=1e-4)
    assert made.overall["medium"].interval == pytest.approx(wilson(6, 10), abs=1e-4)
    assert "low" not in made.overall, "nine values are too few"
    assert (made.answered_by, [run.cells for run in made.runs]) == (("extractive",), [38])


def test_a_field_that_was_seen_often_has_its_own_drawn_towards_that_of_all(tmp_path: Path) -> None:
    made = calibrate([(run_of(tmp_path, ["high"] * 30).path, truth([True] * 24 + [False] * 6))])
    of_all = 24.5 / 31
    assert made.by_field["operator"]["high"].p_correct == pytest.approx((24 + DRAWN * of_all) / (30 + DRAWN), abs=1e-4)
    assert set(made.by_field) == {"operator"}


def test_a_higher_confidence_never_has_the_lower_probability(tmp_path: Path) -> None:
    run = run_of(tmp_path, ["high"] * 10 + ["low"] * 10)
    words = calibrate([(run.path, truth([False] * 5 + [True] * 15))]).overall
    assert words["low"].p_correct == words["high"].p_correct == pytest.approx(16 / 22, abs=1e-4)
    assert (words["low"].right, words["high"].right) == (10, 5), "the counts stay as they are"


def test_several_runs_of_one_kind_are_counted_together_and_others_refused(tmp_path: Path) -> None:
    one, two = run_of(tmp_path / "one", ["high"] * 8), run_of(tmp_path / "two", ["high"] * 8)
    made = calibrate([(one.path, truth([True] * 8)), (two.path, truth([True] * 4 + [False] * 4))])
    assert (made.overall["high"].right, made.overall["high"].cells) == (12, 16)
    with pytest.raises(InvalidInput, match="8 values have a truth, and no confidence has 10"):
        calibrate([(one.path, truth([True] * 8))])
    other = run_of(tmp_path / "other", ["high"], {**ASKED, "model": "claude/1"})
    with pytest.raises(InvalidRun, match=r'model.*one has "extractive/1", other "claude/1"'):
        calibrate([(one.path, truth([True] * 8)), (other.path, truth([True]))])


def test_later_runs_of_the_kind_find_it_and_a_damaged_one_counts_as_none(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", ["high"] * 12)
    made = calibrate([(run.path, truth([True] * 12))])
    kept = tmp_path / "calibrations"
    assert find_calibration(kept, ASKED).calibration is None
    file = made.write(kept)
    assert find_calibration(kept, {**ASKED, "objective": "Another question", "limit": 3}).calibration == made
    assert find_calibration(kept, {**ASKED, "model": "extractive/2"}).calibration is None
    file.write_text(file.read_text().replace('"right": 12', '"right": "many"'))
    found = find_calibration(kept, ASKED)
    assert found.calibration is None
    assert "is damaged" in found.warning


def test_a_run_that_began_with_a_calibration_says_of_each_value_how_likely_it_is_right(tmp_path: Path) -> None:
    run = RunFolder.create(
        tmp_path, ASKED, input_schema=INPUT, spec=SPEC, settings={"shard_size": 2, SETTING: PROBABILITIES.to_json()}
    )
    run.write_shard(0, batch([0, 1]), 0, [completed(0), completed(1, model="another")], [page(0), page(1)])
    run.finish(rows=2)
    basis = [(line["field"], line["p_correct"]) for line in everything(run, "basis").to_pylist() if line["row_index"] == 0]
    assert basis == [("operator", 0.98), ("mass", 0.4), ("launched", None), ("crew.0.name", 0.6)]
    assert everything(run, "results")["p_correct"].to_pylist() == [0.4, None], "a row's is its lowest"
    read = open_run(tmp_path)
    assert [read.cell(0, name).p_correct for name in ("operator", "launched", "crew")] == [0.98, None, 0.6]
    assert read.cell(1, "operator").p_correct is None, "the calibration has not seen the model that answered"
    cells = read.sql("SELECT field, p_correct FROM cells WHERE row_index = 0 AND value IS NOT NULL ORDER BY field")
    assert dict(zip(cells["field"], cells["p_correct"], strict=True)) == {"crew": 0.6, "mass": 0.4, "operator": 0.98}
    assert verify(tmp_path).ok
    brier = score(tmp_path, pd.DataFrame({"row_index": [0, 1], "operator": ["Agency 0", "x"], "mass": [1, 1]})).brier
    assert (brier.of, brier.cells) == ("p_correct", 2)
    assert brier.score == pytest.approx(((1 - 0.98) ** 2 + 0.4**2) / 2)


def test_a_run_that_goes_on_keeps_what_it_began_with(tmp_path: Path) -> None:
    """Whatever has been calibrated since: all its rows are told by the same."""
    run_of(tmp_path / "without", ["high"])
    again = run_of(tmp_path / "without", ["high"], settings={SETTING: PROBABILITIES.to_json()})
    assert (again.probabilities, open_run(again.path).cell(0, "operator").p_correct) == (None, None)
    run_of(tmp_path / "with", ["high"], settings={SETTING: PROBABILITIES.to_json()})
    (tmp_path / "with" / "run.json").unlink()  # lost: the commit records hold it as well
    again = run_of(tmp_path / "with", ["high"])
    assert (again.probabilities, open_run(again.path).cell(0, "operator").p_correct) == (PROBABILITIES, 0.98)


def test_a_run_from_before_there_was_p_correct_opens_verifies_and_goes_on(
    tmp_path: Path,
) -> None:
    run = run_of(tmp_path, ["high", "low"])
    for part in run.parts("basis"):
        pq.write_table(pq.read_table(part, partitioning=None).drop_columns("p_correct"), part)
    as_earlier_versions_wrote_it(tmp_path)
    run = RunFolder.open(tmp_path)
    assert open_run(tmp_path).cell(0, "operator").p_correct is None
    assert everything(run, "basis")["p_correct"].null_count == 2
    with run.lock():
        run.finish(rows=2)
    assert verify(tmp_path).ok
    assert open_run(tmp_path).sql("SELECT count(p_correct) AS n FROM cells")["n"].tolist() == [0]
    with run.lock():
        run.rewrite_shard(0, {1: completed(1)}, [page(1)])
        run.finish(rows=2)
    assert verify(tmp_path).ok
