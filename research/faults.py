"""Finds and words faults: JSON Pointers (RFC 6901), the nearest known name, a value shown short, pydantic's errors as faults."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from rapidfuzz import fuzz, process

from research.errors import Fault

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


def pointer(tokens: Iterable[str | int]) -> str:
    """The JSON Pointer that these names and places make, each escaped."""
    return "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in tokens)


def unpointer(text: str) -> tuple[str, ...]:
    """The names and places of a JSON Pointer: `unpointer(pointer(names)) == names` for texts."""
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in text.split("/")[1:])


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?`, or nothing if no known name is near."""
    best = process.extractOne(name.casefold(), list(known), scorer=fuzz.ratio, score_cutoff=60)
    return f'; did you mean "{best[0]}"?' if best else ""


def shown(value: Any) -> str:
    """A JSON value for a message."""
    text = f'"{value}"' if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=repr)
    return shortened(text, 120)


def shortened(text: str, longest: int) -> str:
    """At most so many characters of a text, the last of them … where it goes on."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def first_line(error: BaseException) -> str:
    """What a library says of an error, in one line without a stop; the error's name if it says nothing."""
    if isinstance(error, MemoryError):
        return "it takes more memory than there is"
    return (str(error).strip().split("\n", 1)[0] or type(error).__name__).rstrip(".")


def first_of_group(error: BaseException) -> BaseException:
    """The first error of a group of errors, whose own words say only how many there are; any other error itself."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def complaint(detail: ErrorDetails) -> str:
    """What pydantic says of one error; of a validator of ours, that validator's own words."""
    return str(detail["ctx"]["error"]) if detail["type"] == "value_error" else detail["msg"]


def validation_faults(
    error: ValidationError,
    place: Callable[[list[str | int]], str] = pointer,
    message: Callable[[ErrorDetails], str] = complaint,
) -> list[Fault]:
    """The faults that pydantic found.

    Args:
        error: what it raised.
        place: makes a fault's pointer from the names and places that lead to it.
        message: words an error.
    """
    return [
        Fault(place([part for part in detail["loc"] if part != "[key]"]), message(detail))
        for detail in error.errors(include_url=False)
    ]
