"""Keeps finished work in the run folder, for Prefect to find again: one JSON file a content key, written whole or not at all.

Prefect's own JSON serializer is not used: it imports and calls whatever class a stored value names, and stored values come
from pages. Here a file names one of `KINDS`, and nothing else is ever built from it. A file that cannot be read is a result
that is not there.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, Literal, TypeVar
from uuid import uuid4

from prefect.context import FlowRunContext
from prefect.filesystems import WritableFileSystem
from prefect.results import ResultStore
from prefect.serializers import Serializer
from pydantic import BaseModel

from research.ports.work import Draft, Grade, Investigated, Judged, Plan, Verified
from research.result.result import Result

T = TypeVar("T")

KINDS: Final[dict[str, type[BaseModel]]] = {
    kind.__name__: kind for kind in (Plan, Investigated, Grade, Draft, Verified, Judged, Result)
}

_KEY: Final = re.compile(r"[a-z]+-(?P<digest>[0-9a-f]{64})")


class Sealed(Generic[T]):
    """A result as Prefect carries it: one object without parts.

    Prefect notes each part of a result by its `id()`, to find it again among later parameters; ids are used again, so parts cost
    memory and draw dependencies that do not exist. This one can be referred to weakly, which Prefect checks.
    """

    __slots__ = ("__weakref__", "value")

    def __init__(self, value: T) -> None:
        self.value = value


class KeptSerializer(Serializer):  # not `Serializer[Any]`: Prefect registers every subclass, that one as well
    """One of `KINDS`, sealed ⇄ `{"kind": …, "value": …}`."""

    type: Literal["research-kept"] = "research-kept"

    def dumps(self, obj: Any) -> bytes:
        if isinstance(obj, BaseException):
            return b"null"  # Prefect hands over failures as well, under a key of its own; `KeptResults` does not keep them
        value = obj.value
        kind = type(value).__name__
        if KINDS.get(kind) is not type(value):
            raise TypeError(f"a {kind} is not work that is kept")
        computed = set(type(value).model_computed_fields)
        return f'{{"kind":"{kind}","value":{value.model_dump_json(exclude=computed)}}}'.encode()

    def loads(self, blob: bytes) -> Any:
        document = json.loads(blob)
        return Sealed(KINDS[document["kind"]].model_validate(document["value"]))


class KeptResults(WritableFileSystem):
    """A folder of kept results. Prefect's envelope (which could name any serializer) is taken off on the way in and put on again
    on the way out, so that a foreign file can only ever be read as one of `KINDS`."""

    _block_type_name: ClassVar[str] = "Kept results of a research run"
    _block_type_slug: ClassVar[str] = "research-kept-results"

    folder: Path

    def _resolve_path(self, path: str) -> None:
        """Keys are keys: Prefect shall not make paths of them."""

    def file(self, key: str) -> Path | None:
        """Where the result of a key of ours lies. None for a key that Prefect made up: a failure, which is not kept."""
        if (match := _KEY.fullmatch(key)) is None:
            return None
        return self.folder / match["digest"][:2] / f"{key}.json"

    # Local files of a few kilobytes: read and written on the loop, because a thread would cost more than the work.
    async def aread_path(self, path: str) -> bytes:
        return self.read_path(path)

    async def awrite_path(self, path: str, content: bytes) -> None:
        self.write_path(path, content)

    def read_path(self, path: str, _sync: bool = True) -> bytes:  # type: ignore[override]
        """The envelope that Prefect wrote.

        Raises:
            FileNotFoundError: nothing is kept under this key.
        """
        file = self.file(path)
        if file is None:
            raise FileNotFoundError(path)
        envelope = {
            "metadata": {"storage_key": path, "serializer": {"type": "research-kept"}},
            "result": file.read_text("utf-8"),
        }
        return json.dumps(envelope).encode()

    def write_path(self, path: str, content: bytes, _sync: bool = True) -> None:  # type: ignore[override]
        if (file := self.file(path)) is None:
            return
        if not file.parent.is_dir():
            file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f"{file.name}.{uuid4().hex[:8]}.part")
        partial.write_text(json.loads(content)["result"], "utf-8")
        partial.replace(file)


def kept(folder: Path, key: str) -> BaseModel | None:
    """What is kept in a folder under a key; None if there is nothing that can be read."""
    file = KeptResults(folder=folder).file(key)
    try:
        found: BaseModel | None = None if file is None else KeptSerializer().loads(file.read_bytes()).value
    except (OSError, ValueError, KeyError):
        return None
    return found


def keep_in(folder: Path) -> None:
    """From here on, the tasks of the current flow run keep their results in this folder."""
    context = FlowRunContext.get()
    if context is None:
        raise RuntimeError("results are kept for a flow run, and there is none")
    context.result_store = ResultStore(
        result_storage=KeptResults(folder=folder.resolve()),
        serializer=KeptSerializer(),
        cache_result_in_memory=False,
    )
