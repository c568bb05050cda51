"""Brings the tables of an older database to today's form, or refuses a database that it cannot bring there."""

from __future__ import annotations

from sqlalchemy import Column, Connection, Inspector, Table, insert, inspect, literal, select

from flows.serve.database import schema
from research.errors import InvalidInput


def bring_up_to_date(connection: Connection, name: str) -> None:
    """Make the tables that are not there, and add columns and indexes that tables lack. All of it is done in the caller's
    transaction, or nothing.

    Args:
        name: the database's address, for messages.

    Raises:
        InvalidInput: the tables are something else's, of another version, or lack a column that no row of theirs has a value for.
    """
    inspector = inspect(connection)
    there = [table for table in schema.metadata.sorted_tables if inspector.has_table(table.name)]
    version = None
    if schema.about in there:
        version = connection.execute(select(schema.about.c.version)).scalar_one_or_none()
    _refuse_foreign(version, there, name)
    lacking = [(table, column) for table in there for column in _lacking(inspector, table)]
    if hopeless := [f"{table.name}.{column.name}" for table, column in lacking if not _has_value(column)]:
        raise InvalidInput(
            f"the database {name} is of an older version of this program and lacks {', '.join(hopeless)}: let that version "
            "finish its tasks, and name a new database"
        )
    if lacking:
        _add(connection, lacking)
    for table in there:
        names = {index["name"] for index in inspector.get_indexes(table.name)}
        for index in table.indexes:
            if index.name not in names:
                index.create(connection)
    schema.metadata.create_all(connection)
    if version is None:
        connection.execute(insert(schema.about).values(version=schema.VERSION))


def _refuse_foreign(version: int | None, there: list[Table], name: str) -> None:
    if version is None and there:
        names = ", ".join(table.name for table in there)
        raise InvalidInput(f"the database {name} holds tables of something else ({names}): name an empty one")
    if version is not None and version > schema.VERSION:
        raise InvalidInput(
            f"the database {name} was made by a newer version of this program (its tables are of version {version}, and this one "
            f"knows {schema.VERSION}): install that version, or name another database"
        )
    if version is not None and version < schema.VERSION:
        raise InvalidInput(
            f"the database {name} is of version {version} of its tables, and this program's are of version {schema.VERSION}: let "
            "the older program finish its tasks, and name a new database"
        )


def _lacking(inspector: Inspector, table: Table) -> list[Column[object]]:
    names = {column["name"] for column in inspector.get_columns(table.name)}
    return [column for column in table.columns if column.name not in names]


def _has_value(column: Column[object]) -> bool:
    """Whether rows that are there already can have the column: without a value, or with its default."""
    return bool(column.nullable) or (column.default is not None and column.default.is_scalar)


def _add(connection: Connection, lacking: list[tuple[Table, Column[object]]]) -> None:
    from alembic.migration import MigrationContext  # no other start needs it
    from alembic.operations import Operations

    operations = Operations(MigrationContext.configure(connection))
    for table, column in lacking:
        default = None if column.default is None else literal(getattr(column.default, "arg", None), column.type)
        added: Column[object] = Column(column.name, column.type, nullable=column.nullable, server_default=default)
        operations.add_column(table.name, added)
