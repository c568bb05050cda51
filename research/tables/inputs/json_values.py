"""Rows as JSON: what a model sees of a row, and what an objective is made from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.types as pt

from research.errors import InvalidTable


def json_rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """One dict of JSON values a row, by column name.

    Dates and times are ISO 8601 text; durations `PT…S` text; decimals without places are numbers, others text (`"1.50"`); NaN
    is null, infinities are text; lists, structs and maps keep their form.

    Raises:
        InvalidTable: a value has no JSON form (binary).
    """
    return [{name: _json(value) for name, value in row.items()} for row in batch.to_pylist(maps_as_pydicts="strict")]


def holds_binary(kind: pa.DataType) -> bool:
    """Whether a column's type has bytes in it, at any depth: they have no JSON form, and no place in a question."""
    if isinstance(kind, pa.BaseExtensionType):
        return not isinstance(kind, pa.UuidType) and holds_binary(kind.storage_type)
    if pt.is_dictionary(kind):
        return holds_binary(kind.value_type)
    if pt.is_nested(kind):
        return any(holds_binary(kind.field(index).type) for index in range(kind.num_fields))
    return any(test(kind) for test in (pt.is_binary, pt.is_large_binary, pt.is_fixed_size_binary, pt.is_binary_view))


def _json(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if math.isnan(value):
                return None
            return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
        case datetime() | date() | time():
            return None if value != value else value.isoformat()  # pandas' NaT is a datetime that does not equal itself
        case timedelta():
            return f"PT{value.total_seconds():.9f}".rstrip("0").rstrip(".") + "S"
        case pa.MonthDayNano():
            return f"P{value.months}M{value.days}DT{value.nanoseconds / 1e9:.9f}".rstrip("0").rstrip(".") + "S"
        case Decimal():
            return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else str(value)
        case UUID():
            return str(value)
        case Mapping():
            return {str(key): _json(item) for key, item in value.items()}
        case list() | tuple():
            return [_json(item) for item in value]
    raise InvalidTable(f"a value of type {type(value).__name__} has no JSON form")
