"""What no value could ever fit, in a schema whose `$ref`s are followed: every row would be paid for, and fail or be null."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor
from typing import Any, Final

from research.errors import Fault
from research.faults import pointer
from research.output_schema.validation import validator

_LIMITS: Final = (("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties"))


def impossible(schema: Any, at: str) -> Iterator[Fault]:
    """The faults of a field's schema, and of the parts of its values.

    Args:
        at: its JSON Pointer.
    """
    if not isinstance(schema, dict):
        return
    if schema.get("enum") == []:
        yield Fault(f"{at}/enum", "allows no value")
    elif (word := next((word for word in ("enum", "const") if word in schema), None)) and not _any_fits(schema, word):
        yield Fault(f"{at}/{word}", "allows no value that fits what else stands there")
    if schema.get("not") in ({}, True) and "not" in schema:
        yield Fault(f"{at}/not", "forbids every value")
    if not _has_number(schema):
        least = "minimum" if "minimum" in schema else "exclusiveMinimum"
        most = "maximum" if "maximum" in schema else "exclusiveMaximum"
        relation = "is above" if schema[least] > schema[most] else "leaves no number below"
        yield Fault(f"{at}/{least}", f"{relation} `{most}`: no value fits both")
    for least, most in _LIMITS:
        if least in schema and most in schema and schema[least] > schema[most]:
            yield Fault(f"{at}/{least}", f"is above `{most}`: no value fits both")
    for name, part in schema.get("properties", {}).items():
        yield from impossible(part, f"{at}/properties{pointer([name])}")
    yield from impossible(schema.get("items"), f"{at}/items")


def _any_fits(schema: dict[str, Any], word: str) -> bool:
    """Whether one of the values that `enum` or `const` allows fits the rest. null always does."""
    values = [value for value in (schema["enum"] if word == "enum" else [schema["const"]]) if value is not None]
    rest = validator({name: value for name, value in schema.items() if name != word})
    return not values or any(rest.is_valid(value) for value in values)


def _has_number(schema: dict[str, Any]) -> bool:
    """Whether a number lies within the bounds: a whole one, where only those are allowed."""
    least, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    most, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    lows, highs = [each for each in (least, above) if each is not None], [each for each in (most, below) if each is not None]
    if not lows or not highs:
        return True
    low, high = max(lows), min(highs)
    kinds = schema.get("type")
    if {kinds} <= {"integer"} if isinstance(kinds, str) else set(kinds or ["number"]) <= {"integer", "null"}:
        first = floor(low) + 1 if low == above else ceil(low)
        last = ceil(high) - 1 if high == below else floor(high)
        return bool(first <= last)
    return bool(low < high or (low == high and low != above and high != below))
