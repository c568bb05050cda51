"""The rows of a run as `research show` lists them: each called by what it is, each cell with how sure it is."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.box import SIMPLE
from rich.cells import cell_len
from rich.table import Column, Table
from rich.text import Text

from flows.cli.terminal import out, shown

if TYPE_CHECKING:
    from research.tables.run_folder.reader import Run

SHORT_CELL: Final = 16
"""Terminal cells: what is no wider is shown whole."""
MARKS: Final = {"high": "ʰ", "medium": "ᵐ", "low": "ˡ"}
"""Behind a value, how sure it is."""
LEGEND: Final = "behind a value: ʰ high, ᵐ medium, ˡ low confidence"


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One row of results."""

    values: Mapping[str, Any]
    """JSON values by column: all of the input's and the run's, and those of the fields that are shown."""
    confidence: Mapping[str, str | None]
    """Of each field that is shown."""


def rows_to_show(run: Run, fields: Sequence[str], failed: bool, limit: int) -> list[ShownRow]:
    """The first rows of results."""
    from research.tables.inputs.json_values import json_rows
    from research.tables.run_folder.cell_confidence import cell_confidences

    columns = run.folder.columns
    outputs = [columns.output(name) for name in fields]
    wanted = [columns.row_index, *columns.inputs, *(columns.run[name] for name in columns.run)]
    rows: list[ShownRow] = []
    shards = run.folder.unfinished(sys.maxsize) if failed else run.folder.committed_shards()  # of a row too many nothing is there
    for shard in shards:
        part = run.folder.read("results", shard)
        sure = cell_confidences(columns, run.folder.read("basis", shard, ["row_index", "field", "confidence"]))
        values = {output.column: output.json_values(part[output.column]) for output in outputs}
        plain = [line for batch in part.select(list(dict.fromkeys(wanted))).to_batches() for line in json_rows(batch)]
        for place, line in enumerate(plain):
            if not failed or line[columns.run["status"]] not in ("completed", "action_required"):
                of_row = {field: sure.get((line[columns.row_index], field)) for field in fields}
                rows.append(ShownRow(line | {column: values[column][place] for column in values}, of_row))
            if len(rows) == limit:
                return rows
    return rows


def rows_table(run: Run, fields: Sequence[str], rows: Sequence[ShownRow], *, failed: bool) -> Table:
    """A table of rows: of failed ones their errors, else their fields; of a single field with the word for how sure it is."""
    from research.finding.found_tables import read_verdicts
    from research.tables.run_folder.request import label_columns

    columns, own = run.folder.columns, run.folder.columns.run
    verdicts = read_verdicts(run.path)
    called = (label_columns(run.request, columns.inputs) or columns.inputs)[:1]
    titles = ["row", *called]
    cells = [[shown(row.values[name]) for row in rows] for name in (columns.row_index, *called)]
    if failed:
        titles.append("error")
        cells.append([shown(row.values[own["error"]]) for row in rows])
    else:
        for field in fields:
            column = columns.output(field).column
            titles.append(column)
            marked = [_marked(row, field, column, marked=len(fields) > 1) for row in rows]
            judged = [verdicts.get((row.values[columns.row_index], field)) for row in rows]
            cells.append([f"{verdict}: {text}" if verdict else text for text, verdict in zip(marked, judged, strict=True)])
        if len(fields) == 1:
            titles.append("confidence")
            cells.append([row.confidence[fields[0]] or "–" for row in rows])
        if any(row.values[own["status"]] != "completed" for row in rows):
            titles.append(own["status"])
            cells.append([shown(row.values[own["status"]]) for row in rows])
    table = Table(*_columns(titles, cells, wrap=failed), box=SIMPLE, padding=(0, 1, 0, 0))
    for texts in zip(*cells, strict=True):
        table.add_row(*map(Text, texts))
    return table


def _marked(row: ShownRow, field: str, column: str, *, marked: bool) -> str:
    text = shown(row.values[column])
    mark = MARKS.get(row.confidence[field] or "", "") if marked and row.values[column] is not None else ""
    return f"{text} {mark}" if mark else text


def _columns(titles: Sequence[str], cells: Sequence[Sequence[str]], *, wrap: bool) -> list[Column]:
    """Short cells (dates, numbers, yes and no) are shown whole; long texts share what room is left."""
    widths = [max(cell_len(text) for text in (title, *texts)) for title, texts in zip(titles, cells, strict=True)]
    short = [width for width in widths if width <= SHORT_CELL]
    left = out().width - sum(width + 1 for width in short) - 2
    share = max(SHORT_CELL, left // max(len(widths) - len(short), 1) - 1)
    return [
        Column(Text(title), no_wrap=not wrap, max_width=share if width > SHORT_CELL else None)
        for title, width in zip(titles, widths, strict=True)
    ]
