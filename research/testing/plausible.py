"""Refuses to say what the service could not: a rule that promises the impossible would prove nothing."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from research.testing.recording import Request
from research.testing.replies import Reply


class ImpossibleReply(ValueError):
    """A rule answered what the service cannot. `reply.anyway()` sends it all the same, as a model of another make might."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}. If this is meant, answer with `reply.anyway()`.")


@lru_cache(maxsize=256)
def validator(schema: str) -> Any:
    """A validator for a schema given as JSON."""
    import jsonschema  # takes two seconds where its format checkers are installed, and most servers never need it

    return jsonschema.Draft202012Validator(json.loads(schema))


def check_possible(reply: Reply, request: Request) -> None:
    """Refuse a scripted reply that the service would never give.

    Raises:
        ImpossibleReply: with these parameters the service would not answer so.
    """
    if reply.unchecked:
        return
    calls = [str(block["name"]) for block in reply.blocks if block["type"] == "tool_use"]
    choice = request.params.get("tool_choice") or {}
    if unknown := [name for name in calls if name not in request.tools]:
        offered = ", ".join(request.tools) or "none"
        raise ImpossibleReply(f"the reply calls the tool {unknown[0]!r}, and the request offers {offered}")
    if choice.get("disable_parallel_tool_use") and len(calls) > 1:
        raise ImpossibleReply("the reply makes several tool calls, and the request says disable_parallel_tool_use")
    used = bool(calls) or any(block["type"] == "server_tool_use" for block in reply.blocks)
    if reply.stop_reason == "end_turn" and choice.get("type") in ("any", "tool") and not used:
        raise ImpossibleReply(f"the reply calls no tool, and the request says tool_choice {choice['type']!r}")
    if calls and reply.stop_reason == "end_turn":
        raise ImpossibleReply("the reply calls a tool and stops with end_turn: the service stops with tool_use")
    for block in reply.blocks:
        if block["type"] == "server_tool_use" and block["name"] not in request.tools:
            raise ImpossibleReply(f"the reply uses {block['name']!r}, and the request does not offer that server tool")
    if reply.stop_reason == "end_turn" and request.schema is not None:
        _check_format(reply, request)


def _check_format(reply: Reply, request: Request) -> None:
    texts = [str(block["text"]) for block in reply.blocks if block["type"] == "text"]
    try:
        value = json.loads(texts[-1] if texts else "")
    except ValueError:
        raise ImpossibleReply("the reply is not JSON, and the request asks for output_config.format") from None
    fault = next(validator(json.dumps(request.schema, sort_keys=True)).iter_errors(value), None)
    if fault is not None:
        raise ImpossibleReply(f"the reply breaks the schema in output_config.format: {fault.json_path}: {fault.message}")
