"""What makes two pieces of work the same work: canonical JSON, and keys of content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def canonical_json(value: Any) -> str:
    """One text for one JSON value: keys sorted by code point, no white space, no NaN or infinity (RFC 8785 in spirit; numbers
    are written as Python writes them, so 1 and 1.0 differ).

    Raises:
        TypeError: for a value that is not JSON.
        ValueError: for NaN and infinities.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def content_key(kind: str, **parts: Any) -> str:
    """The key of a piece of work: lower-case hex SHA-256 of its kind and its named parts. Parts are JSON values."""
    return hashlib.sha256(canonical_json([kind, parts]).encode("utf-8", "surrogatepass")).hexdigest()


def json_copy(value: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping as it is read back from a JSON file: keys are text and keep their order, tuples are lists.

    Raises:
        TypeError: for a value that is not JSON.
        ValueError: for NaN and infinities.
    """
    copy: dict[str, Any] = json.loads(json.dumps(dict(value), allow_nan=False))
    return copy
