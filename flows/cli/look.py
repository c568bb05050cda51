"""`research show` and `verify`: look into a run folder. They read it only, also while the run goes on."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.markdown import Markdown
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from flows.cli.changes_shown import show_changes
from flows.cli.named_run import run_path
from flows.cli.rows_shown import LEGEND, rows_table, rows_to_show
from flows.cli.terminal import Exit, Output, described, note, out, page_at, print_json, shown
from research.display.figures import count

if TYPE_CHECKING:
    from research.tables.run_folder.reader import Cell, CellEvidence, Run

NONE = Output()
MOST_SUSPICIOUS = 5
"""Suspicious pages that are named under a table."""
EXCERPT_BEGINS = ">>> "
EXCERPT_ENDS = " <<<"
"""Where an excerpt stands in its context, where there are no colours."""


def show(
    run: str,
    /,
    *,
    row: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
    field: str | None = None,
    failed: bool = False,
    report: bool = False,
    changes: bool = False,
    limit: Annotated[int, Parameter(validator=Number(gte=1))] = 50,
    output: Output = NONE,
) -> int:
    """Show a run's results; of one row, its fields; of one cell, its value with the excerpts it rests on, in context.

    Args:
        run: the run folder, or its URL.
        row: a row's place in the input, from 0.
        field: an output field. Without `--row`, its column alone.
        failed: only rows that failed.
        report: with `--row`, what the research tier wrote about it, with its sources.
        changes: of a refresh, the cells that it changed: what they held before, and what now.
        limit: most rows shown, or changes.
    """
    from research.errors import InvalidInput
    from research.tables.run_folder.reader import open_run

    opened = open_run(run_path(run))
    if field is not None and field not in opened.fields:
        raise InvalidInput(f"{run}: the output has no field {field!r}; it has {', '.join(opened.fields)}")
    if changes:
        if failed or report:
            raise InvalidInput("--changes lists what a refresh changed: leave out --failed and --report")
        show_changes(opened.folder, row, field, limit, output.json)
        return Exit.OK
    if report:
        return _show_report(opened, row, run, output.json)
    if row is None:
        _show_rows(opened, list(opened.fields) if field is None else [field], failed, limit, output.json, run)
        if failed and not output.json:
            _show_failures(opened, run)
        elif field is None and not output.json:
            _show_summary(opened, run)
        return Exit.OK
    try:
        cells = [opened.cell(row, name) for name in (opened.fields if field is None else [field])]
    except KeyError as error:
        raise InvalidInput(str(error.args[0])) from error
    for cell in cells:
        if output.json:
            print_json(asdict(cell))
        elif field is not None:
            _show_cell(cell)
    if field is None and not output.json:
        table = Table("field", "value", "confidence", "source", title=f"row {row}", title_justify="left")
        for cell in cells:
            source = _place(cell.evidence[0]) if cell.evidence else cell.reasoning
            table.add_row(*map(Text, (cell.field, shown(cell.value), _confidence(cell), source)))
        out().print(table)
    return Exit.OK


def _show_report(opened: Run, row: int | None, name: str, as_json: bool) -> int:
    from research.errors import InvalidInput

    if row is None:
        raise InvalidInput("--report needs --row: it shows what was written about one row")
    try:
        found = opened.report(row)
    except KeyError as error:
        raise InvalidInput(str(error.args[0])) from error
    if as_json:
        print_json({"row": row, "report": None} if found is None else asdict(found))
    elif found is None:
        note(f"{name}: there is no report on row {row}: the tier `research` writes one, and runs of earlier versions keep none")
    else:
        suspected = opened.suspicious_sources()
        out().print(Markdown(found.markdown, hyperlinks=False) if sys.stdout.isatty() else Text(found.markdown))
        for source in found.cited:
            place = page_at(source.url, suspected=source.url in suspected)
            out().print(Text(f"[{source.index}] {source.title} {place}", style="dim"), soft_wrap=True)
    return Exit.OK


def verify(run: str, /, *, output: Output = NONE) -> int:
    """Prove a run: every excerpt stands at its offsets in its stored page, every row is there, nothing was changed since.

    Args:
        run: the run folder, or its URL.
    """
    from research.tables.audit.verify import verify as check

    found = check(run_path(run))
    if output.json:
        print_json({"ok": found.ok, **asdict(found)})
    else:
        counted = ", ".join((count(found.rows, "row"), count(found.excerpts, "excerpt"), count(found.pages, "page")))
        for problem in found.problems:
            out().print(str(problem), markup=False)
        out().print(
            f"{counted}: " + ("all as they were written" if found.ok else count(len(found.problems), "problem")), markup=False
        )
    return Exit.OK if found.ok else Exit.BROKEN


def _show_rows(run: Run, fields: list[str], failed: bool, limit: int, as_json: bool, name: str) -> None:
    from research.tables.run_folder.overview import overview

    own = run.folder.columns.run
    rows = rows_to_show(run, fields, failed, limit)
    if as_json:
        for row in rows:
            print_json(row.values)
    else:
        out().print(rows_table(run, fields, rows, failed=failed))
    total = (run.summary or {}).get("rows")
    if len(rows) == limit and total != limit:
        note(f"the first {count(limit)}" + (f" of {count(total)}" if total else "") + " rows; --limit shows more")
    if len(fields) > 1 and not failed and not as_json:
        note(LEGEND)
    for model in sorted({row.values[own["model"]] for row in rows if row.values[own["model"]]}):
        note(f"answered by: {described(model)}")
    if suspicious := run.suspicious_sources():
        pages = "one page looks" if len(suspicious) == 1 else f"{len(suspicious)} pages look"
        note(f"{pages} as if to instruct a model: FROM suspicious_sources in research.duckdb")
        for url, words in list(suspicious.items())[:MOST_SUSPICIOUS]:
            note(f"  {url} (“{words}”)")
    note(f"{name}: {overview(run.path).state}")


def _show_failures(run: Run, name: str) -> None:
    """Failed rows by cause, with what mends them."""
    from flows.cli.watch import causes_table
    from flows.run.causes import causes
    from flows.run.status import failed_rows

    if found := causes(failed_rows(run), name):
        out().print(causes_table(found))


def _show_summary(run: Run, name: str) -> None:
    """What `research watch` shows, of a run that has ended."""
    from flows.cli.watch import shown as status_shown
    from flows.run.status import Watcher

    out().print(status_shown(Watcher(run.path, name).look()))


def _place(piece: CellEvidence) -> str:
    return page_at(piece.url, suspected=piece.suspected_injection is not None)


def _confidence(cell: Cell) -> str:
    """The word; of a calibrated run with the probability that it stands for."""
    return (cell.confidence or "–") + ("" if cell.p_correct is None else f" ({cell.p_correct:.3f})")


def _show_cell(cell: Cell) -> None:
    console = out()
    head = Text.assemble((f"{cell.field}: ", "bold"), shown(cell.value), f"   confidence {_confidence(cell)}")
    console.print(head)
    if cell.reasoning:
        console.print(Text(cell.reasoning, style="dim"))
    for piece in cell.evidence:
        begins, ends = ("", "") if console.is_terminal else (EXCERPT_BEGINS, EXCERPT_ENDS)
        excerpt = (f"{begins}{piece.excerpt}{ends}", "bold reverse")
        context = Text.assemble(("…" + piece.before, "dim"), excerpt, (piece.after + "…", "dim"))
        title = Text(f"{piece.field} · {piece.support} · {piece.title or piece.url}")
        place = Text(f"{_place(piece)} · characters {piece.start}–{piece.end}", style="dim")
        console.print(Panel(context, title=title, title_align="left", subtitle=place, subtitle_align="left"))
    for url, words in {p.url: p.suspected_injection for p in cell.evidence if p.suspected_injection is not None}.items():
        note(f"{url}: looks as if it tries to instruct a model (“{words}”)")
    if not cell.evidence:
        console.print("No passage supports a value.", markup=False)
