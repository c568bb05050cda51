"""Text with `{column}` in it: what a row's objective, or its start page, is made from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from research.errors import InvalidTable, InvalidTask
from research.faults import nearest

_TOKEN: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class _Place:
    """One `{column}` of a template."""

    column: str
    position: int
    """Of its brace, from 1."""


@dataclass(frozen=True)
class Template:
    """A text with `{column}` in it; `{{` and `}}` are braces. Nothing else is understood: no attribute, no index, no format, so a
    template can neither run nor reach anything.

    Args:
        text: the template.
        name: what it is, for messages: `objective`.

    Raises:
        InvalidTask: it is empty, or a brace is open; the message names the position.
    """

    text: str
    name: str
    _parts: tuple[str | _Place, ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "_parts", tuple(self._parsed()))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names, each once."""
        return tuple(dict.fromkeys(part.column for part in self._parts if isinstance(part, _Place)))

    def check(self, schema: pa.Schema) -> None:
        """See that every column it names exists.

        Raises:
            InvalidTable: one does not; the message names its place in the template and the nearest column there is.
        """
        for place in self._parts:
            if isinstance(place, _Place) and place.column not in schema.names:
                raise InvalidTable(
                    f"{self.name}, character {place.position}: the table has no column {place.column!r}"
                    f"{nearest_column(place.column, schema.names)}{_plain_only(place.column)}"
                )

    def is_empty_for(self, values: Mapping[str, Any]) -> bool:
        """Whether it names columns, and all of them are empty in this row."""
        return bool(self.columns) and not any(as_text(values.get(column)).strip() for column in self.columns)

    def filled(self, values: Mapping[str, Any]) -> str:
        """The text of one row. An empty value leaves nothing in its place. Values are written as in the table: numbers and dates
        plainly, `true` and `false`, lists and objects as JSON."""
        return "".join(as_text(values.get(p.column)) if isinstance(p, _Place) else p for p in self._parts).strip()

    def _parsed(self) -> list[str | _Place]:
        if not self.text.strip():
            raise InvalidTask(f"{self.name}: must not be empty")
        parts: list[str | _Place] = []
        end = 0
        for token in _TOKEN.finditer(self.text):
            parts.append(self.text[end : token.start()])
            end = token.end()
            at = f"{self.name}, character {token.start() + 1}"
            if token[0] in ("{{", "}}"):
                parts.append(token[0][0])
            elif token[1] is None:
                raise InvalidTask(f"{at}: {token[0]!r} stands alone; write {token[0] * 2!r} for a brace")
            elif not token[1].strip():
                raise InvalidTask(f"{at}: {token[0]!r} names no column")
            else:
                parts.append(_Place(token[1], token.start() + 1))
        return [*parts, self.text[end:]]


def nearest_column(name: str, names: Sequence[str]) -> str:
    """What to try instead of a column that is not there."""
    return nearest(name, names) or f"; it has {', '.join(names)}"


def as_text(value: Any) -> str:
    """A cell as a template writes it."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool() | list() | dict():
            return json.dumps(value, ensure_ascii=False)
    return str(value)


def _plain_only(name: str) -> str:
    return ". Only {column} is understood: no attribute, index or format" if re.search(r"[.\[\]:!]", name) else ""
