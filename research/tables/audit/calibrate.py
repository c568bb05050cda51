"""Makes a calibration: counts runs whose truth is known, and makes probabilities of the counts (docs/calibration.md).

- A word's probability is (right + ½) / (values + 1), if at least `LEAST` values had it; else it has none.
- A field with at least `LEAST_OF_FIELD` values has its own, drawn towards that of all fields as if `DRAWN` more values had been
  seen at theirs.
- A higher confidence never has the lower probability: words that fall are pooled.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from research.errors import Fault, InvalidInput, InvalidRun
from research.faults import shown
from research.result.result import CONFIDENCE_ORDER, utc_now
from research.tables.audit.calibration import CalibratedRun, CalibratedWord, Calibration, kind_of
from research.tables.audit.scored_cells import scored_rows
from research.tables.audit.statistics import not_falling, wilson
from research.tables.audit.truth import truth_of
from research.tables.run_folder.reading_by_url import folder_to_read
from research.tables.run_folder.run_folder import RunFolder

LEAST: Final = 10
LEAST_OF_FIELD: Final = 30
DRAWN: Final = 20


def calibrate(runs: Sequence[tuple[str | os.PathLike[str], Any]]) -> Calibration:
    """Count runs against their truths, and make a calibration of the counts.

    Args:
        runs: run folders or their URLs, each with its truth: anything that `open_table` reads, `reviews`, or a `TruthSource`.

    Raises:
        InvalidRun: there is no such run, or they are not of one kind; each difference is named.
        InvalidLocation: one is named by a URL that cannot be read.
        InvalidTable: a truth cannot be read, or does not fit its run.
        InvalidInput: fewer values than a probability needs.
    """
    right: Counter[tuple[str, str]] = Counter()
    seen: Counter[tuple[str, str]] = Counter()
    counted: list[CalibratedRun] = []
    models: set[str] = set()
    first: RunFolder | None = None
    for path, truth in runs:
        with folder_to_read(path) as folder:
            run = RunFolder.open(folder)
            first = first or run
            _refuse_other_kind(first, run)
            before = seen.total()
            for row in scored_rows(run, truth_of(run, truth)):
                for cell in row.cells or ():
                    if cell.has_value and cell.confidence is not None:
                        seen[cell.field, cell.confidence] += 1
                        right[cell.field, cell.confidence] += cell.outcome == "right"
                        models |= {row.model} if row.model else set()
            counted.append(CalibratedRun(run=_name(path), key=run.key, cells=seen.total() - before))
    if first is None:
        raise InvalidInput("a calibration needs at least one run")
    overall = _overall(right, seen)
    if not overall:
        raise InvalidInput(
            f"{seen.total()} values have a truth, and no confidence has {LEAST} of them: that is too few to say how likely "
            "such a value is right. Give more runs, or a truth of more rows"
        )
    names = tuple(output.field for output in first.columns.outputs)
    return Calibration(
        kind=kind_of(first.request),
        fields=names,
        model=first.request["model"],
        answered_by=tuple(sorted(models)),
        made_at=utc_now(),
        runs=tuple(counted),
        overall=overall,
        by_field={name: words for name in names if (words := _of_field(name, right, seen, overall))},
    )


_Counts = Mapping[tuple[str, str], int]


def _overall(right: _Counts, seen: _Counts) -> dict[str, CalibratedWord]:
    values = {word: sum(count for (_, of), count in seen.items() if of == word) for word in CONFIDENCE_ORDER}
    rights = {word: sum(count for (_, of), count in right.items() if of == word) for word in CONFIDENCE_ORDER}
    words = [word for word in CONFIDENCE_ORDER if values[word] >= LEAST]
    shares = not_falling([(rights[word] + 0.5) / (values[word] + 1) for word in words], [values[word] for word in words])
    return {word: _word(share, rights[word], values[word]) for word, share in zip(words, shares, strict=True)}


def _of_field(
    field: str, right: _Counts, seen: _Counts, overall: Mapping[str, CalibratedWord]
) -> dict[str, CalibratedWord] | None:
    if sum(count for (name, _), count in seen.items() if name == field) < LEAST_OF_FIELD:
        return None
    drawn = []
    for word, of_all in overall.items():
        rights, values = right.get((field, word), 0), seen.get((field, word), 0)
        drawn.append((rights, values, (rights + DRAWN * of_all.p_correct) / (values + DRAWN)))
    shares = not_falling([share for *_, share in drawn], [values + DRAWN for _, values, _ in drawn])
    counts = zip(overall, shares, drawn, strict=True)
    return {word: _word(share, rights, values) for word, share, (rights, values, _) in counts}


def _word(share: float, right: int, cells: int) -> CalibratedWord:
    return CalibratedWord(p_correct=round(share, 4), right=right, cells=cells, interval=_rounded(wilson(right, cells)))


def _rounded(interval: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if interval is None else (round(interval[0], 4), round(interval[1], 4))


def _refuse_other_kind(first: RunFolder, other: RunFolder) -> None:
    if kind_of(first.request) == kind_of(other.request):
        return
    parts = {"output schema": ("task", "output_schema"), "model": ("model",)}
    faults = [
        Fault(
            name, f"{first.path.name} has {shown(_at(first.request, path))}, {other.path.name} {shown(_at(other.request, path))}"
        )
        for name, path in parts.items()
        if _at(first.request, path) != _at(other.request, path)
    ]
    raise InvalidRun("a calibration is of one kind of job, and these runs are of two:", faults)


def _at(value: Any, path: Iterable[str]) -> Any:
    for name in path:
        value = value[name]
    return value


def _name(path: str | os.PathLike[str]) -> str:
    return os.fspath(path).rstrip("/\\").replace("\\", "/").rpartition("/")[2]
