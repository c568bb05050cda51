"""One Parquet file, checked page by page: what is damaged is named by column and row before a row is given away."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pt

from research.errors import InvalidTable
from research.faults import first_line
from research.tables.inputs.database import connection, literal, reason

FAULTS: Final = (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError, RecursionError)
"""What pyarrow raises of a file that it cannot read. A name that is not UTF-8 is a `ValueError`."""
INT96_UNIT: Final = "us"
"""Of the moments that old writers keep in 96 bits. In nanoseconds, the year 9999 would become 1816."""
_MOST_BYTES: Final = 1 << 30
"""Of one column in one row group, unpacked: it is held in memory as a whole."""
_ROWS: Final = 8192
_ROWS_TO_FIND: Final = 100
"""At once, where a damaged place is looked for."""
_WRITE_AGAIN: Final = "The file is damaged: get it again, or write it again from what it was made of"
_DAMAGED: Final = (
    "The file is damaged, or encrypted: get it again, or write it again, without encryption, from what it was made of"
)


def checked_schema(file: Path) -> pa.Schema:
    """The Arrow schema of a file whose every page can be read.

    Raises:
        InvalidTable: it is not Parquet, holds fewer or more rows than it announces, or a page is damaged; says which column
            and which row.
    """
    _refuse_names(file)
    try:
        opened = pq.ParquetFile(file, page_checksum_verification=True, coerce_int96_timestamp_unit=INT96_UNIT)
        schema, announced = opened.schema_arrow, opened.metadata.num_rows
        in_groups = sum(opened.metadata.row_group(index).num_rows for index in range(opened.num_row_groups))
    except FAULTS as exc:
        raise InvalidTable(f"{file}: is not a Parquet file that can be read: {first_line(exc)}") from exc
    if in_groups != announced:
        raise InvalidTable(f"{file}: announces {announced:,} rows, and its row groups {in_groups:,}. {_WRITE_AGAIN}")
    _refuse_bombs(file, opened)
    try:
        found = sum(validated(batch).num_rows for batch in opened.iter_batches(batch_size=_ROWS))
    except FAULTS as exc:
        advice = "Write it with smaller values, or smaller row groups" if isinstance(exc, MemoryError) else _DAMAGED
        raise InvalidTable(f"{file}: {_place(opened, schema)}cannot be read: {first_line(exc)}. {advice}") from exc
    if found != announced:
        raise InvalidTable(f"{file}: announces {announced:,} rows and holds {found:,}. {_WRITE_AGAIN}")
    _refuse_far_moments(file, opened)
    return schema.remove_metadata()


def _refuse_names(file: Path) -> None:
    """Refuse what pyarrow writes, and neither the readers of many files nor DuckDB read.

    Raises:
        InvalidTable: there are no columns, or two of one name.
    """
    try:
        names = pq.read_schema(file).names
    except FAULTS:
        return  # told by whoever reads the file
    if not names:
        raise InvalidTable(f"{file}: the table has no columns")
    first: dict[str, int] = {}
    for place, name in enumerate(names, 1):
        if first.setdefault(name, place) != place:
            raise InvalidTable(f"{file}: columns {first[name]} and {place} have one name, {name!r}; rename one")


def _refuse_bombs(file: Path, opened: pq.ParquetFile) -> None:
    """DuckDB tells the sizes, because pyarrow (26.0.1) ends the process where the size of an encrypted column is asked.

    Raises:
        InvalidTable: a column of one row group says that it takes more memory than any row's cells should.
    """
    metadata = f"parquet_metadata({literal(glob.escape(str(file)))})"
    try:
        with connection() as con:
            bombs = con.sql(
                f"SELECT row_group_id, path_in_schema, total_uncompressed_size FROM {metadata} "  # noqa: S608 (our own names)
                f"WHERE total_uncompressed_size > {_MOST_BYTES} ORDER BY row_group_id, column_id LIMIT 1"
            ).fetchall()
    except duckdb.Error as exc:
        raise InvalidTable(f"{file}: is not a Parquet file that can be read: {reason(exc)}") from exc
    if not bombs:
        return
    group, column, size = bombs[0]
    row = sum(opened.metadata.row_group(index).num_rows for index in range(group))
    raise InvalidTable(
        f"{file}: column {column.split(', ')[0]!r} from row {row} on takes {size:,} bytes in one row group; at most "
        f"{_MOST_BYTES:,} are read. Write it with smaller row groups, or without the column"
    )


def _refuse_far_moments(file: Path, opened: pq.ParquetFile) -> None:
    """Refuse moments that would be read as others.

    Raises:
        InvalidTable: a moment in 96 bits lies beyond the 292,000 years that a column of microseconds holds. It would come out as
            another one.
    """
    kinds = [opened.schema.column(place) for place in range(len(opened.schema))]
    names = [each.path for each in kinds if each.physical_type == "INT96" and each.path in opened.schema_arrow.names]
    if not names:
        return
    coarse = pq.ParquetFile(file, coerce_int96_timestamp_unit="s")
    row = 0
    for fine, whole in zip(opened.iter_batches(_ROWS, columns=names), coarse.iter_batches(_ROWS, columns=names), strict=True):
        for name, one, other in zip(fine.schema.names, fine.columns, whole.columns, strict=True):
            pairs = zip(one.cast(pa.int64()).to_pylist(), other.cast(pa.int64()).to_pylist(), strict=True)
            far = next((place for place, (us, s) in enumerate(pairs) if us is not None and us // 1_000_000 != s), None)
            if far is not None:
                raise InvalidTable(f"{file}: column {name!r} of row {row + far} holds a moment too far away for any table")
        row += fine.num_rows


def validated(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch whose texts are UTF-8 and whose offsets lie within it.

    Raises:
        ValueError: they do not.
    """
    batch.validate(full=True)
    return batch


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
