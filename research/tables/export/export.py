"""Exports a run: chooses the writer, and puts the file in its place in one step."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from research.errors import InvalidInput
from research.storage.location import local_path
from research.tables.export.columns import OF_A_TABLE, Role, plan_columns
from research.tables.layout.durable import flush, temporary
from research.tables.layout.probabilities import Probabilities
from research.tables.layout.result_columns import RUN_COLUMNS
from research.tables.run_folder.reading_by_url import folder_to_read
from research.tables.run_folder.run_folder import RunFolder

Format = Literal["xlsx", "csv", "jsonl", "parquet"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
_OF_RUN: Final = {"parquet": ("row_index", *RUN_COLUMNS.names), "xlsx": ("status",)}
"""Which columns of the run an export has unless columns are chosen. A workbook has a sheet of its own for errors."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportOptions:
    """What an export has beside the input, the output and each row's status."""

    sources: bool = False
    """For each output field, the addresses that support it: `<field>_sources`."""
    confidence: bool = False
    """For each output field, how sure its value is: `<field>_confidence`; of a calibrated run, `<field>_p_correct` as well."""
    columns: Sequence[str] | None = None
    """Only these columns, in this order; any that the run has."""
    as_found: bool = False
    """Without people's decisions (`research review apply`). Otherwise what they rejected is empty, what they corrected right."""
    raw: bool = False
    """CSV for programs: no mark of the encoding, and texts that a spreadsheet would run stay as they are."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    path: Path
    format: Format
    rows: int
    notes: tuple[str, ...]
    """What a reader has to know of it: what was shortened, what is elsewhere."""


def format_of(path: str | os.PathLike[str]) -> Format:
    """The format that a file's name says.

    Raises:
        InvalidInput: it says none.
    """
    ending = Path(path).suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise InvalidInput(f"{os.fspath(path)}: its name should end with {', '.join(f'.{each}' for each in FORMATS)}")
    return ending


def export_run(
    run: RunFolder | str | os.PathLike[str],
    path: str | os.PathLike[str],
    format: Format | None = None,
    options: ExportOptions | None = None,
) -> Exported:
    """Write a run's rows to one file, also while the run goes on. A file that is there is replaced, once the new one is
    whole; a folder that is not there is made.

    Args:
        run: the run folder, or its URL.
        format: default: what the file's name says.

    Raises:
        InvalidInput: there is no such run, format or column, or the path is a folder. Nothing was written.
        OSError: it cannot be written.
    """
    if not isinstance(run, RunFolder):
        with folder_to_read(run) as place:
            return export_run(RunFolder.open(place), path, format, options)
    options = options or ExportOptions()
    target, chosen = local_path(path), format or format_of(path)
    if target.is_dir():
        raise InvalidInput(f"{target} is a folder: name a file in it, as {target / f'{run.path.resolve().name}.{chosen}'}")
    named = [name for name in ("sources", "confidence", "columns") if getattr(options, name)]
    if chosen == "jsonl" and named:
        raise InvalidInput(
            f"{target}: JSON lines hold whole rows, each field with sources and confidence, so there is nothing to choose: "
            f"leave out {' and '.join(f'--{name}' for name in named)}, or write CSV, Excel or Parquet."
        )
    calibrated = Probabilities.of_settings(run.settings) is not None
    asked = {
        Role.SOURCES: options.sources,
        Role.CONFIDENCE: options.confidence,
        Role.P_CORRECT: options.confidence and calibrated,
    }
    beside = [role for role, wanted in asked.items() if wanted]
    of_run = _OF_RUN.get(chosen, OF_A_TABLE)
    columns = plan_columns(run.columns, beside=beside, run=of_run, chosen=options.columns)
    target.parent.mkdir(parents=True, exist_ok=True)
    made, notes = temporary(target), list[str]()
    try:
        match chosen:
            case "xlsx":
                from research.tables.export.workbook import write_workbook  # with its library, which nothing else needs

                rows, notes = write_workbook(run, columns, made, as_found=options.as_found)
            case "csv":
                from research.tables.export.csv_file import write_csv

                rows = write_csv(run, columns, made, raw=options.raw, as_found=options.as_found)
            case "jsonl":
                from research.tables.export.jsonl_file import write_jsonl

                rows = write_jsonl(run, made, as_found=options.as_found)
            case "parquet":
                from research.tables.export.parquet_file import write_parquet

                rows = write_parquet(run, columns, made, as_found=options.as_found)
        flush(made)
        if target.exists():
            shutil.copymode(target, made)
        made.replace(target)
    finally:
        made.unlink(missing_ok=True)
    return Exported(target, chosen, rows, tuple(notes))
