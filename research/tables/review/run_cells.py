"""The rows and cells of a run, as far as decisions need them: which input row a row is, and what its cells hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from research.tables.inputs.json_values import json_rows
from research.tables.layout.cell_text import cell_text, row_key
from research.tables.layout.result_columns import OutputColumn
from research.tables.run_folder.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class RunRow:
    """One row of a run."""

    index: int
    key: str
    texts: dict[str, str | None]
    """The text of each output field that was asked for."""


def rows_of(run: RunFolder, fields: Sequence[str], shards: Iterable[int] | None = None) -> Iterator[RunRow]:
    """Every committed row.

    Args:
        fields: the output fields whose texts are wanted.
        shards: only the rows of these.
    """
    columns = run.columns
    outputs = [columns.output(name) for name in fields]
    for shard in run.committed_shards() if shards is None else shards:
        table = run.read("results", shard, [columns.row_index, *columns.inputs, *(output.column for output in outputs)])
        inputs = table.select(range(1, 1 + len(columns.inputs)))
        keys = [row_key(row) for batch in inputs.to_batches() for row in json_rows(batch)]
        texts = [_texts(run, output, output.json_values(table[output.column])) for output in outputs]
        for place, index in enumerate(table.column(0).to_pylist()):
            values = {name: column[place] for name, column in zip(fields, texts, strict=True)}
            yield RunRow(int(str(index)), keys[place], values)


def rows_at(run: RunFolder, indexes: Iterable[int], fields: Sequence[str]) -> dict[int, RunRow]:
    """Some rows, by their index; those that the run does not have are not in it."""
    wanted: defaultdict[int, set[int]] = defaultdict(set)
    for index in indexes:
        wanted[index // run.shard_size].add(index)
    shards = [shard for shard in run.committed_shards() if shard in wanted]
    return {row.index: row for row in rows_of(run, fields, shards) if row.index in wanted[row.index // run.shard_size]}


def _texts(run: RunFolder, output: OutputColumn, values: list[object]) -> list[str | None]:
    column = run.columns.schema.field(output.column)
    return [cell_text(column, value) for value in values]
