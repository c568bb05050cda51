"""Opens a run's `research.duckdb` for our own queries."""

from __future__ import annotations

from pathlib import Path

import duckdb

from research.tables.warehouse.warehouse import FILE


def warehouse_of(run: Path) -> duckdb.DuckDBPyConnection:
    """A connection to the tables and views of this run folder's `research.duckdb`, which it cannot change. To be closed."""
    return duckdb.connect(run / FILE, read_only=True)
