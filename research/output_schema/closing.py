"""Closes the objects of an output schema: what it does not name is not asked for, so an answer may not add it.

A table can hold an object only if its names are known. An object with `properties` that says nothing about other names is
therefore closed (`additionalProperties: false`); one that does say something keeps its word.
"""

from __future__ import annotations

from typing import Any, Final

_FOLDABLE: Final = frozenset(("type", "properties", "required", "title", "description"))
_OBJECT: Final = ("object", ["object"], ["object", "null"], ["null", "object"])
# Beside these, another schema may name further properties of the same object.
_SIBLINGS: Final = frozenset(
    {"allOf", "anyOf", "oneOf", "if", "then", "else", "dependentSchemas"}
    | {"additionalProperties", "unevaluatedProperties", "patternProperties"}
)


def closed(schema: Any) -> Any:
    """An expanded schema with its objects closed, inheritance by `allOf` folded, wherever a field, an item or a branch stands."""
    if not isinstance(schema, dict):
        return schema
    schema = folded(schema)
    copy = dict(schema)
    if isinstance(schema.get("properties"), dict):
        copy["properties"] = {name: closed(part) for name, part in schema["properties"].items()}
        if schema.get("type") in _OBJECT and not _SIBLINGS & set(schema):
            copy["additionalProperties"] = False
    if "items" in schema:
        copy["items"] = closed(schema["items"])
    if "properties" not in schema:
        copy.update({word: [closed(part) for part in schema[word]] for word in ("anyOf", "oneOf") if word in schema})
    return copy


def folded(schema: dict[str, Any]) -> dict[str, Any]:
    """`allOf` of plain objects with different properties (inheritance) as one object; anything else stays as it is."""
    parts = schema.get("allOf")
    if not isinstance(parts, list):
        return schema
    merged = {word: value for word, value in schema.items() if word != "allOf"}
    merged |= {"type": "object", "properties": dict(schema.get("properties", {})), "required": list(schema.get("required", ()))}
    for part in (folded(part) if isinstance(part, dict) else part for part in parts):
        if not isinstance(part, dict) or not set(part) <= _FOLDABLE or part.get("type") != "object":
            return schema
        if set(part.get("properties", {})) & set(merged["properties"]):
            return schema
        merged["properties"].update(part.get("properties", {}))
        merged["required"] += [name for name in part.get("required", ()) if name not in merged["required"]]
    return merged
