"""Any accepted spelling of an output schema becomes one JSON Schema; it names the fields and checks an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from research.errors import Fault

SpecKind = Literal["json", "text", "auto"]


@dataclass(frozen=True, slots=True)
class Field:
    """One top-level field of the output."""

    name: str
    schema: Mapping[str, Any]
    """Its JSON Schema with `$ref`s into the document followed, to any depth."""
    description: str
    required: bool


class OutputSpec:
    """One output schema, parsed. Immutable; equal specs have equal `schema` and `kind`.

    text and auto specs have one field, `answer`, a string; the output of a text spec is that string itself.
    """

    kind: SpecKind
    schema: Mapping[str, Any]
    description: str
    fields: tuple[Field, ...]

    @classmethod
    def parse(cls, spelling: Any) -> OutputSpec:
        raise NotImplementedError

    def check(self, answer: Any) -> tuple[Fault, ...]:
        raise NotImplementedError
