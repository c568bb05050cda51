"""The objective of each row: from a template over columns, from a column, or from the row itself."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from research.errors import InvalidTable, InvalidTask
from research.json_check import nearest
from research.output_spec import OutputSpec

_TOKEN: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class _Place:
    """One `{column}` of a template."""

    column: str
    position: int
    """Of its brace, from 1."""


@dataclass(frozen=True)
class Objective:
    """Where a row's objective comes from. With neither a template nor a column it is made from the row and the output's fields.

    A template is text with `{column}` in it; `{{` and `}}` are braces. Nothing else is understood: no attribute, no index, no
    format, so a template can neither run nor reach anything.

    Raises:
        InvalidTask: both are given; the template is empty, or a brace is open; the message names the position.
    """

    template: str | None = None
    column: str | None = None
    _parts: tuple[str | _Place, ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        if self.template is not None and self.column is not None:
            raise InvalidTask("objective: give a template or a column, not both")
        if self.template is not None:
            object.__setattr__(self, "_parts", _parsed(self.template))

    def check(self, schema: pa.Schema) -> None:
        """See that every column it names exists.

        Raises:
            InvalidTable: one does not; the message names its place in the template and the nearest column there is.
        """
        names = schema.names
        if self.column is not None and self.column not in names:
            raise InvalidTable(f"objective column {self.column!r}: the table has no such column{_nearest(self.column, names)}")
        for place in self._parts:
            if isinstance(place, _Place) and place.column not in names:
                raise InvalidTable(
                    f"objective, character {place.position}: the table has no column {place.column!r}"
                    f"{_nearest(place.column, names)}{_plain_only(place.column)}"
                )

    def render(self, values: Mapping[str, Any], spec: OutputSpec, row: int) -> str:
        """The objective of one row.

        An empty value leaves nothing in its place in a template. Values are written as in the table: numbers and dates plainly,
        `true` and `false`, lists and objects as JSON.

        Args:
            values: the row as JSON values (`json_rows`).
            spec: used only where the objective is made from the row.
            row: its 0-based place, for messages.

        Raises:
            InvalidTask: the column is empty, or every column of the template, or the whole row.
        """
        if self.column is not None:
            text = _text(values.get(self.column)).strip()
            if not text:
                raise InvalidTask(f"row {row}: the objective column {self.column!r} is empty")
            return text
        if self.template is not None:
            return self._filled(values, row)
        return _from_row(values, spec, row)

    def _filled(self, values: Mapping[str, Any], row: int) -> str:
        columns = [part.column for part in self._parts if isinstance(part, _Place)]
        if columns and not any(_text(values.get(column)).strip() for column in columns):
            raise InvalidTask(f"row {row}: every column of the objective is empty: {', '.join(dict.fromkeys(columns))}")
        return "".join(_text(values.get(p.column)) if isinstance(p, _Place) else p for p in self._parts).strip()


def _parsed(template: str) -> tuple[str | _Place, ...]:
    if not template.strip():
        raise InvalidTask("objective: must not be empty")
    parts: list[str | _Place] = []
    end = 0
    for token in _TOKEN.finditer(template):
        parts.append(template[end : token.start()])
        end = token.end()
        position = token.start() + 1
        if token[0] in ("{{", "}}"):
            parts.append(token[0][0])
        elif token[1] is None:
            raise InvalidTask(f"objective, character {position}: {token[0]!r} stands alone; write {token[0] * 2!r} for a brace")
        elif not token[1].strip():
            raise InvalidTask(f"objective, character {position}: {token[0]!r} names no column")
        else:
            parts.append(_Place(token[1], position))
    return (*parts, template[end:])


def _nearest(name: str, names: Sequence[str]) -> str:
    return nearest(name, names) or f"; it has {', '.join(names)}"


def _plain_only(name: str) -> str:
    return ". Only {column} is understood: no attribute, index or format" if re.search(r"[.\[\]:!]", name) else ""


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case bool() | list() | dict():
            return json.dumps(value, ensure_ascii=False)
    return str(value)


def _from_row(values: Mapping[str, Any], spec: OutputSpec, row: int) -> str:
    """`Find operator and launch date. mission: Voyager 1; country: US`, led by the schema's own description if it has one."""
    told = "; ".join(f"{name}: {_text(value).strip()}" for name, value in values.items() if _text(value).strip())
    if not told:
        raise InvalidTask(f"row {row}: is empty, so there is nothing to ask about")
    names = [field.name.replace("_", " ") for field in spec.fields] if spec.kind == "json" else []
    wanted = f"Find {' and '.join(filter(None, [', '.join(names[:-1]), names[-1]]))}." if names else ""
    lead = " ".join(filter(None, [spec.description.strip(), wanted])) or "Describe this."
    return f"{lead} {told}"
