"""A document that is given with a task: a file of this machine, by its content, or a page of the web."""

from __future__ import annotations

import hashlib
from typing import Any, Final
from urllib.parse import quote

from pydantic import GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core.core_schema import CoreSchema

from research.records import PublishedRecord
from research.storage.location import local_path
from research.task.urls import is_web

MAX_BYTES: Final = 50_000_000
"""A larger file is refused."""
SCHEME: Final = "files"


class AttachedFile(PublishedRecord):
    """One document given with a task. Written as its path or its URL.

    Raises:
        ValueError: there is no such file, or it cannot be read.
    """

    source: str
    """A path, as it was given, or an http(s) URL."""
    sha256: str | None = None
    """Of the file's bytes, lower-case hex; None for a URL."""

    @property
    def url(self) -> str:
        """By what it is read and cited: the URL itself, or `files:///<path>`."""
        return self.source if is_web(self.source) else f"{SCHEME}:///{quote(self.source)}"

    @property
    def is_web(self) -> bool:
        return is_web(self.source)

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        source = given.strip()
        return {"source": source, "sha256": None if is_web(source) else _digest(source)}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        written = {"type": "string", "minLength": 1, "description": "A path, or an http(s) URL."}
        return {"anyOf": [written, handler.resolve_ref_schema(handler(core_schema))]}


def _digest(source: str) -> str:
    if not source:
        raise ValueError("must not be empty: give a path or a URL")
    path = local_path(source)
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise ValueError(f"{source!r} is not a file")
        if size > MAX_BYTES:
            raise ValueError(f"{source!r} has {size:,} bytes; a given file has at most {MAX_BYTES:,}")
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        raise ValueError(f"{source!r}: there is no such file") from None
    except OSError as error:
        raise ValueError(f"{source!r} cannot be read ({error.strerror or type(error).__name__})") from None
