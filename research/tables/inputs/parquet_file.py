"""One Parquet file, checked page by page: what is damaged is named by column and row before a row is given away."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pt

from research.errors import InvalidTable

FAULTS: Final = (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError, RecursionError)
"""What pyarrow raises of a file that it cannot read. A name that is not UTF-8 is a `ValueError`."""
INT96_UNIT: Final = "us"
"""Of the moments that old writers keep in 96 bits. In nanoseconds, the year 9999 would become 1816."""
_ROWS: Final = 8192
_ROWS_TO_FIND: Final = 100
"""At once, where a damaged place is looked for."""
_WRITE_AGAIN: Final = "The file is damaged: get it again, or write it again from what it was made of"


def checked_schema(file: Path) -> pa.Schema:
    """The Arrow schema of a file whose every page can be read.

    Raises:
        InvalidTable: it is not Parquet, holds fewer or more rows than it announces, or a page is damaged; says which column
            and which row.
    """
    try:
        opened = pq.ParquetFile(file, page_checksum_verification=True, coerce_int96_timestamp_unit=INT96_UNIT)
        schema, announced = opened.schema_arrow, opened.metadata.num_rows
        in_groups = sum(opened.metadata.row_group(index).num_rows for index in range(opened.num_row_groups))
    except FAULTS as exc:
        raise InvalidTable(f"{file}: is not a Parquet file that can be read: {first_line(exc)}") from exc
    if in_groups != announced:
        raise InvalidTable(f"{file}: announces {announced:,} rows, and its row groups {in_groups:,}. {_WRITE_AGAIN}")
    try:
        found = sum(validated(batch).num_rows for batch in opened.iter_batches(batch_size=_ROWS))
    except FAULTS as exc:
        advice = "Write it with smaller values, or smaller row groups" if isinstance(exc, MemoryError) else _WRITE_AGAIN
        raise InvalidTable(f"{file}: {_place(opened, schema)}cannot be read: {first_line(exc)}. {advice}") from exc
    if found != announced:
        raise InvalidTable(f"{file}: announces {announced:,} rows and holds {found:,}. {_WRITE_AGAIN}")
    return schema.remove_metadata()


def validated(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch whose texts are UTF-8 and whose offsets lie within it.

    Raises:
        ValueError: they do not.
    """
    batch.validate(full=True)
    return batch


def first_line(exc: BaseException) -> str:
    """What a library says of a file, in one line."""
    if isinstance(exc, MemoryError):
        return "it takes more memory than there is"
    return (str(exc).strip().split("\n", 1)[0] or type(exc).__name__).rstrip(".")


def _place(file: pq.ParquetFile, schema: pa.Schema) -> str:
    """Where a file cannot be read: its first column that cannot be read alone, and after which row."""
    for name in schema.names:
        rows = 0
        try:
            for batch in file.iter_batches(batch_size=_ROWS_TO_FIND, columns=[name], use_threads=False):
                if (bad := _bad_text(batch)) is not None:
                    return f"column {name!r} of row {rows + bad} "
                validated(batch)
                rows += batch.num_rows
        except FAULTS:
            return f"column {name!r} from row {rows} on "
    return ""


def _bad_text(batch: pa.RecordBatch) -> int | None:
    """The first row whose text is not UTF-8."""
    for column in batch.columns:
        if not (pt.is_string(column.type) or pt.is_large_string(column.type)):
            continue
        for row, cell in enumerate(column):
            try:
                cell.as_py()
            except ValueError:
                return row
    return None
