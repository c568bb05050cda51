"""Checks a JSON value against a JSON Schema, strictly or so that a field may abstain, and says what is wrong and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing.jsonschema import EMPTY_REGISTRY

from research.errors import Fault
from research.faults import nearest, pointer, shortened, shown
from research.output_schema import patterns
from research.output_schema.formats import checker

MAX_DEPTH: Final = 40
"""Of nested JSON values, in a schema and in an answer."""


def _unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def json_faults(value: Any, max_bits: int | None = None) -> list[Fault]:
    """Why a Python value is not JSON: other types, NaN, names that are not text, nesting over `MAX_DEPTH` (a value inside
    itself); or an integer that has more than `max_bits` bits. At most ten faults."""
    faults: list[Fault] = []
    stack: list[tuple[Any, str, int]] = [(value, "", 0)]
    while stack and len(faults) < 10:
        item, at, depth = stack.pop()
        if item is None or isinstance(item, bool):
            continue
        if isinstance(item, str):
            if not _unicode(item):
                faults.append(Fault(at, "holds half of a surrogate pair, which is not text"))
            continue
        if isinstance(item, int):
            if max_bits and not -(2 ** (max_bits - 1)) <= item < 2 ** (max_bits - 1):
                faults.append(Fault(at, f"a whole number must fit {max_bits} bits: ask for text instead"))
            continue
        if isinstance(item, float):
            if item != item or item in (float("inf"), float("-inf")):
                faults.append(Fault(at, f"{item} is not a JSON number"))
        elif depth >= MAX_DEPTH:
            faults.append(Fault(at, f"is nested deeper than {MAX_DEPTH} levels"))
        elif isinstance(item, dict):
            if strange := [key for key in item if not isinstance(key, str) or not _unicode(key)]:
                faults.append(Fault(at, f"the name {strange[0]!a} is not text"))
            else:
                stack.extend((child, at + pointer([key]), depth + 1) for key, child in reversed(item.items()))
        elif isinstance(item, list):
            stack.extend((item[i], f"{at}/{i}", depth + 1) for i in reversed(range(len(item))))
        else:
            faults.append(Fault(at, f"a {type(item).__name__} is not JSON"))
    return faults


def validator(schema: Any) -> Validator:
    """The validator of a document without faults: draft 2020-12, formats checked, nothing fetched."""
    strict: Validator = _strict()(schema, format_checker=checker(), registry=EMPTY_REGISTRY)
    return strict


def lenient_validator(expanded: dict[str, Any]) -> Validator:
    """A validator of an expanded schema which lets any property abstain: be null, or be left out though it is required.

    Under `not` and `if` the schema's own words hold, since leniency there would turn into strictness.
    """
    lenient: Validator = _lenient()(expanded, format_checker=checker(), registry=EMPTY_REGISTRY)
    return lenient


def _properties(check: Any, properties: Mapping[str, Any], instance: Any, schema: Any) -> Iterator[ValidationError]:
    for name, part in properties.items() if isinstance(instance, dict) else ():
        if name in instance and (instance[name] is not None or part is False):
            yield from check.descend(instance[name], part, path=name, schema_path=name)


def _pattern(check: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    try:
        if isinstance(instance, str) and not patterns.found(pattern, instance):
            yield ValidationError(f"{shown(instance)} does not match the pattern {pattern}")
    except TimeoutError:
        yield ValidationError(f"the pattern {pattern} takes too long on {shown(instance)}: write a simpler one")


def _named_by(pattern: str, name: str) -> bool:
    try:
        return patterns.found(pattern, name)
    except TimeoutError:
        return False


def _pattern_properties(check: Any, parts: Mapping[str, Any], instance: Any, schema: Any) -> Iterator[ValidationError]:
    for pattern, part in parts.items() if isinstance(instance, dict) else ():
        for name, value in instance.items():
            if _named_by(pattern, name):
                yield from check.descend(value, part, path=name, schema_path=pattern)


def _additional_properties(check: Any, part: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    known, matched = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, value in instance.items():
        if name in known or any(_named_by(pattern, name) for pattern in matched):
            continue
        if part is False:
            yield ValidationError(f"is not a field here{nearest(name, known)}", path=[name])
        else:
            yield from check.descend(value, part, path=name)


def _multiple_of(check: Any, step: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """In decimals, as the numbers are written: 19.99 is a multiple of 0.01, which no division of floats finds."""
    is_number = isinstance(instance, int | float) and not isinstance(instance, bool)
    if is_number and Fraction(str(instance)) % Fraction(str(step)):
        yield ValidationError(f"{shown(instance)} is not a multiple of {step}")


@cache
def _strict() -> Any:
    own = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "multipleOf": _multiple_of,
    }
    return extend(Draft202012Validator, own)  # type: ignore[no-untyped-call]


def _without_nulls(keyword: str) -> Any:
    inner = _strict().VALIDATORS[keyword]

    def check(check: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if value is not False and isinstance(instance, dict):
            instance = {name: part for name, part in instance.items() if part is not None}
        yield from inner(check, value, instance, schema) or ()

    return check


def _silent(check: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    yield from ()


def _not(check: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if validator(value).is_valid(instance):
        yield ValidationError(f"{shown(instance)} is what `not` forbids")


def _if(check: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    branch = "then" if validator(value).is_valid(instance) else "else"
    if branch in schema:
        yield from check.descend(instance, schema[branch], schema_path=branch)


def _unevaluated(check: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """A name counts as known if it does strictly or leniently: which branch holds may hang on what abstains."""
    inner = _without_nulls("unevaluatedProperties")
    if strict := list(inner(validator(schema), value, instance, schema)):
        yield from strict if list(inner(check, value, instance, schema)) else ()


def _fits_64_bits(checker: Any, value: object) -> bool:
    """JSON Schema's integers (1.0 is one) as far as a column can hold them."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return -(2**63) <= value < 2**63 and value == int(value)


@cache
def _lenient() -> Any:
    return extend(  # type: ignore[no-untyped-call]
        _strict(),
        {
            "properties": _properties,
            "patternProperties": _without_nulls("patternProperties"),
            "additionalProperties": _without_nulls("additionalProperties"),
            "unevaluatedProperties": _unevaluated,
            "required": _silent,
            "dependentRequired": _silent,
            "not": _not,
            "if": _if,
            # What is left out may complete an answer to one branch or to another.
            "oneOf": Draft202012Validator.VALIDATORS["anyOf"],
        },
        type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _fits_64_bits),
    )


def value_faults(check: Validator, value: Any) -> list[Fault]:
    """What a validator says of a value, by JSON Pointer into the value."""
    return [fault for error in check.iter_errors(value) for fault in _explained(error)]


def _explained(error: ValidationError) -> Iterator[Fault]:
    """A union that only adds null says what is wrong by its other branch; that is what a person can mend."""
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(next(iter(inner.relative_schema_path), None), []).append(inner)
    real = [part for part in branches.values() if not (part[0].validator == "type" and part[0].validator_value == "null")]
    if error.validator in ("anyOf", "oneOf") and len(real) == 1:
        for inner in real[0]:
            yield from _explained(inner)
        return
    reasons = "; or ".join(message(part[0]) for part in real[:4])
    yield Fault(pointer(error.absolute_path), f"{message(error)}{f' ({reasons})' if reasons else ''}")


def message(error: ValidationError) -> str:
    value = shown(error.instance)
    if error.validator == "type":
        wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        return f"{value} is not of type {' or '.join(map(str, wanted))}"
    if error.validator == "format":
        return f'{value} is not a valid "{error.validator_value}"'
    if error.validator == "enum":
        choices: list[Any] = list(error.validator_value)  # type: ignore[arg-type]
        return f"{value} is none of {', '.join(map(shown, choices))}"
    if error.validator in ("anyOf", "oneOf") and error.context:
        return f"{value} fits none of the schemas allowed here"
    return shortened(error.message, 300)
