"""`research score` and `research calibrate`: a run against the truth, and what that says of the runs after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.box import SIMPLE
from rich.table import Column, Table
from rich.text import Text

from flows.cli.named_run import run_path
from flows.cli.terminal import Exit, Output, note, out, print_json, shown
from research.display.figures import count

if TYPE_CHECKING:
    from research.tables.audit.calibration import CalibratedWord, Calibration
    from research.tables.audit.score import Brier, ReviewGain, Score, Tally

NONE = Output()
WORDS = ("high", "medium", "low")
LEGEND = (
    "rightly empty: no value, and the truth has none; invented: a value where the truth has none; missed: the other way round"
)


def score(run: str, /, *, truth: str, wrong: bool = False, output: Output = NONE) -> int:
    """Score a run against the truth: accuracy per field and per confidence, and what a review of doubtful cells would gain.

    A cell with a value is `right`, `wrong`, or `invented`: the truth says that there is no answer. A cell without one is `rightly
    empty`, where the truth has none either, or `missed`, where it has one. The cells of a row that failed are `failed`.

    Args:
        run: the run folder, or its URL.
        truth: a table with the expected values, in columns named as the fields; its other columns say which rows are meant. Or
            `reviews`: what people decided in the review sheet.
        wrong: list every cell that is not right.
    """
    from research.tables.audit.score import score as judge

    found = judge(run_path(run), truth)
    if output.json:
        print_json(_as_json(found, wrong=wrong))
        return Exit.OK
    console = out()
    console.print(_tallies("field", {**found.fields, "all fields": found.total}, {**found.brier.fields}, found.brier))
    console.print(_tallies("confidence", found.confidence, found.brier.confidence, None))
    note(LEGEND)
    for line in (_brier_line(found.brier), *map(_review_line, found.reviews)):
        console.print(Text(line))
    if wrong:
        table = Table("row", "field", "expected", "got", "confidence", "outcome")
        for cell in found.wrong:
            table.add_row(
                *map(
                    Text, (str(cell.row), cell.field, shown(cell.expected), shown(cell.got), cell.confidence or "–", cell.outcome)
                )
            )
        console.print(table)
    if found.rows_without_truth or found.truth_without_row:
        lines = count(found.truth_without_row, "line")
        note(f"without truth: {count(found.rows_without_truth, 'row')}; of the truth, without a row: {lines}")
    if found.passed_over:
        note(f"columns of the truth that are no fields: {', '.join(found.passed_over)}")
    return Exit.OK


def calibrate(*runs: str, truth: Annotated[list[str], Parameter(negative="")], output: Output = NONE) -> int:
    """Learn from runs whose truth is known how often each confidence is right. Later runs of the same schema and model show it.

    Args:
        runs: run folders, or their URLs, of one schema and one model.
        truth: a table with the expected values, as for `score`; one for all runs, or one for each in their order.
    """
    from flows.run.environment import read_environment
    from research.errors import InvalidInput
    from research.tables.audit.calibrate import calibrate as fit

    if not runs:
        raise InvalidInput("name at least one run folder: research calibrate RUN --truth FILE")
    if len(truth) not in (1, len(runs)):
        raise InvalidInput(f"{len(runs)} runs and {len(truth)} truths: give one --truth for all runs, or one for each")
    truths = truth * len(runs) if len(truth) == 1 else truth
    made = fit([(run_path(run), each) for run, each in zip(runs, truths, strict=True)])
    file = made.write(read_environment().calibrations)
    if output.json:
        print_json({"file": str(file), **made.model_dump(mode="json")})
        return Exit.OK
    console = out()
    console.print(_calibrated(made))
    for word in WORDS:
        if word not in made.overall:
            note(f"{word}: too few values of it were seen; it stays without a probability")
    note(f"kept in {file}: runs of the same schema and model that begin from now on show it as p_correct")
    return Exit.OK


def _as_json(found: Score, *, wrong: bool) -> dict[str, Any]:
    whole = {name: value for name, value in asdict(found).items() if wrong or name != "wrong"}
    for name in ("fields", "confidence"):
        whole[name] = {each: asdict(tally) | _shares(tally) for each, tally in getattr(found, name).items()}
    return {**_shares(found.total), **whole}


def _shares(tally: Tally) -> dict[str, Any]:
    names = ("accuracy", "accuracy_interval", "precision", "precision_interval")
    return {name: getattr(tally, name) for name in names}


def _tallies(name: str, tallies: Mapping[str, Tally], squares: Mapping[str, float | None], of_all: Brier | None) -> Table:
    counted = ("accuracy", "precision", "Brier", "right", "rightly\nempty", "wrong", "invented", "missed", "failed")
    table = Table(
        Column(name, no_wrap=True),
        *(Column(title, justify="right", no_wrap=True) for title in counted),
        box=SIMPLE,
        padding=(0, 1, 0, 0),
    )
    for title, tally in tallies.items():
        counts = (tally.right, tally.rightly_empty, tally.wrong, tally.invented, tally.missed, tally.failed)
        square = squares.get(title) if of_all is None or title in squares else of_all.score
        table.add_row(
            Text(title),
            _share(tally.accuracy, tally.accuracy_interval),
            _share(tally.precision, tally.precision_interval),
            "–" if square is None else f"{square:.3f}",
            *map(str, counts),
        )
    return table


def _share(value: float | None, interval: tuple[float, float] | None) -> str:
    return "–" if value is None or interval is None else f"{value:.3f} [{interval[0]:.3f}–{interval[1]:.3f}]"


def _brier_line(brier: Brier) -> str:
    from research.tables.audit.score import PUBLISHED

    if brier.score is None or brier.base_rate is None:
        return "Brier score: none, because no value has a probability"
    meanings = ", ".join(f"{word} {share:.2f}" for word, share in PUBLISHED.items())
    of = "of p_correct" if brier.of == "p_correct" else f"of the words as published ({meanings}), for want of a calibration"
    alone = f"one probability for all values would have {brier.base_rate:.3f}"
    return f"Brier score {brier.score:.3f} over {brier.cells:,} values, {of}; {alone}"


def _review_line(gain: ReviewGain) -> str:
    cells = f"review only {' and '.join(gain.confidences)}: {gain.cells:,} cell{'s' if gain.cells != 1 else ''}"
    if gain.error is None or gain.error_after is None:
        return f"{cells}; there are no values"
    return f"{cells}, the error falls from {gain.error:.1%} to {gain.error_after:.1%} of the values"


def _calibrated(made: Calibration) -> Table:
    table = Table(
        Column("field", no_wrap=True),
        *(Column(word, justify="right", no_wrap=True) for word in WORDS),
        box=SIMPLE,
        padding=(0, 1, 0, 0),
    )
    for name, words in {"all fields": made.overall, **made.by_field}.items():
        table.add_row(Text(name), *(_probability(words.get(word)) for word in WORDS))
    return table


def _probability(word: CalibratedWord | None) -> str:
    if word is None:
        return "–"
    if word.interval is None:
        return f"{word.p_correct:.3f} (none counted)"  # that of all fields, or of a lower word that is right more often
    low, high = word.interval
    return f"{word.p_correct:.3f} ({word.right}/{word.cells} right, {low:.3f}–{high:.3f})"
