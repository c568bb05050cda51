"""Reads a file of decisions, as the review sheet exports it, and refuses what does not fit the run, naming the place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from research.errors import Fault, InvalidInput
from research.faults import nearest, shown
from research.output_schema.output_spec import OutputSpec
from research.tables.layout.cell_text import cell_text, value_of
from research.tables.layout.columns import arrow_value
from research.tables.layout.result_columns import OutputColumn
from research.tables.layout.reviews import DECISIONS, Decision
from research.tables.review.run_cells import RunRow, rows_at
from research.tables.run_folder.run_folder import RunFolder

FORMAT: Final = "research-review"
VERSION: Final = 1
_MOST_FAULTS: Final = 20


class InvalidReview(InvalidInput):
    """A file of decisions cannot be taken in: it is none, or does not fit the run."""


def read_decision_file(run: RunFolder, file: Path) -> tuple[list[Decision], dict[int, RunRow]]:
    """The decisions of a file, and the rows that they are about.

    Raises:
        InvalidReview: it is not such a file, or is one of another run, or names rows and fields that are not there, or
            values that their fields cannot have; each place is named.
    """
    entries = _entries(run, file)
    fields = {entry["field"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("field"), str)}
    known = [output.field for output in run.columns.outputs]
    indexes = [entry["row_index"] for entry in entries if isinstance(entry, dict) and _is_index(entry.get("row_index"))]
    rows = rows_at(run, indexes, [name for name in known if name in fields])
    decisions, faults = [], []
    for place, entry in enumerate(entries):
        reader = _Entry(run, entry, rows, f"/decisions/{place}")
        found = list(reader.faults())
        faults += found
        if not found:
            decisions.append(reader.decision())
    if faults:
        more = f" (the first {_MOST_FAULTS} of {len(faults)})" if len(faults) > _MOST_FAULTS else ""
        raise InvalidReview(f"{file} does not fit {run.path}; nothing was stored{more}:", faults[:_MOST_FAULTS])
    return decisions, rows


def _entries(run: RunFolder, file: Path) -> list[Any]:
    try:
        read = json.loads(file.read_bytes())
    except OSError as exc:
        raise InvalidReview(f"{file} cannot be read: {exc.strerror or exc}") from exc
    except (ValueError, RecursionError) as exc:
        raise InvalidReview(f"{file} is not JSON: {exc}. Export the decisions from the review sheet again.") from exc
    if not isinstance(read, dict) or read.get("format") != FORMAT or not isinstance(read.get("decisions"), list):
        raise InvalidReview(f"{file} holds no decisions of a review sheet (its format is not {FORMAT!r}).")
    if read.get("version") != VERSION:
        raise InvalidReview(f"{file} is of version {read.get('version')} of this format; this program reads version {VERSION}.")
    if read.get("run") != run.key:
        name = f" ({read['name']})" if isinstance(read.get("name"), str) else ""
        raise InvalidReview(
            f"{file} is about another run{name}, not about {run.path}.",
            [Fault("/run", f"is {shown(read.get('run'))}; this run is {run.key}")],
        )
    entries: list[Any] = read["decisions"]
    return entries


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


class _Entry:
    """One decision of the file."""

    def __init__(self, run: RunFolder, entry: Any, rows: dict[int, RunRow], at: str) -> None:
        self._run, self._entry, self._rows, self._at = run, entry, rows, at

    def faults(self) -> Iterator[Fault]:
        """All that is wrong with it."""
        entry = self._entry
        if not isinstance(entry, dict):
            yield Fault(self._at, "must be an object")
            return
        yield from self._row_faults()
        if entry.get("decision") not in DECISIONS:
            yield self._fault("decision", f"must be one of {', '.join(DECISIONS)}")
        for name in ("found", "note", "reviewer", "value"):
            if not isinstance(entry.get(name), (str, type(None))):
                yield self._fault(name, "must be text or null")
        if entry.get("decision") == "note" and not entry.get("note"):
            yield self._fault("note", "is empty, and the decision is a note")
        if self._moment() is None:
            yield self._fault("decided_at", "must be a moment: 2026-01-31T09:15:00Z")
        yield from self._field_faults()

    def decision(self) -> Decision:
        """As it is stored, once it has no fault."""
        entry, verdict = self._entry, self._entry["decision"]
        value = None
        if verdict == "correct":
            column = self._column(self._run.columns.output(entry["field"]))
            value = cell_text(column, value_of(column, entry.get("value")))
            if value == entry.get("found") == self._rows[entry["row_index"]].texts[entry["field"]]:
                verdict, value = "accept", None  # whoever corrects a value to itself says that it is right
        return {
            "row_index": entry["row_index"],
            "row_key": entry["row_key"],
            "field": entry["field"],
            "decision": verdict,
            "found": entry.get("found"),
            "value": value,
            "note": entry.get("note") or None,
            "reviewer": (entry.get("reviewer") or "").strip(),
            "decided_at": self._moment(),
            "carried_from": None,
        }

    def _row_faults(self) -> Iterator[Fault]:
        index = self._entry.get("row_index")
        if not _is_index(index):
            yield self._fault("row_index", "must be a row's place in the input, from 0")
        elif (row := self._rows.get(index)) is None:
            yield self._fault("row_index", f"the run has no row {index}")
        elif row.key != self._entry.get("row_key"):
            yield self._fault("row_key", f"row {index} is another one than the decision was made about")

    def _field_faults(self) -> Iterator[Fault]:
        name, names = self._entry.get("field"), [output.field for output in self._run.columns.outputs]
        if name not in names:
            hint = nearest(name, names) if isinstance(name, str) else ""
            yield self._fault("field", f"the run's output has no field {shown(name)}{hint}")
        elif self._entry.get("decision") == "correct" and isinstance(self._entry.get("value"), str):
            for message in _value_faults(
                self._column(self._run.columns.output(name)), self._run.columns.output(name), self._entry["value"]
            ):
                yield self._fault("value", message)

    def _column(self, output: OutputColumn) -> pa.Field[Any]:
        return self._run.columns.schema.field(output.column)

    def _moment(self) -> datetime | None:
        try:
            moment = datetime.fromisoformat(self._entry["decided_at"])
        except (KeyError, TypeError, ValueError):
            return None
        return moment.astimezone(UTC) if moment.tzinfo is not None else None

    def _fault(self, name: str, message: str) -> Fault:
        return Fault(f"{self._at}/{name}", message)


def _value_faults(column: pa.Field[Any], output: OutputColumn, text: str) -> Iterator[str]:
    """Why a text is no value of a field."""
    try:
        value = value_of(column, text)
    except ValueError:
        yield f"{shown(text)} is not JSON, and {output.field} is no text"
        return
    spec = OutputSpec.parse({"type": "object", "properties": {output.field: dict(output.schema)}, "additionalProperties": False})
    faults = [fault.message for fault in spec.check({output.field: value})]
    yield from faults
    if not faults:
        try:
            pa.array([arrow_value(output.as_field, value)], column.type)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            yield f"{shown(text)} does not fit the column's type {column.type}"
