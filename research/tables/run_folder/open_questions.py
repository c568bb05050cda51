"""What rows of a run wait for: plans to approve, questions to answer. Read from the tables `results` and `questions`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from research.tables.inputs.json_values import json_rows
from research.tables.run_folder.run_folder import RunFolder
from research.task.decisions import Action, PlannedQuery, Question

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A row that waits for people."""

    row: int
    task_id: str
    """Rows that ask the same have the same, and wait for one decision."""
    action: Action
    cost_usd: float | None
    """US dollars that it has cost so far; None: not known."""
    values: Mapping[str, Any]
    """Its cells as JSON."""


def waiting_rows(folder: RunFolder) -> Iterator[WaitingRow]:
    """The rows that wait for people, in input order. Only shards that hold such rows are read."""
    columns = folder.columns
    own = columns.run
    for shard in folder.waiting_shards():
        results = folder.read("results", shard, [columns.row_index, own["status"], own["cost_usd"], *columns.inputs])
        results = results.filter(pc.equal(results[own["status"]], pa.scalar("action_required")))
        cells = {line[columns.row_index]: line for batch in results.to_batches() for line in json_rows(batch)}
        asked = folder.read("questions", shard)
        lines = asked.filter(pc.is_null(asked["answer"])).to_pylist()
        for row, of_row in groupby(lines, key=lambda line: int(line["row_index"])):
            if row in cells:
                open_ = list(of_row)
                line = cells[row]
                values = {name: line[name] for name in columns.inputs}
                yield WaitingRow(row, open_[0]["task_id"], _action(open_), line[own["cost_usd"]], values)


def _action(lines: list[Line]) -> Action:
    if lines[0]["kind"] == "plan":
        plan = tuple(PlannedQuery(question=line["text"], fields=tuple(line["fields"])) for line in lines)
        return Action(kind="plan", plan=plan)
    return Action(
        kind="questions",
        questions=tuple(
            Question(id=line["question_id"], text=line["text"], choices=tuple(line["choices"]), fields=tuple(line["fields"]))
            for line in lines
        ),
    )
