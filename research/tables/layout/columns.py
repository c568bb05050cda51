"""The Arrow column of each output field: its type from the schema, never from the data.

| JSON Schema | Arrow |
|---|---|
| string · `format: date` · `format: date-time` | string · date32 · timestamp[us, UTC] |
| integer · number · boolean | int64 · float64 · bool |
| enum, const | the type that all its values have |
| array with `items` | list |
| closed object with `properties` | struct |
| any of these or null | the same |
| anything else | JSON text: a string whose field metadata says `json` |

An answer that `OutputSpec.check` lets pass always fits its columns. Integers in a number column become float64, as everywhere
in Arrow; a date-time becomes its moment in UTC, to the microsecond.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import pyarrow as pa

from research.output_schema.closing import folded
from research.output_schema.formats import instant
from research.output_schema.output_spec import Field, OutputSpec

JSON_TEXT: Final = {b"content": b"json"}
"""Metadata of an Arrow field that holds JSON text."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """How values of one schema are stored."""

    type: pa.DataType
    store: Callable[[Any], Any]
    """A JSON value, never None, to what pyarrow takes."""
    read: Callable[[Any], Any]
    """What pyarrow gives, never None, to the JSON value."""
    json: bool = False

    def field(self, name: str) -> pa.Field[pa.DataType]:
        return pa.field(name, self.type, metadata=JSON_TEXT if self.json else None)


def _same(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_STRING: Final = _Shape(pa.string(), _same, _same)
_JSON: Final = _Shape(pa.string(), _text, json.loads, json=True)
_SCALARS: Final[Mapping[str, _Shape]] = {
    "string": _STRING,
    "integer": _Shape(pa.int64(), int, _same),
    "number": _Shape(pa.float64(), float, _same),
    "boolean": _Shape(pa.bool_(), _same, _same),
    "null": _STRING,
}
_FORMATS: Final[Mapping[str, _Shape]] = {
    "date": _Shape(pa.date32(), date.fromisoformat, date.isoformat),
    "date-time": _Shape(pa.timestamp("us", tz="UTC"), instant, lambda moment: moment.isoformat().replace("+00:00", "Z")),
}


def arrow_schema(spec: OutputSpec) -> pa.Schema:
    """One nullable column per output field, in the order of the fields."""
    return pa.schema([_shape(field.schema).field(field.name) for field in spec.fields])


def arrow_value(field: Field, value: Any) -> Any:
    """A JSON value of a field, as pyarrow takes it for the field's column. None stays None.

    Raises:
        ValueError, TypeError, OverflowError: a value that `OutputSpec.check` would not let pass.
    """
    return None if value is None else _shape(field.schema).store(value)


def json_value(field: Field, value: Any) -> Any:
    """The JSON value of a field, from what pyarrow gives (`to_pylist`) for the field's column. None stays None."""
    return None if value is None else _shape(field.schema).read(value)


def _shape(schema: Any) -> _Shape:
    if not isinstance(schema, Mapping):
        return _JSON
    schema = folded(dict(schema))
    if "allOf" in schema:
        return _JSON
    types = _types(schema)
    if types is None:
        return _union([part for word in ("anyOf", "oneOf") for part in schema.get(word, ())]) if _only_union(schema) else _JSON
    if types == {"integer", "number"}:
        types = {"number"}
    if len(types) > 1:
        return _JSON
    (kind,) = types or {"null"}
    if kind == "string":
        return _FORMATS.get(str(schema.get("format")), _STRING)
    if kind == "array":
        return _list(schema)
    if kind == "object":
        return _struct(schema)
    return _SCALARS[kind]


def _types(schema: Mapping[str, Any]) -> set[str] | None:
    """The JSON types a schema names, without null; None if it names none."""
    if "type" in schema:
        named = schema["type"]
        return {named} - {"null"} if isinstance(named, str) else set(named) - {"null"}
    if "enum" in schema or "const" in schema:
        return {_type_of(value) for value in schema.get("enum", [schema.get("const")])} - {"null"}
    return None


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]


def _only_union(schema: Mapping[str, Any]) -> bool:
    return ("anyOf" in schema) != ("oneOf" in schema)


def _union(branches: list[Any]) -> _Shape:
    """The one shape of all branches that are not null; numbers widen, different texts are text."""
    shapes: list[_Shape] = []
    seen: list[Any] = []
    for branch in branches:
        if isinstance(branch, Mapping) and _types(branch) == set():
            continue
        if (bare := _bare(branch)) not in seen:
            seen.append(bare)
            shapes.append(_shape(branch))
    if not shapes:
        return _STRING
    if len(shapes) == 1:
        return shapes[0]
    types = {shape.type for shape in shapes}
    if any(shape.json for shape in shapes):
        return _JSON
    if types <= {pa.int64(), pa.float64()}:
        return shapes[0] if len(types) == 1 else _SCALARS["number"]
    if types <= {pa.string(), *(shape.type for shape in _FORMATS.values())}:
        return shapes[0] if len(types) == 1 else _STRING
    return shapes[0] if types == {pa.bool_()} else _JSON


def _bare(schema: Any) -> Any:
    return {k: v for k, v in schema.items() if k not in ("title", "description")} if isinstance(schema, Mapping) else schema


def _list(schema: Mapping[str, Any]) -> _Shape:
    if "prefixItems" in schema or not isinstance(schema.get("items"), Mapping):
        return _JSON
    item = _shape(schema["items"])
    return _Shape(
        pa.list_(item.field("item")),
        lambda values: [_or_none(item.store, value) for value in values],
        lambda values: [_or_none(item.read, value) for value in values],
    )


def _struct(schema: Mapping[str, Any]) -> _Shape:
    properties = schema.get("properties") or {}
    apart = len({name.casefold() for name in properties}) == len(properties) and all(name.strip() for name in properties)
    if not properties or not apart or schema.get("additionalProperties") is not False or schema.get("patternProperties"):
        return _JSON
    parts = {name: _shape(part) for name, part in properties.items()}
    return _Shape(
        pa.struct([part.field(name) for name, part in parts.items()]),
        lambda value: {name: _or_none(part.store, value.get(name)) for name, part in parts.items()},
        lambda value: {name: _or_none(part.read, value[name]) for name, part in parts.items()},
    )


def _or_none(convert: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else convert(value)
