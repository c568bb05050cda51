"""Counts what a call used and what it cost, and the most that it could cost before it is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import anthropic.types
from pydantic_core import PydanticSerializationError, to_json

from research.money.processors import Price
from research.money.usage import Tokens, Usage

BYTES_PER_TOKEN: Final = 2.5
"""Fewer than Claude's tokenizers need on common text, so that an estimate from it is on the safe side."""

SEARCHES: Final = 10
"""The assumed maximum of searches of a request with the service's own web search that names none."""


def used(usage: anthropic.types.Usage | None) -> Usage:
    """What one call used. Tokens that the server did not count are None; caches that it does not know are 0."""
    tools = getattr(usage, "server_tool_use", None)
    searches: int = getattr(tools, "web_search_requests", None) or 0
    fetches: int = getattr(tools, "web_fetch_requests", None) or 0
    return Usage(
        tool_calls=searches + fetches,
        search_queries=searches,
        pages_fetched=fetches,
        tokens=Tokens(
            input=getattr(usage, "input_tokens", None),
            output=getattr(usage, "output_tokens", None),
            cache_read=getattr(usage, "cache_read_input_tokens", None) or 0,
            cache_write=getattr(usage, "cache_creation_input_tokens", None) or 0,
        ),
    )


def cost_usd(used: Usage, price: Price | None) -> float | None:
    """What a usage costs; None if anything that was used has no known price."""
    return None if price is None else price.cost(used.tokens, used.search_queries)


def max_usd(params: Mapping[str, Any], price: Price | None, prompt: int | None = None) -> float | None:
    """The most that a request may cost: all of its input fresh or written to the cache, `max_tokens` of output, every search that
    it may make. Not included: the tokens of what the service's own tools read, which are unknown in advance.

    Args:
        params: of `messages.create`.
        price: of the model.
        prompt: `input_tokens(params)`, where that is known.
    """
    if price is None:
        return None
    prompt, most = input_tokens(params) if prompt is None else prompt, int(params["max_tokens"])
    searches = sum(_most_searches(tool) for tool in params.get("tools") or ())
    fresh = price.cost(Tokens(input=prompt, output=most), searches)
    if fresh is None or price.rate(prompt).cache_write is None:
        return fresh
    written = price.cost(Tokens(cache_write=prompt, output=most), searches)
    return fresh if written is None else max(fresh, written)


def request_body(params: Mapping[str, Any]) -> bytes:
    """A request as JSON. It is encoded once: it is measured, and sent as often as it is tried."""
    try:
        return to_json(params, fallback=_plain, inf_nan_mode="constants")
    except PydanticSerializationError:  # half a character, which no UTF-8 can hold
        wire = json.dumps(params, ensure_ascii=False, separators=(",", ":"), default=_plain)
        return wire.encode("utf-8", "replace")


def input_tokens(params: Mapping[str, Any], body: bytes | None = None) -> int:
    """An estimate of a request's input tokens, on the safe side.

    Args:
        body: `request_body(params)`, where it is there already.
    """
    return int(len(request_body(params) if body is None else body) / BYTES_PER_TOKEN) + 1


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _most_searches(tool: Mapping[str, Any]) -> int:
    if not str(tool.get("type", "")).startswith("web_search"):
        return 0
    most = tool.get("max_uses")
    return SEARCHES if most is None else int(most)
