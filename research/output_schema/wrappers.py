"""What services wrap an output schema in: OpenAI's `response_format` and tools, Anthropic's `output_config` and tools, MCP's
tools, Gemini's `responseSchema`, a task's `output_schema`. The schema inside is what is meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from research.faults import pointer


@dataclass(frozen=True, slots=True)
class _Wrapper:
    inside: str
    """The name under which the schema, or the next wrapper, stands."""
    beside: frozenset[str] = frozenset()
    """Names that may stand beside it."""
    type: str | None = None
    """What its `type` must be; None: it needs none."""


_ABOUT: Final = frozenset({"name", "description", "strict"})
_WRAPPERS: Final = (
    _Wrapper("response_format"),
    _Wrapper("output_format"),
    _Wrapper("output_config", frozenset({"effort"})),
    _Wrapper("text"),
    _Wrapper("format", frozenset({"verbosity"})),
    _Wrapper("json_schema", type="json_schema"),
    _Wrapper("schema", _ABOUT, type="json_schema"),
    _Wrapper("schema", _ABOUT),
    _Wrapper("function", type="function"),
    _Wrapper("parameters", _ABOUT, type="function"),
    _Wrapper("parameters", _ABOUT),
    _Wrapper("input_schema", _ABOUT | {"cache_control"}, type="custom"),
    _Wrapper("input_schema", _ABOUT | {"cache_control"}),
    _Wrapper("inputSchema", _ABOUT | {"title", "annotations"}),
    _Wrapper("response_schema", frozenset({"response_mime_type"})),
    _Wrapper("responseSchema", frozenset({"responseMimeType"})),
    _Wrapper("response_json_schema", frozenset({"response_mime_type"})),
    _Wrapper("responseJsonSchema", frozenset({"responseMimeType"})),
    _Wrapper("guided_json"),
    _Wrapper("task_spec", frozenset({"input_schema"})),
    _Wrapper("output_schema"),
    _Wrapper("outputSchema"),
    _Wrapper("generationConfig"),
    _Wrapper("generation_config"),
)


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """The schema inside of wrappers."""

    schema: Any
    root: str
    """Its pointer in the whole."""
    description: str
    """What the wrapper says of it."""


def unwrapped(spelling: dict[str, Any]) -> Unwrapped:
    """The schema in any wrapper around it; the spelling itself if there is none."""
    found = Unwrapped(spelling, "", "")
    while isinstance(found.schema, dict) and (wrapper := _wrapper(found.schema)) is not None:
        about = found.schema.get("description")
        found = Unwrapped(
            found.schema[wrapper.inside],
            found.root + pointer([wrapper.inside]),
            about if isinstance(about, str) and about else found.description,
        )
    return found


def _wrapper(spelling: dict[str, Any]) -> _Wrapper | None:
    for wrapper in _WRAPPERS:
        known = {wrapper.inside} | wrapper.beside | ({"type"} if wrapper.type else set())
        fits = wrapper.type is None or spelling.get("type") == wrapper.type
        if fits and isinstance(spelling.get(wrapper.inside), dict) and set(spelling) <= known:
            return wrapper
    return None
