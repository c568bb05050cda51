"""Spoils a reply: answers that a client must not take for good ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from research.testing.plausible import validator
from research.testing.recording import Request
from research.testing.replies import Reply

_PASSAGE_KEYS = ("passages", "passage_ids", "passage", "passage_id")


def spoil(kind: str, reply: Reply, request: Request) -> Reply | None:
    """The spoiled reply; None where this fault has nothing to spoil (no JSON answer, no tool call, no passage id)."""
    return SPOILERS[kind](reply, request)


def _truncated(reply: Reply, request: Request) -> Reply | None:
    """A JSON answer that stops half way, at `max_tokens`."""
    place = _json_block(reply)
    if place is None:
        return None
    text = reply.blocks[place]["text"]
    spoiled = _with(reply, place, {"text": text[: max(1, len(text) // 2)]})
    return replace(spoiled, stop_reason="max_tokens", output_tokens=int(request.params["max_tokens"]))


def _off_schema(reply: Reply, request: Request) -> Reply | None:
    """A JSON answer that parses, and breaks the schema that was asked for."""
    place = _json_block(reply)
    if place is None or request.schema is None:
        return None
    value = json.loads(reply.blocks[place]["text"])
    check = validator(json.dumps(request.schema, sort_keys=True))
    for candidate in _misfits(value):
        if not check.is_valid(candidate):
            return _with(reply, place, {"text": json.dumps(candidate, ensure_ascii=False)})
    return None


def _misfits(value: Any) -> list[Any]:
    """Values near `value` that are likely to break its schema, the nearest first."""
    if not isinstance(value, dict) or not value:
        return [{"unexpected": value}, [value], "n/a"]
    first = next(iter(value))
    without = {key: each for key, each in value.items() if key != first}
    return [without, {**value, first: {"unexpected": [value[first]]}}, {**value, "unexpected": 1}, [value]]


def _bad_tool_input(reply: Reply, request: Request) -> Reply | None:
    """A tool call whose input lacks what the tool requires, and has what it does not know."""
    place = _call(reply)
    return None if place is None else _with(reply, place, {"input": {"unexpected": [1, 2]}})


def _bad_tool_json(reply: Reply, request: Request) -> Reply | None:
    """A tool call whose input is not JSON: as it comes in a stream, or, on plain requests, from compatible servers."""
    place = _call(reply)
    return None if place is None else _with(reply, place, {"input": '{"query": unquoted words, "limit": }'})


def _bad_passages(reply: Reply, request: Request) -> Reply | None:
    """An answer that names passages that do not exist."""
    for place, block in enumerate(reply.blocks):
        if block["type"] == "text" and (value := _parsed(block["text"])) is not None:
            invented = _with_invented_ids(value)
            if invented != value:
                return _with(reply, place, {"text": json.dumps(invented, ensure_ascii=False)})
        if block["type"] == "tool_use" and isinstance(block["input"], Mapping):
            invented = _with_invented_ids(block["input"])
            if invented != block["input"]:
                return _with(reply, place, {"input": invented})
    return None


SPOILERS: dict[str, Callable[[Reply, Request], Reply | None]] = {
    "truncated": _truncated,
    "off_schema": _off_schema,
    "bad_tool_input": _bad_tool_input,
    "bad_tool_json": _bad_tool_json,
    "bad_passages": _bad_passages,
}


def _with_invented_ids(value: Any, key: str = "") -> Any:
    """Every id under a key that holds passage ids becomes one that no task has."""
    if isinstance(value, Mapping):
        return {name: _with_invented_ids(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_invented_ids(each, key) for each in value]
    if isinstance(value, str) and key in _PASSAGE_KEYS:
        return f"{value.rstrip('0123456789') or 'p'}90{value.lstrip('sp')[-3:]}17"
    return value


def _json_block(reply: Reply) -> int | None:
    """The last text block, if it is JSON."""
    for place in reversed(range(len(reply.blocks))):
        if reply.blocks[place]["type"] == "text":
            return place if _parsed(reply.blocks[place]["text"]) is not None else None
    return None


def _call(reply: Reply) -> int | None:
    return next((place for place, block in enumerate(reply.blocks) if block["type"] == "tool_use"), None)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _with(reply: Reply, place: int, changes: Mapping[str, Any]) -> Reply:
    blocks = (*reply.blocks[:place], {**reply.blocks[place], **changes}, *reply.blocks[place + 1 :])
    return replace(reply, blocks=blocks, unchecked=True)
