"""Decimals of more digits than a database holds: read as text, every digit kept.

DuckDB would make floating-point numbers of them.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.types as pt

MOST_DIGITS: Final = 38


def without_wide_decimals(schema: pa.Schema) -> tuple[pa.Schema, list[str]]:
    """A schema in which decimals of at most 38 digits take 128 bits, and wider ones are text; and what to tell of those."""
    fields = [column.with_type(_narrow(column.type)) for column in schema]
    told = [
        f"column {column.name!r} holds decimals of more than {MOST_DIGITS} digits, which DuckDB cannot hold; it was read as text"
        for column in schema
        if _holds_wide(column.type)
    ]
    return pa.schema(fields), told


def _narrow(kind: pa.DataType) -> pa.DataType:
    if pt.is_decimal256(kind):
        return pa.string() if _holds_wide(kind) else pa.decimal128(kind.precision, kind.scale)
    if pt.is_struct(kind):
        return pa.struct([kind.field(place).with_type(_narrow(kind.field(place).type)) for place in range(kind.num_fields)])
    if pt.is_list(kind):
        return pa.list_(kind.value_field.with_type(_narrow(kind.value_type)))
    if pt.is_map(kind):
        return pa.map_(_narrow(kind.key_type), _narrow(kind.item_type))
    if pt.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_narrow(kind.value_type)))
    return kind


def _holds_wide(kind: pa.DataType) -> bool:
    if pt.is_decimal256(kind):
        return bool(kind.precision > MOST_DIGITS or kind.scale < 0)
    return any(_holds_wide(kind.field(place).type) for place in range(kind.num_fields))
