"""What a task used: tool calls, searches, pages and tokens."""

from __future__ import annotations

from pydantic import ConfigDict

from research.records import PublishedRecord


class _Part(PublishedRecord):
    # NaN has no JSON form, so a usage that holds one would not come back as it went.
    model_config = ConfigDict(allow_inf_nan=False)


class Tokens(_Part):
    """Model tokens. A model without tokens counts none; None is unknown."""

    input: int | None = 0
    output: int | None = 0
    cache_read: int | None = 0
    cache_write: int | None = 0


class Usage(_Part):
    """What a task used. None is unknown, never zero."""

    tool_calls: int = 0
    search_queries: int = 0
    pages_fetched: int = 0
    tokens: Tokens = Tokens()
    planner_calls: int = 0
    grader_calls: int = 0
    synth_calls: int = 0
    scratchpad_mode: str | None = None
    scratchpad_chunks_indexed: int = 0
    scratchpad_chunks_used: int = 0
    scratchpad_searches: int = 0
    scratchpad_tool_turns: int = 0

    def __add__(self, other: Usage) -> Usage:
        """The sum of two usages. An unknown part makes its sum unknown."""
        merged = {
            name: _plus(getattr(self, name), getattr(other, name))
            for name in Usage.model_fields
            if name not in ("tokens", "scratchpad_mode")
        }
        tokens = Tokens(**{n: _plus(getattr(self.tokens, n), getattr(other.tokens, n)) for n in Tokens.model_fields})
        return Usage(**merged, tokens=tokens, scratchpad_mode=self.scratchpad_mode or other.scratchpad_mode)


def _plus(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left + right
