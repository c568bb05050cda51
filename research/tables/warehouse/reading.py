"""Opens a run's `research.duckdb` for our own queries. A DuckDB engine takes 20 ms of processor time to start: one is shared by
all that this process reads. (What users ask has an engine of its own: `Run.sql`.)"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from uuid import uuid4

import duckdb

from research.tables.inputs.database import literal
from research.tables.warehouse.warehouse import FILE


@contextmanager
def warehouse_of(run: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection whose tables and views are those of this run folder's `research.duckdb`, which it cannot change."""
    with _engine(os.getpid()).cursor() as db:
        name = f"run_{uuid4().hex}"
        try:
            db.execute(f"ATTACH {literal(str(run / FILE))} AS {name} (READ_ONLY)")
        except duckdb.BinderException:  # another thread reads it: an older DuckDB holds a file once in an engine
            with duckdb.connect(run / FILE, read_only=True) as own:
                yield own
            return
        try:
            db.execute(f"USE {name}")
            yield db
        finally:
            db.execute("USE memory")
            db.execute(f"DETACH {name}")


@lru_cache(maxsize=1)
def _engine(_process: int) -> duckdb.DuckDBPyConnection:
    return duckdb.connect()
