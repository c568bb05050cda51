"""Tables in: a file, a query or a Python object becomes a `Table`, read in batches in input order."""

from __future__ import annotations

import glob
import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import pyarrow as pa

from research.errors import InvalidTable
from research.identity import content_key
from research.storage.location import is_url, local_path
from research.tables.inputs import database
from research.tables.inputs.arrow_data import ParquetFiles, rows_hash, spool_of
from research.tables.inputs.copies import COMPRESSIONS, Scannable, Scratch, as_utf8, download, rebatch, sha256_of
from research.tables.inputs.csv_file import read_csv
from research.tables.inputs.json_file import read_json
from research.tables.inputs.json_values import json_rows, unreadable

__all__ = ["Table", "json_rows", "open_table"]

READER_VERSION: Final = 7
"""Raised when the same bytes may give other rows or types. Part of every fingerprint."""

_ROWS_AT_ONCE: Final = 10_000
_TEXT: Final = frozenset({".csv", ".tsv", ".tab", ".txt"})
_JSON: Final = frozenset({".jsonl", ".ndjson", ".json"})
_PARQUET: Final = frozenset({".parquet", ".pq"})
_EXCEL: Final = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
_DATABASE: Final = frozenset({".duckdb", ".db", ".ddb"})
_POINTER: Final = b"version https://git-lfs.github.com/spec/"
_KNOWN: Final = "CSV, TSV, Parquet, JSON, JSONL, Excel (.xlsx), OpenDocument (.ods), DuckDB (file.duckdb::table)"


class _Rows(Protocol):
    """Rows that can be read again and again, in the same order."""

    @property
    def schema(self) -> pa.Schema: ...

    @property
    def row_count(self) -> int: ...

    def read(self) -> Iterator[pa.RecordBatch]: ...

    def scan(self, names: list[str]) -> Scannable:
        """All rows under these names, for DuckDB to take what it needs."""
        ...


@dataclass(frozen=True)
class Table:
    """An input table, checked and ready to be read."""

    name: str
    """The file's stem, the database table's name, or `table` for a Python object."""
    schema: pa.Schema
    """Column names as the input has them, and their types."""
    row_count: int
    """With `limit` applied."""
    fingerprint: str
    """Lower-case hex SHA-256; changes when the content, the query or the way of reading may have. `limit` is not in it."""
    warnings: tuple[str, ...]
    """What reading it may have got wrong or has left out: a sentence each, with the file's name and the place."""
    _rows: _Rows = field(repr=False)
    _scratch: Scratch = field(repr=False)

    def batches(self, size: int) -> Iterator[pa.RecordBatch]:
        """The rows in input order, in batches of exactly `size` (the last may be shorter). One batch is in memory at a time."""
        if size < 1:
            raise ValueError(f"a batch has at least one row, not {size}")
        left = self.row_count
        for batch in rebatch(self._rows.read(), size, self._rows.schema):
            if left <= 0:
                return
            part = batch.slice(0, left)
            left -= part.num_rows
            yield pa.RecordBatch.from_arrays(part.columns, schema=self.schema)

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Each row's place in the input, from 0, and its cells as JSON values.

        Raises:
            InvalidTable: a value has no JSON form.
        """
        return enumerate(values for batch in self.batches(_ROWS_AT_ONCE) for values in json_rows(batch))


class _Source(NamedTuple):
    """A source that was read."""

    name: str
    rows: _Rows
    names: list[str]
    """Of the columns, as they stand in the source."""
    content: str
    """Its hash, and what says how it is read."""
    warnings: Sequence[str] = ()


def open_table(
    source: Any,
    *,
    query: str | None = None,
    limit: int | None = None,
    sheet: str | None = None,
    encoding: str | None = None,
) -> Table:
    """Open an input table.

    Args:
        source: a path or URI of a CSV, TSV, Parquet (file, folder or glob), JSON lines or Excel file, `file.xlsx::sheet`,
            `file.duckdb::table`, `file.csv::encoding` (for text that is neither UTF-8 nor marked),
            `file.json::/data` (rows in a list inside an object); or a
            pandas DataFrame, an Arrow table, batch or stream.
        query: one SELECT that is run on it. The table is called `input`; a DuckDB file without `::table` is queried itself.
        limit: read the first so many rows only.
        sheet: of a workbook, as `::sheet` says it.
        encoding: of a text, as `::encoding` says it.

    Raises:
        InvalidTable: it cannot be read, two columns have one name, a column holds binary data.
    """
    if limit is not None and limit < 0:
        raise InvalidTable(f"limit: must be 0 or more, not {limit}")
    scratch = Scratch()
    where = f"{os.fspath(source)}: " if isinstance(source, (str, os.PathLike)) else ""
    found = _opened(source, query, scratch, sheet, encoding)
    rows, names = found.rows, found.names
    if query is not None and not _asks_database(source):
        rows = database.query_table(rows.scan(_checked(names, where)), query, scratch)
        names = rows.schema.names
    schema = pa.schema(
        [f.with_name(column) for f, column in zip(rows.schema, _checked(names, where), strict=True)],
    )
    _check_types(schema, where)
    return Table(
        name=found.name,
        schema=schema,
        row_count=rows.row_count if limit is None else min(limit, rows.row_count),
        fingerprint=content_key("table", version=READER_VERSION, content=found.content, query=query),
        warnings=(*found.warnings, *(f"{where}{warning}" for warning in _odd_names(schema.names))),
        _rows=rows,
        _scratch=scratch,
    )


def _opened(source: Any, query: str | None, scratch: Scratch, sheet: str | None, encoding: str | None) -> _Source:
    if not isinstance(source, (str, os.PathLike)):
        if sheet or encoding:
            raise InvalidTable("a sheet or an encoding can be said of a file only")
        spool, told = spool_of(source, scratch)
        return _Source("table", spool, spool.schema.names, rows_hash(spool), told)
    location, _, part = os.fspath(source).partition("::")
    path = _local(location, scratch)
    _refuse_pipe(path, location)
    suffix = path.suffix.lower()
    if suffix in COMPRESSIONS:
        suffix = Path(path.stem).suffix.lower()
    stem = Path(path.stem).stem if path.suffix.lower() in COMPRESSIONS else path.stem
    part = _part(location, suffix, part, sheet, encoding)
    if suffix in _DATABASE:
        return _from_database(path, part, query, scratch, location)
    parquet = _parquet_files(path, location)
    for file in parquet or [path]:
        _refuse_pointer(file)
    if parquet:
        found = ParquetFiles(parquet, path if path.is_dir() else None)
        told = [f"{location}: {warning}" for warning in found.warnings]
        return _Source(path.stem.replace("*", "") or "table", found, found.schema.names, found.content_hash(), told)
    if not path.is_file():
        raise InvalidTable(f"{location}: there is no such file")
    content = f"{sha256_of(path)}::{part}" + (f"::{encoding}" if encoding and encoding != part else "")
    warnings: Sequence[str] = ()
    if suffix in _TEXT:
        text = as_utf8(path, scratch, part or None)
        spool, names, warnings = read_csv(text.path, scratch, location, suffix)
        warnings = [*text.warnings, *warnings]
    elif suffix in _JSON:
        rows_at = part if part.startswith("/") else ""
        text = as_utf8(path, scratch, encoding if rows_at else part or None)
        spool, names, warnings = read_json(text.path, scratch, location, suffix, rows_at)
        warnings = [*text.warnings, *warnings]
    elif suffix in _EXCEL:
        from research.tables.inputs.excel_file import read_excel  # it brings a reader of XML, which other tables do not need

        spool, names, warnings = read_excel(path, part or None, scratch, location)
    else:
        raise InvalidTable(f"{location}: its name does not say what it is. What can be read: {_KNOWN}")
    return _Source(stem, spool, names, content, [f"{location}: {warning}" for warning in warnings])


def _refuse_pipe(path: Path, location: str) -> None:
    """Refuse what can be read once only.

    Raises:
        InvalidTable: it is a pipe or a device; a table is read for its fingerprint, for its rows, and again by a resumed run.
    """
    if location == "-" or (path.exists() and not (path.is_file() or path.is_dir())):
        raise InvalidTable(
            f"{location}: a pipe cannot be read, because a table is read more than once, also by a run that goes on: write it to "
            "a file first, whose name says what it is (such as table.csv), and name that"
        )


def _refuse_pointer(path: Path) -> None:
    """Refuse a file that stands for another one.

    Raises:
        InvalidTable: the file only says where the real one is, as Git LFS leaves it.
    """
    if path.is_file():
        with path.open("rb") as stream:
            if stream.read(len(_POINTER)) == _POINTER:
                raise InvalidTable(f"{path}: is not the file itself, but Git LFS's note of it. Get the file with: git lfs pull")


def _part(location: str, suffix: str, part: str, sheet: str | None, encoding: str | None) -> str:
    """What is said after the name, or by an option: a database's table, a workbook's sheet, a text's encoding."""
    if sheet is not None and suffix not in _EXCEL:
        raise InvalidTable(f"{location}: only a workbook has sheets; leave out --sheet")
    if encoding is not None and suffix not in _TEXT | _JSON:
        raise InvalidTable(f"{location}: says its encoding itself; leave out --encoding")
    if part and suffix in _PARQUET:
        raise InvalidTable(
            f"{location}::{part}: `::` names a database's table, a workbook's sheet or a text's encoding; Parquet has none"
        )
    if suffix in _JSON and part.startswith("/"):  # where its rows are; its encoding may be said as well
        return part
    option = sheet or encoding
    if part and option and part != option:
        raise InvalidTable(f"{location}::{part}: {option!r} is said as well; say one of them")
    return part or option or ""


def _local(location: str, scratch: Scratch) -> Path:
    return download(location, scratch) if is_url(location) else local_path(location)


def _from_database(path: Path, table: str, query: str | None, scratch: Scratch, shown: str) -> _Source:
    if not path.is_file():
        raise InvalidTable(f"{shown}: there is no such file")
    log = path.with_name(path.name + ".wal")  # what was committed and not yet written into the file itself
    content = "+".join(sha256_of(file) for file in (path, log) if file.exists()) + f"::{table}"
    if table:
        spool = database.table_of(path, table, scratch)
    elif query is not None:
        spool = database.query_database(path, query, scratch)
    else:
        raise InvalidTable(f"{shown}: say which table: {shown}::TABLE, or give a query")
    return _Source(table or path.stem, spool, spool.schema.names, content)


def _asks_database(source: Any) -> bool:
    """Whether a query was meant for a database file as a whole, and so has been run already."""
    return isinstance(source, (str, os.PathLike)) and "::" not in os.fspath(source) and Path(source).suffix.lower() in _DATABASE


def _parquet_files(path: Path, shown: str) -> list[Path]:
    """The Parquet files that a path, a folder or a glob names, sorted by path; none if it names something else."""
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.suffix.lower() in _PARQUET and not _hidden(p.relative_to(path)))
        if not found:
            raise InvalidTable(f"{shown}: the folder holds no Parquet file")
        return found
    if path.is_file() or not glob.has_magic(shown):
        return [path] if path.is_file() and path.suffix.lower() in _PARQUET else []
    found = sorted(Path(p) for p in glob.glob(str(path), recursive=True))  # noqa: PTH207
    if not found:
        raise InvalidTable(f"{shown}: there is no such file")
    if other := [p for p in found if p.suffix.lower() not in _PARQUET]:
        raise InvalidTable(f"{shown}: names {other[0].name}; only Parquet files can be read many at once")
    return found


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _checked(names: list[str], where: str) -> list[str]:
    """Column names that a database can hold side by side.

    Args:
        where: the table's place and a colon, for messages.

    Raises:
        InvalidTable: a name is empty, or two are the same but for upper and lower case.
    """
    first: dict[str, int] = {}
    for place, name in enumerate(names, 1):
        if "\0" in name:
            raise InvalidTable(f"{where}column {place} ({name!r}) has a NUL in its name, which no database holds")
        if not name:
            raise InvalidTable(f"{where}column {place} has no name")
        before = first.setdefault(name.casefold(), place)
        if before != place:
            raise InvalidTable(
                f"{where}columns {before} ({names[before - 1]!r}) and {place} ({name!r}) have one name. "
                "Upper and lower case do not tell columns apart in a database; rename one"
            )
    if not names:
        raise InvalidTable(f"{where}the table has no columns")
    return names


def _odd_names(names: list[str]) -> Iterator[str]:
    """What a reader of the names does not see, as warnings."""
    seen: dict[str, int] = {}
    for place, name in enumerate(names, 1):
        written = unicodedata.normalize("NFKC", name)
        looks = "".join(char for char in written if unicodedata.category(char) != "Cf").strip()
        if looks != written:
            yield f"the name of column {place} is {name!r}, with white space or signs that are not seen: so it is in an objective"
        before = seen.setdefault(looks.casefold(), place)
        if before != place:
            yield f"columns {before} ({names[before - 1]!r}) and {place} ({name!r}) have names that look alike"


def _check_types(schema: pa.Schema, where: str) -> None:
    for column in schema:
        if (why := unreadable(column)) is not None:
            raise InvalidTable(f"{where}column {column.name!r} {why}")
