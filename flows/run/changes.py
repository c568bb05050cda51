"""Writes the table `changes` of a refresh that has come to its end."""

from __future__ import annotations

from flows.run.events import CellsChanged
from flows.run.prepared_run import PreparedRun
from flows.run.writable import RUN_FOLDER
from research.durable.surroundings import writing
from research.tables.changes.cell_changes import cell_changes
from research.tables.changes.changes_table import write_changes
from research.tables.run_folder.run_folder import RunFolder


def put_changes(prepared: PreparedRun, folder: RunFolder) -> CellsChanged | None:
    """Compare a refresh with the run before it. None: the run is no refresh.

    Raises:
        SurroundingsFault: the table cannot be written.
    """
    earlier = prepared.earlier
    if prepared.refresh is None or earlier is None or earlier.matcher is None:
        return None
    with writing(folder.path, RUN_FOLDER, "--out"):
        counts = write_changes(folder.path, cell_changes(earlier.matcher, folder))
    return CellsChanged(prepared.place, earlier.folder.path, **counts)
