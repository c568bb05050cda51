"""Every dialect's spelling of a request, folded into one: the names of `Task`'s fields."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from research.errors import Fault, InvalidInput
from research.faults import nearest, pointer
from research.output_schema.output_spec import OutputSpec
from research.records import read_table

_FIELDS: Final = read_table("research.task", "request_fields.toml")

BUILT: Final[tuple[str, ...]] = tuple(_FIELDS["built"])
"""Fields of `Task`."""
MEANINGLESS: Final[Mapping[str, str]] = _FIELDS["meaningless"]
"""Fields of today's clients that mean nothing here, with the reason."""
ALIASES: Final[Mapping[str, str]] = _FIELDS["aliases"]
"""Other dialects' names. Each field, and each of these, is also known in camelCase."""


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), name)


def field_name(spelling: str) -> str:
    """The field that a spelling means; a name that is none stays as it is, in snake_case."""
    name = _snake(spelling)
    return ALIASES.get(name, name)


@dataclass(frozen=True, slots=True)
class Folded:
    """A request under the names of `Task`, without what is null."""

    fields: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    """Where each field stands in the request, as a JSON Pointer."""
    faults: list[Fault] = field(default_factory=list)

    def place_of(self, path: Sequence[str | int]) -> str:
        """Where a place in `fields` stands in the request, as a JSON Pointer."""
        name, *inner = path
        return self.places.get(str(name), pointer([name])) + pointer(inner)


def fold(request: Mapping[str, Any]) -> Folded:
    """Every accepted spelling of a field under its one name. Never raises: what is wrong is in `faults`."""
    folded = Folded()
    for at, name, value in _spellings(request, folded.faults):
        if value is None:
            continue
        if name in folded.fields and not _same(folded.fields[name], value):
            other = folded.places[name]
            folded.faults.append(Fault(at, f"says something else than {other}, and both mean {name}: keep one"))
        else:
            folded.fields[name], folded.places[name] = value, at
    _parse_schema(folded)
    return folded


def without_meaningless(request: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A request without the fields of `MEANINGLESS`, and a warning for each that asks for something."""
    kept, warnings = {}, []
    for name, value in request.items():
        reason = MEANINGLESS.get(_snake(name)) if isinstance(name, str) else None
        if reason is None:
            kept[name] = value
        elif value not in (None, "", {}, []):
            warnings.append(f"{name} was left out: {reason}")
    return kept, tuple(warnings)


def _parse_schema(folded: Folded) -> None:
    if "output_schema" not in folded.fields:
        return
    try:
        folded.fields["output_schema"] = OutputSpec.parse(folded.fields["output_schema"])
    except InvalidInput as reason:
        at = folded.places["output_schema"]
        own = [Fault(at + fault.pointer, fault.message) for fault in reason.faults]
        folded.faults.extend(own or [Fault(at, str(reason))])
        del folded.fields["output_schema"]


def _spellings(request: Mapping[str, Any], faults: list[Fault]) -> list[tuple[str, str, Any]]:
    """(pointer, name of the field, value) of everything a request says."""
    spellings: list[tuple[str, str, Any]] = []
    for given, value in request.items():
        at = pointer([given])
        name = field_name(given) if isinstance(given, str) else ""
        if name == "input" and isinstance(value, str):
            spellings.append((at, "task", value))
        elif name == "task_spec" and isinstance(value, (Mapping, type(None))):
            for inner, part in (value or {}).items():
                if field_name(str(inner)) == "output_schema":
                    spellings.append((at + pointer([inner]), "output_schema", part))
                else:
                    faults.append(Fault(at + pointer([inner]), "is not a known field here; task_spec holds output_schema"))
        elif name in BUILT:
            spellings.append((at, name, value))
        elif name in MEANINGLESS:
            if value not in (None, "", {}, []):
                faults.append(Fault(at, f"means nothing here: {MEANINGLESS[name]}. Leave it out"))
        elif name == "task_spec":
            faults.append(Fault(at, "must be an object that holds output_schema"))
        else:
            names = (*BUILT, *ALIASES)
            faults.append(Fault(at, f"is not a known field{nearest(_snake(str(given)), names)}"))
    return spellings


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)
