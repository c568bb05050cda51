"""What is wrong with a request, each with the place as its caller wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError

from research.errors import Fault, InvalidInput
from research.faults import pointer, unpointer


def request_faults(error: RequestValidationError) -> list[Fault]:
    """What is wrong with a request, each with the JSON Pointer of its place. A place is one of what was sent, or a name that is
    missing there: the tags by which pydantic tells the members of a union apart are none."""
    return [
        Fault(pointer(_places(where, error.body, each["type"]) if part == "body" else where), str(each["msg"]))
        for each in error.errors()
        for part, *where in [each["loc"]]
    ]


def _places(parts: Sequence[str | int], sent: Any, kind: str) -> Iterator[str | int]:
    for number, part in enumerate(parts, 1):
        is_item = isinstance(sent, list) and isinstance(part, int) and part < len(sent)
        if is_item or (isinstance(sent, Mapping) and part in sent):
            sent = sent[part]
            yield part
        elif kind == "missing" and number == len(parts):
            yield part


def spelled(error: InvalidInput, names: Mapping[str, str]) -> InvalidInput:
    """An error about a task, with its fields called as its caller calls them.

    Args:
        names: of the fields that the caller calls otherwise: `start_url` to `startUrl`.
    """
    if not error.faults:
        return error
    faults = []
    for fault in error.faults:
        first, *rest = unpointer(fault.pointer) or ("",)
        faults.append(Fault(pointer([names.get(first, first), *rest]) if first else fault.pointer, fault.message))
    return InvalidInput(str(error).partition("\n")[0], faults)
