"""`research history`: what the runs of a series say of one cell."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from flows.cli.terminal import Exit, Output, out, page_at, print_json, shown

NONE = Output()


def history(
    run: str,
    /,
    *,
    row: Annotated[int, Parameter(validator=Number(gte=0))],
    field: str,
    output: Output = NONE,
) -> int:
    """Show what each run of a series says of one cell, the oldest first, and why it changed.

    Args:
        run: a run folder of the series.
        row: the row's place in that run, from 0.
        field: an output field.
    """
    from rich.table import Table
    from rich.text import Text

    from research.tables.changes.history import history as versions_of

    versions = versions_of(run, row, field)
    if output.json:
        for version in versions:
            print_json(asdict(version))
        return Exit.OK
    table = Table("run", "begun", "row", "value", "confidence", "change", "source", title=field, title_justify="left")
    for version in versions:
        source = "–" if version.url is None else page_at(version.url, suspected=version.suspected_injection is not None)
        change = "" if version.change is None else f"{version.change}: {version.why}"
        cells = (version.run, f"{version.begun:%Y-%m-%d}", str(version.row_index), shown(version.value))
        table.add_row(*map(Text, (*cells, version.confidence or "–", change, source)))
    out().print(table)
    return Exit.OK
