"""The export at the end of a run: its file is checked before anything is spent, and written once the run folder is complete."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from flows.run.options import EnrichOptions, RefreshOptions, RunOptions
from flows.run.recorded_options import recorded_table
from flows.run.writable import check_writable
from research.durable.surroundings import writing
from research.errors import InvalidInput, ResearchError
from research.storage.location import is_url, local_path
from research.tables.export.export import export_run, format_of
from research.tables.run_folder.run_folder import RunFolder

EXPORT: Final = "the folder of the export"


def check_export(options: RunOptions) -> None:
    """See that the file that a run is to leave can be written.

    Raises:
        InvalidInput: it cannot, or it is the table that is read; says why.
    """
    if options.export is None:
        return
    if is_url(options.export):
        raise InvalidInput(f"--export {options.export}: an export is a file on this machine; --out takes a URL.")
    format_of(options.export)
    target = Path(options.export)
    if target.is_dir():
        raise InvalidInput(f"--export {target} is a folder: name a file in it.")
    refuse_table(target, options.table if isinstance(options, EnrichOptions | RefreshOptions) else None, "--export")
    check_writable(target.parent, EXPORT, "--export")


def refuse_table(target: Path, table: str | None, option: str) -> None:
    """See that an export does not replace its run's table.

    Raises:
        InvalidInput: an export would take the place of the table that its run reads.
    """
    if table is None or is_url(table):
        return
    written, read = local_path(target), local_path(table)
    if written.exists() and read.exists() and written.samefile(read):
        raise InvalidInput(f"{option} {target} is the table that is read: name another file, so that the table stays.")


def export_at_end(folder: RunFolder, file: str) -> str | None:
    """Write the export of a run that has ended, with what rows there are. Returns why it could not be written; None: it was.

    The run folder is complete by then: an export that fails is told, and fails no run.
    """
    try:
        refuse_table(Path(file), recorded_table(folder), "--export")  # a refresh reads the one of the run before it
        with writing(Path(file), "the export", "--export"):
            export_run(folder, file)
    except ResearchError as error:
        return f"{error}. The run folder is complete; research export {folder.path} writes the export"
    return None
