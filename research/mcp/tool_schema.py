"""What a server says of its tools, made fit for a model: structure stays structure, and prose becomes data.

A description of a tool, or of an argument, is a text that its server wrote, and may be written to steer a model. So the schema
that a model's service is given holds names and types alone, rebuilt from the words of JSON Schema that are known here; all prose
is gathered into one text, shortened, which is shown in a fence like any page.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from research.identity import canonical_json
from research.ports.tool_servers import ServerTool

PREFIX: Final = "mcp__"
LONGEST_NAME: Final = 64
"""Characters of a tool's name that every service takes."""
DESCRIPTION: Final = 600
"""Characters of a tool's description."""
ARGUMENT: Final = 160
"""Characters of an argument's."""
ARGUMENTS: Final = 40
"""Arguments of one tool."""
DEPTH: Final = 5
VALUES: Final = 50
"""Values of an enumeration."""
VALUE: Final = 100
"""Characters of one."""
LONGEST_SCHEMA: Final = 6_000
"""Characters of one tool's schema."""

_ODD: Final = re.compile(r"[^A-Za-z0-9_-]+")
_KEY: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TYPES: Final = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
_FORMATS: Final = frozenset({"date", "date-time", "time", "email", "uri", "uuid", "ipv4", "ipv6", "hostname", "duration"})
_COUNTS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


class UnusableTool(Exception):
    """A tool that cannot be offered. Says why, for people."""


def offered_name(server: str, tool: str) -> str:
    """By which a model calls a tool: letters, digits, dashes and underscores, the same for the same tool, never one of ours."""
    plain = f"{PREFIX}{_ODD.sub('_', server)}__{_ODD.sub('_', tool)}"
    if plain == f"{PREFIX}{server}__{tool}" and len(plain) <= LONGEST_NAME:
        return plain
    # Two names may look alike without what cannot be written.
    digest = hashlib.sha256(f"{server}\0{tool}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain[: LONGEST_NAME - 9]}_{digest}"


def server_tool(server: str, tool: str, description: str | None, schema: Any) -> ServerTool:
    """A tool as a model may be offered it.

    Args:
        server: the name that the task gave the server.
        tool: the server's name of it.
        description: what the server says of it.
        schema: what the server calls the JSON Schema of its arguments.

    Raises:
        UnusableTool: its name or its arguments cannot be used.
    """
    if not tool or len(tool) > 200:
        raise UnusableTool(f"a name of {len(tool)} characters")
    arguments = _object(schema)
    if len(canonical_json(arguments)) > LONGEST_SCHEMA:
        raise UnusableTool("its arguments are described at too great a length")
    said = [(description or "").strip()[:DESCRIPTION]]
    said += [f"{name}: {text}" for name, text in _described(schema, arguments)]
    return ServerTool(
        name=offered_name(server, tool), server=server, tool=tool, described="\n".join(filter(None, said)), arguments=arguments
    )


def _object(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, Mapping) or schema.get("type", "object") != "object":
        raise UnusableTool("its input schema is not an object's")
    properties = schema.get("properties") or {}
    if not isinstance(properties, Mapping) or len(properties) > ARGUMENTS:
        raise UnusableTool("its input schema has no readable properties, or too many")
    named = {name: part for name, part in properties.items() if _KEY.fullmatch(name)}
    required = schema.get("required") or []
    required = list(required) if isinstance(required, (list, tuple)) else []
    if lost := [name for name in required if name not in named]:
        raise UnusableTool(f"it requires {len(lost)} arguments that its input schema does not describe")
    definitions = schema.get("$defs") or schema.get("definitions") or {}
    made: dict[str, Any] = {
        "type": "object",
        "properties": {name: _value(part, definitions, DEPTH) for name, part in named.items()},
    }
    return {**made, "required": required} if required else made


def _value(schema: Any, definitions: Any, depth: int) -> dict[str, Any]:
    """The schema of one value, without prose; `{}`, which is anything, for what is not understood."""
    if not isinstance(schema, Mapping) or depth <= 0:
        return {}
    if isinstance(reference := schema.get("$ref"), str):
        name = reference.rpartition("/")[2]
        return _value(definitions.get(name), definitions, depth - 1) if isinstance(definitions, Mapping) else {}
    for word in ("anyOf", "oneOf"):
        if isinstance(parts := schema.get(word), (list, tuple)) and 0 < len(parts) <= 10:
            return {"anyOf": [_value(part, definitions, depth - 1) for part in parts]}
    made: dict[str, Any] = {}
    kinds = schema.get("type")
    kinds = [kind for kind in ([kinds] if isinstance(kinds, str) else kinds or ()) if kind in _TYPES]
    if kinds:
        made["type"] = kinds[0] if len(kinds) == 1 else kinds
    values = schema.get("enum") if "const" not in schema else [schema["const"]]
    if isinstance(values, (list, tuple)) and 0 < len(values) <= VALUES and all(map(_is_plain, values)):
        made["enum"] = list(values)
    if schema.get("format") in _FORMATS:
        made["format"] = schema["format"]
    made |= {word: schema[word] for word in _COUNTS if _is_number(schema.get(word))}
    if "array" in kinds:
        made["items"] = _value(schema.get("items"), definitions, depth - 1)
    properties = schema.get("properties")
    if "object" in kinds and isinstance(properties, Mapping) and len(properties) <= ARGUMENTS:
        named = {name: part for name, part in properties.items() if isinstance(name, str) and _KEY.fullmatch(name)}
        made["properties"] = {name: _value(part, definitions, depth - 1) for name, part in named.items()}
        required = schema.get("required")
        if isinstance(required, (list, tuple)) and (kept := [name for name in required if name in named]):
            made["required"] = kept
    return made


def _described(schema: Any, arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the server says of its tool's arguments."""
    for name in arguments["properties"]:
        part = schema["properties"][name]
        text = part.get("description") if isinstance(part, Mapping) else None
        if isinstance(text, str) and text.strip():
            yield name, " ".join(text.split())[:ARGUMENT]


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float)) or (isinstance(value, str) and len(value) <= VALUE)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
