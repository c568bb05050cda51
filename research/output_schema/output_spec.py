"""Any accepted spelling of an output schema becomes one JSON Schema; it names the fields and checks an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from research.errors import Fault, InvalidSchema
from research.faults import nearest, pointer
from research.identity import canonical_json
from research.output_schema.closing import closed
from research.output_schema.dialects import translated
from research.output_schema.field_paths import field_of
from research.output_schema.impossible import impossible
from research.output_schema.json_schema import ANNOTATIONS, MAX_BYTES, document_faults, expand
from research.output_schema.shorthand import SpecKind, read_spelling
from research.output_schema.validation import json_faults, lenient_validator, validator, value_faults

MAX_FIELDS: Final = 500
MAX_NAME: Final = 255
"""Characters of a field's name."""
ANSWER: Final = "answer"
"""The one field of a text or auto spec."""


@dataclass(frozen=True, slots=True)
class Field:
    """One top-level field of the output."""

    name: str
    schema: Mapping[str, Any]
    """Its JSON Schema with `$ref`s into the document followed, to any depth."""
    description: str
    required: bool


class OutputSpec:
    """One output schema, parsed. Immutable; equal specs have equal `schema`, `kind` and `description`.

    `schema` is self-contained: every `$ref` is followed, definitions are gone, and objects are closed (`closing`).
    text and auto specs have one field, `answer`, a string; the output of a text spec is that string itself.

    Do not change what `schema` holds: equal spellings share one spec.
    """

    kind: SpecKind
    schema: Mapping[str, Any]
    description: str
    fields: tuple[Field, ...]

    def __init__(self, kind: SpecKind, schema: dict[str, Any], description: str) -> None:
        """From judged parts; use `parse`."""
        self.kind = kind
        self.schema = schema
        self.description = description
        if kind == "text":
            self.fields = (Field(ANSWER, schema, description, True),)
        else:
            required = set(schema.get("required", ()))
            self.fields = tuple(
                Field(name, part if isinstance(part, dict) else {}, _description(part), name in required)
                for name, part in schema["properties"].items()
            )

    @classmethod
    def parse(cls, spelling: Any) -> OutputSpec:
        """The spec of any accepted spelling, or of a spec itself. A path reads that file, so paths are for callers that may
        read files.

        Raises:
            InvalidSchema: with every fault, each by its JSON Pointer into the spelling.
        """
        if isinstance(spelling, OutputSpec):
            return spelling
        if isinstance(spelling, dict) and (faults := json_faults({k: v for k, v in spelling.items() if not isinstance(v, type)})):
            raise InvalidSchema("The output schema cannot be used:", faults)
        spelled = read_spelling(spelling)
        # Text, since it is hashable, keeps the order of the fields, and gives every parse a document of its own.
        text = json.dumps(spelled.schema, ensure_ascii=False)
        if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise InvalidSchema(f"The output schema is too large: at most {MAX_BYTES:,} bytes of JSON are read.")
        return _parsed(spelled.kind, text, spelled.description, spelled.root)

    def check(self, answer: Any) -> tuple[Fault, ...]:
        """All that is wrong with an answer, each by its JSON Pointer into it; empty if it is good.

        Formats are checked. A field may abstain: null is good wherever a property stands, at any depth, and a required
        property may be left out. An unknown top-level field is a fault.
        """
        if faults := json_faults(answer, max_bits=64):
            return tuple(faults)
        if self.kind == "text":
            return () if answer is None or isinstance(answer, str) else (Fault("", "must be text"),)
        if not isinstance(answer, dict):
            return (Fault("", f"must be an object with the fields {', '.join(self.names)}"),)
        unknown = [
            Fault(pointer([name]), f"is not a field of the output schema{nearest(name, self.names)}")
            for name in answer
            if name not in self.names
        ]
        return (*unknown, *value_faults(self._validator, {n: v for n, v in answer.items() if n in self.names}))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the fields, in order."""
        return tuple(field.name for field in self.fields)

    @cached_property
    def spelling(self) -> dict[str, Any]:
        """The canonical spelling, a JSON object: `OutputSpec.parse(spec.spelling) == spec`."""
        description = {"description": self.description} if self.description else {}
        return {"type": self.kind, **description, **({"json_schema": self.schema} if self.kind == "json" else {})}

    @cached_property
    def _validator(self) -> Any:
        return lenient_validator(dict(self.schema))

    @cached_property
    def _canonical(self) -> str:
        return canonical_json(self.spelling)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, OutputSpec) and self._canonical == other._canonical)

    def __hash__(self) -> int:
        return hash(self._canonical)

    def __repr__(self) -> str:
        return f"OutputSpec({self.kind}: {', '.join(self.names)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (OutputSpec.parse, (self.spelling,))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda spec: spec.spelling),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {
            "description": "An output schema: {type: json, json_schema, description}, {type: text, description}, {type: auto}, "
            "a JSON Schema (draft 2020-12), {field: type or description}, or the path of a JSON file with one of these.",
            "anyOf": [{"type": "object"}, {"type": "string"}, {"type": "null"}],
        }


def _description(schema: Any) -> str:
    description = schema.get("description") if isinstance(schema, dict) else None
    return description if isinstance(description, str) else ""


@lru_cache(maxsize=256)
def _parsed(kind: SpecKind, text: str, description: str, root: str) -> OutputSpec:
    """Judges a schema once, however often it is spelt."""
    if kind == "text":
        return OutputSpec(kind, {"type": "string"}, description)
    if kind == "auto":
        answer = {"type": "string", "description": description or "The answer to the task, in a few sentences."}
        schema = {"type": "object", "properties": {ANSWER: answer}, "required": [ANSWER], "additionalProperties": False}
        return OutputSpec(kind, schema, description)
    written = translated(json.loads(text))
    faults = document_faults(written.schema)
    expanded: dict[str, Any] = {}
    if not faults:
        expanded, faults = expand(written.schema)
    faults = [*written.faults, *(Fault(written.written_at(fault.pointer), fault.message) for fault in faults)]
    if not faults:
        expanded, faults = _object_root(expanded)
    if not faults and len(canonical_json(expanded)) > 4 * MAX_BYTES:
        faults = [Fault("", f"is too large with every $ref followed: more than {4 * MAX_BYTES:,} characters")]
    if faults:
        raise InvalidSchema("The output schema cannot be used:", [Fault(root + f.pointer, f.message) for f in faults])
    return OutputSpec(kind, expanded, description or _description(expanded))


def _object_root(schema: dict[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """The root as an object that allows its properties only, with `allOf` folded into it; and what keeps it from being one."""
    schema = closed({"type": "object", **_without_null(schema)})
    root_type = schema["type"]
    if root_type != "object":
        hint = "" if "properties" in schema else '. If `type` is meant as a field, write {"properties": {"type": …}}'
        return {}, [Fault("/type", f"the root must be of type object, not {root_type}{hint}")]
    properties = schema.get("properties")
    if not properties:
        return {}, [_no_fields(schema)]
    faults = [*_name_faults(properties), *_contradictions(schema, properties)]
    for at, branch in _branches(schema):
        inside = branch.get("properties", {}) if isinstance(branch, dict) else {}
        faults.extend(
            Fault(f"{at}/properties{pointer([name])}", "must stand in the root's `properties` too: it is a column")
            for name in inside
            if name not in properties
        )
    return {**schema, "additionalProperties": False}, faults


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A root that may be an object or null, as that object: an answer always has the fields, and each of them may be null."""
    kinds = schema.get("type")
    if isinstance(kinds, list) and "object" in kinds and set(kinds) <= {"object", "null"}:
        return {**schema, "type": "object"}
    for word in ("anyOf", "oneOf"):
        real = [part for part in schema.get(word, ()) if part != {"type": "null"}]
        if len(real) == 1 and isinstance(real[0], dict) and set(schema) <= ANNOTATIONS | {word}:
            return {**real[0], **{name: value for name, value in schema.items() if name != word}}
    return schema


def _no_fields(schema: dict[str, Any]) -> Fault:
    """Why a root without `properties` cannot be used."""
    if schema.get("patternProperties"):
        return Fault("/patternProperties", "cannot become columns: name each field in `properties`")
    if word := next((word for word in ("oneOf", "anyOf", "allOf") if word in schema), None):
        return Fault(f"/{word}", "names no columns of its own: write the fields of all its branches into the root's `properties`")
    return Fault("", "has no `properties`, so the output would have no field")


def _branches(schema: dict[str, Any]) -> list[tuple[str, Any]]:
    """Schemas that apply to the root itself, beside its own keywords."""
    found = [(f"/{word}/{i}", part) for word in ("allOf", "anyOf", "oneOf") for i, part in enumerate(schema.get(word, ()))]
    found += [(f"/{word}", schema[word]) for word in ("then", "else") if word in schema]
    return found + [(f"/dependentSchemas{pointer([n])}", part) for n, part in schema.get("dependentSchemas", {}).items()]


def _name_faults(properties: dict[str, Any]) -> list[Fault]:
    faults: list[Fault] = []
    if len(properties) > MAX_FIELDS:
        faults.append(Fault("/properties", f"has {len(properties):,} fields; at most {MAX_FIELDS} become columns"))
    seen: dict[str, str] = {}
    for name, part in properties.items():
        at = "/properties" + pointer([name])
        if not name.strip():
            faults.append(Fault(at, "a column needs a name that is not empty"))
        elif name != name.strip() or not name.isprintable():
            faults.append(Fault(at, "a column's name has no white space at its ends and no control characters"))
        elif len(name) > MAX_NAME:
            faults.append(Fault(at, f"a column's name has at most {MAX_NAME} characters"))
        elif (twin := seen.setdefault(name.casefold(), name)) != name:
            faults.append(Fault(at, f'differs from "{twin}" by case only, and a table cannot hold both'))
        if part is False:
            faults.append(Fault(at, "`false` forbids this field: leave it out"))
        above = field_of(name, (other for other in properties if other != name))
        if above is not None and _has_part(properties[above], name[len(above) + 1 :]):
            faults.append(Fault(at, f"is also the path of a part of `{above}`: rename one of them"))
    return faults


def _contradictions(schema: dict[str, Any], properties: dict[str, Any]) -> Iterator[Fault]:
    """What no answer could ever fit: every row would be paid for, and fail or be null."""
    if schema.get("minProperties", 0) > len(properties):
        least = schema["minProperties"]
        yield Fault("/minProperties", f"asks for {least:,} fields, and `properties` names {len(properties)}: no answer has them")
    if "propertyNames" in schema:
        names = validator(schema["propertyNames"])
        yield from (
            Fault("/properties" + pointer([name]), "is a name that `propertyNames` forbids")
            for name in properties
            if not names.is_valid(name)
        )
    for name, part in properties.items():
        yield from impossible(part, "/properties" + pointer([name]))


def _has_part(schema: Any, path: str) -> bool:
    """Whether a value of an (expanded) schema may have a part at this path: `0.name`."""
    if not isinstance(schema, dict):
        return False
    if any(_has_part(branch, path) for word in ("anyOf", "oneOf", "allOf") for branch in schema.get(word, ())):
        return True
    place, _, rest = path.partition(".")
    if place.isdecimal() and "items" in schema and (not rest or _has_part(schema["items"], rest)):
        return True
    properties = schema.get("properties", {})
    name = field_of(path, properties)
    return name is not None and (path == name or _has_part(properties[name], path[len(name) + 1 :]))
