"""Checks a request's body against the SDK's own typed params, as the service would: unknown or ill-typed means 400.

The SDK's `TypedDict`s say which parameters exist; pydantic reads them. They are made for callers, so three things are put right
for the wire, in pydantic's core schema: keys that are not named are refused; `Iterable` would be checked only when read, so it
becomes a list; unions of blocks are told apart by their `type`, so that an error names what is wrong and not every alternative.

The SDK is imported when a body is checked: it takes more than a second, which a test that only needs a few pages is spared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

from research.testing.api_errors import ApiError, invalid

_HIDDEN = "~"
"""Marks a union's label that the API's own errors do not show."""


def check_message(body: bytes, params: Mapping[str, Any]) -> None:
    """Refuse a message's parameters that the SDK's own types do not hold.

    Raises:
        ApiError: 400, naming each parameter that is unknown, missing or of a wrong type.
    """
    from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming

    _check(MessageCreateParamsStreaming if params.get("stream") is True else MessageCreateParamsNonStreaming, body)


def check_count(body: bytes) -> None:
    from anthropic.types.message_count_tokens_params import MessageCountTokensParams

    _check(MessageCountTokensParams, body)


def _check(form: Any, body: bytes) -> None:
    try:
        _validator(form).validate_json(body, strict=True)
    except ValidationError as error:
        raise _refusal(error) from None


def _refusal(error: ValidationError) -> ApiError:
    lines: dict[str, None] = {}
    for fault in error.errors(include_url=False, include_input=False):
        if fault["type"] == "json_invalid":
            return invalid(f"The request body is not valid JSON: {fault['msg']}")
        where = ".".join(str(part) for part in fault["loc"] if not str(part).startswith(_HIDDEN))
        words = fault["msg"]
        if fault["type"] == "union_tag_invalid":
            tag, tags = fault["ctx"]["tag"], fault["ctx"]["expected_tags"]
            words = f"Input tag '{tag}' does not match any of the expected tags: {tags}".replace(_HIDDEN, "")
        lines[f"{where}: {words}" if where else words] = None
    shown = list(lines)[:5]
    return invalid("; ".join(shown) + (f"; and {len(lines) - 5} more" if len(lines) > 5 else ""))


@cache
def _validator(form: Any) -> SchemaValidator:
    schema = TypeAdapter(form).core_schema
    definitions = {each["ref"]: each for each in _definitions(schema)}
    wire = _for_the_wire(schema, definitions)
    return SchemaValidator(wire)


def _definitions(schema: Any) -> list[Any]:
    if isinstance(schema, Mapping):
        own = list(schema["definitions"]) if schema.get("type") == "definitions" else []
        return own + [each for value in schema.values() for each in _definitions(value)]
    if isinstance(schema, (list, tuple)):
        return [each for value in schema for each in _definitions(value)]
    return []


def _for_the_wire(schema: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(schema, tuple):
        return tuple(_for_the_wire(each, definitions) for each in schema)
    if isinstance(schema, list):
        return [_for_the_wire(each, definitions) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    kind = schema.get("type")
    if kind == "generator":
        return {"type": "list", "items_schema": _for_the_wire(schema.get("items_schema", {"type": "any"}), definitions)}
    if kind == "json-or-python":
        return _for_the_wire(schema["json_schema"], definitions)
    if kind == "union":
        return _union(schema, definitions)
    wire = {key: _for_the_wire(value, definitions) for key, value in schema.items() if key != "serialization"}
    if kind == "typed-dict" and "extra_fields_behavior" not in schema.get("config", {}):
        wire["extra_behavior"] = "forbid"
    return wire


def _union(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    choices = [each[0] if isinstance(each, tuple) else each for each in schema["choices"]]
    resolved = [_resolve(each, definitions) for each in choices]
    # Responses' own classes may be passed back to the SDK, which sends them as JSON: only their params' form is on the wire.
    kept = [(raw, real) for raw, real in zip(choices, resolved, strict=True) if not _is_model(real, definitions)]
    if any(real["type"] == "str" for _, real in kept) and any(real["type"] == "is-instance" for _, real in kept):
        return {"type": "str"}  # text, or an open file that the SDK reads: on the wire it is text
    wired = [_for_the_wire(raw, definitions) for raw, _ in kept]
    if len(wired) == 1:
        return wired[0]
    for name in ("type", "role"):
        tags = [_literals(real, name) for _, real in kept]
        if all(tags):
            tagged = {tag: choice for choice, names in zip(wired, tags, strict=True) for tag in names or ()}
            return _tagged(tagged, name, hidden=name == "role")
    if {real["type"] for _, real in kept} <= {"str", "list", "generator"}:
        by_shape = {"str" if real["type"] == "str" else "list": choice for choice, (_, real) in zip(wired, kept, strict=True)}
        return _labelled(by_shape, lambda value: "str" if isinstance(value, str) else "list")
    return {**schema, "choices": wired}


def _resolve(schema: Any, definitions: Mapping[str, Any]) -> Any:
    while schema["type"] in ("definition-ref", "definitions", "nullable"):
        schema = definitions[schema["schema_ref"]] if schema["type"] == "definition-ref" else schema["schema"]
    return schema


def _is_model(schema: Any, definitions: Mapping[str, Any]) -> bool:
    schema = _resolve(schema, definitions)
    if schema["type"] == "union":
        return all(_is_model(each[0] if isinstance(each, tuple) else each, definitions) for each in schema["choices"])
    if schema["type"] == "tagged-union":
        return all(_is_model(each, definitions) for each in schema["choices"].values())
    return bool(schema["type"] == "model")


def _literals(schema: Any, name: str) -> list[str] | None:
    field = schema.get("fields", {}).get(name) if schema["type"] == "typed-dict" else None
    if field is None:
        return None
    value = field["schema"]
    while value["type"] in ("nullable", "default"):
        value = value["schema"]
    return [str(each) for each in value["expected"]] if value["type"] == "literal" else None


def _tagged(choices: Mapping[str, Any], name: str, *, hidden: bool) -> Any:
    def tag(value: Any) -> str | None:
        found = value.get(name) if isinstance(value, dict) else None
        if found is None and "custom" in choices:
            return "custom"  # a tool without a type is a custom one
        return found if isinstance(found, str) else None

    if hidden:
        return _labelled(choices, tag)
    return {"type": "tagged-union", "choices": dict(choices), "discriminator": tag}


def _labelled(choices: Mapping[str, Any], label: Callable[[Any], str | None]) -> Any:
    def hidden(value: Any) -> str | None:
        found = label(value)
        return None if found is None else _HIDDEN + found

    return {"type": "tagged-union", "choices": {_HIDDEN + key: value for key, value in choices.items()}, "discriminator": hidden}
