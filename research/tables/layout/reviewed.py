"""Results with people's decisions applied, in Arrow: what the view `reviewed_results` says in SQL."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pyarrow as pa

from research.tables.layout.cell_text import cell_text, value_of
from research.tables.layout.columns import arrow_value
from research.tables.layout.result_columns import OutputColumn, ResultColumns
from research.tables.layout.reviews import Decision, latest


def reviewed(columns: ResultColumns, results: pa.Table, reviews: pa.Table) -> pa.Table:
    """Results in which a value that was rejected is null, and one that was corrected is the right one.

    A rejection is of the value that was there: another one, found since, stays.
    """
    decided: defaultdict[str, dict[int, Decision]] = defaultdict(dict)
    for (row, field), decision in latest(reviews.to_pylist()).items():
        decided[field][row] = decision
    places: dict[Any, int] = {row: place for place, row in enumerate(results[columns.row_index].to_pylist())}
    for output in columns.outputs:
        if output.field in decided:
            at = results.schema.get_field_index(output.column)
            results = results.set_column(at, results.schema.field(at), _column(output, results, places, decided[output.field]))
    return results


def _column(output: OutputColumn, results: pa.Table, places: dict[Any, int], decided: dict[int, Decision]) -> pa.Array[Any]:
    column = results.schema.field(output.column)
    values = output.json_values(results[output.column])
    for row, decision in decided.items():
        place = places.get(row)
        if place is None:
            continue
        if decision["decision"] == "correct":
            values[place] = value_of(column, decision["value"])
        elif decision["decision"] == "reject" and cell_text(column, values[place]) == decision["found"]:
            values[place] = None
    made: pa.Array[Any] = pa.array([arrow_value(output.as_field, value) for value in values], column.type)
    return made
