"""The service's database: SQLite in WAL mode by default, PostgreSQL by URL. Any number of processes use it at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from sqlalchemy import ColumnElement, Double, cast, event, extract, func, literal, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from flows.serve.database.upgrade import bring_up_to_date
from research.errors import InvalidInput

P = ParamSpec("P")
T = TypeVar("T")

BUSY_SECONDS: Final = 60.0
"""How long a writer of SQLite waits for another one."""
_WRITERS: Final = 0x7265_7365
"""The advisory lock of PostgreSQL by which writers take their turns."""


def default_url(folder: Path) -> str:
    """The address of the SQLite file in a folder."""
    return f"sqlite+aiosqlite:///{folder / 'serve.sqlite'}"


class Database:
    """Connections to the records.

    Args:
        url: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`.

    Raises:
        InvalidInput: it is another kind of address, or its folder cannot be made.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise InvalidInput(f"{url!r} is no address of a database: sqlite:///FILE, or postgresql://USER@HOST/NAME") from error
        kind = parsed.get_backend_name()
        drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
        if kind not in drivers:
            raise InvalidInput(f"the service keeps its records in SQLite or PostgreSQL, not in {kind}")
        self.is_sqlite = kind == "sqlite"
        if self.is_sqlite and parsed.database:
            _make_folder(Path(parsed.database).parent)
        options: dict[str, Any] = {} if self.is_sqlite else {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 20}
        if self.is_sqlite:
            options = {"connect_args": {"timeout": BUSY_SECONDS}, "pool_size": 8, "max_overflow": 0, "pool_timeout": BUSY_SECONDS}
        self.engine: AsyncEngine = create_async_engine(parsed.set(drivername=drivers[kind]), **options)
        self.name = parsed.render_as_string(hide_password=True)
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _on_connect)
            event.listen(self.engine.sync_engine, "begin", _on_begin)

    async def open(self) -> None:
        """Make the tables, or bring those of an older version up to date.

        Raises:
            InvalidInput: the database cannot be used, or is of a version that this program does not know. Nothing is written.
        """
        try:
            async with self.writing() as connection:
                await connection.run_sync(bring_up_to_date, self.name)
        except (DBAPIError, OSError) as error:
            why = error.orig if isinstance(error, DBAPIError) else error
            raise InvalidInput(f"the database {self.name} cannot be used: {why}") from error

    async def close(self) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one state of the records."""
        async with self.engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: all of it is kept, or nothing. One at a time, as in SQLite also in PostgreSQL: so who has seen the
        number of an event has seen all below it, what is looked for and then inserted is not there twice, and none waits for
        another in a circle. They take milliseconds; no work is done in them."""
        async with self.engine.connect() as plain:
            connection = await plain.execution_options(writes=True)
            async with connection.begin():
                if not self.is_sqlite:
                    await connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _WRITERS})
                yield connection

    def now(self) -> ColumnElement[float]:
        """The time by the database's clock, which all machines share."""
        if self.is_sqlite:
            return literal(time.time())
        return cast(extract("epoch", func.clock_timestamp()), Double())

    async def read_clock(self, connection: AsyncConnection) -> float:
        """The same, read: seconds since 1970."""
        return float((await connection.execute(select(self.now()))).scalar_one())


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"the folder of the database, {folder}, cannot be made: {error.strerror}") from error


def uninterrupted(
    method: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """A method that uses a connection, and which goes on to its end although its caller is cancelled. A statement that is
    abandoned in the middle leaves a connection, and with SQLite the right to write, in nobody's hands."""

    @wraps(method)
    async def whole(*args: P.args, **kwargs: P.kwargs) -> T:
        work = asyncio.create_task(method(*args, **kwargs))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            while not work.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([work])
            raise

    return whole


def _on_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where `_on_begin` says, not where the driver guesses
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={int(BUSY_SECONDS * 1000)}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Any) -> None:
    """A transaction that will write takes its turn at once: one that begins to write later can only fail."""
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
