"""Counts tokens: an estimate that is the same every time, four characters to a token, block by block.

Blocks are in the order in which the service renders a prompt: tools, then system, then messages. The same list serves token
counts and the prompt cache, so that the two always add up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

CHARACTERS_PER_TOKEN = 4
IMAGE_TOKENS = 1600
"""An image counts as this many tokens, whatever its size."""

Layer = Literal["tools", "system", "messages"]


@dataclass(frozen=True, slots=True)
class PromptBlock:
    """A piece of a prompt that a cache breakpoint can stand on. `text` is canonical: equal blocks have equal texts."""

    layer: Layer
    text: str
    tokens: int
    ttl: Literal["5m", "1h"] | None = None
    """How long the prefix that ends with this block is kept; None: no breakpoint here."""


def estimate(text: str) -> int:
    """At least 1 for a text that is not empty; 0 for the empty one."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def prompt_blocks(params: Mapping[str, Any]) -> list[PromptBlock]:
    """The request's prompt. A top-level `cache_control` puts a breakpoint on the last block."""
    blocks = [_block("tools", tool, "") for tool in params.get("tools") or ()]
    blocks += [_block("system", part, "") for part in _parts(params.get("system") or ())]
    for message in params.get("messages") or ():
        blocks += [_block("messages", part, str(message.get("role"))) for part in _parts(message.get("content") or ())]
    automatic = params.get("cache_control")
    if automatic and blocks and blocks[-1].ttl is None:
        last = blocks[-1]
        blocks[-1] = PromptBlock(last.layer, last.text, last.tokens, automatic.get("ttl") or "5m")
    return blocks


def input_tokens(params: Mapping[str, Any]) -> int:
    return sum(block.tokens for block in prompt_blocks(params))


def _parts(content: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(content, str):
        yield {"type": "text", "text": content}
    else:
        yield from content


def _block(layer: Layer, part: Mapping[str, Any], role: str) -> PromptBlock:
    control = part.get("cache_control")
    bare = {key: value for key, value in part.items() if key != "cache_control"}
    words = bare["text"] if set(bare) == {"type", "text"} else json.dumps(bare, sort_keys=True, ensure_ascii=False)
    tokens = IMAGE_TOKENS if part.get("type") == "image" else estimate(words)
    return PromptBlock(layer, f"{role}\x00{words}", tokens, (control.get("ttl") or "5m") if control else None)
