"""`research schema check`: what a schema asks for, or everything that is wrong with it."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from flows.cli.terminal import Exit, Output, out, print_json


def check(file: str, /, *, output: Output = Output()) -> int:  # noqa: B008  # frozen, and how cyclopts gives defaults
    """Print a schema's fields and the columns they become, or every fault by its JSON Pointer.

    Args:
        file: an output schema, in any accepted spelling.
    """
    from research.output_schema.output_spec import OutputSpec
    from research.tables.layout.columns import arrow_schema

    spec = OutputSpec.parse(file)
    columns = arrow_schema(spec)
    fields = [
        {
            "field": field.name,
            "column_type": str(column.type) + (" (JSON)" if column.metadata else ""),
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
        table.add_row(*(Text(str(v) if not isinstance(v, bool) else ("yes" if v else "no")) for v in field.values()))
    out().print(table)
    return Exit.OK
