"""Every cell of a run that a truth speaks of: whether it is right, and how sure the run was of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from research.result.result import Confidence, lowest
from research.tables.audit.truth import Expected, TruthSource
from research.tables.inputs.json_values import json_rows
from research.tables.layout.probabilities import lowest as lowest_probability
from research.tables.layout.result_columns import OutputColumn
from research.tables.run_folder.run_folder import RunFolder
from research.values.values import same

Outcome = Literal["right", "wrong", "missed", "rightly_empty", "invented", "failed"]
"""`missed`: empty, and there is an answer. `rightly_empty`: empty, and there is none. `invented`: a value, and there is none.
`failed`: the row is not completed."""
OUTCOMES: Final[tuple[Outcome, ...]] = ("right", "wrong", "missed", "rightly_empty", "invented", "failed")
GOOD: Final = frozenset({"right", "rightly_empty"})


@dataclass(frozen=True, slots=True)
class ScoredCell:
    """A cell, judged."""

    field: str
    expected: Expected
    got: Any
    outcome: Outcome
    confidence: Confidence | None
    p_correct: float | None

    @property
    def has_value(self) -> bool:
        """Whether a completed row has a value there."""
        return self.got is not None and self.outcome != "failed"


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """A row, and its cells that the truth speaks of; None: it says nothing of the row."""

    row: int
    model: str | None
    cells: tuple[ScoredCell, ...] | None


def scored_rows(run: RunFolder, truth: TruthSource) -> Iterator[ScoredRow]:
    """The rows of a run, in order."""
    columns = run.columns
    index, status, model = columns.row_index, columns.run["status"], columns.run["model"]
    outputs = [columns.output(field) for field in truth.fields]
    plain_columns = list(dict.fromkeys([index, status, model, *truth.keys]))
    for shard in run.committed_shards():
        table = run.read("results", shard, list(dict.fromkeys([*plain_columns, *(o.column for o in outputs)])))
        values = {o.field: o.json_values(table[o.column]) for o in outputs}
        known = _known(run, shard)
        plain = [row for batch in table.select(plain_columns).to_batches() for row in json_rows(batch)]
        for place, row in enumerate(plain):
            expected = truth.expected({name: row[name] for name in truth.keys})
            cells = None
            if expected is not None:
                done = row[status] == "completed"
                cells = tuple(
                    _judged(o, expected[o.field], values[o.field][place], done, *known.get((row[index], o.field), (None, None)))
                    for o in outputs
                    if o.field in expected
                )
            yield ScoredRow(row[index], row[model], cells)


def _known(run: RunFolder, shard: int) -> dict[tuple[int, str], tuple[Confidence | None, float | None]]:
    """Confidence and probability of each cell, by row and field: the whole field's, or else the lowest of its parts'."""
    basis = run.read("basis", shard, ["row_index", "field", "confidence", "p_correct"]).to_pylist()
    whole: dict[tuple[int, str], tuple[Confidence | None, float | None]] = {}
    parts: dict[tuple[int, str], list[tuple[Confidence | None, float | None]]] = {}
    for line in basis:
        row, path, known = line["row_index"], line["field"], (line["confidence"], line["p_correct"])
        field = run.columns.field_of(path)
        if path == field:
            whole[row, path] = known
        elif field is not None:
            parts.setdefault((row, field), []).append(known)
    of_parts = {
        key: (lowest([confidence for confidence, _ in known]), lowest_probability(p for _, p in known))
        for key, known in parts.items()
    }
    return of_parts | whole


def _judged(
    output: OutputColumn,
    expected: Expected,
    got: Any,
    completed: bool,
    confidence: Confidence | None,
    p_correct: float | None,
) -> ScoredCell:
    outcome = _outcome(expected, got, output, completed)
    return ScoredCell(output.field, expected, got, outcome, confidence, p_correct)


def _outcome(expected: Expected, got: Any, output: OutputColumn, completed: bool) -> Outcome:
    if not completed:
        return "failed"
    answers = [value for value in expected if value is not None]
    if got is None:
        return "rightly_empty" if None in expected else "missed"
    if any(same(answer, got, output.schema) for answer in answers):
        return "right"
    return "invented" if None in expected and not answers else "wrong"
