"""CSV and TSV: the dialect, the header, and the types that give back every value exactly as it was written."""

# ruff: noqa: S608 (the SQL is made of our own names and of quoted ones)

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import duckdb

from research.errors import InvalidTable
from research.tables.inputs.copies import SAY_ENCODING, Scratch, Spool
from research.tables.inputs.database import connection, first_line, literal, spooled

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

_DELIMITERS: Final = (",", "\t", ";", "|")
_MAX_LINE_BYTES: Final = 16 << 20
_MAX_REJECTS: Final = 1000
"""Of a file that is refused: among them the first record is looked for."""
_TAB_SUFFIXES: Final = frozenset({".tsv", ".tab"})

# A column has the first of these types whose every value, made text again, is the text that was written. Infinities, NaN, years
# outside 1-9999 and fractions of a second round-trip in DuckDB, but not elsewhere.
_ROUND_TRIPS: Final = {
    "BIGINT": "TRY_CAST({c} AS BIGINT)::VARCHAR = {c}",
    "DOUBLE": "TRY_CAST({c} AS DOUBLE)::VARCHAR = {c} AND isfinite(TRY_CAST({c} AS DOUBLE))",
    "BOOLEAN": "TRY_CAST({c} AS BOOLEAN)::VARCHAR = {c}",
    "DATE": "TRY_CAST({c} AS DATE)::VARCHAR = {c} AND length({c}) = 10",
    "TIMESTAMP": "TRY_CAST({c} AS TIMESTAMP)::VARCHAR = {c} AND length({c}) = 19",
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written."""

    delimiter: str
    quote: str = '"'
    escape: str = '"'


def read_csv(path: Path, scratch: Scratch, shown: str, suffix: str) -> tuple[Spool, list[str]]:
    """The rows of a UTF-8 file, and the names in its header as they stand there.

    An unquoted empty cell is null, a quoted one is empty text; in a typed column both are null. A column without a name is called
    `column_N`, N its place from 1.

    Args:
        path: plain UTF-8 text, with or without a header's rows.
        shown: the file's name for messages.
        suffix: `.tsv` and `.tab` are separated by tabs; anything else is sniffed.

    Raises:
        InvalidTable: the file is empty, a row has too many or too few cells, a quote is left open, a byte is not UTF-8.
    """
    with connection() as con:
        try:
            dialect = _sniff(con, path, "\t" if suffix in _TAB_SUFFIXES else None)
            names, blank = _header(path, dialect)
            if not names:
                raise InvalidTable(f"{shown}: is empty; its first row must name the columns")
            rows = _rows(path, dialect, len(names), blank)
            try:
                types = _types(con, rows, len(names))
            except duckdb.InvalidInputException as exc:
                if fault := _first_rejected(con, rows, len(names), shown):
                    raise fault from exc
                _check_every_row(path, dialect, len(names), shown)
                rows = _rows(path, dialect, len(names), blank, strict=False)
                types = _types(con, rows, len(names))
            return spooled(con.sql(f"SELECT {_columns(types)} FROM {rows}"), scratch), names
        except duckdb.Error as exc:
            raise InvalidTable(f"{shown}: {first_line(exc)}") from exc
        except UnicodeDecodeError as exc:
            raise InvalidTable(f"{shown}: is not UTF-8 ({exc.reason} at byte {exc.start}). {SAY_ENCODING}") from exc
        except csv.Error as exc:
            raise InvalidTable(f"{shown}: the header cannot be read: {exc}") from exc


def _check_every_row(path: Path, dialect: Dialect, width: int, shown: str) -> None:
    """Python's strict reader over a file that DuckDB's strict reader cannot take, because its lines end in different ways.

    DuckDB's lenient reader can, but would also take an open quote or a short row; so those are looked for here.
    """
    with path.open(encoding="utf-8", newline="") as stream:
        reader = _reader(stream, dialect, strict=True)
        try:
            for cells in reader:
                if cells and len(cells) != width:
                    raise InvalidTable(
                        f"{shown}, line {reader.line_num}: has {len(cells)} cells, but the header names {width} columns"
                    )
        except csv.Error as exc:
            raise InvalidTable(f"{shown}, line {reader.line_num}: {exc}") from exc


def _sniff(con: duckdb.DuckDBPyConnection, path: Path, delimiter: str | None) -> Dialect:
    """DuckDB's sniffer over the whole file, where it makes out columns; else the delimiter that divides the header most.

    It may not skip lines or take any for comments: a row left out in silence is worse than an error. The quote is `'` only if the
    whole header is written so, because a stray apostrophe is far more common.
    """
    quote = '"'
    with path.open(encoding="utf-8", newline="") as stream:
        first = stream.readline().lstrip().rstrip("\r\n")
    if first.startswith("'") and first.endswith("'") and first.count("'") % 2 == 0:
        quote = "'"
    options = (
        f"sample_size = -1, max_line_size = {_MAX_LINE_BYTES}, skip = 0, comment = '', header = true, all_varchar = true, "
        f"quote = {literal(quote)}"
    )
    if delimiter:
        options += f", delim = {literal(delimiter)}"
    sniff = f"SELECT Delimiter, Escape, len(Columns) FROM sniff_csv({literal(str(path))}, {options})"
    try:
        found, escape, columns = con.sql(sniff).fetchall()[0]
    except duckdb.InvalidInputException:
        found, escape, columns = ",", quote, 1
    escape = "\\" if escape == "\\" else quote
    if delimiter is None and columns == 1:
        found = max(_DELIMITERS, key=lambda d: len(_header(path, Dialect(d, quote, escape))[0]))
    return Dialect(delimiter or found, quote, escape)


def _header(path: Path, dialect: Dialect) -> tuple[list[str], int]:
    """The cells of the first row that is not blank, and how many blank lines stand before it."""
    with path.open(encoding="utf-8", newline="") as stream:
        for blank, cells in enumerate(_reader(stream, dialect)):
            if cells:
                return [name or f"column_{place}" for place, name in enumerate(cells, 1)], blank
    return [], 0


def _reader(stream: TextIO, dialect: Dialect, *, strict: bool = False) -> CsvReader:
    doubled = dialect.escape == dialect.quote
    return csv.reader(
        stream,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        doublequote=doubled,
        escapechar=None if doubled else dialect.escape,
        strict=strict,
    )


def _rows(path: Path, dialect: Dialect, width: int, blank: int, *, strict: bool = True) -> str:
    columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(width))
    return (
        f"read_csv({literal(str(path))}, auto_detect = false, header = true, skip = {blank}, comment = '', "
        f"delim = {literal(dialect.delimiter)}, quote = {literal(dialect.quote)}, escape = {literal(dialect.escape)}, "
        f"strict_mode = {strict}, max_line_size = {_MAX_LINE_BYTES}, "
        f"nullstr = '', allow_quoted_nulls = false, columns = {{{columns}}})"
    )


def _types(con: duckdb.DuckDBPyConnection, rows: str, width: int) -> list[str]:
    """The type of each column, tried on every value of the file in one pass."""
    tests = [
        f"coalesce(bool_and(coalesce({test.format(c=f'c{index}')}, false)) FILTER (c{index} <> ''), false)"
        for index in range(width)
        for test in _ROUND_TRIPS.values()
    ]
    verdicts = con.sql(f"SELECT {', '.join(tests)} FROM {rows}").fetchall()[0]
    kinds = list(_ROUND_TRIPS)
    found = []
    for index in range(width):
        passed = verdicts[index * len(kinds) : (index + 1) * len(kinds)]
        found.append(next((kind for kind, ok in zip(kinds, passed, strict=True) if ok), "VARCHAR"))
    return found


def _columns(types: Sequence[str]) -> str:
    return ", ".join(
        f"c{index}" if kind == "VARCHAR" else f"CAST(nullif(c{index}, '') AS {kind}) AS c{index}"
        for index, kind in enumerate(types)
    )


def _first_rejected(con: duckdb.DuckDBPyConnection, rows: str, width: int, shown: str) -> InvalidTable | None:
    """Where the first record is that DuckDB rejects, and why; None where its strict reader cannot go through the file at all.

    What DuckDB calls a line is a record: a cell with a line break in it does not end one.
    """
    stored = rows.removesuffix(")") + f", store_rejects = true, rejects_limit = {_MAX_REJECTS})"
    try:
        con.sql(f"SELECT {', '.join(f'count(c{index})' for index in range(width))} FROM {stored}").fetchall()
    except duckdb.InvalidInputException:
        return None
    first = "SELECT line, error_type::VARCHAR, csv_line, column_idx FROM reject_errors ORDER BY line, column_idx DESC LIMIT 1"
    rejected = con.sql(first).fetchall()
    if not rejected:
        return None
    [(record, kind, text, cells)] = rejected
    where = f"{shown}, record {record} (the header is record 1) {next(iter(text.splitlines()), '')[:60]!r}"
    match kind:
        case "MISSING COLUMNS" | "TOO MANY COLUMNS":
            return InvalidTable(f"{where}: has {cells} cells, but the header names {width} columns")
        case "INVALID ENCODING":
            return InvalidTable(f"{where}: is not UTF-8. {SAY_ENCODING}")
        case "LINE SIZE OVER MAXIMUM":
            return InvalidTable(f"{where}: is longer than {_MAX_LINE_BYTES >> 20} MB")
        case "UNQUOTED VALUE":
            return InvalidTable(f"{where}: a quote is opened and not closed, or text follows a closing quote")
    return InvalidTable(f"{where}: {kind.lower()}")
