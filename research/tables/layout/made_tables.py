"""Tables that a run folder has once its run has ended, each one file: they are made of its other tables, and of other runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

CHANGES: Final = "changes"
"""Of a refreshed run: see `research.tables.changes.changes_table`."""

_CHANGES: Final[list[tuple[str, pa.DataType]]] = [
    ("row_index", pa.int64()),
    ("earlier_row_index", pa.int64()),
    *((name, pa.string()) for name in ("row_key", "field", "change", "why")),
    *((f"{when}_{name}", pa.string()) for name in ("value", "confidence", "excerpt", "url") for when in ("old", "new")),
    ("checked_at", pa.timestamp("us", tz="UTC")),
]
MADE: Final[Mapping[str, pa.Schema]] = MappingProxyType({CHANGES: pa.schema(_CHANGES)})
"""The schema of each. A folder need not have them."""


def made_part(folder: Path, table: str) -> Path:
    """The file of a table in a run folder."""
    return folder / table / "part-00000.parquet"


def made_parts(folder: Path) -> dict[str, Path]:
    """The files that a run folder has, by table."""
    return {table: path for table in MADE if (path := made_part(folder, table)).exists()}


def read_made(folder: Path, table: str) -> pa.Table | None:
    """A table of a run folder; None if it does not have it."""
    path = made_part(folder, table)
    return pq.read_table(path, partitioning=None).cast(MADE[table]) if path.exists() else None
