"""Rows as JSON: what a model sees of a row, and what an objective is made from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pyarrow as pa
import pyarrow.types as pt

from research.errors import InvalidTable

_BEYOND_PYTHON: Final = (OverflowError, ValueError, KeyError, pa.ArrowException)
"""What pyarrow raises of a value that Python cannot hold: a year beyond 9999, a zone without rules, a map with a key twice."""
_KNOWN_EXTENSIONS: Final = frozenset({"arrow.uuid", "arrow.json", "arrow.bool8"})
_DEEPEST: Final = 90
"""Levels of a type. Arrow reads Parquet of at most 100, and writes more."""
_MICROSECOND: Final = timedelta(microseconds=1)
_SECONDS: Final = {"s": Decimal(1), "ms": Decimal("1e-3"), "us": Decimal("1e-6"), "ns": Decimal("1e-9")}


def json_rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """One dict of JSON values a row, by column name.

    Dates and times are ISO 8601 text, also beyond the years 1 to 9999, and where a zone is not known in UTC; durations `PT…S`
    text; decimals without places are numbers, others text (`"1.50"`); NaN is null, infinities are text; lists, structs and maps
    keep their form, but a map with one key twice is a list of pairs.

    Raises:
        InvalidTable: a value has no JSON form (binary).
    """
    columns = [python_values(column) for column in batch.columns]
    rows = [dict(zip(batch.schema.names, cells, strict=True)) for cells in zip(*columns, strict=True)]
    return [{name: json_value(value) for name, value in row.items()} for row in rows]


def python_values(column: pa.ChunkedArray[Any] | pa.Array[Any]) -> list[Any]:
    """A column's values as Python has them; what it cannot hold as text, as in `json_rows`."""
    if _holds(column.type, _is_finer_than_python):
        return [_python(cell) for cell in column]
    try:
        return list(column.to_pylist(maps_as_pydicts="strict"))
    except _BEYOND_PYTHON:
        return [_python(cell) for cell in column]


def unreadable(column: pa.Field[Any]) -> str | None:
    """Why a column's values have no JSON form; None if they have one."""
    if _holds_binary(column.type):
        return f"holds binary data ({column.type}); leave it out with a query, or read it as text with one: decode({column.name})"
    if (twice := _named_twice(column.type)) is not None:
        return f"holds objects in which two parts are called {twice!r}; rename one, or leave the column out with a query"
    if is_too_deep(column.type):
        return "holds lists or objects that stand too deep in each other for a Parquet file; write it as JSON text"
    named = column.type.extension_name if isinstance(column.type, pa.BaseExtensionType) else None
    stated = (column.metadata or {}).get(b"ARROW:extension:name", b"").decode("utf-8", "replace")
    storage = column.type.storage_type if isinstance(column.type, pa.BaseExtensionType) else column.type
    if (name := named or stated) and name not in _KNOWN_EXTENSIONS and pt.is_integer(storage):
        return f"holds {name} values, of which only numbers would be left; write it as text: df[{column.name!r}].astype(str)"
    return None


def is_too_deep(kind: pa.DataType) -> bool:
    """Whether values of a type could be written to a run folder's Parquet, and not be read again."""
    return _levels(kind) > _DEEPEST


def _levels(kind: pa.DataType) -> int:
    """How many levels a type has in Parquet, where a list or a map takes two."""
    if isinstance(kind, pa.BaseExtensionType):
        return _levels(kind.storage_type)
    if pt.is_dictionary(kind):
        return _levels(kind.value_type)
    if not pt.is_nested(kind):
        return 1
    return (1 if pt.is_struct(kind) else 2) + max(
        (_levels(kind.field(index).type) for index in range(kind.num_fields)), default=0
    )


def _named_twice(kind: pa.DataType) -> str | None:
    """A name that two parts of one struct have, at any depth."""
    if not pt.is_nested(kind):
        return None
    fields = [kind.field(index) for index in range(kind.num_fields)]
    names = Counter(field.name for field in fields) if pt.is_struct(kind) else Counter[str]()
    inside = (_named_twice(field.type) for field in fields)
    return next((name for name, count in names.items() if count > 1), None) or next(filter(None, inside), None)


def _holds_binary(kind: pa.DataType) -> bool:
    """Whether a column's type has bytes in it, at any depth: they have no JSON form, and no place in a question."""
    return _holds(kind, _is_binary)


def _is_binary(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pt.is_binary, pt.is_large_binary, pt.is_fixed_size_binary, pt.is_binary_view))


def _holds(kind: pa.DataType, is_meant: Callable[[pa.DataType], bool]) -> bool:
    """Whether a column's type is one of these, or has one in it at any depth."""
    if isinstance(kind, pa.BaseExtensionType):
        return not isinstance(kind, pa.UuidType) and _holds(kind.storage_type, is_meant)
    if pt.is_dictionary(kind):
        return _holds(kind.value_type, is_meant)
    if pt.is_nested(kind):
        return any(_holds(kind.field(index).type, is_meant) for index in range(kind.num_fields))
    return is_meant(kind)


def _is_finer_than_python(kind: pa.DataType) -> bool:
    """Whether Python's values would leave out nanoseconds without a word. Moments come as pandas' values, which keep them."""
    return isinstance(kind, (pa.Time64Type, pa.DurationType)) and kind.unit == "ns"


def _python(cell: Any) -> Any:
    """A cell as a Python value, or what Python cannot hold as text."""
    if not cell.is_valid:
        return None
    match cell:
        case pa.MapScalar():
            pairs = [(_python(pair[0]), _python(pair[1])) for pair in cell.values or ()]
            keys = [json_value(key) for key, _ in pairs]
            return dict(pairs) if len({str(key) for key in keys}) == len(keys) else [list(pair) for pair in pairs]
        case pa.ListScalar() | pa.LargeListScalar() | pa.FixedSizeListScalar() | pa.ListViewScalar() | pa.LargeListViewScalar():
            return [_python(item) for item in cell.values or ()]
        case pa.StructScalar():
            return {cell.type.field(place).name: _python(part) for place, part in enumerate(cell.values())}
        case pa.DictionaryScalar() | pa.ExtensionScalar():
            return _python(cell.value)
    if _is_finer_than_python(cell.type) and cell.value % 1000:
        return _as_text(cell)
    try:
        return cell.as_py()
    except _BEYOND_PYTHON:
        return _as_text(cell)


def _as_text(cell: Any) -> str:
    """A moment, a time of day or a duration that Python has no value for."""
    import numpy as np

    kind, number = cell.type, cell.value
    if pt.is_date32(kind):
        return _with_sign(str(np.datetime64(number, "D")))
    if pt.is_date64(kind):
        return _with_sign(str(np.datetime64(number, "ms").astype("datetime64[D]")))
    if pt.is_timestamp(kind):
        return _with_sign(str(np.datetime64(number, kind.unit))) + ("+00:00" if kind.tz else "")
    if pt.is_time(kind):
        return str(np.datetime64(number, kind.unit)).partition("T")[2]
    if pt.is_duration(kind):
        return f"PT{Decimal(number) * _SECONDS[kind.unit]:f}S"
    raise InvalidTable(f"a value of type {kind} has no JSON form")


def _with_sign(moment: str) -> str:
    """ISO 8601 wants a sign before a year of more than four digits. A fraction that is nothing is left out, as Python does."""
    whole, _, fraction = moment.partition(".")
    moment = moment if fraction.strip("0") else whole
    if moment.startswith("-"):
        year, _, rest = moment[1:].partition("-")
        return f"-{year:0>4}-{rest}"
    return moment if len(moment.partition("-")[0]) <= 4 else f"+{moment}"


def json_value(value: Any) -> Any:
    """A Python value as JSON.

    Raises:
        InvalidTable: it has no JSON form.
    """
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
            return f"PT{Decimal(value // _MICROSECOND) * _SECONDS['us']:.6f}".rstrip("0").rstrip(".") + "S"
        case pa.MonthDayNano():
            return f"P{value.months}M{value.days}DT{value.nanoseconds / 1e9:.9f}".rstrip("0").rstrip(".") + "S"
        case Decimal():
            return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else str(value)
        case UUID():
            return str(value)
        case Mapping():
            return {str(key): json_value(item) for key, item in value.items()}
        case list() | tuple():
            return [json_value(item) for item in value]
    raise InvalidTable(f"a value of type {type(value).__name__} has no JSON form")
