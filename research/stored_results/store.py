"""A folder of stored results: one JSON file for each content key, written whole or not at all.

A key names its step, and the step decides the class: one of `STORED_TYPES`, and nothing else is ever built from a file. Values
come from pages, and a folder may come from another person. A file that cannot be read is a result that is not there.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeVar, cast
from uuid import uuid4

from pydantic import BaseModel

from research.ports.work import Draft, Grade, Investigated, Judged, Plan, Verified
from research.result.result import Result

T = TypeVar("T")

STORED_TYPES: Final[dict[str, type[BaseModel]]] = {
    "plan": Plan,
    "investigate": Investigated,
    "grade": Grade,
    "synthesize": Draft,
    "verify": Verified,
    "judge": Judged,
    "row": Result,
}
"""By the step that a key begins with."""

_KEY: Final = re.compile(r"(?P<step>[a-z]+)-(?P<digest>[0-9a-f]{64})")
_log: Final = logging.getLogger(__name__)


class Done(NamedTuple, Generic[T]):
    """Finished work."""

    result: T
    found: bool
    """Whether the result was stored before."""


class ResultStore:
    """Results by their content key (`research.steps.keys`). Files are read and written in threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def get(self, key: str) -> BaseModel | None:
        """The stored result; None if there is none that can be read."""
        return await asyncio.to_thread(self._read, key)

    async def put(self, key: str, result: object) -> None:
        """Store a result. Work that is done is not lost because it cannot be stored: a full disk is logged.

        Raises:
            TypeError: it is no result of the key's step.
        """
        if type(result) is not self._type(key) or not isinstance(result, BaseModel):
            raise TypeError(f"a {type(result).__name__} is no result of {key!r}")
        try:
            await asyncio.to_thread(self._write, key, result)
        except OSError as error:
            _log.warning("a finished step could not be stored, and will be done again if this is interrupted: %s", error)

    async def find_or_do(self, key: str, work: Callable[[], Awaitable[T]]) -> Done[T]:
        """The stored result, or what the work brings, which is stored."""
        if (stored := await self.get(key)) is not None:
            return Done(cast(T, stored), found=True)
        result = await work()
        await self.put(key, result)
        return Done(result, found=False)

    def _file(self, key: str) -> Path:
        """
        Raises:
            TypeError: not a key.
        """
        self._type(key)
        return self._folder / key.partition("-")[2][:2] / f"{key}.json"

    def _type(self, key: str) -> type[BaseModel]:
        match = _KEY.fullmatch(key)
        if match is None or match["step"] not in STORED_TYPES:
            raise TypeError(f"{key!r} is no key of a stored result")
        return STORED_TYPES[match["step"]]

    def _read(self, key: str) -> BaseModel | None:
        stored = self._type(key)
        try:
            document = json.loads(self._file(key).read_bytes())
            return stored.model_validate(document["value"]) if document["kind"] == stored.__name__ else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def _write(self, key: str, result: BaseModel) -> None:
        file = self._file(key)
        computed = set(type(result).model_computed_fields)
        text = f'{{"kind":"{type(result).__name__}","value":{result.model_dump_json(exclude=computed)}}}'
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f"{file.name}.{uuid4().hex[:8]}.part")
        try:
            partial.write_text(text, "utf-8")
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
