"""`research schema check`: what a schema asks for, or everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from flows.cli.terminal import Exit, Output, out, print_json, shown


def check(file: str, /, *, output: Output = Output()) -> int:  # noqa: B008  # frozen, and how cyclopts gives defaults
    """Print a schema's fields and the columns they become, or every fault by its JSON Pointer.

    Args:
        file: an output schema, in any accepted spelling.
    """
    from research.output_schema.output_spec import OutputSpec
    from research.tables.layout.columns import arrow_schema

    spec = OutputSpec.parse(file)
    columns = arrow_schema(spec)
    fields: list[dict[str, Any]] = [
        {
            "field": field.name,
            "column_type": str(column.type) + (" (JSON)" if _holds_json(column) else ""),
            "values": _values(field.schema),
            "required": field.required,
            "description": field.description,
        }
        for field, column in zip(spec.fields, columns, strict=True)
    ]
    if output.json:
        print_json({"kind": spec.kind, "description": spec.description, "fields": fields})
        return Exit.OK
    title = Text(spec.description) if spec.description else None
    table = Table("field", "column type", "required", "description", title=title, title_justify="left")
    for field in fields:
        allowed = f": {' | '.join(map(shown, field['values']))}" if field["values"] else ""
        required = "yes" if field["required"] else "no"
        cells = (field["field"], f"{field['column_type']}{allowed}", required, field["description"])
        table.add_row(*(Text(cell) for cell in cells))
    out().print(table)
    return Exit.OK


def _holds_json(column: Any) -> bool:
    """Whether a column's values, or the items of its lists, are JSON text."""
    items = getattr(column.type, "value_field", None)
    return bool(column.metadata or (items is not None and _holds_json(items)))


def _values(schema: Mapping[str, Any]) -> list[Any] | None:
    """The values that a field, or an item of a list, may have; null, which any field may be, is not named."""
    items = schema.get("items")
    named = schema.get("enum") or (items.get("enum") if isinstance(items, Mapping) else None)
    return None if named is None else [value for value in named if value is not None]
