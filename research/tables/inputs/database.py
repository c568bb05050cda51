"""DuckDB as the reader of tables: a connection that downloads nothing, a query that touches nothing but its input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from research.errors import InvalidTable
from research.faults import first_line
from research.tables.inputs.copies import Scannable, Scratch, Spool

_ROWS = 8192


@contextmanager
def connection(database: Path | None = None, *, sealed: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in memory, or to a database file for reading only. DuckDB never installs or loads an extension.

    A sealed one reads and writes no other file, sees no Python variable, cannot change its settings, and uses one thread, so
    that a query without ORDER BY gives the same order each time.

    Raises:
        InvalidTable: the file is not a DuckDB database, or another process holds it.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
    }
    if sealed:
        config |= {"enable_external_access": False, "threads": 1, "lock_configuration": True}
    try:
        opened = duckdb.connect(str(database or ":memory:"), read_only=database is not None, config=config)
    except duckdb.Error as exc:
        raise InvalidTable(f"{database}: cannot be opened as a DuckDB database: {reason(exc)}") from exc
    with opened as con:
        yield con


def query_database(database: Path, query: str, scratch: Scratch) -> Spool:
    """The rows of one SELECT run inside a database file, opened for reading only."""
    with connection(database, sealed=True) as con:
        return _answer(con, query, scratch)


def query_table(table: Scannable, query: str, scratch: Scratch) -> Spool:
    """The rows of one SELECT over a table that it calls `input`.

    Raises:
        InvalidTable: the query fails, or DuckDB has no type for a column; says which.
    """
    with connection(sealed=True) as con:
        try:
            con.register("input", table)
        except duckdb.Error as exc:
            foreign = [column for column in table.schema if not _has_type_for(con, column)]
            columns = ", ".join(f"{column.name!r} ({column.type})" for column in foreign) or "its columns"
            raise InvalidTable(
                f"the table cannot be queried: DuckDB has no type for {columns}. Write them as numbers of 64 bits or as text, or "
                "leave out the query"
            ) from exc
        return _answer(con, query, scratch)


def _has_type_for(con: duckdb.DuckDBPyConnection, column: pa.Field[Any]) -> bool:
    try:
        con.register("one_column", pa.schema([column]).empty_table())
    except duckdb.Error:
        return False
    con.unregister("one_column")
    return True


def table_of(database: Path, name: str, scratch: Scratch) -> Spool:
    """The rows of one table or view of a database file; `name` may be `schema.table`."""
    with connection(database, sealed=True) as con:
        known = con.sql(
            "SELECT CASE WHEN table_schema = 'main' THEN table_name ELSE table_schema || '.' || table_name END, "
            "table_schema, table_name FROM information_schema.tables ORDER BY 1"
        ).fetchall()
        found = [(schema, table) for shown, schema, table in known if name in (shown, f"{schema}.{table}")]
        if not found:
            shown = ", ".join(row[0] for row in known) or "none"
            raise InvalidTable(f"{database}: has no table {name!r}. Its tables: {shown}")
        schema, table = found[0]
        return spooled(con.table(f"{quoted(schema)}.{quoted(table)}"), scratch)


def _answer(con: duckdb.DuckDBPyConnection, query: str, scratch: Scratch) -> Spool:
    try:
        statements = con.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise InvalidTable("the query must be one SELECT statement")
        return spooled(con.sql(query), scratch)
    except duckdb.Error as exc:
        raise InvalidTable(f"the query failed: {exc}") from exc


def spooled(relation: duckdb.DuckDBPyRelation, scratch: Scratch) -> Spool:
    """A relation's rows, in its order, in a spool. DuckDB's errors pass through."""
    reader = relation.to_arrow_reader(_ROWS)
    return Spool.write(scratch.new("rows.arrow"), reader.schema, reader)


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def reason(exc: duckdb.Error) -> str:
    """The first line of DuckDB's message, without its kind."""
    return first_line(exc).split(" Error: ", 1)[-1]
