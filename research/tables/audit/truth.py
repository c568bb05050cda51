"""What is right: where a score and a calibration learn it from. A table of expected values is one such source.

The table's columns (CSV, JSONL, Parquet, …):

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
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol, runtime_checkable

from research.errors import Fault, InvalidTable
from research.tables.inputs.read import json_rows, open_table
from research.tables.layout.result_columns import OutputColumn, ResultColumns
from research.tables.review.truth import ReviewTruth
from research.tables.run_folder.run_folder import RunFolder

Expected = tuple[Any, ...]
"""The values of a cell that are right; None among them: an empty cell is right. Empty: nothing that is known is right, and
whatever stands there is wrong."""


@runtime_checkable
class TruthSource(Protocol):
    """What is right, for cells of one run: a table of expected values, or the decisions of people who reviewed it."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The output fields that it says something of."""
        ...

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of `results` that it finds a row by. `row_index` is the column `ResultColumns.row_index`."""
        ...

    def expected(self, row: Mapping[str, Any]) -> Mapping[str, Expected] | None:
        """By field what is right in a row; a field that is not among them is not judged. None: it says nothing of the row.

        Args:
            row: its `keys`, as JSON values.
        """
        ...


REVIEWS: Final = "reviews"
"""Names the decisions of the run's own reviewers as its truth."""


def truth_of(run: RunFolder, truth: Any) -> TruthSource:
    """What is right in a run.

    Args:
        truth: anything that `open_table` reads, `reviews` (what people decided in the review sheet), or a `TruthSource`.

    Raises:
        InvalidTable: it cannot be read, shares no key or no field with the run, or says two things of one row; or nobody has
            decided anything.
    """
    if isinstance(truth, TruthSource):
        return truth
    if not isinstance(truth, str) or truth != REVIEWS:
        return TruthTable(run.columns, truth)
    decided = ReviewTruth(run)
    if not decided.fields:
        raise InvalidTable(f"{run.path} has no decisions yet: research report and research review apply bring them")
    return decided


class TruthTable:
    """A table of expected values.

    Args:
        columns: of the run.
        source: anything that `open_table` reads.

    Raises:
        InvalidTable: it cannot be read, shares no key or no field with the run, or says two things of one row.
    """

    def __init__(self, columns: ResultColumns, source: Any) -> None:
        table = open_table(source)
        names = table.schema.names
        by_name = {
            **{o.field: o for o in columns.outputs if o.field not in columns.inputs},
            **{o.column: o for o in columns.outputs},
        }
        outputs = {name: by_name[name] for name in names if name in by_name and name not in columns.inputs}
        self.keys = (columns.row_index,) if columns.row_index in names else tuple(n for n in names if n in columns.inputs)
        if not self.keys:
            raise InvalidTable(
                f"{table.name}: needs {columns.row_index}, or columns of the input ({', '.join(columns.inputs)}), to find rows by"
            )
        if not outputs:
            raise InvalidTable(f"{table.name}: has no column named as a field ({', '.join(o.field for o in columns.outputs)})")
        self.fields = tuple(output.field for output in outputs.values())
        self.passed_over = tuple(n for n in names if n not in outputs and n not in self.keys)
        """Columns that are neither keys nor fields."""
        self._lines: dict[tuple[str, ...], dict[str, Any]] = {}
        self._met: set[tuple[str, ...]] = set()
        self._outputs = {output.field: output for output in outputs.values()}
        faults = []
        for number, row in enumerate((row for batch in table.batches(1000) for row in json_rows(batch)), start=1):
            key = self._key(row)
            line = {output.field: row[name] for name, output in outputs.items()}
            if self._lines.setdefault(key, line) != line:
                faults.append(Fault(f"line {number}", f"says another thing of {dict(zip(self.keys, key, strict=True))}"))
        if faults:
            raise InvalidTable(f"{table.name}: contradicts itself", faults)

    def expected(self, row: Mapping[str, Any]) -> Mapping[str, Expected] | None:
        key = self._key(row)
        line = self._lines.get(key)
        if line is None:
            return None
        self._met.add(key)
        return {field: _accepted(value, self._outputs[field]) for field, value in line.items()}

    @property
    def unmatched(self) -> int:
        """Lines that no row has asked for."""
        return len(self._lines) - len(self._met)

    def _key(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(_key_text(row[name]) for name in self.keys)


def _key_text(value: Any) -> str:
    """A key as text: the number 7, 7.0 and the text " 7" name one row."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()


def _accepted(value: Any, output: OutputColumn) -> Expected:
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
