"""The run folder that a command names, or its URL: found, and opened to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from research.tables.run_folder.run_folder import RunFolder


def run_path(run: str) -> Path:
    """Where a run folder is; of one by URL, its copy in the cache folder, which is brought up to date.

    Raises:
        InvalidRun, InvalidLocation: there is none.
    """
    from flows.run.environment import read_environment
    from flows.run.remote_folder import local_folder

    return local_folder(run, read_environment().cache_dir)


def open_named(run: str) -> RunFolder:
    """The run folder itself. Raises as `run_path`."""
    from research.tables.run_folder.run_folder import RunFolder

    return RunFolder.open(run_path(run))
