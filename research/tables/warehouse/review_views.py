"""The views of people's decisions: which counts for each cell, and the results with the decisions applied."""

# ruff: noqa: S608 (the SQL is made of our own names and of quoted ones; values are bound or quoted)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from research.tables.inputs.database import literal, quoted
from research.tables.layout.result_columns import OutputColumn, ResultColumns

DECISIONS: Final = """
WITH by_reviewer AS (
    SELECT * FROM reviews WHERE decision <> 'note'
    QUALIFY row_number() OVER (PARTITION BY row_index, field, reviewer ORDER BY decided_at DESC, applied_at DESC) = 1
)
SELECT row_index, field, decision, value, note, reviewer, decided_at, found,
       count(*) OVER cell AS reviewers, min(decision) OVER cell <> max(decision) OVER cell AS is_disputed
FROM by_reviewer
WINDOW cell AS (PARTITION BY row_index, field)
QUALIFY row_number() OVER (PARTITION BY row_index, field ORDER BY decided_at DESC, applied_at DESC, reviewer DESC) = 1"""
"""Per cell, the decision that was made last; how many people decided; whether they disagree."""


def reviewed_results(columns: ResultColumns, called: Mapping[str, str], row_index: str) -> str:
    """The SELECT of `results` with the decisions applied: a value that was rejected is null, a corrected one is the right one.

    A rejection is of the value that was there: another one, found since, stays.
    """
    if not columns.outputs:
        return "SELECT * FROM results"
    picked = [
        f"any_value(decisions) FILTER (field = {literal(output.field)}) AS d{place}"
        for place, output in enumerate(columns.outputs)
    ]
    replaced = [_replaced(columns, output, called[output.column], place) for place, output in enumerate(columns.outputs)]
    return f"""
WITH decided AS (SELECT row_index AS decided_row, {", ".join(picked)} FROM decisions GROUP BY row_index)
SELECT results.* REPLACE ({", ".join(replaced)})
FROM results LEFT JOIN decided ON decided.decided_row = results.{row_index}"""


def _replaced(columns: ResultColumns, output: OutputColumn, name: str, place: int) -> str:
    kind = columns.schema.field(output.column)
    column, decision = f"results.{quoted(name)}", f"decided.d{place}"
    right, found = _typed(f"{decision}.value", kind), _typed(f"{decision}.found", kind)
    return (
        f"CASE WHEN {decision}.decision = 'correct' THEN {right} WHEN {decision}.decision = 'reject' "
        f"AND {column} IS NOT DISTINCT FROM {found} THEN NULL ELSE {column} END AS {quoted(name)}"
    )


def _typed(text: str, kind: pa.Field[Any]) -> str:
    """A cell's text as a value of its column."""
    if pa.types.is_string(kind.type):
        return text
    if pa.types.is_nested(kind.type):
        return f"CAST(TRY_CAST({text} AS JSON) AS {_sql(kind.type)})"
    return f"TRY_CAST({text} AS {_sql(kind.type)})"


def _sql(kind: pa.DataType) -> str:
    """What DuckDB calls the type of an output column."""
    if isinstance(kind, pa.ListType):
        return f"{_sql(kind.value_type)}[]"
    if isinstance(kind, pa.StructType):
        return f"STRUCT({', '.join(f'{quoted(part.name)} {_sql(part.type)}' for part in kind)})"
    return _SCALARS[str(kind)]


_SCALARS: Final = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "date32[day]": "DATE",
    "timestamp[us, tz=UTC]": "TIMESTAMPTZ",
}
