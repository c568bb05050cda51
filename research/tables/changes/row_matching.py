"""Knows the rows of a run again in another state of its table: by key columns, or by what they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from research.errors import InvalidTable
from research.identity import canonical_json
from research.tables.inputs.json_values import json_rows
from research.tables.inputs.read import Table
from research.tables.inputs.template import nearest_column
from research.tables.run_folder.run_folder import RunFolder

_BYTES: Final = 8
"""Of a cell's digest. Cells are compared inside one row, and rows by all of their cells."""
_BATCH: Final = 1_000


class RowMatcher:
    """The rows of one run, by what they hold. Cells count as equal if only their type differs (`5`, `5.0` and `"5"`, an empty
    text and an empty cell): a column's type may follow from another row's cell."""

    def __init__(
        self, folder: RunFolder, columns: Sequence[str], keys: Sequence[str] = (), private: Collection[str] = ()
    ) -> None:
        """
        Args:
            columns: of the table as it is now; those that the run lacks are empty there, and those that only the run has count as
                empty in the table.
            keys: columns that together name a row. None: a row is the same only if it holds the same.
            private: columns that no task has: another value there makes no difference.

        Raises:
            InvalidTable: a key is no column of both, or two rows of the run that differ have the same key.
        """
        inputs = folder.columns.inputs
        for key in keys:
            for names in (columns, inputs):
                if key not in names:
                    raise InvalidTable(f"the key {key!r} is no column of {folder.path.name}{nearest_column(key, names)}")
        self.folder = folder
        self.keys = tuple(keys)
        together = (*columns, *(name for name in inputs if name not in columns))
        self.columns = tuple(name for name in together if name not in private or name in keys)
        self._compared = frozenset(self.columns) - frozenset(private)
        self._by_key: dict[bytes, int] = {}
        self._contents: dict[int, bytes] = {}
        for row, values in rows_of(folder):
            cells = self.cells(values)
            first = self._by_key.setdefault(self.key_of(cells), row)
            if first != row and self._contents[first] != cells:
                raise InvalidTable(twice(self.keys, values, first, row, folder.path.name))
            self._contents[row] = cells

    def cells(self, values: Mapping[str, Any]) -> bytes:
        """A digest of each cell, one after the other."""
        return b"".join(_digest(values.get(name)) for name in self.columns)

    def key_of(self, cells: bytes) -> bytes:
        """What a row is known by, from its cells."""
        if not self.keys:
            return cells
        places = [self.columns.index(name) * _BYTES for name in self.keys]
        return b"".join(cells[place : place + _BYTES] for place in places)

    def find(self, values: Mapping[str, Any]) -> int | None:
        """The row of the run that a row of the table is, by its place in the run's input."""
        return self._by_key.get(self.key_of(self.cells(values)))

    def edited(self, row: int, values: Mapping[str, Any]) -> tuple[str, ...]:
        """The columns in which a row of the table differs from the row of the run that it is matched with."""
        now, before = self.cells(values), self._contents[row]
        return tuple(
            name
            for place, name in enumerate(self.columns)
            if name in self._compared
            and now[place * _BYTES : (place + 1) * _BYTES] != before[place * _BYTES : (place + 1) * _BYTES]
        )

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """Every row of the run, with what it is known by."""
        yield from ((row, self.key_of(cells)) for row, cells in self._contents.items())


@dataclass(frozen=True, slots=True)
class TableChanges:
    """How a table differs from what a run had of it. Numbers are of rows."""

    same: int
    new: tuple[int, ...]
    """Places in the table."""
    edited: tuple[int, ...]
    gone: tuple[int, ...]
    """Places in the run's input."""
    moved: bool
    """Whether rows stand in another order."""

    @property
    def are_none(self) -> bool:
        """Whether the rows are the same ones, in the same order."""
        return not (self.new or self.edited or self.gone or self.moved)

    def __str__(self) -> str:
        counts = ((self.new, "new"), (self.edited, "edited"), (self.gone, "gone"))
        parts = [f"{len(rows):,} {'row' if len(rows) == 1 else 'rows'} {word}" for rows, word in counts if rows]
        order = ", in another order" if self.moved else ""
        return f"{', '.join([*parts, f'{self.same:,} the same'])}{order}"


def compare_table(matcher: RowMatcher, table: Table) -> TableChanges:
    """Read a table once, and match each of its rows.

    Raises:
        InvalidTable: two of its rows that differ have the same key.
    """
    seen: dict[bytes, tuple[int, bytes]] = {}
    new, edited = [], []
    same, last, moved = 0, -1, False
    for row, values in enumerate(values for batch in table.batches(_BATCH) for values in json_rows(batch)):
        cells = matcher.cells(values)
        first, same_key = seen.setdefault(matcher.key_of(cells), (row, cells))
        if same_key != cells:
            raise InvalidTable(twice(matcher.keys, values, first, row, table.name))
        before = matcher.find(values)
        if before is None:
            new.append(row)
            continue
        moved, last = moved or (before < last and first == row), max(last, before)
        if matcher.edited(before, values):
            edited.append(row)
        else:
            same += 1
    gone = tuple(row for row, key in matcher.rows() if key not in seen)
    return TableChanges(same, tuple(new), tuple(edited), gone, moved)


def rows_of(folder: RunFolder) -> Iterator[tuple[int, dict[str, Any]]]:
    """The committed input rows of a run, with their places."""
    inputs, index = list(folder.columns.inputs), folder.columns.row_index
    for shard in folder.committed_shards():
        part = folder.read("results", shard, [index, *inputs])
        rows: list[Any] = part[index].to_pylist()
        lines = (line for batch in part.select(inputs).combine_chunks().to_batches() for line in json_rows(batch))
        yield from zip(rows, lines, strict=True)


def twice(keys: Sequence[str], values: Mapping[str, Any], first: int, second: int, name: str) -> str:
    """That a key names two rows."""
    named = ", ".join(f"{key} {values.get(key)!r}" for key in keys)
    return f"{name}: rows {first} and {second} have the same key ({named}); name more columns with --key, or none"


def _digest(value: Any) -> bytes:
    return hashlib.blake2b(_text(value).encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case int() | float():
            return str(value)
    return canonical_json(value)
