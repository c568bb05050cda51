"""Score a run against the truth: what is right, wrong, left open, and how well confidence tells them apart.

`research/tables/audit/truth.py` says what a truth is: a table of expected values, or another source of them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from research.tables.audit.scored_cells import GOOD, OUTCOMES, Outcome, ScoredCell, scored_rows
from research.tables.audit.statistics import wilson
from research.tables.audit.truth import TruthSource, TruthTable, truth_of
from research.tables.run_folder.reading_by_url import folder_to_read
from research.tables.run_folder.run_folder import RunFolder

BUCKETS: Final = ("high", "medium", "low", "none")
PUBLISHED: Final[Mapping[str, float]] = {"high": 0.97, "medium": 0.80, "low": 0.50}
"""What the words mean where nothing was calibrated: the aim for `high`, and the middle of what a provider of the same three words
publishes of its own (medium 72–83 %, low 36–65 %)."""
TO_REVIEW: Final = (("low",), ("low", "medium"))
"""The confidences that a person may check first."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Cells by outcome. Intervals are of 95 % (Wilson)."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    rightly_empty: int = 0
    invented: int = 0
    failed: int = 0

    @property
    def cells(self) -> int:
        return sum(getattr(self, outcome) for outcome in OUTCOMES)

    @property
    def with_value(self) -> int:
        return self.right + self.wrong + self.invented

    @property
    def accuracy(self) -> float | None:
        """Right or rightly empty, of all cells. None if there are none."""
        return (self.right + self.rightly_empty) / self.cells if self.cells else None

    @property
    def accuracy_interval(self) -> tuple[float, float] | None:
        return wilson(self.right + self.rightly_empty, self.cells)

    @property
    def precision(self) -> float | None:
        """Right, of the cells that have a value. None if none has."""
        return self.right / self.with_value if self.with_value else None

    @property
    def precision_interval(self) -> tuple[float, float] | None:
        return wilson(self.right, self.with_value)


@dataclass(frozen=True, slots=True)
class WrongCell:
    """A cell that is not right."""

    row: int
    field: str
    expected: Any
    """None: the question has no answer. A tuple: any of these."""
    got: Any
    confidence: str | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Brier:
    """The Brier score: the mean squared distance between the probability of a value and whether it is right. 0 is perfect; who
    gives every value the share that is right has `base_rate`. Over values with a probability; None where there are none."""

    of: Literal["p_correct", "published"]
    """Whose probabilities: the run's own `p_correct`, or, where it has no calibration, what is published for its words
    (`PUBLISHED`)."""
    score: float | None
    base_rate: float | None
    cells: int
    fields: dict[str, float | None]
    confidence: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class ReviewGain:
    """What a person gains who checks the values of these confidences, and mends those that are wrong."""

    confidences: tuple[str, ...]
    """With `low`, values without a confidence are checked, too."""
    cells: int
    """Values to check."""
    error: float | None
    """The share of all values that is wrong. None: there is no value."""
    error_after: float | None
    """The same after the review."""


@dataclass(frozen=True, slots=True)
class Score:
    """A run against its truth."""

    total: Tally
    fields: dict[str, Tally]
    confidence: dict[str, Tally]
    """Cells that have a value, by `high`, `medium`, `low`, `none`. High is worth its name if its precision is."""
    brier: Brier
    reviews: tuple[ReviewGain, ...]
    """Of checking `low` alone, and `low` and `medium`."""
    wrong: tuple[WrongCell, ...]
    rows: int
    """Rows that the truth has a line for."""
    rows_without_truth: int
    truth_without_row: int
    """Lines of the truth that no row of the run matches."""
    keys: tuple[str, ...]
    passed_over: tuple[str, ...]
    """Columns of the truth that are neither keys nor fields."""


def score(path: str | os.PathLike[str], truth: Any) -> Score:
    """Compare a run's output with the truth.

    Args:
        truth: anything that `open_table` reads, `reviews` (what people decided about the run), or a `TruthSource`.

    Raises:
        InvalidRun: there is no such run.
        InvalidLocation: it is named by a URL that cannot be read.
        InvalidTable: the truth cannot be read, shares no key or no field with the run, or says two things of one row.
    """
    with folder_to_read(path) as folder:
        run = RunFolder.open(folder)
        return _scored(run, truth_of(run, truth))


def _scored(run: RunFolder, truth: TruthSource) -> Score:
    outcomes: Counter[tuple[str, str, Outcome]] = Counter()
    squares = _Squares(calibrated=run.probabilities is not None)
    wrong: list[WrongCell] = []
    rows = without_truth = 0
    for row in scored_rows(run, truth):
        if row.cells is None:
            without_truth += 1
            continue
        rows += 1
        for cell in row.cells:
            bucket = (cell.confidence or "none") if cell.has_value else ""
            outcomes[cell.field, bucket, cell.outcome] += 1
            squares.add(cell, bucket)
            if cell.outcome not in GOOD:
                shown = cell.expected[0] if len(cell.expected) == 1 else cell.expected
                wrong.append(WrongCell(row.row, cell.field, shown, cell.got, cell.confidence, cell.outcome))
    by_confidence = {bucket: _tally(outcomes, bucket=bucket) for bucket in BUCKETS}
    return Score(
        total=_tally(outcomes),
        fields={field: _tally(outcomes, field=field) for field in truth.fields},
        confidence=by_confidence,
        brier=squares.brier(truth.fields),
        reviews=tuple(review_gain(by_confidence, words) for words in TO_REVIEW),
        wrong=tuple(wrong),
        rows=rows,
        rows_without_truth=without_truth,
        truth_without_row=truth.unmatched if isinstance(truth, TruthTable) else 0,
        keys=truth.keys,
        passed_over=truth.passed_over if isinstance(truth, TruthTable) else (),
    )


class _Squares:
    """Adds up the squared distances of a Brier score, by field and confidence."""

    def __init__(self, *, calibrated: bool) -> None:
        self._calibrated = calibrated
        self._sums: dict[tuple[str, str], tuple[float, int, int]] = {}
        """Squares, right values, values."""

    def add(self, cell: ScoredCell, bucket: str) -> None:
        probability = cell.p_correct if self._calibrated else PUBLISHED.get(bucket)
        if not cell.has_value or probability is None:
            return
        right = cell.outcome == "right"
        square, rights, count = self._sums.get((cell.field, bucket), (0.0, 0, 0))
        self._sums[cell.field, bucket] = (square + (probability - right) ** 2, rights + right, count + 1)

    def brier(self, fields: Iterable[str]) -> Brier:
        _, right, cells = self._sum()
        return Brier(
            of="p_correct" if self._calibrated else "published",
            score=self._mean(),
            base_rate=right / cells * (1 - right / cells) if cells else None,
            cells=cells,
            fields={name: self._mean(field=name) for name in fields},
            confidence={name: self._mean(bucket=name) for name in BUCKETS},
        )

    def _mean(self, field: str | None = None, bucket: str | None = None) -> float | None:
        square, _, cells = self._sum(field, bucket)
        return square / cells if cells else None

    def _sum(self, field: str | None = None, bucket: str | None = None) -> tuple[float, int, int]:
        wanted = [each for (f, b), each in self._sums.items() if field in (None, f) and bucket in (None, b)]
        return sum(s for s, _, _ in wanted), sum(r for _, r, _ in wanted), sum(n for _, _, n in wanted)


def review_gain(tallies: Mapping[str, Tally], words: tuple[str, ...]) -> ReviewGain:
    """What is gained if people check every value of some confidences.

    Args:
        tallies: by confidence, as `Score.confidence`.
    """
    values = sum(tally.with_value for tally in tallies.values())
    errors = {bucket: tally.with_value - tally.right for bucket, tally in tallies.items()}
    checked = {*words, "none"}
    return ReviewGain(
        confidences=words,
        cells=sum(tally.with_value for bucket, tally in tallies.items() if bucket in checked),
        error=sum(errors.values()) / values if values else None,
        error_after=sum(n for bucket, n in errors.items() if bucket not in checked) / values if values else None,
    )


def _tally(outcomes: Counter[tuple[str, str, Outcome]], field: str | None = None, bucket: str | None = None) -> Tally:
    counts: Counter[str] = Counter()
    for (of_field, of_bucket, outcome), count in outcomes.items():
        if field in (None, of_field) and bucket in (None, of_bucket):
            counts[outcome] += count
    return Tally(**{str(outcome): counts[outcome] for outcome in OUTCOMES})
