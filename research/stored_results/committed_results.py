"""Which rows of committed shards hold which results: `committed-<process>-<token>.jsonl`, one line a shard.

    {"digest":"0f3c…","shard":3,"rows":{"9b1c…":317}}

A shard's stored results are swept once it is committed. An equal row that comes later is found here, and read from the run's
tables.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from uuid import uuid4

from research.durable.lines import json_line, read_json_line

_PREFIX: Final = "committed-"
_DIGITS: Final = 15
"""Hexadecimal digits of a key that are remembered: 60 bits, so that a number takes little memory."""


class CommittedResults:
    """Rows by the keys of their results."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / f"{_PREFIX}{os.getpid()}-{uuid4().hex[:8]}.jsonl"
        self._rows: dict[int, int] = {}

    def open(self) -> None:
        """Read what the folder holds."""
        for file in sorted(self._folder.glob(f"{_PREFIX}*.jsonl")):
            for line in file.read_bytes().split(b"\n"):
                if line and (document := read_json_line(line)) is not None:
                    self._rows.update((int(digits, 16), row) for digits, row in document["rows"].items())

    def find(self, key: str) -> int | None:
        """The row that holds the result of a key."""
        return self._rows.get(int(_digits(key), 16))

    def add(self, shard: int, rows: Mapping[str, int]) -> None:
        """Remember a shard's completed rows, by the keys of their results.

        Raises:
            OSError: it cannot be written.
        """
        if rows:
            short = {_digits(key): row for key, row in rows.items()}
            with self._file.open("ab") as file:
                file.write(json_line({"shard": shard, "rows": short}))
            self._rows.update((int(digits, 16), row) for digits, row in short.items())


def _digits(key: str) -> str:
    """Of `<step>-<64 hex>`."""
    return key.rpartition("-")[2][:_DIGITS]
