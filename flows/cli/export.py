"""`research export`: a run as one file, for people and for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from flows.cli.named_run import open_named
from flows.cli.terminal import Exit, Output, note, out, print_json
from research.display.figures import count

NONE = Output()


def export(
    run: str,
    /,
    *,
    format: Literal["xlsx", "csv", "jsonl", "parquet"] | None = None,
    out_file: Annotated[Path | None, Parameter(name="--out")] = None,
    sources: bool = False,
    confidence: bool = False,
    columns: str | None = None,
    as_found: bool = False,
    raw: bool = False,
    output: Output = NONE,
) -> int:
    """Write a run to one file: an Excel workbook with its evidence, CSV, JSON lines or Parquet.

    Args:
        run: the run folder, or its URL.
        format: xlsx, csv, jsonl or parquet. Default: what the file's name says, else xlsx.
        out_file: the file. Default: the run folder's name, in this folder. What is there is replaced, but never the run's table.
        sources: beside each output field, the addresses that support it.
        confidence: beside each output field, how sure its value is; of a calibrated run, also the probability that it is right.
        columns: only these columns, by name, in this order, with commas between them.
        as_found: without the decisions of `research review apply`.
        raw: CSV for programs: no byte-order mark, and texts that a spreadsheet would take for formulas as they are.
    """
    from flows.run.exporting import refuse_table, write_export
    from flows.run.recorded_options import recorded_table
    from research.tables.export.export import ExportOptions, format_of

    chosen = format or ("xlsx" if out_file is None else format_of(out_file))
    folder = open_named(run)
    path = out_file or Path(f"{Path(run.rstrip('/')).name or folder.path.resolve().name}.{chosen}")
    names = [name for each in columns.split(",") if (name := each.strip())] if columns else None
    options = ExportOptions(sources=sources, confidence=confidence, columns=names, as_found=as_found, raw=raw)
    refuse_table(path, recorded_table(folder), "--out")
    done = write_export(folder, path, "--out", chosen, options)
    if output.json:
        print_json({"path": str(done.path), "format": done.format, "rows": done.rows, "notes": list(done.notes)})
        return Exit.OK
    out().print(f"{count(done.rows, 'row')}: {done.path}", markup=False)
    for each in done.notes:
        note(each)
    return Exit.OK
