"""The table `changes` of a refreshed run: what became of each cell that was looked at again, and of rows that came and went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from research.tables.layout.durable import flush, temporary
from research.tables.layout.made_tables import CHANGES, MADE, made_part

ChangeKind = Literal["changed", "confirmed", "lost", "new", "gone"]
"""`changed`: another value. `confirmed`: looked at again, and the same. `lost`: its value has no support any more. `new`: an
answer where there was none, or a row that was added. `gone`: the row was removed from the table."""
KINDS: Final[tuple[ChangeKind, ...]] = ("changed", "lost", "new", "gone", "confirmed")
_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class CellChange:
    """What became of one cell."""

    row_index: int | None
    """Its row in this run; None of a row that is gone."""
    earlier_row_index: int | None
    """Its row in the earlier run; None of a row that was added."""
    row_key: str
    """What the row is known by, as a JSON object: its key columns, or all that it holds."""
    field: str | None
    """None of a row that is new or gone and has no value in any field."""
    change: ChangeKind
    why: str
    """For people."""
    old_value: str | None = None
    """As text: what is no text is JSON."""
    new_value: str | None = None
    old_confidence: str | None = None
    new_confidence: str | None = None
    old_excerpt: str | None = None
    """The best excerpt."""
    new_excerpt: str | None = None
    old_url: str | None = None
    """Of its page."""
    new_url: str | None = None
    checked_at: datetime | None = None
    """When it was researched again, or its pages were read; None of a row that is gone."""


def write_changes(folder: Path, changes: Iterable[CellChange]) -> dict[ChangeKind, int]:
    """Put the table into a run folder, in one step. Returns how many there are of each kind."""
    counts: dict[ChangeKind, int] = dict.fromkeys(KINDS, 0)
    target = made_part(folder, CHANGES)
    target.parent.mkdir(exist_ok=True)
    part = temporary(target)
    try:
        with pq.ParquetWriter(part, MADE[CHANGES], compression="zstd", write_page_checksum=True) as writer:
            for lines in _batches(changes):
                for line in lines:
                    counts[line.change] += 1
                writer.write_table(pa.Table.from_pylist([asdict(line) for line in lines], MADE[CHANGES]))
        flush(part)
        part.replace(target)
        flush(target.parent)
    finally:
        part.unlink(missing_ok=True)
    return counts


def _batches(changes: Iterable[CellChange]) -> Iterator[list[CellChange]]:
    lines: list[CellChange] = []
    for change in changes:
        lines.append(change)
        if len(lines) == _AT_ONCE:
            yield lines
            lines = []
    if lines:
        yield lines
