"""A folder of stored results by content key: an append-only file of lines for each shard that is being worked on.

    {"digest":"0f3c…","key":"plan-81ab…","row":17,"kind":"Plan","value":{…}}

A key names its step, and the step decides the class: one of `STORED_TYPES`, and nothing else is ever built from a file. Values
come from pages, and a folder may come from another person. A line that is cut or changed is a result that is not there.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeVar, cast

from pydantic import BaseModel

from research.display.printable import printable_logger
from research.durable.segments import Entry, Segments
from research.durable.surroundings import surroundings_fault
from research.errors import SurroundingsFault
from research.ports.waiting import Suspended
from research.ports.work import Draft, Grade, Investigated, Judged, Plan, Verified
from research.result.result import Result
from research.stored_results.committed_results import CommittedResults
from research.task.decisions import Decided

T = TypeVar("T")

STORED_TYPES: Final[dict[str, type[BaseModel]]] = {
    "plan": Plan,
    "investigate": Investigated,
    "grade": Grade,
    "synthesize": Draft,
    "verify": Verified,
    "judge": Judged,
    "row": Result,
    "ask": Suspended,
    "decide": Decided,
}
"""By the step that a key begins with."""

ASK: Final = "ask"
"""The step whose result is where an investigation stands that waits for answers."""
ROW: Final = "row"
"""The step whose result is a row's."""
_KEY: Final = re.compile(r"(?P<step>[a-z]+)-(?P<digest>[0-9a-f]{64})")
_log: Final = printable_logger(__name__)


class Done(NamedTuple, Generic[T]):
    """Finished work."""

    result: T
    found: bool
    """Whether the result was stored before."""


class ResultStore:
    """Results by their content key (`research.steps.keys`). Files are read and written in threads.

    Args:
        folder: made when the first result is stored.
        committed: reads a row's result from the tables of the run that the folder is part of; None if it is not there.
    """

    def __init__(self, folder: Path, committed: Callable[[int], Result | None] | None = None) -> None:
        self._folder = folder
        self._segments = Segments(folder)
        self._committed_results = CommittedResults(folder)
        self._read_committed = committed
        self._single_files = False
        """Whether earlier versions have left files of one result each."""
        self.on_fault: Callable[[SurroundingsFault], None] = _warn
        """Is told that a result could not be stored. A run stops for it, since what it pays for from then on may be lost."""

    async def get(self, key: str) -> BaseModel | None:
        """The stored result; None if there is none that can be read. One that is not there costs no thread and no disk."""
        kind = self._type(key)
        if not self._segments.is_open:
            await asyncio.to_thread(self._open)
        if not self._single_files and not self._segments.has_anywhere(key) and self._committed_results.find(key) is None:
            return None
        return await asyncio.to_thread(self._read, key, kind)

    async def put(self, key: str, result: object) -> None:
        """Store a result. Work that is done is not lost because it cannot be stored: `on_fault` is told.

        Raises:
            TypeError: it is no result of the key's step.
        """
        if type(result) is not self._type(key) or not isinstance(result, BaseModel):
            raise TypeError(f"a {type(result).__name__} is no result of {key!r}")
        try:
            await asyncio.to_thread(self._append, key, result)
        except OSError as error:
            self.on_fault(surroundings_fault(error, self._folder))

    async def find_or_do(self, key: str, work: Callable[[], Awaitable[T]]) -> Done[T]:
        """The stored result, or what the work brings, which is stored."""
        if (stored := await self.get(key)) is not None:
            return Done(cast(T, stored), found=True)
        result = await work()
        await self.put(key, result)
        return Done(result, found=False)

    def refresh(self) -> None:
        """Look for what other processes have stored since. Blocks."""
        if self._segments.is_open:
            self._committed_results.open()
            self._segments.refresh()

    def sweep(self, shard: int, unfinished: Collection[int]) -> None:
        """Remove what a committed shard does not need any more: everything but the finished steps of its unfinished rows. Where
        its completed rows are is remembered. Blocks.

        Raises:
            OSError: it cannot be written.
        """
        self._open()
        done = {
            key: row
            for key, row in self._segments.entries(shard)
            if row is not None and row not in unfinished and key.startswith(f"{ROW}-")
        }
        self._committed_results.add(shard, done)

        def is_needed(entry: Entry) -> bool:
            return entry.row in unfinished

        self._segments.sweep(shard, is_needed if unfinished else None)

    def suspended_pages(self, shard: int) -> set[str]:
        """The hashes of the pages that a shard's investigations have read which wait for answers. Blocks."""
        self._open()
        asked = {key for key, _ in self._segments.entries(shard) if key.startswith(f"{ASK}-")}
        found = [self._read_line(key, Suspended) for key in asked]
        return {page.page_hash for state in found if isinstance(state, Suspended) for page in state.tools.read}

    def _type(self, key: str) -> type[BaseModel]:
        """The type of result that a key stands for.

        Raises:
            TypeError: not a key.
        """
        match = _KEY.fullmatch(key)
        if match is None or match["step"] not in STORED_TYPES:
            raise TypeError(f"{key!r} is no key of a stored result")
        return STORED_TYPES[match["step"]]

    def _open(self) -> None:
        if not self._segments.is_open:
            self._committed_results.open()
            self._single_files = self._folder.is_dir() and any(
                len(entry.name) == 2 and entry.is_dir() for entry in self._folder.iterdir()
            )
            self._segments.open()

    def _read(self, key: str, kind: type[BaseModel]) -> BaseModel | None:
        found = self._read_line(key, kind)
        if found is None and self._single_files:
            found = self._read_single(key, kind)
        if found is None and self._read_committed is not None and (row := self._committed_results.find(key)) is not None:
            found = self._read_committed(row)
        return found

    def _read_line(self, key: str, kind: type[BaseModel]) -> BaseModel | None:
        stored = self._segments.read(key)
        try:
            return kind.model_validate_json(stored[1]) if stored is not None and stored[0] == kind.__name__ else None
        except ValueError:  # not ours, or of a version that had other fields
            return None

    def _read_single(self, key: str, kind: type[BaseModel]) -> BaseModel | None:
        """A result of an earlier version, which wrote a file for each."""
        try:
            document = json.loads((self._folder / key.partition("-")[2][:2] / f"{key}.json").read_bytes())
            return kind.model_validate(document["value"]) if document["kind"] == kind.__name__ else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def _append(self, key: str, result: BaseModel) -> None:
        self._open()
        computed = set(type(result).model_computed_fields)
        value = result.model_dump_json(exclude=computed).encode("utf-8")
        self._segments.append(key, type(result).__name__, value)


def _warn(fault: SurroundingsFault) -> None:
    _log.warning("a finished step could not be stored, and will be done again if this is interrupted: %s", fault)
