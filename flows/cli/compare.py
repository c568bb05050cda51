"""`research compare`: two runs over the same rows, beside each other."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.box import SIMPLE
from rich.table import Column, Table
from rich.text import Text

from flows.cli.named_run import run_path
from flows.cli.terminal import Exit, Output, described, money, note, out, print_json, shown
from research.display.figures import count

if TYPE_CHECKING:
    from research.tables.audit.compare import Agreement, ComparedRun, Comparison

NONE = Output()


def compare(
    first: str,
    second: str,
    /,
    *,
    differ: bool = False,
    limit: Annotated[int, Parameter(validator=Number(gte=1))] = 50,
    output: Output = NONE,
) -> int:
    """Compare two runs over the same rows (another model, tier or schema): agreement per field, who answered where the other did
    not, cost and time.

    Args:
        first: a run folder, or its URL.
        second: another one.
        differ: list the cells in which they differ, or which only one of them answers.
        limit: most cells listed.
    """
    from research.tables.audit.compare import compare as compared

    found = compared(run_path(first), run_path(second))
    if output.json:
        print_json(_as_json(found, cells=differ))
        return Exit.OK
    console = out()
    console.print(_runs(found))
    console.print(_fields(found))
    if differ:
        if found.total.differ or found.total.only_first or found.total.only_second:
            console.print(_cells(found, limit))
        else:
            note("they differ in no cell")
    if found.rows_of_one:
        note(f"completed in one of them only, and not compared: {count(found.rows_of_one, 'row')}")
    if found.fields_of_one:
        note(f"fields of one of them only: {', '.join(found.fields_of_one)}")
    return Exit.OK


def _as_json(found: Comparison, *, cells: bool) -> dict[str, object]:
    whole = {name: value for name, value in asdict(found).items() if cells or name != "cells"}
    fields = {name: {**asdict(each), "share": each.share} for name, each in found.fields.items()}
    return {**whole, "fields": fields, "total": {**asdict(found.total), "share": found.total.share}}


def _table(*columns: Column | str) -> Table:
    return Table(*columns, box=SIMPLE, padding=(0, 1, 0, 0))


def _runs(found: Comparison) -> Table:
    numbers = ("completed", "cost", "work", "wall")
    table = _table("", "run", "answered by", "tier", *(Column(name, justify="right") for name in numbers))
    for name, run in (("first", found.first), ("second", found.second)):
        models = ", ".join(map(described, run.models))
        figures = (f"{run.completed:,} of {run.rows:,}", money(run.cost_usd), _time(run.work_seconds), _wall(run))
        table.add_row(name, Text(run.run), Text(models), ", ".join(run.processors), *figures)
    return table


def _wall(run: ComparedRun) -> str:
    return "–" if run.wall_seconds is None else _time(run.wall_seconds)


def _time(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _fields(found: Comparison) -> Table:
    counted = ("agreement", "agree", "differ", "only first", "only second", "neither")
    table = _table(Column("field", no_wrap=True), *(Column(name, justify="right") for name in counted))
    for name, each in [*found.fields.items(), ("all fields", found.total)]:
        counts = (each.agree, each.differ, each.only_first, each.only_second, each.neither)
        table.add_row(Text(name), _share(each), *(f"{count:,}" for count in counts))
    return table


def _share(each: Agreement) -> str:
    return "–" if each.share is None else f"{100 * each.share:.1f} %"


def _cells(found: Comparison, limit: int) -> Table:
    table = _table("row", "field", "first", "", "second", "", "outcome")
    other = [cell for cell in found.cells if cell.outcome not in ("agree", "neither")]
    for cell in other[:limit]:
        values = (shown(cell.first), cell.first_confidence or "–", shown(cell.second), cell.second_confidence or "–")
        table.add_row(*map(Text, (str(cell.row), cell.field, *values, cell.outcome)))
    if len(other) > limit:
        note(f"the first {count(limit)} of {count(len(other))} cells; --limit shows more")
    return table
