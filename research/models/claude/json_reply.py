"""Reads JSON from what a model wrote: clean, or with leaked thinking, a code fence, or broken syntax around it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import json_repair

from research.errors import Fault

if TYPE_CHECKING:
    from anthropic.types import Message


_THINKING: Final = re.compile(r"<(think|thinking|reasoning|thought)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_OPEN_THINKING: Final = re.compile(r"^.*?</(think|thinking|reasoning|thought)>", re.DOTALL | re.IGNORECASE)
_FENCE: Final = re.compile(r"```(?:json|JSON)?\s*\n(.*?)\n?\s*```", re.DOTALL)


class Unreadable(Exception):
    """What a model wrote is not the JSON object that was asked for. `faults` say why, in words for the model."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(map(str, faults)))


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def json_object(text: str) -> Mapping[str, Any]:
    """The JSON object in a text.

    Raises:
        Unreadable: there is none, even after repair.
    """
    for candidate in _candidates(text):
        try:
            value = json.loads(candidate)
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    bare = _bare(text)
    start = bare.find("{")
    if start >= 0:
        repaired = json_repair.loads(bare[start:])
        if isinstance(repaired, dict) and repaired:
            return repaired
    raise Unreadable((Fault("", "the answer is not a JSON object"),))


def json_value(text: str) -> Any:
    """The JSON value that a text is; a text that is no JSON at all is taken for a string."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    stripped = text.strip()
    if stripped[:1] in "[{":
        return json_repair.loads(stripped)
    return stripped


def _candidates(text: str) -> list[str]:
    """What may be the object, most likely first."""
    bare = _bare(text)
    found = [text, bare, *reversed(_FENCE.findall(bare))]
    start, end = bare.find("{"), bare.rfind("}")
    return [*found, bare[start : end + 1]] if 0 <= start < end else found


def _bare(text: str) -> str:
    """The text without thinking that leaked into it."""
    bare = _THINKING.sub("", text)
    return _OPEN_THINKING.sub("", bare).strip()
