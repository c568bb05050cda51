"""A run as JSON lines: one object a row, with its input, its output, and the basis of every field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from research.result.result import FieldBasis
from research.tables.export.rows import ExportedShard, reports_of, shards_of
from research.tables.inputs.json_values import json_rows
from research.tables.layout.result_columns import ResultColumns
from research.tables.run_folder.run_folder import RunFolder

_OF_A_REVIEW: Final = ("decision", "found", "value", "note", "reviewer")
_LEFT_OUT: Final = frozenset({"row_index", "field_warnings"})


def write_jsonl(folder: RunFolder, target: Path, *, as_found: bool) -> int:
    """Write the file. Returns the number of rows. `basis` has the form of a result's (`schemas/contract`),
    with `p_correct` where the run is calibrated; `reviews` has the decision that counts for a cell, by field."""
    count = 0
    with target.open("w", encoding="utf-8", newline="\n") as file:
        for shard in shards_of(folder, as_found=as_found):
            reports = reports_of(folder, shard)
            for line in _lines(folder.columns, shard):
                line["report"] = reports.get(line["row_index"])
                file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
                count += 1
    return count


def _lines(columns: ResultColumns, shard: ExportedShard) -> list[dict[str, Any]]:
    of_run = [name for name in columns.run if name not in _LEFT_OUT]
    chosen = shard.results.select([*columns.inputs, *(columns.run[name] for name in of_run)])
    plain = [line for batch in chosen.to_batches() for line in json_rows(batch)]
    reviews: dict[int, dict[str, dict[str, Any]]] = {}
    for (row, field), decision in shard.decisions.items():
        reviews.setdefault(row, {})[field] = {name: decision[name] for name in _OF_A_REVIEW} | {
            "decided_at": decision["decided_at"].isoformat()
        }
    outputs = {output.field: output.json_values(shard.results[output.column]) for output in columns.outputs}
    return [
        {
            "row_index": row,
            "input": {name: values[name] for name in columns.inputs},
            "output": {field: column[place] for field, column in outputs.items()},
            **{name: values[columns.run[name]] for name in of_run},
            "basis": [_basis(part, shard.likely.get(row, {})) for part in shard.parts.get(row, ())],
            "reviews": reviews.get(row, {}),
        }
        for place, (row, values) in enumerate(zip(shard.rows, plain, strict=True))
    ]


def _basis(part: FieldBasis, likely: Mapping[str, float | None]) -> dict[str, Any]:
    dumped = part.model_dump(mode="json")
    return {**dumped, "p_correct": likely[part.field]} if part.field in likely else dumped
