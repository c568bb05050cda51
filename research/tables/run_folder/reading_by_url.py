"""Run folders for reading, wherever they are: of one by URL a copy on this machine is read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from research.errors import InvalidLocation, InvalidRun
from research.storage.location import is_url
from research.storage.objects import StorageFailed
from research.tables.run_folder.finding import find_run
from research.tables.run_folder.mirror import FolderInUse, RunMirror
from research.tables.run_folder.run_document import RUN_FILE

PREFIX = "research-run-"
"""How the name of a temporary copy begins."""


def read_only_copy(url: str, cache_dir: Path) -> Path:
    """A copy of a run folder. It is brought up to date; while a process of this machine writes the run, it is that process's own.

    Raises:
        InvalidRun, InvalidLocation: there is no run at this URL, or it cannot be read.
    """
    mirror = RunMirror(url, cache_dir)
    try:
        with mirror.locked():
            mirror.bring_up_to_date(state=False)
    except FolderInUse:  # by a process of this machine, which keeps the working copy up to date
        pass
    except StorageFailed as exc:
        raise InvalidLocation(str(exc)) from exc
    if not (mirror.path / RUN_FILE).exists():
        raise InvalidRun(f"{url} is not a run folder: it holds no {RUN_FILE}.")
    return mirror.path


@contextmanager
def folder_to_read(run: str | os.PathLike[str]) -> Iterator[Path]:
    """A run folder, or a copy of one by URL that is removed after the block.

    Raises:
        InvalidRun, InvalidLocation: there is no run at this URL, or it cannot be read.
    """
    if not isinstance(run, str) or not is_url(run):
        yield find_run(run)
        return
    with tempfile.TemporaryDirectory(prefix=PREFIX) as copies:
        yield read_only_copy(run, Path(copies))
