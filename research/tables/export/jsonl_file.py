"""A run as JSON lines: one object a row, with its input, its output, and the basis of every field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from research.tables.export.rows import ExportedShard, shards_of
from research.tables.inputs.json_values import json_rows
from research.tables.layout.result_columns import ResultColumns
from research.tables.run_folder.run_folder import RunFolder

_LEFT_OUT: Final = frozenset({"row_index", "field_warnings"})


def write_jsonl(folder: RunFolder, target: Path) -> int:
    """Write the file. Returns the number of rows. `basis` has the form of a result's (`schemas/contract`)."""
    count = 0
    with target.open("w", encoding="utf-8", newline="\n") as file:
        for shard in shards_of(folder):
            for line in _lines(folder.columns, shard):
                file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
                count += 1
    return count


def _lines(columns: ResultColumns, shard: ExportedShard) -> list[dict[str, Any]]:
    of_run = [name for name in columns.run if name not in _LEFT_OUT]
    chosen = shard.results.select([*columns.inputs, *(columns.run[name] for name in of_run)])
    plain = [line for batch in chosen.to_batches() for line in json_rows(batch)]
    outputs = {output.field: output.json_values(shard.results[output.column]) for output in columns.outputs}
    return [
        {
            "row_index": row,
            "input": {name: values[name] for name in columns.inputs},
            "output": {field: column[place] for field, column in outputs.items()},
            **{name: values[columns.run[name]] for name in of_run},
            "basis": [part.model_dump(mode="json") for part in shard.parts.get(row, ())],
        }
        for place, (row, values) in enumerate(zip(shard.rows, plain, strict=True))
    ]
