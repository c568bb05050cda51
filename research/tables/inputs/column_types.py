"""The type of a column of text: the one that gives back every value exactly as it was written, or text.

Infinities, NaN, years outside 1-9999 and fractions of a second stay text: they survive here, but not everywhere else. The work
grows with the number of cells: each column is looked at by itself, and only until a value of it does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

CELLS_AT_ONCE: Final = 200_000
"""Cells of text that are in memory at once."""

NUMBER_FORMAT: Final = b"number_format"
"""Metadata of a column that was read from a workbook: the number format in which all its numbers and dates stood there."""

_MAX_INTEGER: Final = 2**63


def _is_integer(text: str) -> bool:
    number = int(text)
    return str(number) == text and -_MAX_INTEGER <= number < _MAX_INTEGER


def _is_fraction(text: str) -> bool:
    number = float(text)
    return repr(number) == text and number - number == 0


_FITS: Final[Mapping[str, Callable[[str], bool]]] = {
    "integer": _is_integer,
    "fraction": _is_fraction,
    "boolean": lambda text: text in ("true", "false"),
    "date": lambda text: len(text) == len("1977-09-05") and date.fromisoformat(text).isoformat() == text,
    "timestamp": lambda text: len(text) == len("1977-09-05 12:56:00") and datetime.fromisoformat(text).isoformat(" ") == text,
}
_ARROW: Final[Mapping[str, pa.DataType]] = {
    "integer": pa.int64(),
    "fraction": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "text": pa.string(),
}


class ColumnTypes:
    """Finds the types of columns, values at a time. No text fits two types, so the first value of a column names the only one."""

    def __init__(self, width: int) -> None:
        self._kinds: list[str | None] = [None] * width

    def look_at(self, place: int, cells: Sequence[str | None]) -> None:
        """Take more values of a column into account."""
        kind = self._kinds[place]
        if kind == "text":
            return
        values = [cell for cell in cells if cell]
        if not values:
            return
        kind = kind or next((name for name in _FITS if _all_fit(name, values[:1])), "text")
        self._kinds[place] = kind if kind == "text" or _all_fit(kind, values) else "text"

    @property
    def schema(self) -> pa.Schema:
        """Of the columns, as far as they have been looked at."""
        return pa.schema([(f"c{place}", _ARROW[kind or "text"]) for place, kind in enumerate(self._kinds)])

    @property
    def as_text(self) -> pa.Schema:
        return pa.schema([(f"c{place}", pa.string()) for place in range(len(self._kinds))])


def _all_fit(kind: str, values: Iterable[str]) -> bool:
    fits = _FITS[kind]
    try:
        return all(map(fits, values))
    except (ValueError, OverflowError):
        return False


def text_batches(rows: Iterable[Sequence[str | None]], types: ColumnTypes) -> Iterator[pa.RecordBatch]:
    """Rows as batches of text, whose values `types` is told."""
    schema = types.as_text
    stream = iter(rows)
    while batch := list(islice(stream, max(1, CELLS_AT_ONCE // len(schema)))):
        columns = list(zip(*batch, strict=True))
        for place, cells in enumerate(columns):
            types.look_at(place, cells)
        yield pa.RecordBatch.from_arrays([pa.array(cells, pa.string()) for cells in columns], schema=schema)


def typed_batches(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Batches of text with every column in its type. In a typed column empty text is null."""
    for batch in batches:
        columns = [_typed(column, field.type) for column, field in zip(batch.columns, schema, strict=True)]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _typed(column: pa.Array[Any], kind: pa.DataType) -> pa.Array[Any]:
    if kind == pa.string():
        return column
    values: pa.Array[Any] = pc.if_else(pc.equal(column, pa.scalar("")), pa.scalar(None, pa.string()), column)
    return pc.cast(values, kind)
