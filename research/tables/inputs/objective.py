"""The objective of each row: from a template over columns, from a column, or from the row itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from research.errors import InvalidTable, InvalidTask
from research.output_schema.output_spec import OutputSpec
from research.tables.inputs.template import Template, as_text, nearest_column


@dataclass(frozen=True)
class Objective:
    """Where a row's objective comes from. With neither a template nor a column it is made from the row and the output's fields.

    Args:
        template: as `research.tables.inputs.template` understands it.
        column: the column that holds the objective.

    Raises:
        InvalidTask: both are given; the template is empty, or a brace is open; the message names the position.
    """

    template: str | None = None
    column: str | None = None
    _template: Template | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if self.template is not None and self.column is not None:
            raise InvalidTask("objective: give a template or a column, not both")
        if self.template is not None:
            object.__setattr__(self, "_template", Template(self.template, "objective"))

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns that its template names; None if there is no template, or it names none, so that it is not known."""
        return (self._template.columns or None) if self._template is not None else None

    def check(self, schema: pa.Schema) -> None:
        """See that every column it names exists.

        Raises:
            InvalidTable: one does not; the message names its place in the template and the nearest column there is.
        """
        if self.column is not None and self.column not in schema.names:
            raise InvalidTable(
                f"objective column {self.column!r}: the table has no such column{nearest_column(self.column, schema.names)}"
            )
        if self._template is not None:
            self._template.check(schema)

    def render(self, values: Mapping[str, Any], spec: OutputSpec, row: int) -> str:
        """The objective of one row.

        Args:
            values: the row as JSON values (`json_rows`).
            spec: used only where the objective is made from the row.
            row: its 0-based place, for messages.

        Raises:
            InvalidTask: the column is empty, or every column of the template, or the whole row.
        """
        if self.column is not None:
            text = as_text(values.get(self.column)).strip()
            if not text:
                raise InvalidTask(f"row {row}: the objective column {self.column!r} is empty")
            return text
        if self._template is None:
            return _from_row(values, spec, row)
        if self._template.is_empty_for(values):
            raise InvalidTask(f"row {row}: every column of the objective is empty: {', '.join(self._template.columns)}")
        return self._template.filled(values)


def _from_row(values: Mapping[str, Any], spec: OutputSpec, row: int) -> str:
    """`Find operator and launch date. mission: Voyager 1; country: US`, led by the schema's own description if it has one."""
    filled = "; ".join(f"{name}: {as_text(value).strip()}" for name, value in values.items() if as_text(value).strip())
    if not filled:
        raise InvalidTask(f"row {row}: is empty, so there is nothing to ask about")
    names = [field.name.replace("_", " ") for field in spec.fields] if spec.kind == "json" else []
    wanted = f"Find {' and '.join(filter(None, [', '.join(names[:-1]), names[-1]]))}." if names else ""
    lead = " ".join(filter(None, [spec.description.strip(), wanted])) or "Describe this."
    return f"{lead} {filled}"
