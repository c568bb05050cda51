"""What a tool returned, as bytes of a page: its texts, or its data where it has no text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from research.identity import canonical_json

if TYPE_CHECKING:
    from mcp.types import CallToolResult

LEFT_OUT: Final = "(The rest of what the tool returned is left out: it has {size:,} characters, and {most:,} are kept.)"
Clean = Callable[[str], str]
"""Takes the secrets of a connection out of what its server says."""


def answer_bytes(result: CallToolResult, clean: Clean, most: int) -> tuple[bytes, str]:
    """What a tool returned, and its media type.

    Args:
        result: of the call.
        clean: what is done to its texts.
        most: characters that are kept.
    """
    text = clean(answer_text(result))
    data = _json(text)
    if result.structured_content is not None and (not text.strip() or data is not None):
        text = clean(canonical_json(result.structured_content))
        data = result.structured_content
    if len(text) > most:
        text, data = f"{text[:most]}\n\n{LEFT_OUT.format(size=len(text), most=most)}", None
    kind = "text/markdown" if data is None else "application/json"
    return text.encode("utf-8", "replace"), kind


def answer_text(result: CallToolResult) -> str:
    """The texts of an answer, texts of resources and addresses of linked ones included. Pictures and sounds are left out."""
    parts = []
    for block in result.content:
        match block.type:
            case "text":
                parts.append(block.text)
            case "resource":
                parts.append(getattr(block.resource, "text", ""))
            case "resource_link":
                parts.append(": ".join(filter(None, (block.title or block.name, str(block.uri)))))
            case _:
                pass
    return "\n\n".join(part for part in parts if part.strip())


def _json(text: str) -> Any:
    """A JSON object or list; None for any other text."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
