"""One JSON Schema document (draft 2020-12): what is wrong with it, and the same document with its references followed.

Nothing is ever fetched: a `$ref` leads into the same document, or it is a fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from referencing.exceptions import NoSuchResource, Unresolvable
from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY

from research.errors import Fault
from research.faults import nearest, pointer, shown
from research.output_schema import patterns
from research.output_schema.formats import checker
from research.output_schema.validation import MAX_DEPTH, message

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")

MAX_BYTES: Final = 262_144
"""Of the schema as JSON text."""
MAX_SUBSCHEMAS: Final = 10_000
"""After every `$ref` is followed."""

# Where a keyword holds schemas. `definitions` is draft-07's `$defs`; the 2020-12 metaschema still knows it.
ONE_SCHEMA: Final = frozenset(
    {"additionalProperties", "contains", "contentSchema", "else", "if", "items", "not", "propertyNames", "then"}
    | {"unevaluatedItems", "unevaluatedProperties"}
)
LIST_OF_SCHEMAS: Final = frozenset(("allOf", "anyOf", "oneOf", "prefixItems"))
MAP_OF_SCHEMAS: Final = frozenset(("$defs", "definitions", "dependentSchemas", "patternProperties", "properties"))
ANNOTATIONS: Final = frozenset(("$comment", "default", "deprecated", "description", "examples", "readOnly", "title", "writeOnly"))

# What only names places and references; of no use once every reference is followed.
NAMING: Final = frozenset(
    ("$schema", "$vocabulary", "$id", "$anchor", "$dynamicAnchor", "$ref", "$dynamicRef", "$defs", "definitions")
)


def subschemas(schema: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every place of a document where a schema stands, with its JSON Pointer: outermost first, in document order."""
    yield at, schema
    for key, value in children(schema):
        yield from subschemas(value, at + pointer(key))


def children(schema: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """The schemas directly inside a schema, with the tokens that lead to each."""
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        if keyword in ONE_SCHEMA and isinstance(value, (dict, bool)):
            yield (keyword,), value
        elif keyword in LIST_OF_SCHEMAS and isinstance(value, list):
            yield from (((keyword, i), part) for i, part in enumerate(value))
        elif keyword in MAP_OF_SCHEMAS and isinstance(value, dict):
            yield from (((keyword, name), part) for name, part in value.items())


@cache
def _metaschema() -> Validator:
    # With format checks, so that a bad `pattern` is found here and not in the middle of a run.
    return Draft202012Validator(Draft202012Validator.META_SCHEMA, format_checker=checker())


def document_faults(schema: Any) -> list[Fault]:
    """All that is wrong with a document as a JSON Schema of draft 2020-12 whose references stay inside it."""
    faults = [_meta_fault(error) for error in _metaschema().iter_errors(schema)]
    faults += _pattern_faults(schema) + [fault for _, fault in _references(schema) if isinstance(fault, Fault)]
    # The metaschema is made of several, and each of them may say the same.
    return sorted(dict.fromkeys(faults), key=lambda fault: fault.pointer)


def _meta_fault(error: ValidationError) -> Fault:
    at = pointer(error.absolute_path)
    keyword = error.absolute_path[-1] if error.absolute_path else None
    if keyword == "type" and isinstance(error.instance, str):
        return Fault(at, f'"{error.instance}" is not a JSON type ({", ".join(TYPES)}){nearest(error.instance, TYPES)}')
    if error.validator == "format" and error.validator_value == "regex":
        try:
            patterns.compiled(str(error.instance))
        except ValueError as reason:
            return Fault(at, f"{shown(error.instance)} is not a regular expression: {reason}")
    if error.validator == "type" and error.validator_value == ["object", "boolean"]:
        return Fault(at, f"{shown(error.instance)} is not a schema: write an object")
    return Fault(at, message(error))


def _pattern_faults(schema: Any) -> list[Fault]:
    return [
        Fault(f"{at}/unevaluatedProperties", "does not work with this patternProperties: write additionalProperties")
        for at, part in subschemas(schema)
        if isinstance(part, dict) and "unevaluatedProperties" in part
        if any(not _plain(pattern) for _, inner in subschemas(part) for pattern in _names(inner))
    ]


def _names(schema: Any) -> list[str]:
    return list(schema.get("patternProperties", ())) if isinstance(schema, dict) else []


def _plain(pattern: str) -> bool:
    """Whether Python reads a pattern too. `jsonschema` takes it so under `unevaluatedProperties`, and would fail in a run."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _references(schema: Any) -> Iterator[tuple[str, Fault | tuple[Any, str]]]:
    """Each `$ref` and `$dynamicRef` by its own pointer: the schema it leads to with that schema's pointer, or what is wrong."""
    places: dict[int, str] = {}
    found: list[tuple[str, str, Any]] = []

    def visit(part: Any, at: str, resolver: Any) -> None:
        if not isinstance(part, dict):
            return
        places[id(part)] = at
        if isinstance(part.get("$id"), str) and at:
            resolver = resolver.in_subresource(DRAFT202012.create_resource(part))
        found.extend(
            (f"{at}/{word}", part[word], resolver) for word in ("$ref", "$dynamicRef") if isinstance(part.get(word), str)
        )
        for key, value in children(part):
            visit(value, at + pointer(key), resolver)

    try:
        visit(schema, "", EMPTY_REGISTRY.resolver_with_root(DRAFT202012.create_resource(schema)))
    except (TypeError, AttributeError, ValueError):
        return  # ids that are not text or not URIs: the metaschema says so better
    for at, reference, resolver in found:
        try:
            target = resolver.lookup(reference).contents
        except (Unresolvable, ValueError, TypeError, KeyError) as reason:
            remote = isinstance(reason, NoSuchResource) or not reference.startswith("#")
            why = "leads out of the document, and nothing is fetched" if remote else "leads nowhere in the document"
            yield at, Fault(at, f"{reference} {why}")
            continue
        if isinstance(target, bool):
            yield at, (target, reference)
        elif id(target) in places:
            yield at, (target, places[id(target)])
        else:
            yield at, Fault(at, f"{reference} does not lead to a schema")


class _TooLarge(Exception):
    pass


def expand(schema: dict[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """A document without faults, with every `$ref` replaced by what it leads to, and without definitions; or why that cannot
    be done: references in a circle, or more than `MAX_SUBSCHEMAS` schemas."""
    targets = {at: target for at, target in _references(schema) if not isinstance(target, Fault)}
    faults: dict[str, Fault] = {}
    count = 0

    def follow(part: Any, at: str, open_: dict[str, bool]) -> Any:
        """`open_` holds the pointers of the schemas this one stands in, outermost first; True for those reached by `$ref`."""
        nonlocal count
        count += 1
        if count > MAX_SUBSCHEMAS or len(open_) > MAX_DEPTH:
            raise _TooLarge
        if not isinstance(part, dict):
            return part
        copy = {word: value for word, value in part.items() if word not in NAMING}
        if "$dynamicRef" in part:
            faults[at] = Fault(f"{at}/$dynamicRef", "is not supported: write $ref")
        for key, value in children(part):
            if key[0] not in ("$defs", "definitions"):
                _put(copy, key, follow(value, at + pointer(key), {**open_, at: open_.get(at, False)}))
        if "$ref" not in part:
            return _unwrap(copy)
        target, place = targets[f"{at}/$ref"]
        if place == at or place in open_:
            loop = [*_from(place, open_), *([] if place == at else [at]), place]
            hops = [hop for n, hop in enumerate(loop) if n in (0, len(loop) - 1) or open_.get(hop)]
            circle = " → ".join("#" + hop for hop in hops)
            faults[at] = Fault(f"{at}/$ref", f"is recursive ({circle}): a column cannot hold a schema that contains itself")
            return {}
        return _joined(follow(target, place, {**open_, at: open_.get(at, False), place: True}), copy)

    try:
        expanded = follow(schema, "", {})
    except _TooLarge:
        limits = f"{MAX_SUBSCHEMAS:,} schemas, {MAX_DEPTH} levels"
        return {}, [Fault("", f"is too large with every $ref followed (more than {limits}): flatten it or ask for less")]
    return expanded, list(faults.values())


def _from(place: str, open_: Mapping[str, bool]) -> list[str]:
    names = list(open_)
    return names[names.index(place) :] if place in open_ else [place]


def _put(schema: dict[str, Any], key: Sequence[str | int], value: Any) -> None:
    """Sets one child schema, copying the list or map that holds it so that the document stays as it was."""
    if len(key) == 1:
        schema[str(key[0])] = value
        return
    keyword = str(key[0])
    holder: Any = schema[keyword]
    holder = list(holder) if isinstance(holder, list) else dict(holder)
    holder[key[1]] = value
    schema[keyword] = holder


def _joined(target: Any, beside: dict[str, Any]) -> Any:
    """What a `$ref` leads to, together with the keywords that stand beside it."""
    if not beside or not isinstance(target, dict):
        return target if not beside or set(beside) <= ANNOTATIONS else {"allOf": [target], **beside}
    if set(beside) <= ANNOTATIONS:
        return {**target, **beside}
    return _unwrap({**beside, "allOf": [target, *beside.get("allOf", [])]})


def _unwrap(schema: dict[str, Any]) -> dict[str, Any]:
    """`{allOf: [one], title…}` is that one schema with these annotations."""
    parts = schema.get("allOf")
    if isinstance(parts, list) and len(parts) == 1 and isinstance(parts[0], dict):
        beside = {word: value for word, value in schema.items() if word != "allOf"}
        if set(beside) <= ANNOTATIONS:
            return {**parts[0], **beside}
    return schema
