"""Which JSON Schemas the service compiles for structured outputs and strict tools, and what it says of the others.

Source: the SDK's own transformation (`anthropic.lib._parse._transform`), which leaves exactly what the service accepts, and
platform.claude.com/docs/en/build-with-claude/structured-outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from research.testing.api_errors import invalid

_KEPT = {
    "type", "enum", "const", "anyOf", "allOf", "$ref", "$defs", "definitions", "description", "title", "default",
    "properties", "required", "additionalProperties", "items", "minItems", "format", "pattern",
}  # fmt: skip
_TYPES = {"object", "array", "string", "integer", "number", "boolean", "null"}
_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}


def check_output_schema(schema: Any, where: str) -> None:
    """Refuse a schema for structured output that the service does not accept.

    Raises:
        ApiError: 400, naming what the service does not accept.
    """
    for fault in _faults(schema):
        raise invalid(f"{where}: {fault}")
    if _is_recursive(schema):
        raise invalid(f"{where}: Recursive schemas are not supported: a `$ref` leads back to a schema that holds it.")


def _faults(schema: Any) -> Iterator[str]:
    if not isinstance(schema, Mapping):
        yield "A schema must be an object."
        return
    names = schema.get("type", [])
    types = names if isinstance(names, list) else [names]
    label = types[0] if types else "any"
    for key in schema:
        if key not in _KEPT:
            yield f"For '{label}' type, property '{key}' is not supported"
    if unknown := [each for each in types if each not in _TYPES]:
        yield f"Unknown type: {unknown[0]!r}"
    if not {"type", "anyOf", "allOf", "enum", "const", "$ref"} & set(schema):
        yield "Schema must have a 'type', 'anyOf', 'allOf', '$ref', 'enum' or 'const'"
    if "object" in types and schema.get("additionalProperties") is not False:
        yield "For 'object' type, 'additionalProperties' must be explicitly set to false"
    if schema.get("minItems", 0) not in (0, 1):
        yield "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
    if "format" in schema and schema["format"] not in _FORMATS:
        yield f"For 'string' type, format '{schema['format']}' is not supported"
    if not str(schema.get("$ref", "#")).startswith("#"):
        yield f"External $ref is not supported: {schema['$ref']}"
    if any(isinstance(each, (dict, list)) for each in schema.get("enum", ())):
        yield "'enum' values must be strings, numbers, booleans or null"
    for child in _children(schema):
        yield from _faults(child)


def _children(schema: Mapping[str, Any]) -> Iterator[Any]:
    for key in ("properties", "$defs", "definitions"):
        yield from (schema.get(key) or {}).values()
    for key in ("anyOf", "allOf"):
        yield from schema.get(key) or ()
    if "items" in schema:
        yield schema["items"]


def _is_recursive(root: Mapping[str, Any]) -> bool:
    def leads_back(schema: Any, open_refs: tuple[str, ...]) -> bool:
        if not isinstance(schema, Mapping):
            return False
        if "$ref" in schema:
            ref = str(schema["$ref"])
            return ref in open_refs or leads_back(_target(root, ref), (*open_refs, ref))
        inner = {key: value for key, value in schema.items() if key not in ("$defs", "definitions")}
        return any(leads_back(child, open_refs) for child in _children(inner))

    return leads_back(root, ("#",))


def _target(root: Mapping[str, Any], ref: str) -> Any:
    found: Any = root
    for part in ref.removeprefix("#").strip("/").split("/"):
        if part:
            found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return found
