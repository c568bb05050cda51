"""The export at the end of a run: its file is checked before anything is spent, and written once the run folder is complete.

What a run has exported, and people have changed since, is theirs: a run replaces only what is as it left it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from flows.run.options import EnrichOptions, RefreshOptions, RunOptions
from flows.run.recorded_options import recorded_table
from flows.run.writable import check_writable
from research.durable.surroundings import writing
from research.errors import InvalidInput, ResearchError
from research.storage.location import is_url, local_path
from research.tables.export.export import Exported, ExportOptions, Format, export_run, format_of
from research.tables.layout.durable import write_json
from research.tables.run_folder.commit_records import PartRecord
from research.tables.run_folder.run_folder import RunFolder

EXPORT: Final = "the folder of the export"
_RECORD: Final = "export.json"
"""In the run's state: the file that it exported last at its end, with its size and hash."""


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
    command = f"research export {folder.path}"
    try:
        refuse_table(Path(file), recorded_table(folder), "--export")  # a refresh reads the one of the run before it
        if _is_changed(folder, local_path(file)):
            kept = f"{file} was changed after this run wrote it, and stays as it is. The run folder is complete"
            return f"{kept}; {command} --out OTHER-FILE writes the export beside it, {command} --out {file} in its place"
        _record(folder, write_export(folder, Path(file), "--export"))
    except ResearchError as error:
        return f"{error}. The run folder is complete; {command} writes the export"
    return None


def write_export(
    folder: RunFolder, file: Path, option: str, format: Format | None = None, options: ExportOptions | None = None
) -> Exported:
    """Write a run to a file, whatever is there. The run's own export, written anew, is the run's own again.

    Raises:
        InvalidInput: there is no such format or column, or the path is a folder.
        SurroundingsFault: the file cannot be written.
    """
    with writing(file, "the export", option):
        done = export_run(folder, file, format, options)
    if _recorded(folder, done.path) is not None:
        _record(folder, done)
    return done


def _record(folder: RunFolder, done: Exported) -> None:
    made = PartRecord.of(done.path)
    write_json(folder.state / _RECORD, {"file": str(done.path.resolve()), "size": made.size, "sha256": made.sha256})


def _recorded(folder: RunFolder, file: Path) -> PartRecord | None:
    """What the run wrote to this file last; None: it wrote nothing there."""
    try:
        record = json.loads((folder.state / _RECORD).read_bytes())
    except FileNotFoundError:
        return None
    return PartRecord(record["size"], record["sha256"]) if record["file"] == str(file.resolve()) else None


def _is_changed(folder: RunFolder, file: Path) -> bool:
    return file.exists() and (made := _recorded(folder, file)) is not None and not made.is_whole(file)
