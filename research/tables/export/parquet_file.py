"""A run as one Parquet file, in its exact types."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from research.tables.export.columns import ExportColumn
from research.tables.export.rows import arrow_schema, shards_of
from research.tables.run_folder.run_folder import RunFolder

_ROW_GROUP: Final = 10_000
"""Rows that are held until they are written: many small groups make a file large and slow to read."""


def write_parquet(folder: RunFolder, columns: Sequence[ExportColumn], target: Path, *, as_found: bool) -> int:
    """Write the file. Returns the number of rows."""
    import pyarrow as pa

    schema, held, count = arrow_schema(folder.columns, columns), [], 0
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for shard in shards_of(folder, as_found=as_found):
            held.append(shard.arrow(columns))
            count += len(shard.rows)
            if sum(table.num_rows for table in held) >= _ROW_GROUP:
                writer.write_table(pa.concat_tables(held).combine_chunks(), row_group_size=_ROW_GROUP)
                held = []
        if held:
            writer.write_table(pa.concat_tables(held).combine_chunks(), row_group_size=_ROW_GROUP)
    return count
