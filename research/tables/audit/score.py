"""Score a run against the truth: what is right, wrong, left open, and how well confidence tells them apart.

The truth is a table (CSV, JSONL, Parquet, …). Its columns:

- `row_index` (by its name in `results`), or else every column that the input has too, says which rows a line is about;
- a column named as an output field holds the expected value. Where the input has a column of that name, the field's own column
  in `results` is meant by its name there (`name_research`);
- other columns are passed over and listed.

An empty cell says that the question has no answer: leaving the field empty is right. A JSON list, for a field that is not a list
itself, holds several accepted values; `null` among them accepts an empty cell too. For a list or an object, the cell holds the
value as JSON; where `[]` is expected, an empty cell is right too.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from research.errors import Fault, InvalidTable
from research.tables.inputs.read import json_rows, open_table
from research.tables.layout.result_columns import OutputColumn, ResultColumns
from research.tables.run_folder.reading_by_url import folder_to_read
from research.tables.run_folder.run_folder import RunFolder
from research.values.values import same

Outcome = Literal["right", "wrong", "missed", "rightly_empty", "invented", "failed"]
"""`missed`: empty, and there is an answer. `rightly_empty`: empty, and there is none. `invented`: a value, and there is none.
`failed`: the row is not completed."""
OUTCOMES: Final[tuple[Outcome, ...]] = ("right", "wrong", "missed", "rightly_empty", "invented", "failed")
_GOOD: Final = ("right", "rightly_empty")


@dataclass(frozen=True, slots=True)
class Tally:
    """Cells by outcome."""

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
    def accuracy(self) -> float | None:
        """Right or rightly empty, of all cells. None if there are none."""
        return (self.right + self.rightly_empty) / self.cells if self.cells else None

    @property
    def precision(self) -> float | None:
        """Right, of the cells that have a value. None if none has."""
        answered = self.right + self.wrong + self.invented
        return self.right / answered if answered else None


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
class Score:
    """A run against its truth."""

    total: Tally
    fields: dict[str, Tally]
    confidence: dict[str, Tally]
    """Cells that have a value, by `high`, `medium`, `low`, `none`. High is worth its name if its precision is."""
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
        truth: anything that `open_table` reads.

    Raises:
        InvalidRun: there is no such run.
        InvalidLocation: it is named by a URL that cannot be read.
        InvalidTable: the truth cannot be read, shares no key or no field with the run, or says two things of one row.
    """
    with folder_to_read(path) as folder:
        return _scored(RunFolder.open(folder), truth)


def _scored(run: RunFolder, truth: Any) -> Score:
    lines = _Truth(run.columns, truth)
    cells: list[tuple[str, str, Outcome]] = []
    wrong: list[WrongCell] = []
    rows = without_truth = 0
    for row, key, completed, values, confidences in _rows(run, lines):
        line = lines.line(key)
        if line is None:
            without_truth += 1
            continue
        rows += 1
        for output in lines.fields:
            expected, got = _expected(line[output.field], output), values[output.field]
            outcome = _outcome(expected, got, output, completed)
            confidence = confidences.get(output.field)
            cells.append((output.field, (confidence or "none") if got is not None else "", outcome))
            if outcome not in _GOOD:
                shown = expected[0] if len(expected) == 1 else expected
                wrong.append(WrongCell(row, output.field, shown, got, confidence, outcome))
    buckets = ("high", "medium", "low", "none")
    return Score(
        total=_tally(outcome for *_, outcome in cells),
        fields={o.field: _tally(outcome for field, _, outcome in cells if field == o.field) for o in lines.fields},
        confidence={b: _tally(outcome for _, bucket, outcome in cells if bucket == b) for b in buckets},
        wrong=tuple(wrong),
        rows=rows,
        rows_without_truth=without_truth,
        truth_without_row=lines.unmatched,
        keys=lines.keys,
        passed_over=lines.passed_over,
    )


class _Truth:
    """The truth's lines by key."""

    def __init__(self, columns: ResultColumns, source: Any) -> None:
        table = open_table(source)
        names = table.schema.names
        by_name = {
            **{o.field: o for o in columns.outputs if o.field not in columns.inputs},
            **{o.column: o for o in columns.outputs},
        }
        fields = {name: by_name[name] for name in names if name in by_name and name not in columns.inputs}
        self.keys = (columns.row_index,) if columns.row_index in names else tuple(n for n in names if n in columns.inputs)
        if not self.keys:
            raise InvalidTable(
                f"{table.name}: needs {columns.row_index}, or columns of the input ({', '.join(columns.inputs)}), to find rows by"
            )
        if not fields:
            raise InvalidTable(f"{table.name}: has no column named as a field ({', '.join(o.field for o in columns.outputs)})")
        self.fields = tuple(fields.values())
        self.passed_over = tuple(n for n in names if n not in fields and n not in self.keys)
        self._lines: dict[tuple[str, ...], dict[str, Any]] = {}
        self._met: set[tuple[str, ...]] = set()
        faults = []
        for number, row in enumerate((row for batch in table.batches(1000) for row in json_rows(batch)), start=1):
            key = tuple(_key(row[name]) for name in self.keys)
            line = {output.field: row[name] for name, output in fields.items()}
            if self._lines.setdefault(key, line) != line:
                faults.append(Fault(f"line {number}", f"says another thing of {dict(zip(self.keys, key, strict=True))}"))
        if faults:
            raise InvalidTable(f"{table.name}: contradicts itself", faults)

    def line(self, key: tuple[str, ...]) -> dict[str, Any] | None:
        line = self._lines.get(key)
        if line is not None:
            self._met.add(key)
        return line

    @property
    def unmatched(self) -> int:
        return len(self._lines) - len(self._met)


_ScoredRow = tuple[int, tuple[str, ...], bool, dict[str, Any], dict[str, str | None]]


def _rows(run: RunFolder, truth: _Truth) -> Iterator[_ScoredRow]:
    """Each row: its index, its key, whether it is completed, its values by field, their confidence by field."""
    columns = run.columns
    index, status = columns.row_index, columns.run["status"]
    wanted = list(dict.fromkeys([index, status, *truth.keys, *(o.column for o in truth.fields)]))
    for shard in run.committed_shards():
        table = run.read("results", shard, wanted)
        values = {o.field: o.json_values(table[o.column]) for o in truth.fields}
        basis = run.read("basis", shard, ["row_index", "field", "confidence"]).to_pylist()
        confidences: dict[int, dict[str, str | None]] = {}
        for part in basis:
            confidences.setdefault(part["row_index"], {})[part["field"]] = part["confidence"]
        plain_rows = [
            row
            for batch in table.select(list(dict.fromkeys([index, status, *truth.keys]))).to_batches()
            for row in json_rows(batch)
        ]
        for place, row in enumerate(plain_rows):
            key = tuple(_key(row[name]) for name in truth.keys)
            got = {field: column[place] for field, column in values.items()}
            yield row[index], key, row[status] == "completed", got, confidences.get(row[index], {})


def _key(value: Any) -> str:
    """A key as text: the number 7, 7.0 and the text " 7" name one row."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()


def _expected(value: Any, output: OutputColumn) -> tuple[Any, ...]:
    """The accepted values; None among them: an empty cell."""
    if value is None or value == "":
        return (None,)
    structured = {"array", "object"} & set(_types(output.schema))
    if isinstance(value, str) and (structured or value.lstrip().startswith("[")):
        try:
            value = json.loads(value)
        except ValueError:
            return (value,)
    if isinstance(value, list) and "array" not in structured:
        return tuple(None if item == "" else item for item in value) or (None,)
    return (value, None) if value == [] else (value,)


def _types(schema: Mapping[str, Any]) -> Iterable[str]:
    named = schema.get("type", [])
    yield from [named] if isinstance(named, str) else named
    for key in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(key, []):
            if isinstance(part, Mapping):
                yield from _types(part)


def _outcome(expected: tuple[Any, ...], got: Any, output: OutputColumn, completed: bool) -> Outcome:
    if not completed:
        return "failed"
    answers = [value for value in expected if value is not None]
    if got is None:
        return "rightly_empty" if None in expected else "missed"
    if any(same(answer, got, output.schema) for answer in answers):
        return "right"
    return "wrong" if answers else "invented"


def _tally(outcomes: Iterable[Outcome]) -> Tally:
    counts = Counter(outcomes)
    return Tally(**{str(outcome): counts[outcome] for outcome in OUTCOMES})
