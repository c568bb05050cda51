"""A run's rows, each with everything that the sheet shows of it, read a shard at a time."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from research.result.result import lowest
from research.tables.inputs.json_values import json_rows
from research.tables.layout.cell_text import cell_text, row_key
from research.tables.layout.parts import SCHEMAS
from research.tables.run_folder.run_folder import RunFolder

KINDS: Final = ("official", "reference", "news", "forum", "unknown")
"""The kinds of source, in the order of their bits in `CellBasis.kinds`."""
SUPPORTING: Final = ("stated", "inferred")


class SourceFacts(NamedTuple):
    """What is known of a page that a row's research met."""

    kind: str | None
    suspected_injection: str | None


@dataclass(slots=True)
class CellBasis:
    """Why one cell holds what it holds."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    """Its lines of `basis`, those of its parts included."""
    confidence: str | None = None
    p_correct: float | None = None
    reasoning: str = ""
    kinds: int = 0
    """A bit for each kind of source that supports it."""
    has_against: bool = False
    has_support: bool = False
    is_suspicious: bool = False
    """Whether a page that it rests on looks as if it tries to instruct a model."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row of the run."""

    index: int
    key: str
    inputs: list[str | None]
    values: list[str | None]
    """A text for each output field."""
    cells: list[CellBasis]
    """In the same order."""
    run: dict[str, Any]
    """What the run says of it: status, error, cost, …"""
    usage: dict[str, Any]
    sources: dict[str, SourceFacts]
    """By URL, the pages that were read."""
    report: str | None
    """What the research tier wrote about it, as Markdown."""


def sheet_rows(folder: RunFolder) -> Iterator[SheetRow]:
    """Every committed row, in input order. One shard is held at a time."""
    for shard in folder.committed_shards():
        yield from _of_shard(folder, shard)


def _of_shard(folder: RunFolder, shard: int) -> Iterator[SheetRow]:
    columns = folder.columns
    results = folder.read("results", shard)
    inputs = [row for batch in results.select(range(1, 1 + len(columns.inputs))).to_batches() for row in json_rows(batch)] or [
        {}
    ] * results.num_rows
    outputs = []
    for output in columns.outputs:
        kind = columns.schema.field(output.column)
        outputs.append([cell_text(kind, value) for value in output.json_values(results[output.column])])
    own: dict[str, list[Any]] = {name: results[column].to_pylist() for name, column in columns.run.items()}
    basis = _by_row(folder, shard, "basis")
    usage = _by_row(folder, shard, "usage", [name for name in SCHEMAS["usage"].names if name not in _UNUSED])
    sources = _by_row(folder, shard, "sources", ["row_index", "url", "quality", "read"])
    reports = _by_row(folder, shard, "reports", ["row_index", "report"])
    fields = [output.field for output in columns.outputs]
    for place, index in enumerate(own["row_index"]):
        facts = {line["url"]: _facts(line) for line in sources[index] if line["read"]}
        yield SheetRow(
            index=index,
            key=row_key(inputs[place]),
            inputs=[_plain(inputs[place][name]) for name in columns.inputs],
            values=[column[place] for column in outputs],
            cells=_cells(folder, fields, basis[index], facts),
            run={name: values[place] for name, values in own.items()},
            usage=usage[index][0] if usage[index] else {},
            sources=facts,
            report=reports[index][0]["report"] if reports[index] else None,
        )


_UNUSED: Final = ("task_id", "scratchpad_mode")


def _by_row(
    folder: RunFolder, shard: int, table: str, names: Sequence[str] | None = None
) -> defaultdict[int, list[dict[str, Any]]]:
    lines: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for line in folder.read(table, shard, names).to_pylist():
        lines[line["row_index"]].append(line)
    return lines


def _facts(line: dict[str, Any]) -> SourceFacts:
    quality = line["quality"] or {}
    return SourceFacts(quality.get("kind"), quality.get("suspected_injection"))


def _plain(value: Any) -> str | None:
    """An input cell as text."""
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cells(
    folder: RunFolder, fields: Sequence[str], basis: list[dict[str, Any]], facts: dict[str, SourceFacts]
) -> list[CellBasis]:
    cells = {name: CellBasis() for name in fields}
    for line in basis:
        owner = line["field"] if line["field"] in cells else folder.columns.field_of(line["field"])
        if owner is not None:
            cells[owner].lines.append(line)
    for name, cell in cells.items():
        _conclude(name, cell, facts)
    return list(cells.values())


def _conclude(name: str, cell: CellBasis, facts: dict[str, SourceFacts]) -> None:
    whole = next((line for line in cell.lines if line["field"] == name), None)
    cell.confidence = whole["confidence"] if whole else lowest([line["confidence"] for line in cell.lines])
    cell.reasoning = (whole["reasoning"] or "") if whole else ""
    # A calibrated run has it in `basis`; the lowest of the cell's lines counts, as with confidence.
    likely = [line["p_correct"] for line in ([whole] if whole else cell.lines) if line.get("p_correct") is not None]
    cell.p_correct = min(likely) if likely else None
    for line in cell.lines:
        known = facts.get(line["url"])
        if line["support"] in SUPPORTING:
            cell.has_support = True
            cell.kinds |= 1 << KINDS.index(known.kind if known and known.kind in KINDS else "unknown")
        cell.has_against = cell.has_against or line["support"] == "against"
        cell.is_suspicious = cell.is_suspicious or bool(known and known.suspected_injection)
