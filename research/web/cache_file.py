"""The connection to the HTTP cache's SQLite file: each statement runs to its end in one go, in a thread of its own.

The library reads its rows one by one and leaves a statement open until its cursor is collected. An open statement holds a
snapshot of the file; a write on top of a snapshot that another process has written past fails at once as "locked", whatever time
was set to wait. Rows that are all taken when a statement has run leave nothing open.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

BUSY_SECONDS: Final = 5.0
"""Seconds that a statement waits for another process's."""

Result = TypeVar("Result")


class CacheFile:
    """What the library needs of an `anysqlite.Connection`. The file is opened by the first statement."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="http-cache")
        self._database: sqlite3.Connection | None = None

    async def cursor(self) -> CacheCursor:
        return CacheCursor(self)

    async def commit(self) -> None:
        """Nothing: each statement commits itself."""

    async def close(self) -> None:
        await self.run(self._close)
        self._thread.shutdown(wait=False)

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do something with the file in its thread: one after the other."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def execute(self, sql: str, parameters: Iterable[Any]) -> tuple[list[Any], int]:
        """The rows of a statement, and how many it changed. Only in the file's thread.

        Raises:
            sqlite3.Error, OSError: the file cannot be opened, or the statement fails.
        """
        if self._database is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        cursor = self._database.execute(sql, tuple(parameters))
        try:
            return cursor.fetchall(), cursor.rowcount
        finally:
            cursor.close()

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None


class CacheCursor:
    """What the library needs of an `anysqlite.Cursor`."""

    def __init__(self, file: CacheFile) -> None:
        self._file = file
        self._rows: list[Any] = []
        self.rowcount = -1

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> CacheCursor:
        self._rows, self.rowcount = await self._file.run(lambda: self._file.execute(sql, parameters))
        return self

    async def fetchone(self) -> Any:
        return self._rows.pop(0) if self._rows else None

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows
