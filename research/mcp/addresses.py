"""The addresses of what tools return: `mcp://crm/lookup?id=7`, one for a call, in whatever order its arguments come."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from research.identity import canonical_json

SCHEME: Final = "mcp"
LONGEST: Final = 1_000
"""Characters of an address's arguments; of longer ones it has the SHA-256."""


def call_address(server: str, tool: str, arguments: Mapping[str, Any]) -> str:
    """By what the answer of one call is cited.

    Args:
        server: the name that the task gave it.
        tool: as its server calls it.
        arguments: JSON. Texts stand as they are, other values as canonical JSON.
    """
    pairs = "&".join(f"{_escaped(name)}={_escaped(_written(arguments[name]))}" for name in sorted(arguments))
    if len(pairs) > LONGEST:
        pairs = f"sha256={hashlib.sha256(canonical_json(dict(arguments)).encode('utf-8', 'surrogatepass')).hexdigest()}"
    place = f"{SCHEME}://{server}/{_escaped(tool)}"
    return f"{place}?{pairs}" if pairs else place


def _written(value: Any) -> str:
    if not isinstance(value, str):
        return canonical_json(value)
    try:
        json.loads(value)
    except ValueError:
        return value
    return canonical_json(value)  # the text "7" is not the number 7


def _escaped(text: str) -> str:
    return quote(text, safe=",:@", errors="replace")
