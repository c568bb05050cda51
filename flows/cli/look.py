"""`research show` and `verify`: look into a run folder. They read it only, also while the run goes on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.box import SIMPLE
from rich.cells import cell_len
from rich.markdown import Markdown
from rich.panel import Panel
from rich.table import Column, Table
from rich.text import Text

from flows.cli.terminal import Exit, Output, described, note, out, page_at, print_json, shown

if TYPE_CHECKING:
    from research.tables.run_folder.reader import Cell, CellEvidence, Run

NONE = Output()
MOST_SUSPICIOUS = 5
"""Suspicious pages that are named under a table."""
SHORT_CELL = 16
"""Terminal cells: what is no wider is shown whole."""


def show(
    run: str,
    /,
    *,
    row: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
    field: str | None = None,
    failed: bool = False,
    report: bool = False,
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
        limit: most rows shown.
    """
    from research.errors import InvalidInput
    from research.tables.run_folder.reader import open_run

    opened = open_run(_local(run))
    if field is not None and field not in opened.fields:
        raise InvalidInput(f"{run}: the output has no field {field!r}; it has {', '.join(opened.fields)}")
    if report:
        return _show_report(opened, row, run, output.json)
    if row is None:
        _show_rows(opened, list(opened.fields) if field is None else [field], failed, limit, output.json, run)
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

    found = check(_local(run))
    if output.json:
        print_json({"ok": found.ok, **asdict(found)})
    else:
        counted = f"{found.rows} rows, {found.excerpts} excerpts, {found.pages} pages"
        for problem in found.problems:
            out().print(str(problem), markup=False)
        out().print(
            f"{counted}: " + ("all as they were written" if found.ok else f"{len(found.problems)} problems"), markup=False
        )
    return Exit.OK if found.ok else Exit.BROKEN


def _local(run: str) -> Path:
    """The run folder; of one by URL a copy in the cache folder, which is brought up to date."""
    from flows.run.environment import read_environment
    from flows.run.remote_folder import local_folder

    return local_folder(run, read_environment().cache_dir)


def _columns(titles: Sequence[str], cells: Sequence[Sequence[str]], *, wrap: bool) -> list[Column]:
    """Short cells (dates, numbers, yes and no) are shown whole; long texts share what room is left."""
    widths = [max(cell_len(text) for text in (title, *texts)) for title, texts in zip(titles, cells, strict=True)]
    short = [width for width in widths if width <= SHORT_CELL]
    left = out().width - sum(width + 1 for width in short) - 2
    share = max(SHORT_CELL, left // max(len(widths) - len(short), 1) - 1)
    return [
        Column(Text(title), no_wrap=not wrap, max_width=share if width > SHORT_CELL else None)
        for title, width in zip(titles, widths, strict=True)
    ]


def _show_rows(run: Run, fields: list[str], failed: bool, limit: int, as_json: bool, name: str) -> None:
    columns = run.folder.columns
    own = columns.run
    rows = _rows(run, fields, failed, limit)
    if as_json:
        for line in rows:
            print_json(line)
    else:
        outputs = [columns.output(name).column for name in fields]
        titles = {columns.row_index: "row", **{name: name for name in columns.inputs[:1]}}
        if failed:
            titles[own["error"]] = "error"
        else:
            titles |= {**{name: name for name in outputs}, own["confidence"]: "confidence"}
            if any(line[own["status"]] != "completed" for line in rows):
                titles[own["status"]] = "status"
        cells = [[shown(line[name]) for line in rows] for name in titles]
        table = Table(*_columns(list(titles.values()), cells, wrap=failed), box=SIMPLE, padding=(0, 1, 0, 0))
        for texts in zip(*cells, strict=True):
            table.add_row(*map(Text, texts))
        out().print(table)
    total = (run.summary or {}).get("rows")
    if len(rows) == limit and total != limit:
        note(f"the first {limit}" + (f" of {total}" if total else "") + " rows; --limit shows more")
    for model in sorted({line[own["model"]] for line in rows if line[own["model"]]}):
        note(f"answered by: {described(model)}")
    if suspicious := run.suspicious_sources():
        pages = "one page looks" if len(suspicious) == 1 else f"{len(suspicious)} pages look"
        note(f"{pages} as if to instruct a model: FROM suspicious_sources in research.duckdb")
        for url, words in list(suspicious.items())[:MOST_SUSPICIOUS]:
            note(f"  {url} (“{words}”)")
    note(f"{name}: {run.status}")


def _rows(run: Run, fields: list[str], failed: bool, limit: int) -> list[dict[str, Any]]:
    """The first rows of results, each as a dict of JSON values by column."""
    from research.tables.inputs.json_values import json_rows

    columns = run.folder.columns
    outputs = [columns.output(name) for name in fields]
    shown_columns = [columns.row_index, *columns.inputs, *(columns.run[name] for name in columns.run)]
    rows: list[dict[str, Any]] = []
    shards = run.folder.unfinished(sys.maxsize) if failed else run.folder.committed_shards()  # of a row too many nothing is there
    for shard in shards:
        part = run.folder.read("results", shard)
        values = {output.column: output.json_values(part[output.column]) for output in outputs}
        plain = [line for batch in part.select(list(dict.fromkeys(shown_columns))).to_batches() for line in json_rows(batch)]
        for place, line in enumerate(plain):
            if not failed or line[columns.run["status"]] != "completed":
                rows.append(line | {column: values[column][place] for column in values})
            if len(rows) == limit:
                return rows
    return rows


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
        context = Text.assemble(("…" + piece.before, "dim"), (piece.excerpt, "bold reverse"), (piece.after + "…", "dim"))
        title = Text(f"{piece.field} · {piece.support} · {piece.title or piece.url}")
        place = Text(f"{_place(piece)} · characters {piece.start}–{piece.end}", style="dim")
        console.print(Panel(context, title=title, title_align="left", subtitle=place, subtitle_align="left"))
    for url, words in {p.url: p.suspected_injection for p in cell.evidence if p.suspected_injection is not None}.items():
        note(f"{url}: looks as if it tries to instruct a model (“{words}”)")
    if not cell.evidence:
        console.print("No passage supports a value.", markup=False)
