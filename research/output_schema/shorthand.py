"""The spellings of an output schema: each becomes a kind, a JSON Schema and a description. See `docs/output-schemas.md`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jsonschema import Draft202012Validator
from pydantic import BaseModel
from pydantic.errors import PydanticUserError

from research.errors import Fault, InvalidSchema
from research.faults import nearest, pointer, shortened
from research.output_schema.json_schema import ANNOTATIONS, LIST_OF_SCHEMAS, MAP_OF_SCHEMAS, MAX_BYTES, NAMING, ONE_SCHEMA, TYPES
from research.output_schema.type_words import field_schema
from research.output_schema.wrappers import unwrapped
from research.storage.location import local_path

SpecKind = Literal["json", "text", "auto"]


@dataclass(frozen=True, slots=True)
class Spelled:
    """What a spelling says, before it is judged. `root` is the pointer of the schema inside the spelling."""

    kind: SpecKind
    schema: Any
    description: str
    root: str


def read_spelling(spelling: Any) -> Spelled:
    """What any accepted spelling says.

    Raises:
        InvalidSchema: it is none of them, or its file cannot be read.
    """
    if spelling is None:
        return Spelled("auto", {}, "", "")
    if isinstance(spelling, str) and spelling.lstrip().startswith("{"):
        spelling = read_schema_text(spelling)
    elif isinstance(spelling, (str, Path)):
        spelling = read_schema_file(local_path(spelling))
    if isinstance(spelling, type) and issubclass(spelling, BaseModel):
        return Spelled("json", _model_schema(spelling), "", "")
    if not isinstance(spelling, dict):
        raise _wrong(
            Fault("", f"a {type(spelling).__name__} is not an output schema: write an object, or the path of a JSON file")
        )
    inner = unwrapped(spelling)
    if isinstance(inner.schema, dict) and inner.schema.get("type") in ("json", "text", "auto"):
        return _envelope(inner.schema, inner.root, inner.description)
    return Spelled("json", schema_of(inner.schema, inner.root), inner.description, inner.root)


def _wrong(*faults: Fault) -> InvalidSchema:
    return InvalidSchema("The output schema cannot be used:", faults)


def _envelope(spelling: dict[str, Any], at: str, about: str) -> Spelled:
    """One of the spellings with `type`.

    Args:
        at: its pointer in the whole.
        about: what stands around it says of it.
    """
    kind: SpecKind = spelling["type"]
    known = ["type", "description", *(["json_schema"] if kind == "json" else [])]
    faults = [
        Fault(at + pointer([name]), f"is not known beside type {kind} (known: {', '.join(known)}){nearest(str(name), known)}")
        for name in spelling
        if name not in known
    ]
    description = spelling.get("description") or about
    if not isinstance(description, str):
        faults.append(Fault(f"{at}/description", "must be text"))
    schema: Any = {}
    root = ""
    if kind == "json":
        root, schema = f"{at}/json_schema", spelling.get("json_schema")
        if isinstance(schema, dict):
            inner = unwrapped(schema)
            root, schema, description = root + inner.root, inner.schema, description or inner.description
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            schema = _model_schema(schema)
        elif isinstance(schema, dict):
            schema = schema_of(schema, root)
        else:
            faults.append(Fault(f"{at}/json_schema", "must be a JSON Schema (an object)"))
    if faults:
        raise _wrong(*faults)
    return Spelled(kind, schema, description, root)


@cache
def _keywords() -> frozenset[str]:
    """Every keyword of draft 2020-12."""
    checked = frozenset(Draft202012Validator.VALIDATORS)
    placed = ONE_SCHEMA | LIST_OF_SCHEMAS | MAP_OF_SCHEMAS | {"contentEncoding", "contentMediaType", "maxContains", "minContains"}
    return checked | placed | ANNOTATIONS | NAMING


def schema_of(spelling: dict[str, Any], at: str) -> dict[str, Any]:
    """A bare JSON Schema as it is, or shorthand as a JSON Schema.

    Shorthand is an object whose values are all text, but for two cases that read as a bare schema: a name begins with `$`; or
    `type` is a JSON type and every other name is a JSON Schema keyword. An object with other values is a bare schema if one
    of its names is a keyword, else shorthand with faults.
    """
    if not spelling:
        raise _wrong(Fault(at, "names no field"))
    if any(isinstance(name, str) and name.startswith("$") for name in spelling):
        return spelling
    if isinstance(spelling.get("info"), dict) and ("openapi" in spelling or "swagger" in spelling):
        example = '{"$ref": "#/components/schemas/Pet", "components": …}'
        raise _wrong(Fault(at, f"is the description of a whole API: name one schema in it, as in {example}"))
    if set(spelling) <= {"type", "name"} and spelling.get("type") in ("json_object", "json_schema"):
        raise _wrong(Fault(at, f"asks for {spelling['type']}, and no schema stands in it: write the fields that you want"))
    if all(isinstance(value, str) for value in spelling.values()):
        if spelling.get("type") in TYPES and set(spelling) <= _keywords():
            return spelling
    elif set(spelling) & _keywords():
        return spelling
    return _shorthand(spelling, at)


def _shorthand(spelling: dict[str, Any], at: str) -> dict[str, Any]:
    faults: list[Fault] = []
    properties: dict[str, Any] = {}
    for name, value in spelling.items():
        try:
            properties[name] = _field(value)
        except ValueError as reason:
            faults.append(Fault(at + pointer([name]), str(reason)))
    if faults:
        raise _wrong(*faults)
    return {"type": "object", "properties": properties, "required": list(properties)}


def _field(value: Any) -> dict[str, Any]:
    if not isinstance(value, str):
        raise ValueError("must be text, a type or a description; or write the whole as a JSON Schema with `properties`")
    return field_schema(value)


def _model_schema(model: type[BaseModel]) -> dict[str, Any]:
    try:
        return model.model_json_schema()
    except PydanticUserError as reason:
        raise _wrong(Fault("", f"{model.__name__} has no JSON Schema: {reason.message}")) from reason


def read_schema_file(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        InvalidSchema: the file cannot be read, is larger than `MAX_BYTES`, is not JSON, or does not hold one object.
    """
    try:
        size = path.stat().st_size
        text = path.read_bytes() if size <= MAX_BYTES else b""
    except (OSError, ValueError) as reason:
        raise InvalidSchema(
            f"The output schema file {shortened(str(path), 200)!r} cannot be read: {getattr(reason, 'strerror', reason)}."
        ) from reason
    if size > MAX_BYTES:
        raise InvalidSchema(f"The output schema file {path} has {size:,} bytes; at most {MAX_BYTES:,} are read.")
    try:
        return read_schema_text(text.decode("utf-8-sig"), f"The output schema file {path}")
    except UnicodeDecodeError as reason:
        raise InvalidSchema(f"The output schema file {path} is not JSON: {reason}.") from reason


def read_schema_text(text: str, what: str = "The output schema") -> dict[str, Any]:
    """The object in a JSON text.

    Args:
        text: the JSON.
        what: how the message calls it.

    Raises:
        InvalidSchema: it is larger than `MAX_BYTES`, is not JSON, or does not hold one object.
    """
    if len(text) > MAX_BYTES:
        raise InvalidSchema(f"{what} has {len(text):,} characters; at most {MAX_BYTES:,} are read.")
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as reason:
        raise InvalidSchema(f"{what} is not JSON: {reason}.") from reason
    if not isinstance(value, dict):
        raise InvalidSchema(f"{what} must hold one JSON object.")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for name, part in pairs:
        if name in value:
            raise ValueError(f'the name "{name}" stands twice in one object')
        value[name] = part
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
