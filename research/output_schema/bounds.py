"""Bounds: whether a value keeps to its schema's plain limits, which is cheap to ask of many values."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

_BOUNDS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "minimum": operator.ge,
    "maximum": operator.le,
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}


def within_bounds(value: Any, schema: Mapping[str, Any]) -> bool:
    """The schema's cheap bounds; the whole schema is checked at the end, where the draft is."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return all(holds(value, schema[name]) for name, holds in _BOUNDS.items() if isinstance(schema.get(name), (int, float)))
    if isinstance(value, str):
        if len(value) > schema.get("maxLength", len(value)) or len(value) < schema.get("minLength", 0):
            return False
        pattern = schema.get("pattern")
        return not isinstance(pattern, str) or _matches(pattern, value)
    return True


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:  # ECMA 262 and Python differ in corners; the schema's own check decides at the end.
        return True
