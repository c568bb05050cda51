"""Which shards hold the same row: a row that stands in several is researched in the first, and found by the others."""

from __future__ import annotations

import hashlib

import pyarrow as pa


class Duplicates:
    """The rows of the shards seen so far, eight bytes each."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}

    def earlier_shards(self, shard: int, rows: pa.RecordBatch) -> set[int]:
        """The earlier shards that hold a row of this one."""
        owners = {self._first.setdefault(_digest(row), shard) for row in zip(*rows.to_pydict().values(), strict=True)}
        return owners - {shard}


def _digest(row: tuple[object, ...]) -> int:
    return int.from_bytes(hashlib.blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=8).digest())
